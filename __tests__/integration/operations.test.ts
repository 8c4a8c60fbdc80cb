import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { answeringServer, healthyAnswers } from '../support/aws-answers';
import { COMMAND, EXAMPLES, job } from '../support/cli';
import { type Moto, motoClients, motoEnvironment, startMoto } from '../support/moto';
import { documentIn } from '../support/output-schema';
import { type Finished, ROOT, run, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const MATRIX = path.join(EXAMPLES, 'schedules/rivers.matrix.json');
const TFVARS = path.join(ROOT, '__tests__/support/tfvars/nrds.tfvars');
const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:nrds_test_sm';

/** What moto lacks, in the shapes of the APIs' references. */
const { SimulatePrincipalPolicy, GetServiceQuota, ListCostAllocationTags } = healthyAnswers(ARN);
const LACKING = { SimulatePrincipalPolicy, GetServiceQuota, ListCostAllocationTags } as Record<string, object | string>;

/** Moto notes executions and runs none, so they run until they are stopped: what they do is tested on the embedded cloud. */
describeWith(['terraform', 'moto_server', 'aws'], "the operator's commands on an emulated AWS", () => {
  let moto: Moto;
  let front: Awaited<ReturnType<typeof answeringServer>>;
  let workspace: Workspace;
  let home: string;
  let apply: Finished;

  /** The command, as a shell of the checkout's user runs it: the folder has Terraform's state, and nothing else says where. */
  const datastream = (...args: string[]) =>
    run(process.execPath, [COMMAND, ...args], {
      cwd: home,
      env: { ...motoEnvironment(front.endpoint), NODE_NO_WARNINGS: '1', PATH: process.env.PATH ?? '' },
    });

  beforeAll(async () => {
    moto = await startMoto();
    front = await answeringServer(LACKING, undefined, moto.endpoint);
    workspace = new Workspace(moto.endpoint);
    home = path.join(workspace.folder, 'home');
    mkdirSync(home);
    const stack = await workspace.synthesise('synthesis', { CDKTF_CONTEXT_JSON: JSON.stringify({ matrix: MATRIX }) });
    await workspace.terraformSucceeds(stack, 'init', '-input=false');
    apply = await workspace.terraform(stack, 'apply', '-input=false', '-auto-approve', `-var-file=${TFVARS}`);
    const outputs = JSON.parse(await workspace.terraformSucceeds(stack, 'output', '-json'));
    writeFileSync(path.join(home, 'terraform.datastream.tfstate'), JSON.stringify({ version: 4, outputs }));
    writeFileSync(path.join(home, 'cdktf.json'), JSON.stringify({ context: { matrix: MATRIX } }));
    writeFileSync(path.join(home, 'job.json'), JSON.stringify(job(['date'])));
    writeFileSync(path.join(home, 'other.json'), JSON.stringify(job(['date -u'])));
  });

  afterAll(async () => {
    front?.close();
    await moto?.stop();
    workspace?.remove();
  });

  test('find the deployment by its state', async () => {
    expect([apply.code, apply.output]).toEqual([0, expect.stringContaining('Apply complete!')]);
    expect(await datastream('list')).toEqual({ code: 0, output: 'No executions.\n' });
  });

  test('start a job, show how it stands, stop it and start it again', async () => {
    const started = await datastream('start', 'job.json', '--name', 'one');
    expect(started).toEqual({ code: 0, output: 'started one   estimate $0.015\nSee datastream status one\n' });
    // With the same file AWS answers as to the first start.
    for (const file of ['job.json', 'other.json']) {
      const again = await datastream('start', file, '--name', 'one');
      expect([again.code, again.output]).toEqual([2, expect.stringContaining("There is an execution 'one' already")]);
    }

    const list = await datastream('list', '--json');
    expect(documentIn('list', list.output)).toMatchObject({
      executions: [{ name: 'one', status: 'RUNNING', ended_at: null }],
    });
    const status = await datastream('status', 'one');
    expect([status.code, status.output]).toEqual([0, expect.stringMatching(/^RUNNING {2}.* {2}for \d+s\n/)]);
    const watch = await datastream('watch', 'one', '--timeout', '1');
    expect([watch.code, watch.output]).toEqual([3, expect.stringContaining('Still running: one.')]);
    const logs = await datastream('logs', 'one');
    expect([logs.code, logs.output]).toEqual([1, expect.stringMatching(/^one: attempt 1 has no output yet/)]);
    const early = await datastream('retry', 'one');
    expect([early.code, early.output]).toEqual([2, expect.stringContaining('one still runs')]);

    expect(await datastream('cancel', 'one')).toEqual({ code: 0, output: 'one: stopped; its instance ends\n' });
    const stopped = await datastream('status', 'one', '--json');
    expect([stopped.code, documentIn('status', stopped.output)]).toEqual([
      1,
      expect.objectContaining({ status: 'ABORTED' }),
    ]);
    const retry = await datastream('retry', 'one');
    expect(retry).toEqual({ code: 0, output: 'started one_r2   estimate $0.015\nSee datastream status one_r2\n' });
    const wrong = await datastream('status', 'on');
    expect([wrong.code, wrong.output]).toEqual([2, "No execution is called 'on': write one if that is meant.\n"]);
    await datastream('cancel', 'one_r2');
  });

  test('show, watch and stop the jobs of a line; and those that are missing, with what starts them', async () => {
    const missing = await datastream('list', '--missing', '--stream', 'gauges', '--since', '2d');
    const [, command = ''] = /^ {2}datastream (backfill .*)$/m.exec(missing.output) ?? [];
    const backfill = await datastream(...command.split(' '));
    expect([backfill.code, backfill.output]).toEqual([0, expect.stringMatching(/\d jobs? started\n$/)]);

    const none = await datastream('list', '--missing', '--stream', 'gauges', '--since', '2d');
    expect(none).toEqual({ code: 0, output: 'No job is missing.\n' });
    const lines = await datastream('list', '--stream', 'gauges', '--since', '2d');
    expect(lines.output).toMatch(
      /^CYCLE +LINE +JOBS +OK +FAIL +RUN +MISS +P50 +COST\n\d{8}T00 +daily +1 +0 +0 +1 +0 +- +-\n/,
    );
    const watch = await datastream('watch', 'gauges/daily', '--timeout', '1');
    expect([watch.code, watch.output]).toEqual([
      3,
      expect.stringMatching(/T00 {2}1 job: 1 running; the oldest \d+s\n/),
    ]);
    const refused = await datastream('cancel', '--stream', 'gauges');
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('Nobody can be asked here')]);
    const cancel = await datastream('cancel', '--stream', 'gauges', '--yes');
    expect([cancel.code, cancel.output]).toEqual([0, expect.stringMatching(/\d executions? stopped\n$/)]);
    const ended = await datastream('watch', 'gauges/daily');
    expect([ended.code, ended.output]).toEqual([1, expect.stringMatching(/T00 {2}1 job: 1 failed\n$/)]);
  });

  test('list, pause and report the schedules, and doctor sees it', async () => {
    const pause = await datastream('schedule', 'pause', '--stream', 'forcing', '--line', 'short_range');
    expect([pause.code, pause.output]).toEqual([0, expect.stringContaining('1 schedule paused')]);
    documentIn('schedule', (await datastream('schedule', 'list', '--json')).output);
    const report = await datastream('report', MATRIX, '--days', '2');
    expect([report.code, report.output]).toEqual([
      0,
      expect.stringMatching(/^report\.html {2}\d+ KB .* jobs expected/),
    ]);

    const { code, output } = await datastream('doctor', '--json');
    const { findings } = documentIn('doctor', output) as {
      findings: { check: string; severity: string; text: string }[];
    };
    const of = (check: string) => findings.filter((each) => each.check === check).map(({ severity }) => severity);
    // The matrix's image and bucket are made up.
    expect(code).toBe(1);
    expect(findings.filter(({ severity }) => severity === 'unknown')).toEqual([]);
    expect(Object.fromEntries(['identity', 'clock', 'machine', 'rights'].map((check) => [check, of(check)]))).toEqual({
      identity: ['ok'],
      clock: ['ok'],
      machine: ['ok'],
      rights: ['ok'],
    });
    expect(of('schedules')).toEqual(['warn']);
    expect(of('dead-letters')).toEqual(['ok']);
    expect(of('quotas')).toEqual(['ok', 'ok']);
    expect(of('images')).toContain('fail');
    expect(of('buckets')).toContain('fail');

    await datastream('schedule', 'resume', '--stream', 'forcing');
    await motoClients(moto.endpoint).s3.send(new CreateBucketCommand({ Bucket: 'datastream-example' }));
    const mended = JSON.parse((await datastream('doctor', '--json')).output);
    expect(mended.findings).toContainEqual(expect.objectContaining({ check: 'schedules', severity: 'ok' }));
    expect(mended.findings).toContainEqual(expect.objectContaining({ check: 'buckets', severity: 'ok' }));
  });

  test('say in one sentence that AWS does not know the machine, and exit 5', async () => {
    const { code, output } = await datastream('list', '--arn', ARN.replace('us-east-1', 'eu-west-1'));

    expect([code, output]).toEqual([5, expect.stringMatching(/^There is no state machine .* in eu-west-1 for these/)]);
  });
});
