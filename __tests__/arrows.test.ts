import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(__dirname, '..');

/** Files of constructs/ that know nothing of Terraform: what they hold is of use without a synthesis, too. */
const PURE_CONSTRUCTS = [
  'constructs/aws/states-language',
  ...['default-names', 'definition', 'events', 'functions', 'submission-definition'].map(
    (file) => `constructs/datastream/${file}`,
  ),
  ...['definition', 'events', 'functions', 'jobs', 'table-shapes'].map((file) => `constructs/carousel/${file}`),
  ...['definition', 'functions', 'jobs', 'names', 'queries'].map((file) => `constructs/bison/${file}`),
];

/** What the Terraform of a system may know of its functions. */
const PURE_LAMBDAS = (system: string) => [
  'lambdas/runtime/errors',
  'lambdas/runtime/tags',
  `lambdas/${system}/errors`,
  `lambdas/${system}/limits`,
  `lambdas/${system}/tags`,
  `lambdas/${system}/schedule-input`,
  `lambdas/${system}/known-job`,
  `lambdas/${system}/snapshot`,
];

const SYSTEMS = readdirSync(path.join(ROOT, 'lambdas')).filter((folder) => folder !== 'runtime');

/** Who may import whom: a file or a folder of the right side. Each may import itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  files: [],
  prices: [],
  executions: ['files'],
  // Regions and names of buckets are AWS's, and execution files hold them too.
  pipelines: ['files', 'executions/region', 'executions/s3-names'],
  'lambdas/runtime': [],
  ...Object.fromEntries(
    SYSTEMS.map((system) => [`lambdas/${system}`, ['lambdas/runtime', 'executions', 'files', 'prices']]),
  ),
  // A region's code is AWS's, and execution files hold it too. The sources of functions are in the product's folder, and
  // a bundle is made in a temporary one.
  'constructs/aws': [
    'executions/region',
    'files/product',
    'files/temporary-folder',
    'lambdas/runtime/batch-command',
    'lambdas/runtime/tags',
  ],
  ...Object.fromEntries(
    SYSTEMS.map((system) => [
      `constructs/${system}`,
      ['constructs/aws', 'executions', 'files/values', ...PURE_LAMBDAS(system)],
    ]),
  ),
  // The kit is in the product's folder.
  'constructs/tsdat': ['constructs/aws', 'files', 'pipelines', ...PURE_LAMBDAS('tsdat')],
  // Who uses the construct reads the file with the parser.
  'constructs/index.ts': ['constructs/aws', ...SYSTEMS.map((system) => `constructs/${system}`), 'pipelines'],
  local: ['lambdas', 'executions', 'files', 'pipelines', 'prices', ...PURE_CONSTRUCTS],
  packer: ['executions', 'files', ...PURE_CONSTRUCTS],
  cli: ['constructs', 'executions', 'files', 'lambdas', 'local', 'packer', 'pipelines', 'prices'],
  package: ['constructs', 'cdktf', 'files'],
  'main.ts': ['constructs', 'cdktf', 'files/disk'],
};

/** Packages that only the cloud's side may import. */
const CLOUD = /^(cdktf|constructs|cdktn|@cdktf\/.*)$/;
const isOfCloud = (room: string) => room.startsWith('constructs/') || room === 'main.ts';

interface Arrow {
  readonly file: string;
  /** What the import statement says. */
  readonly specifier: string;
  /** Relative to the root and without extension; undefined for a package. */
  readonly target: string | undefined;
}

