import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformStack, Testing } from 'cdktf';
import { Bison, type BisonProps } from '../../constructs/bison/bison';
import type { Policy } from './least-privilege';
import { withoutMetadata } from './synthesis';

export const NETWORK = {
  vpcId: 'vpc-0123456789abcdef0',
  subnetIds: ['subnet-0123456789abcdef0'],
  securityGroupIds: [],
};
export const BUCKET = 'bison-123456789012-us-east-1';
export const DATA_STREAM_ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';

/** A synthesised stack with one Bison, with short references. cdktf's validations are on. */
export function bisonStack(props: Partial<BisonProps> = {}) {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  new Bison(stack, 'bison', { dataStreamArn: DATA_STREAM_ARN, bucket: BUCKET, network: NETWORK, ...props });
  const text = Testing.synth(stack, true)
    .replace(/\$\{data\.aws_partition\.\w+\.partition\}/g, 'aws')
    .replace(/\$\{data\.aws_region\.\w+\.id\}/g, 'REGION')
    .replace(/\$\{data\.aws_caller_identity\.\w+\.account_id\}/g, 'ACCOUNT')
    .replace(/\$\{aws_s3_bucket\.\w+\.bucket\}/g, BUCKET)
    .replace(/\$\{aws_\w+\.bison_([\w-]+?)_[0-9A-F]{8}\.(\w+)\}/g, '<$1.$2>')
    .replace(/"bison_([\w-]+?)_[0-9A-F]{8}"/g, '"$1"');
  return withoutMetadata(text) as {
    readonly resource: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  };
}

/** Every role's policy, by the role's place in the construct tree. */
export function policiesOf({ resource }: ReturnType<typeof bisonStack>): Record<string, Policy> {
  const entries = Object.entries(resource.aws_iam_role_policy ?? {}).map(
    ([id, { policy }]) => [id.replace(/_policy$/, ''), JSON.parse(String(policy)) as Policy] as const,
  );
  return Object.fromEntries(entries);
}
