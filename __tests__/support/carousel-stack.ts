import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformStack, Testing } from 'cdktf';
import { DataCarousel, type DataCarouselProps } from '../../constructs/carousel/data-carousel';
import { JOBS } from './carousel';
import type { Policy } from './least-privilege';
import { withoutMetadata } from './synthesis';

export const NETWORK = {
  vpcId: 'vpc-0123456789abcdef0',
  subnetIds: ['subnet-0123456789abcdef0'],
  securityGroupIds: [],
};
export const HSDS = { bucket: 'the-hsds', image: `hdfgroup/hsds@sha256:${'0'.repeat(64)}` };

/** The jobs of the embedded Carousel, as a deployment has them. */
export const DEPLOYED_JOBS = Object.fromEntries(
  Object.entries(JOBS).map(([name, { command, parameters, vcpus, timeoutSeconds, attempts }]) => [
    name,
    { image: 'example/image:1', command, parameters, vcpus, timeoutSeconds, attempts },
  ]),
);

/** A synthesised stack with one DataCarousel, with short references. cdktf's validations are on. */
export function carouselStack(props: Partial<DataCarouselProps> = {}) {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  new DataCarousel(stack, 'carousel', {
    archiveBucket: 'archive',
    outputBucket: 'outputs',
    network: NETWORK,
    budgetDollars: 50,
    ...props,
  });
  const text = Testing.synth(stack, true)
    .replace(/\$\{data\.aws_partition\.\w+\.partition\}/g, 'aws')
    .replace(/\$\{data\.aws_region\.\w+\.id\}/g, 'REGION')
    .replace(/\$\{data\.aws_caller_identity\.\w+\.account_id\}/g, 'ACCOUNT')
    .replace(/\$\{aws_\w+\.carousel_([\w-]+?)_[0-9A-F]{8}\.(\w+)\}/g, '<$1.$2>')
    .replace(/<(?:job-|indexing_)([\w-]+?)_definition\.name>/g, '$1')
    .replace(/"carousel_([\w-]+?)_[0-9A-F]{8}"/g, '"$1"');
  return withoutMetadata(text) as {
    readonly resource: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  };
}

/** Every role's policy, by the role's place in the construct tree. */
export function policiesOf({ resource }: ReturnType<typeof carouselStack>): Record<string, Policy> {
  const entries = Object.entries(resource.aws_iam_role_policy ?? {}).map(
    ([id, { policy }]) => [id.replace(/_policy$/, ''), JSON.parse(String(policy)) as Policy] as const,
  );
  return Object.fromEntries(entries);
}
