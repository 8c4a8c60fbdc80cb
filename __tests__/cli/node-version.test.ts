import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const CLI = path.join(__dirname, '../../cli');

const folder = mkdtempSync(path.join(tmpdir(), 'datastream-node-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs one of the commands on a Node.js that says it is of this version. */
function runOn(version: string, command: string, ...args: string[]) {
  const says = path.join(folder, `${version}.cjs`);
  writeFileSync(says, `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
  const options = { encoding: 'utf8' as const, env: { ...process.env, TF_CLI_CONFIG_FILE: '' } };
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--require', says, path.join(CLI, command), ...args],
    options,
  );
  return { status, stderr };
}

test('datastream says on a Node.js that is too old which one it needs', () => {
  expect(runOn('18.20.4', 'datastream.cjs', '--help')).toEqual({
    status: 2,
    stderr:
      'datastream does not run on Node.js 18.20.4: install Node.js 22, which is recommended, or any version from 20 on.\n',
  });
});

test.each(['18.20.4', '24.21.0'])('npx cdktf says on Node.js %s what else there is', (version) => {
  expect(runOn(version, 'cdktf.cjs', 'synth')).toEqual({
    status: 2,
    stderr:
      `npx cdktf does not run on Node.js ${version}: use Node.js 22, or synthesise with "npx tsx main.ts" and deploy ` +
      'with Terraform in cdktf.out/stacks/datastream.\n',
  });
});

test.each(['20.0.0', '22.23.3'])('both begin on Node.js %s', (version) => {
  expect(runOn(version, 'datastream.cjs', '--help').status).toBe(0);
  expect(runOn(version, 'cdktf.cjs', '--version').status).toBe(0);
});
