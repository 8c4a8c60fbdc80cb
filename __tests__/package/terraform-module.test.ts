import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { addressesOf, filesBelow } from '../support/synthesis';
import { MODULE_COMMAND, ROOT, succeed } from '../support/terraform';

const folder = mkdtempSync(path.join(tmpdir(), 'datastream-module-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Variable {
  readonly type: string;
  readonly default?: unknown;
}

let terraform: {
  readonly terraform: object;
  readonly variable: Readonly<Record<string, Variable>>;
  readonly output: object;
  readonly data: object;
  readonly resource: {
    readonly aws_lambda_function: Record<string, { filename: string; handler: string; source_code_hash: string }>;
  };
};
const read = (file: string) => readFileSync(path.join(folder, 'first', file));

beforeAll(async () => {
  for (const name of ['first', 'second']) {
    const [program, ...args] = MODULE_COMMAND;
    await succeed(program, [...args, path.join(folder, name)], { cwd: folder });
  }
  terraform = JSON.parse(String(read('main.tf.json')));
});

test('has neither a provider nor a backend nor a region, and says which versions it takes', () => {
  expect(Object.keys(terraform).sort()).toEqual(['data', 'output', 'resource', 'terraform', 'variable']);
  expect(terraform.terraform).toEqual({
    required_version: '>= 1.5',
    required_providers: { aws: { source: 'hashicorp/aws', version: '>= 5.100, < 7' } },
  });
  expect(terraform.variable).not.toHaveProperty('region');
});

test("has the checkout's addresses: moved blocks take a deployment from one to the other", () => {
  const stored = readFileSync(path.join(ROOT, '__tests__/support/addresses.txt'), 'utf8').trimEnd().split('\n');
  const addresses = addressesOf(terraform);

  // The region is the provider's; runtime is of 2024's tfvars.
  expect([...addresses, 'var.region', 'var.runtime'].sort()).toEqual(stored);
});

test('has every archive beside it, with its hash', () => {
  const functions = Object.values(terraform.resource.aws_lambda_function);

  expect(functions).toHaveLength(9);
  for (const { filename, handler, source_code_hash } of functions) {
    const archive = `functions/${handler.split('.')[0]}.zip`;
    expect(filename).toBe(`\${path.module}/${archive}`);
    expect(source_code_hash).toBe(createHash('sha256').update(read(archive)).digest('base64'));
  }
});

test('has the schedules of a matrix where cdktf.json names one, and its README says so', async () => {
  const [program, ...args] = MODULE_COMMAND;
  const matrix = path.join(ROOT, 'executions/examples/schedules/rivers.matrix.json');
  await succeed(program, [...args, path.join(folder, 'matrix')], {
    cwd: folder,
    env: { CDKTF_CONTEXT_JSON: JSON.stringify({ matrix }) },
  });
  const made = filesBelow(path.join(folder, 'matrix'));
  const { resource } = JSON.parse(String(made['main.tf.json']));

  expect(Object.keys(resource.aws_scheduler_schedule)).toHaveLength(1 + 5);
  expect(Object.keys(unzipSync(made['functions/planner.zip'] as Buffer))).toContain('matrix.json');
  expect(String(made['README.md'])).toContain('\n## Schedules\n');
  expect(String(read('README.md'))).not.toContain('## Schedules');
});

test("holds nothing of this computer, and none of cdktf's metadata", () => {
  const text = String(read('main.tf.json'));

  for (const each of [ROOT, tmpdir(), 'undefined', '"//"', 'uniqueId', 'assets/']) expect(text).not.toContain(each);
});

test('has a README that names every variable, whether it must be given, and every output', () => {
  const lines = String(read('README.md')).split('\n');

  for (const [name, { type, ...rest }] of Object.entries(terraform.variable)) {
    const byDefault = 'default' in rest ? `\`${JSON.stringify(rest.default)}\`` : 'required';
    expect(lines).toContainEqual(expect.stringContaining(`| \`${name}\` | \`${type}\` | ${byDefault} | `));
  }
  for (const name of Object.keys(terraform.output)) {
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^\\| \`${name}\` \\| [A-Z].*\\. \\|$`)));
  }
});

test('is an archive too, the same files in the same bytes each time', () => {
  const files = filesBelow(path.join(folder, 'first'));
  const [first, second] = ['first', 'second'].map((name) => readFileSync(path.join(folder, `${name}.zip`)));
  const packed = unzipSync(first as Buffer);

  expect(Object.keys(packed).sort()).toEqual(Object.keys(files));
  for (const [file, bytes] of Object.entries(files)) {
    expect([file, bytes.equals(packed[file] as Uint8Array)]).toEqual([file, true]);
  }
  expect(second?.equals(first as Buffer)).toBe(true);
});
