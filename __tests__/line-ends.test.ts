import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(__dirname, '..');

/** Whatever begins with a shebang, and what Packer reads: Linux runs it, wherever the clone was made. */
const onLinux = ['.ci', 'cli', 'constructs', 'images', 'local', 'packer']
  .flatMap((room) =>
    readdirSync(path.join(ROOT, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(path.relative(ROOT, entry.parentPath), entry.name)),
  )
  .filter((file) => file.endsWith('.hcl') || readFileSync(path.join(ROOT, file), 'utf8').startsWith('#!'));

test('what Linux runs has line feeds alone', () => {
  expect(onLinux.length).toBeGreaterThan(20);
  expect(onLinux.filter((file) => readFileSync(path.join(ROOT, file), 'utf8').includes('\r'))).toEqual([]);
});

/** An archive of the repository has no attributes to ask for. */
const inClone = existsSync(path.join(ROOT, '.git')) ? test : test.skip;

inClone('git keeps these line feeds in a clone on Windows (skipped where this is no clone)', () => {
  const attributes = execFileSync('git', ['check-attr', 'eol', '--', ...onLinux], { cwd: ROOT, encoding: 'utf8' });

  expect(
    attributes
      .trim()
      .split('\n')
      .filter((line) => !line.endsWith(': eol: lf')),
  ).toEqual([]);
});
