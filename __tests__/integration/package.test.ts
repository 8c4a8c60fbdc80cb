import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { App, LocalBackend, TerraformStack } from 'cdktf';
import { BatchJob, BatchQueue, DataStream, Network } from '../../constructs';
import { filesBelow, withoutMetadata } from '../support/synthesis';
import { clone, ROOT, run, succeed } from '../support/terraform';

/** The package as its users have it: packed, installed from npm's registry into an App of their own, compiled, synthesised. */

const folder = mkdtempSync(path.join(tmpdir(), 'datastream-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What `cdktf init` gives an App. */
const TSCONFIG = path.join(ROOT, 'node_modules/cdktf-cli/bundle/templates/typescript/tsconfig.json');

/** A job definition for a queue of the App's own. */
const JOB = { name: 'Mean', image: 'example/mean:1', command: ['mean'], vcpus: 1, memoryMiB: 512, timeoutSeconds: 600 };

const mainOf = (cdk: string, provider: string, entry: string) => `
import { Construct } from 'constructs';
import { App, LocalBackend, TerraformStack } from '${cdk}';
import { AwsProvider } from '${provider}/lib/provider';
import { BatchJob, BatchQueue, DataStream, Network } from '${entry}';

class Jobs extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new AwsProvider(this, 'aws', { region: 'us-east-1' });
    new LocalBackend(this, { path: 'terraform.tfstate' });
    new DataStream(this, 'datastream', { smName: 'machine', tags: { Team: 'hydrology' } });
    const network = new Network(this, 'network', { name: 'jobs' });
    const queue = new BatchQueue(this, 'queue', { network, queueName: 'jobs' });
    new BatchJob(this, 'job', { ...${JSON.stringify(JOB)}, queue });
  }
}

const app = new App();
new Jobs(app, 'jobs');
app.synth();
`;

/** The same App, with the sources of this checkout. */
function synthesiseHere(outdir: string): void {
  const app = new App({ outdir });
  const stack = new TerraformStack(app, 'jobs');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  new LocalBackend(stack, { path: 'terraform.tfstate' });
  new DataStream(stack, 'datastream', { smName: 'machine', tags: { Team: 'hydrology' } });
  const network = new Network(stack, 'network', { name: 'jobs' });
  const queue = new BatchQueue(stack, 'queue', { network, queueName: 'jobs' });
  new BatchJob(stack, 'job', { ...JOB, queue });
  app.synth();
}

/** Every file of a synthesis, by its path in it: a text, or an archive's SHA-256. */
function filesOf(outdir: string): Record<string, string> {
  const content = (file: string, bytes: Buffer) =>
    file.endsWith('.zip') ? createHash('sha256').update(bytes).digest('hex') : String(bytes);
  return Object.fromEntries(Object.entries(filesBelow(outdir)).map(([file, bytes]) => [file, content(file, bytes)]));
}

/** The stack's JSON without what differs between cdktf, cdktn and their providers on purpose. */
function stackOf(outdir: string): Record<string, unknown> {
  const json = readFileSync(path.join(outdir, 'stacks/jobs/cdk.tf.json'), 'utf8');
  const { terraform, ...stack } = withoutMetadata(json);
  const { required_providers: _providers, ...settings } = terraform;
  return { ...stack, terraform: settings };
}

const archivesOf = (outdir: string) =>
  Object.fromEntries(Object.entries(filesOf(outdir)).filter(([file]) => file.endsWith('.zip')));

let packed: string;
let here: string;

/** An App with the package in it, and whatever else it asks for. */
async function appWith(name: string, main: string, ...packages: readonly string[]): Promise<string> {
  const app = path.join(folder, name);
  mkdirSync(app);
  writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true }\n');
  cpSync(TSCONFIG, path.join(app, 'tsconfig.json'));
  writeFileSync(path.join(app, 'main.ts'), main);
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await succeed('npm', ['install', ...quiet, packed, ...packages], { cwd: app });
  return app;
}

const PINNED: Record<string, string> = JSON.parse(
  readFileSync(path.join(ROOT, 'package.json'), 'utf8'),
).devDependencies;
const pinned = (...names: readonly string[]) => names.map((name) => `${name}@${PINNED[name]}`);

beforeAll(async () => {
  const checkout = path.join(folder, 'checkout');
  await clone(checkout);
  const manifest = readFileSync(path.join(checkout, 'package.json'), 'utf8');
  await succeed('npm', ['pack', '--pack-destination', folder], { cwd: checkout });
  expect(readFileSync(path.join(checkout, 'package.json'), 'utf8')).toBe(manifest);
  const [archive] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  packed = path.join(folder, String(archive));
  here = path.join(folder, 'here');
  mkdirSync(here);
  synthesiseHere(here);
});

describe('in an App with cdktf', () => {
  let app: string;
  beforeAll(async () => {
    const main = mainOf('cdktf', '@cdktf/provider-aws', 'cdktf-datastream');
    app = await appWith(
      'cdktf-app',
      main,
      ...pinned('cdktf', 'constructs', '@cdktf/provider-aws', 'typescript', '@types/node'),
      'ts-node@10.9.2',
      'tsx@4',
    );
  });

  const bin = (name: string) => path.join(app, 'node_modules', '.bin', name);

  test('brings no other package along', () => {
    const { dependencies, bundleDependencies } = JSON.parse(
      readFileSync(path.join(app, 'node_modules/cdktf-datastream/package.json'), 'utf8'),
    );

    expect([dependencies, bundleDependencies]).toEqual([undefined, undefined]);
    expect(readdirSync(path.join(app, 'node_modules/cdktf-datastream'))).not.toContain('node_modules');
  });

  test.each([
    ['tsc and node', async () => [await succeed(bin('tsc'), [], { cwd: app }), process.execPath, 'main.js'] as const],
    ['ts-node', async () => ['', bin('ts-node'), 'main.ts'] as const],
    ['tsx', async () => ['', bin('tsx'), 'main.ts'] as const],
  ])('synthesises with %s what the checkout does, byte for byte', async (_, prepare) => {
    const [, program, main] = await prepare();
    const outdir = path.join(app, 'cdktf.out');
    rmSync(outdir, { recursive: true, force: true });

    expect(await run(program, [main], { cwd: app })).toEqual({ code: 0, output: '' });

    expect(filesOf(outdir)).toEqual(filesOf(here));
  });

  test('a wrong property is an error of the compiler, and a sentence without one', async () => {
    const wrong = path.join(app, 'wrong.ts');
    writeFileSync(wrong, readFileSync(path.join(app, 'main.ts'), 'utf8').replace("smName: 'machine'", 'smName: 7'));

    expect((await run(bin('tsc'), ['--noEmit'], { cwd: app })).output).toContain(
      "Type 'number' is not assignable to type 'string'",
    );
    expect((await run(bin('tsx'), ['wrong.ts'], { cwd: app })).output).toContain('smName is 7: write 1 to 80 letters');
    rmSync(wrong);
  });

  test('refuses a second copy of cdktf', async () => {
    const own = path.join(app, 'node_modules/cdktf-datastream/node_modules/cdktf');
    cpSync(path.join(app, 'node_modules/cdktf'), own, { recursive: true });

    const { code, output } = await run(bin('tsx'), ['main.ts'], { cwd: app });

    expect(code).toBe(1);
    expect(output).toContain(
      `The App uses another copy of cdktf than DataStream, whose copy is ${own}: the stack's tags would`,
    );
    rmSync(path.dirname(own), { recursive: true });
  });

  test('has the command, which writes a file, checks it and runs it', async () => {
    const examples = 'node_modules/cdktf-datastream/dist/npm/executions/examples';
    const datastream = (...args: readonly string[]) => run(bin('datastream'), args, { cwd: app });

    expect(await datastream('new', 'job.json', '--from', `${examples}/hello.json`)).toMatchObject({ code: 0 });
    expect(await datastream('validate', 'job.json')).toEqual({ code: 0, output: 'job.json: valid\n' });
    const { code, output } = await datastream('run', '--local', 'job.json');
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('SUCCEEDED after') });
  });

  test('the command reads HCL, with the template of the image', async () => {
    writeFileSync(path.join(app, 'variables.tfvars'), 'region = "us-west-2"\nsm_name = "machine"\n');

    expect(
      await run(bin('datastream'), ['validate', '--tfvars', 'variables.tfvars', 'job.json'], { cwd: app }),
    ).toEqual({
      code: 0,
      output: 'job.json: valid\n',
    });
    expect(await run(bin('datastream'), ['ami', 'build', '--var', 'architectur=x86_64'], { cwd: app })).toMatchObject({
      code: 1,
      output: expect.stringContaining('architecture'),
    });
  });
});

