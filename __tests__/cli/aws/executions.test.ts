import { deployedExecutions } from '../../../cli/aws/executions';
import { rowOf } from '../../../cli/executions';
import { testCloud } from '../../support/cloud';
import { executionFile } from '../../support/scenario';

/** The commands' view of an embedded cloud, as of AWS. */
function embedded(options: Parameters<typeof testCloud>[0] = {}) {
  const { cloud, clock, wait } = testCloud(options);
  const clients = { sfn: cloud.sfn.client(), ssm: cloud.ssm.client(), ec2: cloud.ec2.client(), s3: cloud.s3.client() };
  const executions = deployedExecutions(cloud.stateMachineArn, clients);
  const now = <T>(promise: Promise<T>) => clock.run(promise) as Promise<T>;
  return { cloud, executions, now, wait };
}

/** A file without a check, with changes of its run_options. */
function job(changes: object = {}) {
  const file = executionFile();
  return {
    ...file,
    run_options: { ...(file.run_options as object), ii_check_s3: false, ii_cheapo: false, ...changes },
  };
}

const HOUR_MS = 3_600_000;

describe('The executions of a deployed state machine', () => {
  it('are started once for each name', async () => {
    const { executions, now, wait } = embedded();

    expect(await now(executions.start('a', job()))).toBe(true);
    await wait(HOUR_MS);
    expect(await now(executions.start('a', job()))).toBe(false);
  });

  it('are found while they run: state, attempt and instance', async () => {
    const { executions, now, wait } = embedded();
    await now(executions.start('a', job()));
    await wait(60_000);

    const found = await now(executions.find('a'));

    expect(found).toMatchObject({ status: 'RUNNING', state: 'EC2Poller', facts: { attempt: 1, attempts: 1 } });
    expect(found?.endedAt).toBeUndefined();
    const instances = found && (await now(executions.instances(found)));
    expect(instances).toEqual([{ instance_id: found?.facts.instance_id, attempt: 1, state: 'running' }]);
    expect(found && rowOf(found, 'us-east-1')).toMatchObject({ attempts: 1, ended_at: null, seconds: null });
  });

  it('are found when they have failed: error, attempts, and what the instances cost', async () => {
    const { executions, now, wait } = embedded({ shell: async () => ({ code: 3, stdout: '', stderr: 'oops\n' }) });
    await now(executions.start('a', job({ n_retries_allowed: 1 })));
    await wait(HOUR_MS);

    const found = await now(executions.find('a'));

    expect(found).toMatchObject({ status: 'FAILED', error: 'CommandFailed', facts: { attempt: 2, attempts: 2 } });
    expect(found?.facts.errors).toMatchObject([{ attempt: 1, Error: 'CommandFailed' }]);
    const row = found && rowOf(found, 'us-east-1');
    expect(row).toMatchObject({ attempts: 2, error: 'CommandFailed', object: null });
    expect(row?.dollars).toBeGreaterThan(0);
    const outputs = found && [await now(executions.output(found, 1)), await now(executions.output(found, 2))];
    expect(outputs).toMatchObject([{ exitCode: 3, stderr: 'oops\n' }, { exitCode: 3 }]);
    expect(found && (await now(executions.output(found, 3)))).toBeUndefined();
  });

  it('are stopped', async () => {
    const { executions, now, wait } = embedded();
    await now(executions.start('a', job()));
    await wait(60_000);
    const running = await now(executions.find('a'));
    if (running) await now(executions.stop(running));
    await wait(HOUR_MS);

    const found = await now(executions.find('a'));

    expect(found?.status).toBe('ABORTED');
    expect(found && (await now(executions.instances(found)))).toMatchObject([{ state: 'terminated' }]);
  });

  it('are not found by a name that none has', async () => {
    const { executions, now } = embedded();

    expect(await now(executions.find('none'))).toBeUndefined();
  });

  it('are listed by status, since a time, and no more than asked for', async () => {
    const { cloud, executions, now, wait } = embedded();
    for (const name of ['a', 'b', 'c']) {
      await now(executions.start(name, job()));
      await wait(HOUR_MS);
    }
    await now(executions.start('d', job()));
    await wait(1000);
    const names = async (filter: Partial<Parameters<typeof executions.list>[0]>) =>
      (await now(executions.list({ limit: 100, ...filter }))).map(({ name }) => name).filter((name) => name !== 'one');

    expect(await names({})).toEqual(['d', 'c', 'b', 'a']);
    expect(await names({ status: 'RUNNING' })).toEqual(['d']);
    expect(await names({ since: new Date(cloud.clock.now().getTime() - 1.5 * HOUR_MS) })).toEqual(['d', 'c']);
    expect(await names({ limit: 2 })).toEqual(['d', 'c']);
  });
});

describe("The job's output", () => {
  const LOG = 's3://a-bucket/out/datastream-metadata/attempt-1/';
  const kept = { code: 0, stdout: 'end\n', stderr: `datastream: the log is in ${LOG}\n` };
  const run = async (shell: typeof kept, log?: string) => {
    const { cloud, executions, now, wait } = embedded({ shell: async () => shell });
    for (const stream of log === undefined ? [] : ['stdout', 'stderr']) {
      cloud.s3.put('a-bucket', `out/datastream-metadata/attempt-1/${stream}.log`, `${stream} of ${log}`);
    }
    await now(executions.start('a', job()));
    await wait(HOUR_MS);
    const found = await now(executions.find('a'));
    return found && now(executions.output(found, 1));
  };

  it('is the whole log, where it is kept', async () => {
    expect(await run(kept, 'all')).toEqual({ exitCode: 0, log: LOG, stdout: 'stdout of all', stderr: 'stderr of all' });
  });

  it('is what Systems Manager has, where the log cannot be read, and says so', async () => {
    const output = await run(kept);

    expect(output).toMatchObject({ exitCode: 0, stdout: 'end\n' });
    expect(output?.partial).toMatch(/^s3:\/\/a-bucket\/out\/datastream-metadata\/attempt-1\/ cannot be read \(\w+\): /);
  });

  it('says that it is only the end where the log is not kept', async () => {
    const cut = { code: 0, stdout: '... 900 bytes before this\nend\n', stderr: '' };

    expect((await run(cut))?.partial).toMatch(/^The log is not kept/);
    expect((await run({ ...cut, stdout: 'all\n' }))?.partial).toBeUndefined();
  });
});
