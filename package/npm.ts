import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { type Bundle, bundle } from '../constructs/aws/bundle';
import { SOURCES as BISON } from '../constructs/bison/functions';
import { SOURCES as CAROUSEL } from '../constructs/carousel/functions';
import { SOURCES as DATASTREAM } from '../constructs/datastream/functions';
import { SOURCES as TSDAT } from '../constructs/tsdat/functions';
import { PRODUCT } from '../files/product';
import { declarations, IMPORTED } from './declarations';

/**
 * Makes the content of the npm package, in dist/npm: the constructs for cdktf and for cdktn with their declarations,
 * the functions' archives, and the command. Its only dependencies are cdktf or cdktn with their provider. It has the
 * checkout's layout: PRODUCT is the folder to find each file from, in both.
 */

const OUT = path.join(PRODUCT, 'dist', 'npm');

/** A module's name under cdktn: cdktn's packages have cdktf's names, with another last letter. */
const underCdktn = (name: string) => name.replace(/^(@?)cdktf(?=\/|$)/, '$1cdktn');

/** Leaves the App's own packages out of the bundle, which imports them by the name that `named` returns. */
const ofTheApp = (named: (name: string) => string): Plugin => ({
  name: 'of-the-app',
  setup({ onResolve }) {
    onResolve({ filter: /^(cdktf|constructs|@cdktf\/provider-aws)(\/|$)/ }, ({ path: name }) => ({
      path: named(name),
      external: true,
    }));
  },
});

/** dynalite keeps its tables in memory here: what would keep them in files brings a native module along. */
const withoutLevel: Plugin = {
  name: 'without-level',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^level$/ }, ({ path: name }) => ({ path: name, namespace: 'without-level' }));
    onLoad({ filter: /.*/, namespace: 'without-level' }, () => ({ contents: 'exports.Level = undefined;' }));
  },
};

/** Bundles the AWS clients as the functions' bundles do: from modules of which esbuild can drop unused parts. */
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
  for (const sources of [BISON, CAROUSEL, DATASTREAM, TSDAT]) {
    const archives = path.join(OUT, 'functions', sources.folder);
    mkdirSync(archives, { recursive: true });
    for (const [name, { archive }] of Object.entries<Bundle>(bundle<string>(sources).functions)) {
      writeFileSync(path.join(archives, `${name}.zip`), archive);
    }
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
      // Messages contain the names of classes.
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
    plugins: [shakeableSchemas, withoutLevel],
    // hcl2json requires this module only if there is no global of its name. Node.js has one. DuckDB is a native library,
    // which a local run of BISON alone needs, and asks for.
    external: ['performance', '@duckdb/node-api'],
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
    'images/tsdat',
    'local/examples',
    'local/stand-ins',
    'local/mounts.cjs',
    'local/unzip-stream.cjs',
    'packer/image',
  ]) {
    cpSync(path.join(PRODUCT, each), path.join(OUT, each), { recursive: true });
  }
  // hcl2json reads this file from the parent of its code's folder.
  cpSync(path.join(require.resolve('@cdktn/hcl2json'), '../../main.wasm.gz'), path.join(OUT, 'main.wasm.gz'));
  writeManifest();
}

/** The path of the checkout's package.json while the package's own one replaces it. */
const WAITING = path.join(PRODUCT, 'dist', 'package.json');
const MANIFEST = path.join(PRODUCT, 'package.json');

/**
 * Replaces package.json: npm packs the one that exists when `prepack` has ended. `postpack` restores the checkout's.
 */
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
    // The versions that cdktf and cdktn both accept.
    constructs: '>=10.4.2 <10.8.0',
  };
  const manifest = {
    ...{ name, version, description, license, engines },
    exports: { '.': entry('constructs'), './cdktn': entry('cdktn'), './package.json': './package.json' },
    // For compilers and tools that do not read `exports`, such as those with the settings of `cdktf init`.
    main: entry('constructs').default,
    types: entry('constructs').types,
    typesVersions: { '*': { cdktn: [entry('cdktn').types] } },
    bin: { datastream: 'dist/npm/cli/datastream.cjs' },
    files: ['dist/npm', 'docs/**/*.md', 'docs/deployer-policy.json', 'docs/bison-*.json', 'docs/tsdat-*.json'],
    peerDependencies: peers,
    peerDependenciesMeta: Object.fromEntries(Object.keys(peers).map((peer) => [peer, { optional: true }])),
  };
  renameSync(MANIFEST, WAITING);
  writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Puts the checkout's package.json back if it was replaced. */
function restoreManifest(): void {
  if (existsSync(WAITING)) renameSync(WAITING, MANIFEST);
}

// Restore first: an earlier run may have been killed before `postpack`.
restoreManifest();
if (process.argv[2] !== 'restore') {
  main().catch((error: Error) => {
    console.error(`The package cannot be made: ${error.message}`);
    process.exitCode = 1;
  });
}
