import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const MODULE = resolve(__dirname, '../../files/temporary-folder.ts');
const TSX = require.resolve('tsx/cjs');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Node.js' arguments for a program that makes a folder, says which, and goes on. */
const program = (then = '') => [
  '--require',
  TSX,
  '--eval',
  `const made = require(${JSON.stringify(MODULE)}).temporaryFolder('run'); console.log(made); ${then}`,
];

function makeOne(then?: string, TMPDIR = folder) {
  const env = { ...process.env, TMPDIR, TSX_DISABLE_CACHE: '1' };
  return spawnSync(process.execPath, program(then), { env, encoding: 'utf8' });
}

/** Makes a folder, and lives until it is killed. */
async function startOne(): Promise<{ readonly made: string; readonly kill: () => Promise<unknown> }> {
  const env = { ...process.env, TMPDIR: folder, TSX_DISABLE_CACHE: '1' };
  const child = spawn(process.execPath, program('setInterval(() => {}, 1000);'), { env });
  const made = await new Promise<string>((told) => child.stdout.once('data', (text) => told(String(text).trim())));
  const ended = new Promise((done) => child.once('exit', done));
  const kill = () => {
    child.kill('SIGKILL');
    return ended;
  };
  return { made, kill };
}

describe('temporaryFolder', () => {
  test('makes a folder that goes with the process, with what is in it', () => {
    const { stdout } = makeOne(
      "require('fs').writeFileSync(made + '/x', ''); console.log(require('fs').existsSync(made));",
    );

    expect(stdout).toMatch(/datastream-run-\S+\ntrue\n$/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('removes what a process has left that was killed, and nothing of one that lives', async () => {
    const [dead, alive] = await Promise.all([startOne(), startOne()]);
    writeFileSync(join(dead.made, 'x'), '');
    await dead.kill();
    expect(existsSync(dead.made)).toBe(true);

    makeOne();

    expect([existsSync(dead.made), existsSync(alive.made)]).toEqual([false, true]);
    await alive.kill();
  });

  test("leaves another computer's folders, other names and links", async () => {
    const { made, kill } = await startOne();
    await kill();
    const [, place = ''] = /run-([0-9a-f]{8})-/.exec(made) ?? [];
    const elsewhere = made.replace(`-run-${place}-`, place === '00000000' ? '-run-11111111-' : '-run-00000000-');
    const others = [elsewhere, join(folder, 'datastream-of-a-user'), join(folder, `datastream-run-${place}-abcdef`)];
    for (const each of others) mkdirSync(each);

    makeOne();

    expect(
      readdirSync(folder)
        .map((name) => join(folder, name))
        .sort(),
    ).toEqual(others.sort());
  });

  test('says in one sentence where none can be made', () => {
    writeFileSync(join(folder, 'file'), '');
    const { stderr } = makeOne('', join(folder, 'file'));

    expect(stderr).toContain(
      `Error: ${join(folder, 'file')}: a part of this path is not a folder: set TMPDIR to another folder.\n`,
    );
  });
});
