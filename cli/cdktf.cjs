#!/usr/bin/env node
// `npx cdktf` of this folder: runs cdktf-cli if this version of Node.js can.
require('./node-version.cjs').checkForCdktf();
let command;
try {
  command = require.resolve('cdktf-cli/bundle/bin/cdktf');
} catch {
  console.error("npx cdktf: the packages to deploy are not installed: run 'npm ci' first.");
  process.exit(2);
}
// cdktf and Terraform report each call to their maker, and print an error if there is no internet.
process.env.CHECKPOINT_DISABLE ??= '1';
// cdktf-cli must be the main module to find its own version.
process.argv[1] = command;
require('node:module').runMain();
