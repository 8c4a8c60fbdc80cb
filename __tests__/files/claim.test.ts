import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claim } from '../../files/claim';
import { thisProcess } from '../../files/processes';

const folder = mkdtempSync(join(tmpdir(), 'claim-'));
const claims = join(folder, '.runs');
afterAll(() => rmSync(folder, { recursive: true }));

test('a folder is claimed until it is given back', () => {
  const claimed = claim(folder);
  expect('release' in claimed && readdirSync(claims)).toHaveLength(1);
  if ('release' in claimed) claimed.release();
  expect(readdirSync(claims)).toEqual([]);
});

test('another living process holds it, and keeps its claim', () => {
  const { place } = thisProcess();
  writeFileSync(join(claims, `${process.ppid}-${place}-`), '');

  expect(claim(folder)).toEqual({ heldBy: process.ppid });
  expect(readdirSync(claims)).toEqual([`${process.ppid}-${place}-`]);
  rmSync(join(claims, `${process.ppid}-${place}-`));
});

test.each([
  ['a process that has ended', () => `${spawnSync('true').pid}-${thisProcess().place}-`],
  ['a process whose ID another one has now', () => `${process.ppid}-${thisProcess().place}-1`],
  ['a process of another host', () => `${process.ppid}-01234567-1`],
])('the claim of %s does not count', (_what, name) => {
  writeFileSync(join(claims, name()), '');
  const claimed = claim(folder);

  expect(claimed).toHaveProperty('release');
  expect(readdirSync(claims)).toHaveLength(1);
  if ('release' in claimed) claimed.release();
});
