import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Definition } from '../../constructs/datastream/definition';
import type { Code } from '../../local/cloud';

/**
 * The first deployment that later ones must take over: its machine calls functions without a version, so its executions
 * meet the next deployment's functions with a state that its own have left. These two files never change:
 *
 * - `stack.tf.json` is its synthesis, without metadata, descriptions and the variables' validations;
 * - `functions.cjs` holds its functions as they were, bundled by `esbuild --bundle --platform=node --minify` of what
 *   lambdas/ exports as `create...`, without the SDK, zod and Powertools, which are this package's.
 */
const FOLDER = path.join(__dirname, 'first-deployment');

/** What Terraform applied. */
export const FIRST_STACK: object = JSON.parse(readFileSync(path.join(FOLDER, 'stack.tf.json'), 'utf8'));

/** Its functions, for the embedded cloud. */
export const FIRST_CODE: Code = require(path.join(FOLDER, 'functions.cjs'));

/** Its machine, which calls the embedded cloud's functions as it called Lambda's: without a version. */
export const FIRST_DEFINITION: Definition = JSON.parse(
  definitionIn(FIRST_STACK)
    .replace(/\$\{data\.aws_partition\.\w+\.partition\}/g, 'aws')
    .replace(
      /\$\{aws_lambda_function\.datastream_functions_(\w+)_function_[0-9A-F]{8}\.arn\}/g,
      'arn:aws:lambda:local:000000000000:function:$1',
    ),
);

function definitionIn(stack: object): string {
  const { resource } = stack as { resource: { aws_sfn_state_machine: Record<string, { definition: string }> } };
  return Object.values(resource.aws_sfn_state_machine)[0]?.definition ?? '';
}
