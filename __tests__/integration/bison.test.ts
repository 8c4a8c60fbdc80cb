import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { aws } from '../support/deployed';
import { type Moto, startMoto } from '../support/moto';
import { type Finished, ROOT, succeed, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const VARIABLES = [
  '-var=region=us-east-1',
  '-var=datastream_arn=arn:aws:states:us-east-1:123456789012:stateMachine:datastream',
];

describeWith(['terraform', 'moto_server', 'aws'], 'BISON on an emulated AWS', () => {
  let moto: Moto;
  let workspace: Workspace;
  let folder: string;
  let apply: Finished;
  let destroy: Finished;
  let outputs: Record<string, { readonly value: unknown }>;
  const refused: Record<string, Finished> = {};
  const seen: Record<string, unknown> = {};

  beforeAll(async () => {
    moto = await startMoto();
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
    for (const variable of ['datastream_arn=datastream', 'image=jobs:latest', 'bucket=s3://bison']) {
      const plan = ['plan', '-input=false', ...VARIABLES, `-var=${variable}`];
      refused[variable] = await workspace.terraform(folder, ...plan);
    }
    apply = await workspace.terraform(folder, 'apply', '-input=false', '-auto-approve', ...VARIABLES);
    if (apply.code !== 0) return;
    outputs = JSON.parse(await workspace.terraformSucceeds(folder, 'output', '-json'));
    seen.crawler = await ask('glue', 'get-crawler', '--name', 'bison', '--query', 'Crawler');
    seen.databases = await ask('glue', 'get-databases', '--query', 'DatabaseList[].Name');
    seen.workgroup = await ask(
      'athena',
      'get-work-group',
      '--work-group',
      'bison',
      '--query',
      'WorkGroup.Configuration',
    );
    seen.definitions = await ask('batch', 'describe-job-definitions', '--query', 'jobDefinitions[].jobDefinitionName');
    seen.machines = await ask('stepfunctions', 'list-state-machines', '--query', 'stateMachines[].name');
    seen.schedules = await ask('scheduler', 'list-schedules', '--query', 'Schedules[].Name');
    seen.rds = await ask('rds', 'describe-db-instances', '--query', 'DBInstances');
    destroy = await workspace.terraform(folder, 'destroy', '-input=false', '-auto-approve', ...VARIABLES);
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  test('applies', () => {
    expect(apply).toMatchObject({ code: 0 });
  });

  test("has the document's names, and no database server unless one is asked for", () => {
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
      rds: [],
    });
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

  test('leaves nothing when it is destroyed', () => {
    expect(destroy).toMatchObject({ code: 0 });
    const state = JSON.parse(readFileSync(path.join(folder, '../../../terraform.bison.tfstate'), 'utf8'));
    expect(state.resources).toEqual([]);
  });
});
