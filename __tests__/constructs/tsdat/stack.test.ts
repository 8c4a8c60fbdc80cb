import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App } from 'cdktf';
import { tsdatStacks } from '../../../constructs/tsdat/stack';
import { changed, PIPELINES } from '../../support/pipelines';
import { filesBelow } from '../../support/synthesis';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'datastream-tsdat-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Synthesises with the settings of cdktf.json. @returns each stack's JSON by its name */
function synthesise(text: string, settings: object = {}, name = 'out') {
  const config = path.join(folder, 'pipelines_config.yml');
  writeFileSync(config, text);
  const app = new App({ outdir: path.join(folder, name), skipValidation: false });
  tsdatStacks(app, { config, branches: ['main'], ...settings });
  app.synth();
  const { stacks } = JSON.parse(readFileSync(path.join(folder, name, 'manifest.json'), 'utf8'));
  return Object.fromEntries(
    Object.entries<{ synthesizedStackPath: string }>(stacks).map(([stack, { synthesizedStackPath }]) => [
      stack,
      JSON.parse(readFileSync(path.join(folder, name, synthesizedStackPath), 'utf8')),
    ]),
  );
}

test('has a stack for each branch, and one for the buckets that are to be made', () => {
  const stacks = synthesise(PIPELINES, { branches: ['main', 'dev'] });

  expect(Object.keys(stacks).sort()).toEqual(['tsdat-data-buoy-input', 'tsdat-dev', 'tsdat-main']);
  for (const [name, { terraform, provider }] of Object.entries(stacks)) {
    expect(terraform.backend).toEqual({ local: { path: `../../../terraform.${name}.tfstate` } });
    expect(provider.aws).toEqual([{ region: 'us-west-2', allowed_account_ids: ['123456789012'] }]);
  }
});

test('leaves buckets alone that are there', () => {
  expect(Object.keys(synthesise(changed(['True #', 'False #'])))).toEqual(['tsdat-main']);
});

test('is the same, byte for byte, twice, and holds nothing of this computer', () => {
  synthesise(PIPELINES, {}, 'one');
  synthesise(PIPELINES, {}, 'two');
  const [one, two] = [filesBelow(path.join(folder, 'one')), filesBelow(path.join(folder, 'two'))];

  expect(Object.keys(two)).toEqual(Object.keys(one));
  for (const [file, bytes] of Object.entries(one)) expect([file, two[file]?.equals(bytes)]).toEqual([file, true]);
  expect(String(one['stacks/tsdat-main/cdk.tf.json'])).not.toContain(folder);
});

test.each([
  [{ branches: ['a/b'] }, 'The branch is "a/b"'],
  [{ branches: 'main' }, 'context.tsdat.branches of cdktf.json is "main": write a list of branches such as ["main"].'],
  [{ config: '' }, 'context.tsdat.config of cdktf.json is "": write the path of a pipelines_config.yml.'],
  [{ config: '/nowhere.yml' }, '/nowhere.yml: there is no such file: check the path.'],
  [{ memory: 1 }, 'context.tsdat of cdktf.json has the key memory: choose from config, branches, memoryMb'],
  [{ memoryMb: 1 }, 'context.tsdat of cdktf.json: memoryMb is 1: write a whole number from 128 to 10240'],
])('refuses the settings %j', (settings, message) => {
  expect(() => synthesise(PIPELINES, settings)).toThrow(message);
});

test('refuses settings with every problem, a line each', () => {
  const wrong = { branches: [], memoryMb: 50, timeoutSeconds: '900', removeDate: true };

  expect(() => synthesise(changed(['trigger: S3', 'trigger: s3']), wrong)).toThrow(
    new RegExp(
      [
        '^context\\.tsdat of cdktf\\.json has the key removeDate: .*',
        'context\\.tsdat of cdktf\\.json: memoryMb is 50: .*',
        'context\\.tsdat of cdktf\\.json: timeoutSeconds is "900": .*',
        'context\\.tsdat\\.branches of cdktf\\.json is \\[\\]: .*',
        '.*:17: \\$\\.pipelines\\[0\\]\\.trigger: .*$',
      ].join('\n'),
    ),
  );
});

test('refuses no settings at all', () => {
  expect(() => tsdatStacks(new App({ outdir: folder }), undefined)).toThrow(
    'context.tsdat of cdktf.json is missing: write { "config": "../aws-template/pipelines_config.yml", "branches": ["main"] }.',
  );
});

test('refuses a file with every error, a line each', () => {
  const text = changed(['trigger: S3', 'trigger: s3'], ['buoy-input', 'your-input']);
  const lines = () => {
    try {
      synthesise(text);
      return [];
    } catch (error) {
      return (error as Error).message.split('\n').map((line) => line.replace(/^.*pipelines_config\.yml/, ''));
    }
  };

  expect(lines()).toEqual([
    expect.stringMatching(/^:8: \$\.input_bucket_name: This is a placeholder/),
    expect.stringMatching(/^:17: \$\.pipelines\[0\]\.trigger: This is not known/),
  ]);
});
