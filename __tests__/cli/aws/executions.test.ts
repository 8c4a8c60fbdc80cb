import { deployedExecutions } from '../../../cli/aws/executions';
import { rowOf } from '../../../cli/executions';
import { virtualClock } from '../../../local/clock';
import { EmbeddedLogs } from '../../../local/logs';
import { Service } from '../../../local/service';
import { NOW, operatorClients, testCloud } from '../../support/cloud';
import { executionFile } from '../../support/scenario';

/** The commands' view of an embedded cloud, as of AWS. */
function embedded({ group, ...options }: Parameters<typeof testCloud>[0] & { readonly group?: string } = {}) {
  const clock = virtualClock(new Date(NOW));
  const stored = new EmbeddedLogs(clock, new Service(clock, 80));
  const liveLogs = group === undefined ? {} : { liveLogs: { group, logs: stored } };
  const { cloud, wait } = testCloud({ clock, ...liveLogs, ...options });
  const executions = deployedExecutions(cloud.stateMachineArn, operatorClients(cloud, clock, stored));
  const now = <T>(promise: Promise<T>) => clock.run(promise) as Promise<T>;
  return { cloud, clock, executions, stored, now, wait };
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

describe("The job's output while it comes", () => {
  /** A job that writes a line each 10 s for a minute; `seen` is called with each. */
  const writing = (group?: string) => {
    const made = embedded({
      ...(group !== undefined && { group }),
      shell: async ({ signal, onStdout = () => {} }) => {
        let stdout = '';
        for (let line = 1; line <= 6; line++) {
          onStdout(`line ${line}\npart of `);
          stdout += `line ${line}\npart of `;
          await made.clock.sleep(10_000, signal);
        }
        return { code: 0, stdout, stderr: '' };
      },
    });
    return made;
  };
  const running = async ({ executions, now, wait }: ReturnType<typeof embedded>, milliseconds = 65_000) => {
    await now(executions.start('a', job()));
    await wait(milliseconds);
    const found = await now(executions.find('a'));
    if (!found) throw new Error('It is not there.');
    return found;
  };

  it('is read from CloudWatch Logs page by page, each line once, to its end', async () => {
    const made = writing('jobs');
    const found = await running(made);
    const reader = await made.now(made.executions.follow(found, 1, 'stdout'));
    if (!reader || 'error' in reader) throw new Error('It cannot be read.');

    const first = await made.now(reader.read());
    const nothing = await made.now(reader.read());
    await made.wait(HOUR_MS);
    const rest = await made.now(reader.read());

    expect(first).toMatch(/^line 1\n/);
    expect(nothing).toBe('');
    expect(rest.length).toBeGreaterThan(0);
    expect(first + rest).toBe(
      ['line 1', ...[2, 3, 4, 5, 6].map((n) => `part of line ${n}`), 'part of '].map((line) => `${line}\n`).join(''),
    );
  });

  it('is shown as far as it is, while the job runs and when no log is kept', async () => {
    const made = writing('jobs');
    const found = await running(made);

    const before = await made.now(made.executions.output(found, 1));
    await made.wait(HOUR_MS);
    const after = await made.now(made.executions.output(found, 1));

    expect(before?.partial).toMatch(/^The job still runs\. This is both streams in one, from the log group jobs\.$/);
    expect(before).not.toHaveProperty('exitCode');
    expect(after).toMatchObject({ exitCode: 0, partial: expect.stringMatching(/^This is both streams/) });
    expect(after?.stdout.split('\n')).toHaveLength(8);
  });

  it('says what to do where the deployment sends none, and that one stream has both', async () => {
    const [none, one] = [embedded(), writing('jobs')];

    const [first, second] = [await running(none), await running(one)];

    expect(await none.now(none.executions.follow(first, 1, 'stdout'))).toEqual({
      error: expect.stringMatching(/set job_logs = "cloudwatch"/),
    });
    expect(await one.now(one.executions.follow(second, 1, 'stderr'))).toEqual({
      error: expect.stringContaining('leave out --stderr'),
    });
  });

  it('is not there before its commands are sent', async () => {
    const made = writing('jobs');

    expect(await made.now(made.executions.follow(await running(made, 1000), 1, 'stdout'))).toBeUndefined();
  });
});

describe("The functions' lines about an execution", () => {
  it('are found in all groups and pages, in the order of time, and those of no other execution', async () => {
    const { cloud, executions, stored, now, wait } = embedded();
    await now(executions.start('a', job()));
    await wait(HOUR_MS);
    const found = await now(executions.find('a'));
    if (!found) throw new Error('It is not there.');
    const arn = `${cloud.stateMachineArn.replace(':stateMachine:', ':execution:')}:a`;
    const early = { ...found, startedAt: new Date(0), endedAt: new Date(cloud.clock.now().getTime() + HOUR_MS) };
    stored.create('/aws/lambda/poller');
    for (let n = 1; n <= 5; n++) {
      stored.put('/aws/lambda/starter', 's', JSON.stringify({ message: `starter ${n}`, execution: arn }));
      stored.put('/aws/lambda/starter', 's', JSON.stringify({ message: 'another', execution: `${arn}-2` }));
      await wait(1000);
      stored.put('/aws/lambda/relay', 's', JSON.stringify({ message: `relay ${n}`, execution: arn }));
      await wait(1000);
    }

    const lines = await now(executions.functionLines(early, ['relay', 'no-such-function']));

    expect(lines.map(({ message }) => JSON.parse(message).message)).toEqual(
      [1, 2, 3, 4, 5].flatMap((n) => [`starter ${n}`, `relay ${n}`]),
    );
    expect(lines[1]?.function).toBe('relay');
  });
});
