#!/usr/bin/env node
// `npx cdktf` of this folder: cdktf-cli, where it can run.
require('./node-version.cjs').checkForCdktf();
let command;
try {
  command = require.resolve('cdktf-cli/bundle/bin/cdktf');
} catch {
  console.error("npx cdktf: the packages to deploy are not installed: run 'npm ci' first.");
  process.exit(2);
}
// cdktf and Terraform tell their maker of each call, and print an error where there is no internet.
process.env.CHECKPOINT_DISABLE ??= '1';
// As the main module: by that it finds its own version.
process.argv[1] = command;
require('node:module').runMain();
