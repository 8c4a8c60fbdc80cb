// Runs esbuild in its own process: node bundler.cjs ROOT OUTDIR FOLDER NAME...
// Constructs are synchronous, but esbuild runs plugins only asynchronously.
const fs = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');
const sdkVersions = require('./sdk-versions.cjs');
const shakeableSchemas = require('./shakeable-schemas.cjs');

const [root, outdir, system, ...names] = process.argv.slice(2);
const folder = path.join(root, 'lambdas', system);

esbuild
  .build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(names.map((name) => [name, path.join(folder, `${name}.ts`)])),
    // esbuild writes nothing here. The source maps' paths are relative to this folder.
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    // esbuild's default for Node.js prefers `main`, which is CommonJS: tree shaking can drop nothing of it.
    mainFields: ['module', 'main'],
    sourcemap: true,
    // A stack trace needs names and lines, not the sources' text.
    sourcesContent: false,
    legalComments: 'none',
    // How a person's ~/.aws is read. A function's credentials are in its environment, which the SDK reads first.
    external: ['sso', 'ini', 'process'].map((kind) => `@aws-sdk/credential-provider-${kind}`),
    // The paths must be the same if node_modules is a symbolic link.
    preserveSymlinks: true,
    tsconfigRaw: {},
    metafile: true,
    logLevel: 'error',
    plugins: [sdkVersions, shakeableSchemas],
  })
  .then(({ outputFiles, metafile }) => {
    for (const file of outputFiles) fs.writeFileSync(path.join(outdir, path.basename(file.path)), file.contents);
    fs.writeFileSync(path.join(outdir, 'metafile.json'), JSON.stringify(metafile));
  })
  // esbuild has printed the error.
  .catch(() => process.exit(1));
