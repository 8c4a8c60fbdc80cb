import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync, type ZipOptions, zipSync } from 'fflate';
import { PRODUCT } from '../../files/product';
import { describeWith } from '../support/tools';

const BIN = join(PRODUCT, 'local/stand-ins/bison');
const GBIF = join(PRODUCT, 'local/examples/bison/gbif');
const KEY = '0004219-251025141854904';
const URL = `https://api.gbif.org/v1/occurrence/download/request/${KEY}.zip`;
const env = { PATH: `${BIN}:${process.env.PATH}`, DATASTREAM_GBIF: GBIF, DATASTREAM_NODE: process.execPath };

const folder = mkdtempSync(join(tmpdir(), 'bison-stand-ins-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bash = (command: string) =>
  spawnSync('bash', ['-o', 'pipefail', '-c', command], {
    env,
    encoding: 'utf8',
    maxBuffer: 1e8,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const file = (name: string, content: Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

test('curl and bsdtar stream one file out of a download', () => {
  const { status, stdout, stderr } = bash(`curl -fsSL ${URL} | bsdtar -xOf - occurrence.txt`);
  const archive = unzipSync(readFileSync(join(GBIF, `${KEY}.zip`)));

  expect([status, stderr]).toEqual([0, '']);
  expect(stdout === Buffer.from(archive['occurrence.txt'] as Uint8Array).toString('utf8')).toBe(true);
});

const LINES = Array.from({ length: 200_000 }, (_, line) => `${line}\n`).join('');
const BYTES = Uint8Array.from({ length: 300_000 }, (_, index) => (index * index * 7) % 251);

test.each<[string, ZipOptions]>([
  ['packed', { level: 6 }],
  ['stored', { level: 0 }],
])('bsdtar finds the last of several %s files', (_what, options) => {
  const files = { 'a.bin': BYTES, 'b.txt': Buffer.from('b'), 'occurrence.txt': Buffer.from(LINES) };
  const zip = file('several.zip', zipSync(files, options));

  expect(bash(`bsdtar -xOf - occurrence.txt < ${zip}`).stdout === LINES).toBe(true);
  expect(bash(`bsdtar -xOf - b.txt < ${zip}`).stdout).toBe('b');
});

describeWith(['python3'], 'bsdtar', () => {
  test('reads a zip that was written as a stream, whose headers know no sizes', () => {
    writeFileSync(join(folder, 'occurrence.txt'), LINES);
    writeFileSync(join(folder, 'first.txt'), 'first');
    const program =
      'import sys, zipfile\n' +
      'class Stream:\n' +
      '  def write(self, data): return sys.stdout.buffer.write(data)\n' +
      '  def flush(self): sys.stdout.buffer.flush()\n' +
      'with zipfile.ZipFile(Stream(), "w", zipfile.ZIP_DEFLATED) as archive:\n' +
      '  for name in ("first.txt", "occurrence.txt"): archive.write(name)\n';
    const zip = file('stream.zip', execFileSync('python3', ['-c', program], { cwd: folder, maxBuffer: 1e8 }));

    expect(bash(`bsdtar -xOf - occurrence.txt < ${zip}`).stdout === LINES).toBe(true);
  });
});

test.each([
  ['a download that is not there', `curl -fsSL ${URL.replace('0004219', '0000000')}`, 22, 'error: 404'],
  ['another server', 'curl -fsSL https://example.org/a.zip', 6, "reaches GBIF's downloads only"],
  ['an option of curl that it does not know', `curl -o x ${URL}`, 2, 'does not know the option -o'],
  ['a file that is not in the zip', `curl -fsSL ${URL} | bsdtar -xOf - none.txt`, 1, 'none.txt: Not found in archive'],
  [
    'a zip that was cut off',
    `curl -fsSL ${URL} | head -c 20000 | bsdtar -xOf - occurrence.txt`,
    1,
    'Truncated ZIP file',
  ],
  ['no zip', 'echo hello there, this is no zip at all | bsdtar -xOf - a', 1, 'a: Not found in archive'],
  ['other options of bsdtar', 'bsdtar -tf a.zip', 1, "knows 'bsdtar -xOf - NAME' only"],
])('they fail with %s', (_what, command, code, message) => {
  const { status, stderr } = bash(command);

  expect([status, stderr]).toEqual([code, expect.stringContaining(message)]);
});
