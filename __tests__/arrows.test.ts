import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(__dirname, '..');

/** Who may import whom; a file or a folder of the right side. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  executions: [],
  lambdas: ['executions'],
  constructs: ['executions', 'lambdas/errors'],
  local: ['executions', 'lambdas', 'constructs/definition'],
  packer: ['executions'],
  cli: ['executions', 'local', 'packer'],
  'main.ts': ['constructs'],
};

/** Packages that only the cloud's side may import. */
const CLOUD = /^(cdktf|constructs|cdktn|@cdktf\/.*)$/;

interface Arrow {
  readonly file: string;
  /** What the import statement says. */
  readonly specifier: string;
  /** Relative to the root and without extension; undefined for a package. */
  readonly target: string | undefined;
}

function sources(room: string): string[] {
  if (room.endsWith('.ts')) return [room];
  return readdirSync(path.join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|cjs|mjs|js)$/.test(file))
    .map((file) => path.posix.join(room, file.split(path.sep).join('/')));
}

function arrowsOf(file: string, text: string): Arrow[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\(\s*)(['"])([^'"\n]+)\1/g;
  return Array.from(text.matchAll(pattern), ([, , specifier = '']) => ({
    file,
    specifier,
    target: specifier.startsWith('.')
      ? path.posix.join(path.posix.dirname(file), specifier).replace(/\.(ts|js|json)$/, '')
      : undefined,
  }));
}

function forbidden(room: string, arrows: readonly Arrow[]): string[] {
  const allowed = [room.replace(/\.ts$/, ''), ...(MAY_IMPORT[room] ?? [])];
  return arrows
    .filter(({ specifier, target }) =>
      target === undefined
        ? CLOUD.test(specifier) && room !== 'constructs' && room !== 'main.ts'
        : !allowed.some((each) => target === each || target.startsWith(`${each}/`)),
    )
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
}

test.each(Object.keys(MAY_IMPORT))('%s imports only what it may', (room) => {
  const arrows = sources(room).flatMap((file) => arrowsOf(file, readFileSync(path.join(ROOT, file), 'utf8')));

  expect(forbidden(room, arrows)).toEqual([]);
});

test('the provider is imported by resource, never as a whole', () => {
  const arrows = ['constructs', 'main.ts']
    .flatMap(sources)
    .flatMap((file) => arrowsOf(file, readFileSync(path.join(ROOT, file), 'utf8')));
  const provider = arrows.filter(({ specifier }) => specifier.startsWith('@cdktf/provider-aws'));

  expect(provider.length).toBeGreaterThan(10);
  expect(provider.filter(({ specifier }) => !/^@cdktf\/provider-aws\/lib\/[\w-]+$/.test(specifier))).toEqual([]);
});

describe('the check itself', () => {
  test.each([
    ['executions', 'executions/a.ts', "import { b } from '../lambdas/b';"],
    ['lambdas', 'lambdas/a.ts', "import { Fn } from 'cdktf';"],
    ['lambdas', 'lambdas/a.ts', "const { b } = await import('../local/b');"],
    ['constructs', 'constructs/a.ts', "import type { B } from '../lambdas/starter';"],
    ['local', 'local/a.ts', "import { DataStream } from '../constructs/data-stream';"],
    ['local', 'local/a.ts', "import { B } from '../constructs/definitions';"],
    ['cli', 'cli/a.ts', "export { b } from '../lambdas/b';"],
    ['cli', 'cli/a.cjs', "require('../main')"],
    ['main.ts', 'main.ts', "import './executions/parse';"],
  ])('finds that %s may not: %s with %s', (room, file, text) => {
    expect(forbidden(room, arrowsOf(file, text))).toHaveLength(1);
  });

  test('allows what is allowed', () => {
    expect(
      forbidden('local', arrowsOf('local/a/b.ts', "import { definition } from '../../constructs/definition';")),
    ).toEqual([]);
    expect(
      forbidden('constructs', arrowsOf('constructs/a.ts', "import { ErrorName } from '../lambdas/errors';")),
    ).toEqual([]);
  });
});
