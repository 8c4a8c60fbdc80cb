import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { COMMAND, job } from '../support/cli';
import { aws, inventory } from '../support/deployed';
import { type Policy, violations } from '../support/least-privilege';
import { type Moto, motoClients, startMoto } from '../support/moto';
import { type Finished, run, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const BUCKET = 'submissions-bucket';
const NAME = 'many';
const VARIABLES = ['-var=region=us-east-1', `-var=sm_name=${NAME}`, `-var=submissions_bucket=${BUCKET}`];

/** Moto notes executions and runs none: what happens to jobs is tested on the embedded cloud. */
describeWith(['terraform', 'moto_server', 'aws'], 'submissions on an emulated AWS', () => {
  let moto: Moto;
  let workspace: Workspace;
  let stack: string;
  let apply: Finished;
  let secondPlan: Finished;
  let outputs: Record<string, { readonly value: string }>;

  beforeAll(async () => {
    moto = await startMoto();
    workspace = new Workspace(moto.endpoint);
    stack = await workspace.synthesise();
    await motoClients(moto.endpoint).s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await workspace.terraformSucceeds(stack, 'init', '-input=false');
    apply = await workspace.terraform(stack, 'apply', '-input=false', '-auto-approve', ...VARIABLES);
    outputs = JSON.parse(await workspace.terraformSucceeds(stack, 'output', '-json'));
    secondPlan = await workspace.terraform(stack, 'plan', '-input=false', '-detailed-exitcode', ...VARIABLES);
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  /** The command, in a folder of its own. */
  async function datastream(args: readonly string[], interruptAfterSeconds = 120): Promise<Finished> {
    const cwd = path.join(workspace.folder, 'home');
    mkdirSync(cwd, { recursive: true });
    writeFileSync(path.join(cwd, 'job.json'), JSON.stringify(job(['echo ${n}'])));
    writeFileSync(path.join(cwd, 'jobs.csv'), 'name,file,n\none,job.json,1\ntwo,job.json,2\n');
    const env = { ...workspace.environment, DATASTREAM_SUBMISSIONS_ARN: outputs.submissions_arn?.value };
    const interrupted = ['-s', 'INT', '--preserve-status', String(interruptAfterSeconds), process.execPath, COMMAND];
    return run('timeout', [...interrupted, ...args], { cwd, env });
  }

  test('are deployed with the bucket alone, by eight resources more', () => {
    expect([apply.code, apply.output]).toEqual([0, expect.stringContaining('52 added')]);
    expect(outputs.submissions_arn?.value).toBe(
      `arn:aws:states:us-east-1:123456789012:stateMachine:${NAME}_submissions`,
    );
  });

  test('show no change in a second plan', () => {
    expect([secondPlan.code, secondPlan.output]).toEqual([0, expect.stringContaining('No changes')]);
  });

  test('give their roles no more than they need, on the bucket and the machines that are named', async () => {
    const policies = await Promise.all(
      [
        [`${NAME}_submissions_role`, 'submissions'],
        [`${NAME}_results_role`, 'results'],
      ].map(([role = '', name = '']) =>
        aws<Policy>(
          ['iam', 'get-role-policy', '--role-name', role, '--policy-name', name, '--query', 'PolicyDocument'],
          workspace.environment,
        ),
      ),
    );
    const statements = policies.flatMap(({ Statement }) => Statement);
    const resourcesOf = (service: string) =>
      new Set(statements.filter(({ Action }) => Action[0]?.startsWith(service)).flatMap(({ Resource }) => Resource));

    expect(policies.flatMap(violations)).toEqual([]);
    expect(resourcesOf('s3:')).toEqual(new Set([`arn:aws:s3:::${BUCKET}/submissions/*`, `arn:aws:s3:::${BUCKET}`]));
    expect(resourcesOf('states:')).toEqual(
      new Set([
        `arn:aws:states:us-east-1:123456789012:stateMachine:${NAME}`,
        `arn:aws:states:us-east-1:123456789012:stateMachine:${NAME}_submissions`,
        `arn:aws:states:us-east-1:123456789012:execution:${NAME}:*`,
        `arn:aws:states:us-east-1:123456789012:execution:${NAME}_submissions/*`,
      ]),
    );
  });

  test('are started by the command, and go on after Ctrl-C', async () => {
    const { code, output } = await datastream(['submit', 'jobs.csv', '--concurrency', '7', '--tolerate', '2%'], 15);
    const { s3, sfn } = motoClients(moto.endpoint);
    const { executions = [] } = await sfn.send(
      new ListExecutionsCommand({ stateMachineArn: outputs.submissions_arn?.value }),
    );
    const [{ executionArn, name: id } = {}] = executions;
    const { input } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: `submissions/${id}/items.json` }));

    expect(executions).toHaveLength(1);
    expect(code).toBe(130);
    expect(output).toContain(
      `The submission goes on. See how it stands, or stop it with its jobs:\n  datastream submit status ${id}\n`,
    );
    expect(output).toContain(`submission ${id}: 2 jobs, at most 7 at once, none may fail (2 %)`);
    expect(JSON.parse(String(input))).toEqual({ id, concurrency: 7, tolerate: 2 });
    expect(JSON.parse((await Body?.transformToString()) ?? '')).toEqual([
      { name: 'one', slot_s: 0, input: job(['echo 1']) },
      { name: 'two', slot_s: 0, input: job(['echo 2']) },
    ]);
  });

  test('that are not there are told', async () => {
    const { code, output } = await datastream(['submit', 'status', 'no-submission']);

    expect([code, output]).toEqual([2, expect.stringContaining("There is no submission 'no-submission' of arn:aws:")]);
  });

  test("are no other machine's", async () => {
    const { code, output } = await datastream(['submit', 'jobs.csv', '--arn', outputs.datastream_arn?.value ?? '']);

    expect([code, output]).toEqual([2, expect.stringContaining('is no machine of submissions')]);
  });

  test('are destroyed, and nothing is left of them', async () => {
    const destroy = await workspace.terraform(stack, 'destroy', '-input=false', '-auto-approve', ...VARIABLES);
    const left = await inventory('us-east-1', workspace.environment);

    expect([destroy.code, destroy.output]).toEqual([0, expect.stringContaining('52 destroyed')]);
    expect(Object.values(left).flat()).toEqual([]);
  });
});
