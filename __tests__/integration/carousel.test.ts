import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { aws } from '../support/deployed';
import { type Moto, startMoto } from '../support/moto';
import { motosAnswers, secondPlan } from '../support/second-plan';
import { type Finished, ROOT, run, succeed, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const VARIABLES = [
  '-var=region=us-east-1',
  '-var=archive_bucket=the-archive',
  '-var=output_bucket=the-outputs',
  '-var=budget_dollars=50',
];

/** moto takes many requests at once, and Terraform would wait for ten. */
const AT_ONCE = '-parallelism=50';

/** Keys of the archive. */
const ARCHIVED = [
  'P22/TERRA_BF_L1B_O85079_20151216160910_F000_V001.h5',
  'P108/TERRA_BF_L1B_O84990_20151210013021_F000_V001.h5',
];

describeWith(['terraform', 'moto_server', 'aws'], 'the Carousel on an emulated AWS', () => {
  let moto: Moto;
  let workspace: Workspace;
  let folder: string;
  let apply: Finished;
  let changes: string[];
  let outputs: Record<string, { readonly value: unknown }>;
  let destroy: Finished;
  let refusedSubnet: Finished;
  const seen: Record<string, unknown> = {};
  const told: Record<string, Finished> = {};

  /** What a user does after the deployment, in the folder of Terraform's state. */
  async function useCommands(): Promise<void> {
    const cwd = path.join(folder, '../../..');
    for (const key of ARCHIVED) {
      await succeed(
        'aws',
        ['s3api', 'put-object', '--bucket', 'the-archive', '--key', key, '--storage-class', 'GLACIER'],
        { cwd: ROOT, env: workspace.environment },
      );
    }
    writeFileSync(
      path.join(cwd, 'request.json'),
      JSON.stringify({ username: 'ana', query: "MISR_Path = '22'", job: { definition: 'ComputeRadience' } }),
    );
    const datastream = (...args: readonly string[]) =>
      run(process.execPath, [path.join(ROOT, 'cli/datastream.cjs'), 'carousel', ...args], {
        cwd,
        env: { ...workspace.environment, NODE_NO_WARNINGS: '1' },
      });
    told.load = await datastream('load', '--prefix', 'P22/', '--hsds-endpoint', 'http://127.0.0.1:1');
    told.cost = await datastream('cost', 'request.json');
    told.submit = await datastream('submit', 'request.json');
    told.status = await datastream('status');
    told.start = await datastream('start', '--budget', '80');
    const [, turn = ''] = /^turn (\S+):/.exec(told.start.output) ?? [];
    told.turn = await datastream('status', turn);
    const [, request = ''] = /^request (\w+):/.exec(told.submit.output) ?? [];
    told.cancel = await datastream('cancel', request);
    told.again = await datastream('cancel', request);
  }

  beforeAll(async () => {
    moto = await startMoto();
    workspace = new Workspace(moto.endpoint);
    const synthesise = async (name: string, context: object) => {
      const outdir = path.join(workspace.folder, name, 'cdktf.out');
      mkdirSync(outdir, { recursive: true });
      await succeed(path.join(ROOT, 'node_modules', '.bin', 'tsx'), ['main.ts'], {
        cwd: ROOT,
        env: {
          ...workspace.environment,
          CDKTF_OUTDIR: outdir,
          CDKTF_CONTEXT_JSON: JSON.stringify({ systems: ['carousel'], carousel: context }),
        },
      });
      const stack = path.join(outdir, 'stacks', 'carousel');
      await workspace.terraformSucceeds(stack, 'init', '-input=false');
      return stack;
    };
    const ask = <Answer>(...args: string[]) => aws<Answer>(args, workspace.environment);
    for (const bucket of ['the-archive', 'the-outputs', 'the-hsds']) {
      await succeed('aws', ['s3api', 'create-bucket', '--bucket', bucket, '--endpoint-url', moto.endpoint], {
        cwd: ROOT,
        env: workspace.environment,
      });
    }
    const { Vpc } = await ask<{ Vpc: { VpcId: string } }>('ec2', 'create-vpc', '--cidr-block', '10.1.0.0/16');
    const { Subnet } = await ask<{ Subnet: { SubnetId: string } }>(
      ...['ec2', 'create-subnet', '--vpc-id', Vpc.VpcId, '--cidr-block', '10.1.0.0/24'],
    );
    const closed = await synthesise('closed', { network: { vpcId: Vpc.VpcId, subnetIds: [Subnet.SubnetId] } });
    refusedSubnet = await workspace.terraform(closed, 'plan', '-input=false', AT_ONCE, ...VARIABLES);

    folder = await synthesise('own', {
      hsds: { bucket: 'the-hsds', image: `hdfgroup/hsds@sha256:${'0'.repeat(64)}` },
    });
    apply = await workspace.terraform(folder, 'apply', '-input=false', '-auto-approve', AT_ONCE, ...VARIABLES);
    if (apply.code !== 0) return;
    // The plan only reads, so that the commands can be used meanwhile.
    [changes] = await Promise.all([secondPlan(workspace, folder, AT_ONCE, ...VARIABLES), useCommands()]);
    outputs = JSON.parse(await workspace.terraformSucceeds(folder, 'output', '-json'));
    const questions = {
      queues: ['batch', 'describe-job-queues', '--query', 'jobQueues[].jobQueueName'],
      definitions: ['batch', 'describe-job-definitions', '--query', 'jobDefinitions[].jobDefinitionName'],
      tables: ['dynamodb', 'list-tables', '--query', 'TableNames'],
      machines: ['stepfunctions', 'list-state-machines', '--query', 'stateMachines[].name'],
      rules: ['events', 'list-rules', '--query', 'Rules[].Name'],
      redrives: [
        ...['sqs', 'get-queue-attributes', '--attribute-names', 'RedrivePolicy', '--query', 'Attributes.RedrivePolicy'],
        ...['--queue-url', `${moto.endpoint}/123456789012/datacarousel_hsload_work.fifo`],
      ],
    };
    await Promise.all(
      Object.entries(questions).map(async ([name, question]) => {
        seen[name] = await ask(...question);
      }),
    );
    Object.assign(seen, await motosAnswers(workspace));
    destroy = await workspace.terraform(folder, 'destroy', '-refresh=false', '-auto-approve', AT_ONCE, ...VARIABLES);
    seen.after = await ask('batch', 'describe-job-queues', '--query', 'jobQueues[].jobQueueName');
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  test('applies', () => {
    expect(apply).toMatchObject({ code: 0 });
  });

  test("has the document's names", () => {
    expect(seen).toMatchObject({
      queues: ['datacarousel-job-queue'],
      definitions: expect.arrayContaining(['ComputeRadience', 'hsload']),
      tables: expect.arrayContaining(['BasicFusionFiles', 'DataCarouselJobs']),
      machines: ['datacarousel-turn'],
      rules: expect.arrayContaining(['datacarousel-restored', 'datacarousel-job-ended', 'datacarousel-turn-ended']),
    });
    const deployment = JSON.parse(String(outputs.carousel_deployment?.value));
    expect(deployment).toMatchObject({ archiveBucket: 'the-archive', defaults: { budgetDollars: '50', tier: 'Bulk' } });
  });

  test('changes nothing when it is planned again, but for what moto does not keep', () => {
    expect(changes).toEqual([]);
  });

  test('is planned with those changes because of how moto answers', () => {
    // It also writes JSON with spaces.
    expect(seen).toMatchObject({ limits: [], templates: ['launch-template'] });
    expect(seen.redrives).toContain('": ');
  });

  test('is used by the commands, which know it by the state of Terraform', () => {
    expect(Object.fromEntries(Object.entries(told).map(([name, { code }]) => [name, code]))).toEqual({
      ...{ load: 0, cost: 0, submit: 0, status: 0, start: 0, turn: 0, cancel: 0, again: 2 },
    });
    // Nothing listens where HSDS would be.
    expect(told.load?.output).toMatch(
      /^1 file in BasicFusionFiles, 1 of them archived\n1 file sent to be indexed\nHSDS at http:\/\/127\.0\.0\.1:1 was not asked/,
    );
    expect(told.cost?.output).toContain('1 job, one whole time-out each, on demand');
    expect(told.submit?.output).toMatch(/^request \w+: 1 file of request\.json\. It waits for the next turn\.\n$/);
    expect(told.status?.output).toMatch(/^no turn runs\nwaiting: 1 request\n/);
    // moto records executions, and runs none.
    expect(told.turn?.output).toMatch(/^turn turn-\d{8}-\d{6}: RUNNING, not planned\n$/);
    expect(told.cancel?.output).toContain('cancelled');
  });

  test('leaves nothing when it is destroyed', () => {
    expect(destroy).toMatchObject({ code: 0 });
    expect(seen.after).toEqual([]);
    const state = JSON.parse(readFileSync(path.join(folder, '../../../terraform.carousel.tfstate'), 'utf8'));
    expect(state.resources).toEqual([]);
  });

  test('refuses a subnet without automatic public addresses at plan, and names the setting', () => {
    expect(refusedSubnet.code).not.toBe(0);
    expect(refusedSubnet.output.replace(/\s*\n[│ ]*/g, ' ')).toContain('Auto-assign public IPv4 address');
  });
});
