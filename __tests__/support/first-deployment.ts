import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Definition } from '../../constructs/aws/states-language';
import type { Code } from '../../local/cloud';

/**
 * The first deployment that later deployments must support. Its machine calls functions without a version. So a running
 * execution gets the functions of the next deployment, which must read the state from the functions of the first one.
 * These two files never change:
 *
 * - `stack.tf.json` is its synthesis, without metadata, descriptions and the variables' validations.
 * - `functions.cjs` is the bundle of its functions: the `create...` exports of lambdas/ at that time, bundled by
 *   `esbuild --bundle --platform=node --minify`. It uses the SDK, zod and Powertools of this package.
 */
const FOLDER = path.join(__dirname, 'first-deployment');

/** The configuration that Terraform applied. */
export const FIRST_STACK: object = JSON.parse(readFileSync(path.join(FOLDER, 'stack.tf.json'), 'utf8'));

/** Its functions, for the embedded cloud. */
export const FIRST_CODE: Code = require(path.join(FOLDER, 'functions.cjs'));

/** Its machine. It calls the embedded cloud's functions without a version, as it called Lambda's. */
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
