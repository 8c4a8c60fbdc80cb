import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformStack, Testing } from 'cdktf';
import { TsdatData, type TsdatDataProps } from '../../constructs/tsdat/tsdat-data';
import { TsdatPipelines, type TsdatPipelinesProps } from '../../constructs/tsdat/tsdat-pipelines';
import type { PipelinesConfig } from '../../pipelines/model';
import { parsePipelines } from '../../pipelines/parse';
import type { Policy } from './least-privilege';
import { PIPELINES } from './pipelines';
import { readable, type Synthesised } from './stack';

/** The configuration of a file. @throws Error with the problems of a file that has errors */
export function configOf(text: string): PipelinesConfig {
  const { config, problems } = parsePipelines(text);
  if (!config) throw new Error(JSON.stringify(problems));
  return config;
}

/** The configuration of `PIPELINES`. */
export const CONFIG = configOf(PIPELINES);

/** A synthesised stack with the pipelines of the branch `main`. */
export const pipelinesStack = (props: Partial<TsdatPipelinesProps> = {}) =>
  synthesise((stack) => new TsdatPipelines(stack, 'tsdat', { config: CONFIG, branch: 'main', ...props }));

/** A synthesised stack with the buckets. */
export const dataStack = (props: Partial<TsdatDataProps> = {}) =>
  synthesise((stack) => new TsdatData(stack, 'data', { config: CONFIG, ...props }));

function synthesise(make: (stack: TerraformStack) => unknown): Synthesised {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'us-west-2' });
  make(stack);
  return JSON.parse(Testing.synth(stack, true));
}

/** All resources of a type. */
export const all = (stack: Synthesised, type: string) => Object.values(stack.resource[type] ?? {});

/** Every role's policy, with references such as `<records_bucket.arn>`. */
export const policiesOf = (stack: Synthesised): Record<string, Policy> =>
  Object.fromEntries(
    all(stack, 'aws_iam_role_policy').map(({ name, policy }) => [
      String(name),
      JSON.parse(readable(String(policy)).replace(/\$\{aws_\w+\.tsdat_([\w-]+?)_[0-9A-F]{8}\.(\w+)\}/g, '<$1.$2>')),
    ]),
  );
