import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformStack, Testing } from 'cdktf';
import { DataStream, type DataStreamProps } from '../../constructs/datastream/data-stream';
import type { Policy } from './least-privilege';

/** A synthesised stack: the members of its JSON that the tests read. */
export interface Synthesised {
  readonly data: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly resource: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
}

/** The properties, or a function that makes them from the stack's own variables. */
type Props = DataStreamProps | ((stack: TerraformStack) => DataStreamProps);

/** Synthesises a stack with one DataStream. cdktf's validations are on. */
export function synthesise(props: Props): Synthesised {
  return JSON.parse(Testing.synth(dataStreamStack(props), true));
}

/** A stack with one DataStream, not yet synthesised. */
export function dataStreamStack(props: Props): TerraformStack {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  new DataStream(stack, 'datastream', typeof props === 'function' ? props(stack) : props);
  return stack;
}

/** All resources of a type. The keys are the ends of the logical IDs, without cdktf's hash. */
export function resources(stack: Synthesised, type: string): Record<string, Record<string, unknown>> {
  const entries = Object.entries(stack.resource[type] ?? {}).map(
    ([id, resource]) => [id.replace(/^datastream_/, '').replace(/_[0-9A-F]{8}$/, ''), resource] as const,
  );
  return Object.fromEntries(entries);
}

/** Simplifies Terraform's references in a text: without `${data...}`. */
export function readable(text: string): string {
  return text
    .replace(/\$\{data\.aws_partition\.\w+\.partition\}/g, 'aws')
    .replace(/\$\{data\.aws_region\.\w+\.id\}/g, 'REGION')
    .replace(/\$\{data\.aws_caller_identity\.\w+\.account_id\}/g, 'ACCOUNT')
    .replace(/\$\{aws_\w+\.datastream_([\w-]+?)_[0-9A-F]{8}\.(\w+)\}/g, '<$1.$2>');
}

/** Every inline policy of the stack in readable form, by its role's place in the construct tree. */
export function policies(stack: Synthesised): Record<string, Policy> {
  const entries = Object.entries(resources(stack, 'aws_iam_role_policy')).map(
    ([id, { policy }]) => [id.replace(/_policy$/, ''), JSON.parse(readable(String(policy)))] as const,
  );
  return Object.fromEntries(entries);
}
