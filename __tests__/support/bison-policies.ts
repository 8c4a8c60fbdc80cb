import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformOutput, TerraformStack, Testing } from 'cdktf';
import { Bison, type BisonProps } from '../../constructs/bison/bison';
import { BISON_MACHINE, BISON_QUEUE, CRAWLER, WORKGROUP } from '../../local/bison';
import { INGEST } from './bison';
import type { Policy } from './least-privilege';
import { withoutMetadata } from './synthesis';

const BUCKET = INGEST.run_options.ii_check_s3.bucket as string;
const DATA_STREAM = 'arn:aws:states:us-east-1:000000000000:stateMachine:local';

/**
 * Every role's policy of a deployment of BISON, by the role's place in the construct tree, with the names that the
 * embedded one has; and the operator's.
 */
export function bisonPolicies(props: Partial<BisonProps> = {}): Record<string, Policy> & { operator: Policy } {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  const bison = new Bison(stack, 'bison', {
    dataStreamArn: DATA_STREAM,
    network: { vpcId: 'vpc-0123456789abcdef0', subnetIds: ['subnet-0123456789abcdef0'], securityGroupIds: [] },
    bucket: BUCKET,
    ...props,
  });
  new TerraformOutput(stack, 'operator', { value: bison.operatorPolicy, staticId: true });
  const named = (text: string) =>
    text
      .replace(/\$\{data\.aws_partition\.\w+\.partition\}/g, 'aws')
      .replace(/\$\{data\.aws_region\.\w+\.(?:id|name)\}/g, 'us-east-1')
      .replace(/\$\{data\.aws_caller_identity\.\w+\.account_id\}/g, '000000000000')
      .replace(/\$\{aws_s3_bucket\.\w+\.(?:bucket|id)\}/g, BUCKET)
      .replace(/\$\{aws_\w+\.bison_([\w-]+?)_[0-9A-F]{8}\.(\w+)\}/g, '<$1.$2>')
      .replace(/"bison_([\w-]+?)_[0-9A-F]{8}"/g, '"$1"');
  const { resource, output } = withoutMetadata(named(Testing.synth(stack, true))) as {
    resource: Record<string, Record<string, Record<string, unknown>>>;
    output: Record<string, { value: string }>;
  };
  const policies = Object.entries(resource.aws_iam_role_policy ?? {}).map(
    ([id, { policy }]) => [id.replace(/_policy$/, ''), JSON.parse(String(policy)) as Policy] as const,
  );
  const operator = JSON.parse(output.operator?.value ?? '') as Policy;
  return { ...Object.fromEntries(policies), operator };
}

export const NAMES = { BUCKET, DATA_STREAM, BISON_MACHINE, BISON_QUEUE, CRAWLER, WORKGROUP };
