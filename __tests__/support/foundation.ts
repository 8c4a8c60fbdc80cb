import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformStack, Testing } from 'cdktf';
import { withoutMetadata } from './synthesis';

/** Everything of a stack that is not the provider's, with short names and without cdktf's hashes. */
export interface Foundation {
  readonly data: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly resource: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
}

/** Synthesises a stack with what `make` makes in it. cdktf's validations are on. */
export function foundation(make: (stack: TerraformStack) => void): Foundation {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  make(stack);
  const text = Testing.synth(stack, true).replace(/_[0-9A-F]{8}(?![0-9A-Za-z])/g, '');
  const { data = {}, resource = {} } = withoutMetadata(text);
  return { data, resource };
}
