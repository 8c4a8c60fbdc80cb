import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Testing } from 'cdktf';
import type { bundle } from '../../../constructs/aws/bundle';
import { SOURCES } from '../../../constructs/bison/functions';
import { type BisonContext, BisonStack } from '../../../constructs/bison/stack';
import { withoutMetadata } from '../../support/synthesis';

const { bundle: realBundle } = jest.requireActual<{ bundle: typeof bundle }>('../../../constructs/aws/bundle');
jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const synthesise = (context?: BisonContext) =>
  withoutMetadata(Testing.synth(new BisonStack(Testing.app(), 'bison', context), true));

const stack = synthesise();

test('asks for where and for the DataStream, and for nothing else', () => {
  const required = Object.entries<Record<string, unknown>>(stack.variable).filter(([, each]) => !('default' in each));

  expect(required.map(([name]) => name).sort()).toEqual(['datastream_arn', 'region']);
  for (const each of Object.values<Record<string, unknown>>(stack.variable)) {
    expect(each.nullable).toBe(false);
    expect(String(each.description)).toMatch(/\.$/);
  }
});

test('docs/bison.md tells the defaults of the variables', () => {
  const page = readFileSync(path.join(__dirname, '../../../docs/bison.md'), 'utf8');
  const told = Object.fromEntries(
    Array.from(page.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm), ([, name, value]) => [name, value]),
  );
  const { schedule, scan_limit_bytes, max_vcpus, remove_objects, prefix, database_name } = stack.variable;

  expect(told).toMatchObject({
    schedule: `\`${schedule.default}\``,
    scan_limit_bytes: `${scan_limit_bytes.default / 2 ** 40} TiB`,
    max_vcpus: String(max_vcpus.default),
    remove_objects: String(remove_objects.default),
    prefix: `\`${prefix.default}\``,
    database_name: `\`${database_name.default}\``,
  });
});

test('names everything by its prefix, so that two deployments do not meet', () => {
  const names = Object.entries<Record<string, Record<string, unknown>>>(stack.resource)
    // A role's policy has its name within the role.
    .flatMap(([type, resources]) => (type === 'aws_iam_role_policy' ? [] : Object.values(resources)))
    .flatMap(({ name, function_name, name_prefix }) => [name, function_name, name_prefix])
    .filter((name) => typeof name === 'string');

  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !/var\.(prefix|database_name)|^\/aws\/|\$\{aws_/.test(String(name)))).toEqual([]);
});

test('tells the command what it must know', () => {
  expect(Object.keys(stack.output).sort()).toEqual([
    'bison_arn',
    'bison_bucket',
    'bison_deployment',
    'gbif_secret_arn',
    'image_repository_url',
    'job_queue_name',
    'operator_policy',
  ]);
  expect(stack.terraform.backend).toEqual({ local: { path: '../../../terraform.bison.tfstate' } });
});

test('has no subnet without the Internet, server or endpoint of an interface, unless the context asks for PostgreSQL', () => {
  const own = JSON.stringify(stack.resource);
  expect(own).not.toMatch(/isolated|aws_db_instance|aws_glue_connection|Interface/);

  const postgres = synthesise({ postgres: {} });
  expect(Object.keys(postgres.resource)).toEqual(expect.arrayContaining(['aws_db_instance', 'aws_glue_connection']));
  expect(Object.keys(postgres.output)).toEqual(
    expect.arrayContaining(['postgres_connection_name', 'postgres_operator_policy', 'postgres_role_arn']),
  );
});

test('is the same when it is synthesised again', () => {
  expect(synthesise()).toEqual(stack);
});

test.each([
  [[], 'context.bison is []: write an object such as {}.'],
  [{ postgres: true }, 'context.bison.postgres is true: write an object such as {}.'],
  [{ ingest: 'opendata' }, 'ingest is "opendata": write "open-data", or an execution file as an object in place.'],
])('refuses %j', (context, sentence) => {
  expect(() => synthesise(context as never)).toThrow(sentence);
});

test('refuses a key that the context does not have', () => {
  expect(() => synthesise({ bucket: 'b' } as never)).toThrow(
    'context.bison has bucket, which it does not know: write ingest',
  );
});

test.each(Object.entries(realBundle<string>(SOURCES).functions))(
  'the bundle of %s is smaller than 600,000 bytes',
  (_, { code }) => {
    expect(code.length).toBeLessThan(600_000);
  },
);
