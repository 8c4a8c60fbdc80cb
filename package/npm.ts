import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { bundle } from '../constructs/aws/bundle';
import { SOURCES } from '../constructs/datastream/functions';
import { PRODUCT } from '../files/product';
import { declarations, IMPORTED } from './declarations';

/**
 * Makes what `npm pack` packs, in dist/npm: the constructs for cdktf and for cdktn with their declarations, the functions'
 * archives, and the command, all without a dependency but cdktf or cdktn with their provider. It has the checkout's layout,
 * so that each file is found from PRODUCT in both.
 */

const OUT = path.join(PRODUCT, 'dist', 'npm');

/** A module's name under cdktn: its packages are called like cdktf's, with another last letter. */
const underCdktn = (name: string) => name.replace(/^(@?)cdktf(?=\/|$)/, '$1cdktn');

/** Leaves the App's own packages out of the bundle, by the name that `named` gives them. */
const ofTheApp = (named: (name: string) => string): Plugin => ({
  name: 'of-the-app',
  setup({ onResolve }) {
    onResolve({ filter: /^(cdktf|constructs|@cdktf\/provider-aws)(\/|$)/ }, ({ path: name }) => ({
      path: named(name),
      external: true,
    }));
  },
});

/** As AWS's clients are bundled for the functions: an SDK that esbuild can drop things of. */
const COMMON: BuildOptions = {
  absWorkingDir: PRODUCT,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
};

async function main(): Promise<void> {
  rmSync(OUT, { recursive: true, force: true });
  const archives = path.join(OUT, 'functions', SOURCES.folder);
  mkdirSync(archives, { recursive: true });
  for (const [name, { archive }] of Object.entries(bundle(SOURCES).functions)) {
    writeFileSync(path.join(archives, `${name}.zip`), archive);
  }
  const types = declarations('constructs/index.ts');
  for (const [folder, named] of [
    ['constructs', (name: string) => name],
    ['cdktn', underCdktn],
  ] as const) {
    await build({
      ...COMMON,
      entryPoints: ['constructs/index.ts'],
      outfile: path.join(OUT, folder, 'index.js'),
      // Names of classes stand in messages.
      keepNames: true,
      plugins: [ofTheApp(named)],
    });
    for (const [file, text] of types) {
      const target = path.join(OUT, folder, 'types', file);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, text.replace(IMPORTED, named));
    }
  }
  const shakeableSchemas: Plugin = require('../constructs/aws/shakeable-schemas.cjs');
  await build({
    ...COMMON,
    entryPoints: ['cli/main.ts'],
    outfile: path.join(OUT, 'cli', 'main.js'),
    minify: true,
    plugins: [shakeableSchemas],
    // hcl2json asks for it where there is no global of this name; Node.js has one.
    external: ['performance'],
  });
  writeFileSync(
    path.join(OUT, 'cli', 'datastream.cjs'),
    "#!/usr/bin/env node\nrequire('./node-version.cjs').checkForDatastream();\nrequire('./main.js');\n",
    { mode: 0o755 },
  );
  for (const each of [
    'cli/node-version.cjs',
    'executions/execution_template.json',
    'executions/execution.schema.json',
    'executions/matrix.schema.json',
    'executions/examples',
    'local/stand-ins',
    'local/mounts.cjs',
    'packer/image',
  ]) {
    cpSync(path.join(PRODUCT, each), path.join(OUT, each), { recursive: true });
  }
  // hcl2json reads it beside the folder of its own code.
  cpSync(path.join(require.resolve('@cdktn/hcl2json'), '../../main.wasm.gz'), path.join(OUT, 'main.wasm.gz'));
  writeManifest();
}

/** Where the checkout's package.json waits while the package's stands in its place. */
const WAITING = path.join(PRODUCT, 'dist', 'package.json');
const MANIFEST = path.join(PRODUCT, 'package.json');

/** npm packs the package.json that it finds once this has ended, and says when it has: see `postpack`. */
function writeManifest(): void {
  const { name, version, description, license, engines } = JSON.parse(readFileSync(MANIFEST, 'utf8'));
  const entry = (folder: string) => ({
    types: `./dist/npm/${folder}/types/constructs/index.d.ts`,
    default: `./dist/npm/${folder}/index.js`,
  });
  const peers = {
    '@cdktf/provider-aws': '>=20.1.0 <22',
    '@cdktn/provider-aws': '>=25.5.0 <26',
    cdktf: '^0.21.0',
    cdktn: '^0.24.0',
    // What cdktf and cdktn can both be installed with.
    constructs: '>=10.4.2 <10.8.0',
  };
  const manifest = {
    ...{ name, version, description, license, engines },
    exports: { '.': entry('constructs'), './cdktn': entry('cdktn'), './package.json': './package.json' },
    // Both for compilers and tools that do not read `exports`, as those with the settings of `cdktf init`.
    main: entry('constructs').default,
    types: entry('constructs').types,
    typesVersions: { '*': { cdktn: [entry('cdktn').types] } },
    bin: { datastream: 'dist/npm/cli/datastream.cjs' },
    files: ['dist/npm', 'docs/**/*.md', 'docs/deployer-policy.json'],
    peerDependencies: peers,
    peerDependenciesMeta: Object.fromEntries(Object.keys(peers).map((peer) => [peer, { optional: true }])),
  };
  renameSync(MANIFEST, WAITING);
  writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Puts the checkout's package.json back, where one waits. */
function restoreManifest(): void {
  if (existsSync(WAITING)) renameSync(WAITING, MANIFEST);
}

// Also before: an earlier run may have been killed between the two.
restoreManifest();
if (process.argv[2] !== 'restore') {
  main().catch((error: Error) => {
    console.error(`The package cannot be made: ${error.message}`);
    process.exitCode = 1;
  });
}
