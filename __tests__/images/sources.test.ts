import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describeWith } from '../support/tools';

const ROOT = path.join(__dirname, '../..');

const filesBelow = (...rooms: string[]) =>
  rooms.flatMap((room) =>
    readdirSync(path.join(ROOT, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(path.relative(ROOT, entry.parentPath), entry.name)),
  );

const images = filesBelow('images');
const dockerfiles = images.filter((file) => path.basename(file).startsWith('Dockerfile'));

/** The instructions of a Dockerfile, each in one line: its word and what follows. */
const instructions = (file: string) =>
  readFileSync(path.join(ROOT, file), 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => /^([A-Z]+)\s+(.*)$/.exec(line)?.slice(1) as [string, string]);

const check = (program: string, args: readonly string[], input?: string) => {
  const { stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', input });
  return stdout + stderr;
};

describeWith(['pyflakes3'], 'what is written in Python', () => {
  test('passes pyflakes', () => {
    const python = filesBelow('images', 'local', '__tests__').filter((file) => file.endsWith('.py'));

    expect(python.length).toBeGreaterThan(5);
    expect(check('pyflakes3', python)).toBe('');
  });
});

describeWith(['shellcheck'], "the images' shell", () => {
  const scripts = images.filter((file) => file.endsWith('.sh'));
  test.each(scripts)('%s passes shellcheck', (file) => {
    expect(check('shellcheck', [file])).toBe('');
  });

  test.each(dockerfiles)('%s runs what passes shellcheck', (file) => {
    const runs = instructions(file).filter(([word]) => word === 'RUN');

    expect(runs.map(([, shell]) => check('shellcheck', ['--shell=sh', '-'], `${shell}\n`))).toEqual(runs.map(() => ''));
  });
});

test.each(dockerfiles)('%s has instructions of Docker alone, and commands as JSON', (file) => {
  for (const [word, rest] of instructions(file)) {
    expect(['ARG', 'FROM', 'RUN', 'COPY', 'ENV', 'USER', 'WORKDIR', 'ENTRYPOINT', 'CMD']).toContain(word);
    if (word === 'ENTRYPOINT' || word === 'CMD') expect(Array.isArray(JSON.parse(rest))).toBe(true);
  }
});

describe("BISON's image", () => {
  const folder = path.join(ROOT, 'images/bison');
  const of = (name: string) => instructions('images/bison/Dockerfile').filter(([word]) => word === name);

  test('is built from a digest, with a package whose hash is known', () => {
    expect(of('FROM').map(([, rest]) => rest)).toEqual([
      expect.stringMatching(/^ghcr\.io\/osgeo\/gdal:ubuntu-small-[\d.]+@sha256:[0-9a-f]{64}$/),
    ]);
    const packages = readFileSync(path.join(folder, 'requirements.txt'), 'utf8').replace(/^#.*\n/gm, '');
    expect(packages).toMatch(/^\w+==[\d.]+ --hash=sha256:[0-9a-f]{64}\n$/);
  });

  test('has every program, and the modules that they import', () => {
    const copied = of('COPY').flatMap(([, rest]) => rest.split(/\s+/).slice(0, -1));
    const python = readdirSync(folder).filter((file) => file.endsWith('.py'));

    expect(copied.filter((file) => !existsSync(path.join(folder, file)))).toEqual([]);
    expect(copied.filter((file) => file.endsWith('.py')).sort()).toEqual(python.sort());
  });
});
