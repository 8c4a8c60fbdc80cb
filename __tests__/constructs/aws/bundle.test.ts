import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Bundles, bundle } from '../../../constructs/aws/bundle';
import { FUNCTIONS, type FunctionName, SOURCES } from '../../../constructs/datastream/functions';

const ROOT = path.join(__dirname, '../../..');
const LIMIT = 600_000;

/** The SDK clients that each function calls; what the clients' credentials need comes with any of them. */
const CLIENTS: Readonly<Record<FunctionName, readonly string[]>> = {
  starter: ['client-ec2', 'client-ssm'],
  commander: ['client-s3', 'client-ssm'],
  poller: ['client-ec2', 'client-sfn', 'client-ssm'],
  checker: ['client-s3'],
  stopper: ['client-ec2'],
  relay: ['client-ec2', 'client-sfn', 'client-ssm'],
  reaper: ['client-ec2', 'client-sfn'],
  planner: ['client-sfn'],
  results: ['client-s3', 'client-sfn'],
  // What it asks of a job is in the file of results, which brings S3's client along.
  reporter: ['client-sfn', 'client-sns'],
};

let bundles: Bundles<FunctionName>;
beforeAll(() => {
  bundles = bundle(SOURCES);
});

/** The files of which a bundle holds something. */
function filesIn(name: FunctionName): string[] {
  const output = Object.entries(bundles.metafile.outputs).find(([file]) => file.endsWith(`${name}.js`))?.[1];
  return Object.entries(output?.inputs ?? {})
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => file);
}

describe.each(FUNCTIONS)('the bundle of %s', (name) => {
  test(`is smaller than ${LIMIT} bytes`, () => {
    expect(bundles.functions[name].code.length).toBeLessThan(LIMIT);
  });

  test('exports the handler', () => {
    const module: { exports: { handler?: unknown } } = { exports: {} };
    const code = bundles.functions[name].code.toString();
    new Function('module', 'exports', 'require', code)(module, module.exports, require);

    expect(typeof module.exports.handler).toBe('function');
  });

  test('holds the SDK clients that it calls, and no other', () => {
    const clients = filesIn(name).flatMap((file) => /@aws-sdk\/(client-[\w-]+)\//.exec(file)?.[1] ?? []);

    expect([...new Set(clients)].sort()).toEqual(CLIENTS[name]);
  });

  test("holds none of zod's 60 languages but English", () => {
    // `import { z } from 'zod'` brings them all (360 KB): esbuild can drop them after `import * as z from 'zod'`.
    expect(filesIn(name).filter((file) => /zod\/v4\/locales\/(?!en\.js|index\.js)/.test(file))).toEqual([]);
  });

  test("holds nothing of how a person's ~/.aws is read", () => {
    expect(filesIn(name).filter((file) => /credential-provider-(sso|ini|process|login)/.test(file))).toEqual([]);
  });

  test("holds of the clients' package.json the version alone", () => {
    const names = Object.entries(bundles.metafile.outputs).find(([file]) => file.endsWith(`${name}.js`))?.[1].inputs;
    const sizes = Object.entries(names ?? {}).filter(([file]) => file.endsWith('/package.json'));

    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes.filter(([, { bytesInOutput }]) => bytesInOutput > 50)).toEqual([]);
  });

  test('has a source map of relative paths', () => {
    const { sources }: { sources: string[] } = JSON.parse(bundles.functions[name].map.toString());

    expect(sources).toContain(`${name}.ts`);
    // None leads out of the root, by whose name it would come in again.
    const inRoot = sources.map((source) => path.posix.join('lambdas/datastream', source));
    expect(sources.filter((source) => path.isAbsolute(source))).toEqual([]);
    expect(inRoot.filter((source) => source.startsWith('..'))).toEqual([]);
  });
});

test('is the same, byte for byte, a second time, in another folder and from another working directory', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datastream-copy-'));
  const workingDirectory = process.cwd();
  try {
    for (const each of ['lambdas', 'executions', 'files', 'prices'])
      cpSync(path.join(ROOT, each), path.join(folder, each), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    process.chdir(folder);

    const copy = bundle(SOURCES, folder);

    for (const name of FUNCTIONS) {
      expect(copy.functions[name].archive.equals(bundles.functions[name].archive)).toBe(true);
    }
  } finally {
    process.chdir(workingDirectory);
    rmSync(folder, { recursive: true });
  }
});

test('tells the line of its TypeScript in the log when a handler throws, and a sentence alone to who has called it', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datastream-stack-'));
  try {
    for (const each of ['lambdas', 'executions', 'files', 'prices'])
      cpSync(path.join(ROOT, each), path.join(folder, each), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    const source = [
      "import * as z from 'zod';",
      "import { createHandler } from '../runtime/handler';",
      'interface Nested { readonly outer: { readonly inner: string } }',
      'async function look(event: unknown): Promise<string> {',
      '  return (event as Nested).outer.inner;',
      '}',
      "export const handler = createHandler('checker', z.unknown(), look);",
    ];
    writeFileSync(path.join(folder, 'lambdas', 'datastream', 'checker.ts'), source.join('\n'));
    const { code, map } = bundle(SOURCES, folder).functions.checker;
    writeFileSync(path.join(folder, 'checker.js'), code);
    writeFileSync(path.join(folder, 'checker.js.map'), map);
    const caller =
      "require('./checker.js').handler({}).catch(({ name, message, stack }) => " +
      'console.log(JSON.stringify({ name, message, stack })));';

    const options = { cwd: folder, encoding: 'utf8' as const };
    const { stdout, stderr } = spawnSync(process.execPath, ['--enable-source-maps', '-e', caller], options);

    // Outside Lambda the logger writes errors to standard error.
    const [line, thrown] = [stderr, stdout].map((each) => JSON.parse(each) as Record<string, string>);
    expect(line).toMatchObject({ level: 'ERROR', error_name: 'TypeError', message: thrown?.message });
    expect(line?.stack).toMatch(/^ {4}at .*\bchecker\.ts:5:\d+\)?$/m);
    expect(line?.stack).toMatch(/^ {4}at .*\bhandler\.ts:\d+:\d+\)?$/m);
    expect(thrown).toMatchObject({ name: 'TypeError', stack: `TypeError: ${thrown?.message}` });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('fails when a function is missing', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datastream-empty-'));
  try {
    expect(() => bundle(SOURCES, folder)).toThrow('lambdas/datastream/starter.ts');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
