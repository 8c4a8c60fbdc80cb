import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '../../files/write-file';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

describe('writeFileAtomically', () => {
  test('makes a file of the text alone', () => {
    writeFileAtomically(at('x.json'), '{"é": 1}\n');

    expect(readFileSync(at('x.json'), 'utf8')).toBe('{"é": 1}\n');
    expect(readdirSync(folder)).toEqual(['x.json']);
  });

  test('puts another file in the place of the one that was there, with its permissions', () => {
    writeFileSync(at('x.json'), 'a much longer text than the new one');
    chmodSync(at('x.json'), 0o600);
    const before = statSync(at('x.json')).ino;

    writeFileAtomically(at('x.json'), 'new');

    expect(readFileSync(at('x.json'), 'utf8')).toBe('new');
    expect(statSync(at('x.json')).mode & 0o777).toBe(0o600);
    expect(statSync(at('x.json')).ino).not.toBe(before);
  });

  test('leaves a symbolic link a link', () => {
    writeFileSync(at('real.json'), 'old');
    symlinkSync('real.json', at('link.json'));

    writeFileAtomically(at('link.json'), 'new');

    expect(lstatSync(at('link.json')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('real.json'), 'utf8')).toBe('new');
  });

  test('leaves what was there when the disk takes a part of the text alone', () => {
    writeFileSync(at('x.json'), 'old');
    const script = `require(${JSON.stringify(join(__dirname, '../../files/write-file'))}).writeFileAtomically(${JSON.stringify(at('x.json'))}, 'x'.repeat(40000))`;

    // 8 KB is the largest file that the process may write: the disk's end, without a disk.
    const written = spawnSync(
      'bash',
      ['-c', 'ulimit -f 8 && exec "$@"', 'bash', process.execPath, '--import', 'tsx', '-e', script],
      {
        env: { ...process.env, TSX_DISABLE_CACHE: '1' },
        encoding: 'utf8',
      },
    );

    expect(written.stderr).toContain('x.json: it cannot be written (EFBIG).');
    expect(readFileSync(at('x.json'), 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['x.json']);
  });

  test.each([
    [
      'a folder that does not exist',
      'nowhere/x.json',
      /nowhere\/x\.json: the folder .*nowhere does not exist: make it/,
    ],
    ['a folder in place of the file', 'folder', /folder: this is no file/],
    ['a file in place of the folder', 'file/x.json', /file is no folder/],
  ])('says in one sentence what is wrong with %s, and leaves nothing', (_, name, message) => {
    mkdirSync(at('folder'));
    writeFileSync(at('file'), 'old');

    expect(() => writeFileAtomically(at(name), 'new')).toThrow(message);

    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['file', 'folder']);
    expect(readFileSync(at('file'), 'utf8')).toBe('old');
  });
});