describe('in an App with cdktn and bindings of provider 6', () => {
  const provider = '@cdktn/provider-aws@25.7.0';
  let app: string;
  beforeAll(async () => {
    const main = mainOf('cdktn', '@cdktn/provider-aws', 'cdktf-datastream/cdktn');
    app = await appWith('cdktn-app', main, ...pinned('cdktn', 'constructs', 'typescript', '@types/node'), provider);
  });

  const tsc = () => path.join(app, 'node_modules', '.bin', 'tsc');

  test('synthesises what cdktf does, but for the metadata and the version of the provider', async () => {
    expect(await run(tsc(), [], { cwd: app })).toEqual({ code: 0, output: '' });
    expect(await run(process.execPath, ['main.js'], { cwd: app })).toEqual({ code: 0, output: '' });

    const outdir = path.join(app, 'cdktf.out');
    // Version 6 of the provider has renamed this property (its upgrade guide, aws_batch_compute_environment).
    const renamed = JSON.stringify(stackOf(here)).replace('"compute_environment_name_prefix"', '"name_prefix"');
    expect(stackOf(outdir)).toEqual(JSON.parse(renamed));
    expect(archivesOf(outdir)).toEqual(archivesOf(here));
    expect(Object.keys(archivesOf(here))).toHaveLength(7);
  });

  test('the sources themselves pass the types of provider 6', async () => {
    const of = (name: string) => [path.join(app, 'node_modules', name)];
    writeFileSync(
      path.join(app, 'tsconfig.sources.json'),
      JSON.stringify({
        extends: path.join(ROOT, 'tsconfig.json'),
        compilerOptions: {
          typeRoots: [path.join(ROOT, 'node_modules/@types')],
          types: ['node'],
          paths: {
            cdktf: of('cdktn'),
            '@cdktf/provider-aws/*': of('@cdktn/provider-aws/*'),
            constructs: of('constructs'),
          },
        },
        include: [],
        files: [path.join(ROOT, 'main.ts'), path.join(ROOT, 'constructs/index.ts')],
      }),
    );

    expect(await run(tsc(), ['-p', 'tsconfig.sources.json'], { cwd: app })).toEqual({ code: 0, output: '' });
  });
});
