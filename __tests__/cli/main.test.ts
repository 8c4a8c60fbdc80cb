import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES, inNewFolders, SOURCES } from '../support/cli';

const folders = inNewFolders();

/** Loaded before the command: says at its end which modules came with it. */
const WITNESS = `process.once('exit', () =>
  require('node:fs').writeFileSync('loaded.json', JSON.stringify(Object.keys(require.cache))));`;

/** The modules that a command has loaded. */
function loadedBy(...args: string[]): string[] {
  const witness = folders.path('witness.cjs');
  writeFileSync(witness, WITNESS);
  const options = { cwd: folders.path(), env: folders.env(), encoding: 'utf8' } as const;
  const { status, stderr } = spawnSync(process.execPath, ['--require', witness, SOURCES, ...args], options);
  expect([status, stderr]).toEqual([0, '']);
  return require(folders.path('loaded.json'));
}

const HEAVY = /[\\/](@aws-sdk|jsonpath-plus|hcl2json|cdktf)[\\/]|[\\/]local[\\/](?!syntax)[\w/\\-]+\.ts$/;

test.each([
  ['the help', ['--help']],
  ['the help of a command', ['ami', 'build', '--help']],
  ['validate', ['validate', join(EXAMPLES, 'hello.json')]],
  ['matrix check', ['matrix', 'check', join(EXAMPLES, 'schedules/rivers.matrix.json')]],
])('%s loads neither the embedded cloud nor the AWS clients', (_, args) => {
  const loaded = loadedBy(...args);

  expect(loaded.some((file) => file.endsWith('main.ts'))).toBe(true);
  expect(loaded.filter((file) => HEAVY.test(file))).toEqual([]);
});

test('the help loads no command', () => {
  expect(loadedBy('--help').filter((file) => /[\\/](commands|executions[\\/]checks)[\\/]/.test(file))).toEqual([]);
});

describe('Every command of the program', () => {
  /** All that there are, as the completion has them: `matrix check`, `start`, and the program itself. */
  const commands = () => {
    const script = folders.datastream('completion', 'bash').stdout;
    return ['', ...Array.from(script.matchAll(/ at='([\w -]+)' ;;$/gm), ([, path = '']) => path)];
  };

  it('has an example in its help, which is 80 columns wide', () => {
    const all = commands();
    expect(all.length).toBeGreaterThan(30);
    expect(all).toEqual(expect.arrayContaining(['start', 'matrix check', 'cost prices update', 'submit results']));

    const wrong = all
      .filter((path) => !/^(.* )?help$/.test(path))
      .flatMap((path) => {
        const { status, stdout } = folders.datastream(...path.split(' ').filter(Boolean), '--help');
        const example = new RegExp(`\\nExamples?:\\n( {2}.*\\n)* {2}.*datastream ${path}`).test(stdout);
        const wide = stdout.split('\n').filter((line) => line.length > 80);
        return [
          ...(status === 0 ? [] : [`${path}: exits ${status}`]),
          ...(example ? [] : [`${path}: no example`]),
          ...wide.map((line) => `${path}: wide: ${line}`),
        ];
      });
    expect(wrong).toEqual([]);
  });
});
