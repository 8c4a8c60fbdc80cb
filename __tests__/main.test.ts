import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FIRST_STACK } from './support/first-deployment';
import { readable } from './support/stack';
import { addressesOf, filesBelow } from './support/synthesis';
import { type Finished, ROOT, run } from './support/terraform';

const folder = mkdtempSync(path.join(tmpdir(), 'datastream-main-'));
afterAll(() => rmSync(folder, { recursive: true }));

const synthesise = (outdir: string, cwd = ROOT, env: Record<string, string> = {}): Promise<Finished> => {
  mkdirSync(path.join(folder, outdir));
  return run(path.join(ROOT, 'node_modules', '.bin', 'tsx'), ['main.ts'], {
    cwd,
    // cdktf calls what Node.js 24 deprecates; what it says itself is still seen.
    env: { CDKTF_OUTDIR: path.join(folder, outdir), DATASTREAM_BACKEND: undefined, NODE_NO_WARNINGS: '1', ...env },
  });
};

const files = (outdir: string) => filesBelow(path.join(folder, outdir));
const json = (outdir: string) => JSON.parse(String(files(outdir)['stacks/datastream/cdk.tf.json']));

let here: Finished;
let there: Finished;
let s3: Finished;
let other: Finished;
let unknown: Finished;
let none: Finished;
let matrix: Finished;
let noMatrix: Finished;
beforeAll(async () => {
  const copy = path.join(folder, 'copy');
  for (const each of [
    'constructs',
    'executions',
    'files',
    'images',
    'lambdas',
    'pipelines',
    'prices',
    'main.ts',
    'package.json',
    'cdktf.json',
  ]) {
    cpSync(path.join(ROOT, each), path.join(copy, each), { recursive: true });
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  [here, there, s3, other, unknown, none, matrix, noMatrix] = await Promise.all([
    synthesise('here'),
    synthesise('there', copy),
    synthesise('s3', ROOT, { DATASTREAM_BACKEND: 's3' }),
    synthesise('other', ROOT, { DATASTREAM_BACKEND: 'gcs' }),
    synthesise('unknown', ROOT, { CDKTF_CONTEXT_JSON: '{"systems":["datastream","bisons"]}' }),
    synthesise('none', ROOT, { CDKTF_CONTEXT_JSON: '{"systems":[]}' }),
    synthesise('matrix', ROOT, {
      CDKTF_CONTEXT_JSON: '{"matrix":"executions/examples/schedules/rivers.matrix.json"}',
    }),
    synthesise('no-matrix', ROOT, { CDKTF_CONTEXT_JSON: '{"matrix":"nowhere.json"}' }),
  ]);
});

test('synthesises one stack with the archives of its functions', () => {
  expect(here).toEqual({ code: 0, output: '' });
  const found = Object.keys(files('here')).map((file) => path.basename(file));

  expect(found.sort()).toEqual([
    ...['cdk.tf.json', 'checker.zip', 'commander.zip', 'manifest.json', 'poller.zip', 'reaper.zip', 'relay.zip'],
    ...['reporter.zip', 'results.zip', 'starter.zip', 'stopper.zip'],
  ]);
});

test("knows the variables of every generation of upstream's tfvars, and requires two", () => {
  const { variable } = json('here') as { variable: Record<string, Record<string, unknown>> };
  const given = ['2024', '2025', '2026'].flatMap((generation) => {
    const text = readFileSync(path.join(__dirname, 'support', 'tfvars', `${generation}.tfvars`), 'utf8');
    return Array.from(text.matchAll(/^\w+/gm), ([name]) => name);
  });

  expect(given.filter((name) => !(name in variable))).toEqual([]);
  expect(Object.keys(variable).filter((name) => !('default' in (variable[name] ?? {})))).toEqual(['region', 'sm_name']);
  for (const each of Object.values(variable)) expect(each).toMatchObject({ nullable: false });
  for (const each of Object.values(variable)) expect(String(each.description)).toMatch(/\.$/);
});

test('has the addresses that deployments have in their state: another one would replace what stands', () => {
  const stored = readFileSync(path.join(__dirname, 'support', 'addresses.txt'), 'utf8')
    .trimEnd()
    .split('\n');

  expect(addressesOf(json('here'))).toEqual(stored);
});

test('keeps every address of the first deployment', () => {
  const now = new Set(addressesOf(json('here')));
  const first = addressesOf(FIRST_STACK as Record<string, Record<string, object>>);

  expect(first.length).toBeGreaterThan(40);
  expect(first.filter((address) => !now.has(address))).toEqual([]);
});

test('holds nothing of this computer', () => {
  const text = String(files('here')['stacks/datastream/cdk.tf.json']) + String(files('here')['manifest.json']);

  expect(text).not.toContain(ROOT);
  expect(text).not.toContain(tmpdir());
  expect(text).not.toContain('undefined');
});

test('hands the subnets to the starter', () => {
  const functions = Object.values<{ environment: { variables: Record<string, string> } }>(
    json('here').resource.aws_lambda_function,
  );
  const subnets = functions.flatMap(({ environment }) => environment.variables.SUBNET_IDS ?? []);

  expect(subnets).toEqual(['${join(",", var.subnet_ids)}']);
});

test('lets the functions read the SSM parameter of the variable, where it is set', () => {
  const policies = Object.values<{ policy: string }>(json('here').resource.aws_iam_role_policy);
  const publicOnes = '"arn:aws:ssm:REGION::parameter/aws/service/*"';
  const own = '"arn:aws:ssm:REGION:ACCOUNT:parameter${var.ami_parameter_name}"';

  expect(policies.map(({ policy }) => readable(policy))).toContainEqual(
    expect.stringContaining(`[${publicOnes},"\${(length(var.ami_parameter_name) >= 1) ? ${own} : ${publicOnes}}"]`),
  );
});

test('keeps its state in a file beside the output', () => {
  expect(json('here').terraform.backend).toEqual({ local: { path: '../../../terraform.datastream.tfstate' } });
});

test('asks for the provider that its resources were generated from, or a later one of that generation', () => {
  expect(json('here').terraform.required_providers).toEqual({ aws: { source: 'aws', version: '~> 5.100' } });
});

test('is the same, byte for byte, from a copy in another folder', () => {
  const first = files('here');
  const second = files('there');

  expect(there).toEqual({ code: 0, output: '' });
  expect(Object.keys(second)).toEqual(Object.keys(first));
  for (const [file, bytes] of Object.entries(first)) expect([file, second[file]?.equals(bytes)]).toEqual([file, true]);
});

test('leaves the backend to terraform init when DATASTREAM_BACKEND is s3', () => {
  expect(s3).toEqual({ code: 0, output: '' });
  expect(json('s3').terraform.backend).toEqual({ s3: {} });
});

test('refuses another backend', () => {
  expect([other.code, other.output]).toEqual([
    1,
    expect.stringContaining('DATASTREAM_BACKEND is "gcs": write local or s3, or leave it out.'),
  ]);
});

test.each([
  ['a folder for the result', { CDKTF_OUTDIR: __filename }],
  ['a temporary folder', { TMPDIR: path.join(__dirname, 'nowhere') }],
])('says in one sentence that it cannot make %s', async (_, env) => {
  const args = ['--require', require.resolve('tsx/cjs'), 'main.ts'];
  const { code, output } = await run(process.execPath, args, { cwd: ROOT, env: { TSX_DISABLE_CACHE: '1', ...env } });

  expect(code).toBe(2);
  expect(output).toMatch(/^\/[^\n]+: [^\n]+: set (CDKTF_OUTDIR|TMPDIR) to another folder[^\n]*\.\n$/);
});

test('refuses a system that it does not know, and no system at all', () => {
  expect([unknown.code, unknown.output]).toEqual([
    1,
    'context.systems of cdktf.json names bisons: write a list of bison, carousel, datastream, tsdat.\n',
  ]);
  expect([none.code, none.output]).toEqual([
    1,
    'context.systems of cdktf.json names no system: write a list of bison, carousel, datastream, tsdat.\n',
  ]);
});

test('has the schedules of the matrix that cdktf.json names, and beside them what it has without', () => {
  expect(matrix).toEqual({ code: 0, output: '' });
  const added = addressesOf(json('matrix')).filter((address) => !addressesOf(json('here')).includes(address));

  expect(addressesOf(json('here')).filter((address) => !addressesOf(json('matrix')).includes(address))).toEqual([]);
  expect(added.filter((address) => address.startsWith('aws_scheduler_schedule.'))).toHaveLength(5);
  expect(String(files('matrix')['stacks/datastream/cdk.tf.json'])).not.toContain(ROOT);
});

test('says in one sentence that there is no such matrix, and synthesises nothing', () => {
  expect([noMatrix.code, noMatrix.output]).toEqual([1, 'nowhere.json: there is no such file: check the path.\n']);
});
