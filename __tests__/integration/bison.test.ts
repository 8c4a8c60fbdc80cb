import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { bisonCalls, bisonDeployerPolicy, deniedBison } from '../support/bison-calls';
import { aws } from '../support/deployed';
import { type Moto, type SentRequest, startMoto } from '../support/moto';
import { motosAnswers, secondPlan } from '../support/second-plan';
import { type Finished, ROOT, succeed, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const VARIABLES = [
  '-var=region=us-east-1',
  '-var=datastream_arn=arn:aws:states:us-east-1:123456789012:stateMachine:datastream',
];

/** The emulation takes many calls at once. */
const AT_ONCE = '-parallelism=50';

describeWith(['terraform', 'moto_server', 'aws'], 'BISON on an emulated AWS, without PostgreSQL', () => {
  let moto: Moto;
  const requests: SentRequest[] = [];
  let workspace: Workspace;
  let folder: string;
  let apply: Finished;
  let destroy: Finished;
  let outputs: Record<string, { readonly value: unknown }>;
  let changes: string[];
  const refused: Record<string, Finished> = {};
  const seen: Record<string, unknown> = {};

  beforeAll(async () => {
    moto = await startMoto({}, (request) => requests.push(request));
    workspace = new Workspace(moto.endpoint);
    const ask = <Answer>(...args: string[]) => aws<Answer>(args, workspace.environment);
    const outdir = path.join(workspace.folder, 'bison', 'cdktf.out');
    mkdirSync(outdir, { recursive: true });
    await succeed(path.join(ROOT, 'node_modules', '.bin', 'tsx'), ['main.ts'], {
      cwd: ROOT,
      env: {
        ...workspace.environment,
        CDKTF_OUTDIR: outdir,
        CDKTF_CONTEXT_JSON: JSON.stringify({ systems: ['bison'] }),
      },
    });
    folder = path.join(outdir, 'stacks', 'bison');
    await workspace.terraformSucceeds(folder, 'init', '-input=false');
    const wrong = ['datastream_arn=datastream', 'image=jobs:latest', 'bucket=s3://bison'];
    await Promise.all(
      wrong.map(async (variable) => {
        const plan = ['plan', '-input=false', '-lock=false', ...VARIABLES, `-var=${variable}`];
        refused[variable] = await workspace.terraform(folder, ...plan);
      }),
    );
    apply = await workspace.terraform(folder, 'apply', '-input=false', '-auto-approve', AT_ONCE, ...VARIABLES);
    if (apply.code !== 0) return;
    outputs = JSON.parse(await workspace.terraformSucceeds(folder, 'output', '-json'));
    const look = (questions: Readonly<Record<string, readonly string[]>>) =>
      Promise.all(
        Object.entries(questions).map(async ([name, [service = '', operation = '', query = '', ...rest]]) => {
          seen[name] = await ask(service, operation, '--query', query, ...rest);
        }),
      );
    await look({
      crawler: ['glue', 'get-crawler', 'Crawler', '--name', 'bison'],
      databases: ['glue', 'get-databases', 'DatabaseList[].Name'],
      workgroup: ['athena', 'get-work-group', 'WorkGroup.Configuration', '--work-group', 'bison'],
      definitions: ['batch', 'describe-job-definitions', 'sort(jobDefinitions[].jobDefinitionName)'],
      machines: ['stepfunctions', 'list-state-machines', 'stateMachines[].name'],
      schedules: ['scheduler', 'list-schedules', 'Schedules[].Name'],
      servers: ['rds', 'describe-db-instances', 'DBInstances'],
      connections: ['glue', 'get-connections', 'ConnectionList'],
    });
    changes = await secondPlan(workspace, folder, AT_ONCE, ...VARIABLES);
    Object.assign(seen, await motosAnswers(workspace));
    destroy = await workspace.terraform(folder, 'destroy', '-input=false', '-auto-approve', AT_ONCE, ...VARIABLES);
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
      crawler: {
        DatabaseName: 'bison-metadata',
        TablePrefix: 'gbif-odr-',
        Targets: { S3Targets: [{ Path: 's3://bison-123456789012-us-east-1/rawdata/' }] },
      },
      databases: ['bison-metadata'],
      workgroup: {
        EnforceWorkGroupConfiguration: true,
        ResultConfiguration: { OutputLocation: 's3://bison-123456789012-us-east-1/queries/' },
      },
      definitions: ['bison-annotate', 'bison-annotate_riis', 'bison-calc_stats'],
      machines: ['bison-month'],
      schedules: ['bison-month'],
      servers: [],
      connections: [],
    });
  });

  test('changes nothing when it is planned again, but for what moto does not keep', () => {
    expect(changes).toEqual([]);
    expect(seen).toMatchObject({ limits: [], templates: ['launch-template'] });
  });

  test("the output that the command reads names this deployment, and the operator's policy is one of IAM's", () => {
    expect(JSON.parse(String(outputs.bison_deployment?.value))).toMatchObject({
      stateMachineArn: 'arn:aws:states:us-east-1:123456789012:stateMachine:bison-month',
      bucket: 'bison-123456789012-us-east-1',
      database: 'bison-metadata',
      workgroup: 'bison',
      queue: 'bison',
    });
    expect(JSON.parse(String(outputs.operator_policy?.value)).Statement.length).toBeGreaterThan(5);
  });

  test.each([
    ['datastream_arn=datastream', 'write the output datastream_arn of the stack datastream'],
    ['image=jobs:latest', 'write the image by its digest'],
    ['bucket=s3://bison', 'write the name of a bucket, without s3://'],
  ])('%s is refused at plan', (variable, sentence) => {
    expect(refused[variable]?.code).toBe(1);
    expect(String(refused[variable]?.output).replaceAll(/[│\s]+/g, ' ')).toContain(sentence);
  });

  test("the deployer's policy allows every call", () => {
    const values = { ACCOUNT: '123456789012', REGION: 'us-east-1', PREFIX: 'bison', DATABASE: 'bison-metadata' };
    const calls = bisonCalls(requests);

    expect(calls.length).toBeGreaterThan(250);
    expect(deniedBison(calls, bisonDeployerPolicy(values))).toEqual([]);
  });

  test('leaves nothing when it is destroyed', () => {
    expect(destroy).toMatchObject({ code: 0 });
    const state = JSON.parse(readFileSync(path.join(folder, '../../../terraform.bison.tfstate'), 'utf8'));
    expect(state.resources).toEqual([]);
  });
});
