#!/usr/bin/env node
// The command runs from its TypeScript sources: nothing has to be built first.
require('./node-version.cjs').checkForDatastream();
try {
  require.resolve('tsx/cjs/api');
} catch {
  console.error("datastream: the packages are not installed: run 'npm ci' first.");
  process.exit(2);
}
// tsx's cache would stay in the temporary folder, which must then be writable. The command starts as fast without it.
process.env.TSX_DISABLE_CACHE ??= '1';
require('tsx/cjs/api').register();
require('./main.ts');