function sources(room: string): string[] {
  if (room.endsWith('.ts')) return existsSync(path.join(ROOT, room)) ? [room] : [];
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

const arrowsFrom = (file: string) => arrowsOf(file, readFileSync(path.join(ROOT, file), 'utf8'));

function forbidden(room: string, arrows: readonly Arrow[]): string[] {
  const allowed = [room.replace(/\.ts$/, ''), ...(MAY_IMPORT[room] ?? [])];
  return arrows
    .filter(({ specifier, target }) =>
      target === undefined
        ? CLOUD.test(specifier) && !isOfCloud(room)
        : !allowed.some((each) => target === each || target.startsWith(`${each}/`)),
    )
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
}

/** Every package that a file brings along, by itself or by what it imports. */
function packagesBehind(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return arrowsFrom(`${file}.ts`).flatMap(({ specifier, target }) =>
    target === undefined ? [specifier] : packagesBehind(target, seen),
  );
}

test.each(Object.keys(MAY_IMPORT))('%s imports only what it may', (room) => {
  expect(forbidden(room, sources(room).flatMap(arrowsFrom))).toEqual([]);
});

test('every source stands in a room that the arrows know', () => {
  const rooms = Object.keys(MAY_IMPORT);
  const files = ['constructs', 'lambdas'].flatMap(sources);

  expect(files.filter((file) => !rooms.some((room) => file === room || file.startsWith(`${room}/`)))).toEqual([]);
});

test.each([
  ...PURE_CONSTRUCTS,
  ...SYSTEMS.flatMap(PURE_LAMBDAS).filter((file) => existsSync(path.join(ROOT, `${file}.ts`))),
])('%s is pure: it brings neither Terraform nor the AWS clients along', (file) => {
  expect(packagesBehind(file).filter((name) => CLOUD.test(name) || name.startsWith('@aws-sdk/'))).toEqual([]);
});

test('the provider is imported by resource, never as a whole', () => {
  const arrows = [...sources('constructs'), 'main.ts'].flatMap(arrowsFrom);
  const provider = arrows.filter(({ specifier }) => specifier.startsWith('@cdktf/provider-aws'));

  expect(provider.length).toBeGreaterThan(10);
  expect(provider.filter(({ specifier }) => !/^@cdktf\/provider-aws\/lib\/[\w-]+$/.test(specifier))).toEqual([]);
});

test('docs/architecture.md draws every arrow between two rooms, and no other', () => {
  const rooms = Object.keys(MAY_IMPORT);
  const roomOf = (file: string) =>
    rooms.find((room) => file === room.replace(/\.ts$/, '') || file.startsWith(`${room}/`)) ?? file;
  const arrows = rooms.flatMap((room) =>
    sources(room)
      .flatMap(arrowsFrom)
      .filter(({ target }) => target !== undefined && !/^cdktf$/.test(target))
      .map(({ target = '' }) => `${room} --> ${roomOf(target)}`)
      .filter((arrow) => arrow !== `${room} --> ${room}`),
  );
  const page = readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8');

  expect(page.match(/^ {2}\S+ --> \S+$/gm)?.map((line) => line.trim())).toEqual([...new Set(arrows)].sort());
});

describe('the check itself', () => {
  test.each([
    ['files', 'files/a.ts', "import { b } from '../executions/b';"],
    ['prices', 'prices/a.ts', "import { b } from '../files/b';"],
    ['executions', 'executions/a.ts', "import { b } from '../lambdas/datastream/b';"],
    ['lambdas/runtime', 'lambdas/runtime/a.ts', "import { b } from '../datastream/errors';"],
    ['lambdas/datastream', 'lambdas/datastream/a.ts', "import { Fn } from 'cdktf';"],
    ['lambdas/datastream', 'lambdas/datastream/a.ts', "const { b } = await import('../../local/b');"],
    ['lambdas/datastream', 'lambdas/datastream/a.ts', "import { b } from '../bison/b';"],
    ['constructs/aws', 'constructs/aws/a.ts', "import { b } from '../datastream/b';"],
    ['constructs/aws', 'constructs/aws/a.ts', "import { b } from '../../lambdas/datastream/tags';"],
    [
      'constructs/datastream',
      'constructs/datastream/a.ts',
      "import type { B } from '../../lambdas/datastream/starter';",
    ],
    ['constructs/datastream', 'constructs/datastream/a.ts', "import { b } from '../bison/b';"],
    ['constructs/datastream', 'constructs/datastream/a.ts', "import { b } from '../../pipelines/model';"],
    ['constructs/tsdat', 'constructs/tsdat/a.ts', "import { b } from '../datastream/b';"],
    ['constructs/tsdat', 'constructs/tsdat/a.ts', "import { b } from '../../lambdas/tsdat/preparer';"],
    ['pipelines', 'pipelines/a.ts', "import { b } from '../executions/parse';"],
    ['constructs/datastream', 'constructs/datastream/a.ts', "import { b } from '../../lambdas/bison/errors';"],
    ['local', 'local/a.ts', "import { DataStream } from '../constructs/datastream/data-stream';"],
    ['local', 'local/a.ts', "import { B } from '../constructs/datastream/definitions';"],
    ['cli', 'cli/a.cjs', "require('../main')"],
    ['cli', 'cli/a.ts', "import { App } from 'cdktf';"],
    ['main.ts', 'main.ts', "import './executions/parse';"],
  ])('finds that %s may not: %s with %s', (room, file, text) => {
    expect(forbidden(room, arrowsOf(file, text))).toHaveLength(1);
  });

  test.each([
    ['local', 'local/a/b.ts', "import { definition } from '../../constructs/datastream/definition';"],
    [
      'constructs/datastream',
      'constructs/datastream/a.ts',
      "import { ErrorName } from '../../lambdas/datastream/errors';",
    ],
    ['cli', 'cli/commands/a.ts', "const { b } = require('../../local/b');"],
  ])('allows that %s does: %s with %s', (room, file, text) => {
    expect(forbidden(room, arrowsOf(file, text))).toEqual([]);
  });
});
