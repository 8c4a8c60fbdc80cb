import { Testing } from 'cdktf';
import { type CarouselContext, CarouselStack } from '../../../constructs/carousel/stack';
import { HSDS } from '../../support/carousel-stack';
import { withoutMetadata } from '../../support/synthesis';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const synthesise = (context?: CarouselContext) =>
  withoutMetadata(Testing.synth(new CarouselStack(Testing.app(), 'carousel', context), true));

const stack = synthesise();

test('asks for where, which buckets and which budget, and for nothing else', () => {
  const required = Object.entries<Record<string, unknown>>(stack.variable).filter(([, each]) => !('default' in each));

  expect(required.map(([name]) => name).sort()).toEqual([
    'archive_bucket',
    'budget_dollars',
    'output_bucket',
    'region',
  ]);
  for (const each of Object.values<Record<string, unknown>>(stack.variable)) {
    expect(each.nullable).toBe(false);
    expect(String(each.description)).toMatch(/\.$/);
    expect(each.validation).toHaveLength(1);
  }
});

test('tells the command what it must know', () => {
  expect(Object.keys(stack.output).sort()).toEqual([
    'carousel_arn',
    'carousel_deployment',
    'dead_letter_queue_url',
    'definition_names',
    'hsload_repository_url',
    'job_queue_name',
    'requester_name',
    'work_queue_url',
  ]);
  expect(stack.terraform.backend).toEqual({ local: { path: '../../../terraform.carousel.tfstate' } });
});

test('makes a network, or takes the one that the context names', () => {
  expect(Object.keys(stack.resource.aws_vpc)).toHaveLength(1);
  const existing = synthesise({
    network: {
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: ['subnet-0123456789abcdef0'],
      securityGroupId: 'sg-0123456789abcdef0',
    },
  });

  expect(existing.resource.aws_vpc).toBeUndefined();
  const [environment] = Object.values<{ compute_resources: object }>(existing.resource.aws_batch_compute_environment);
  expect(environment?.compute_resources).toMatchObject({ security_group_ids: ['sg-0123456789abcdef0'] });
});

test('has HSDS where the context names it', () => {
  expect(synthesise({ hsds: HSDS }).output.hsds_endpoint).toBeDefined();
});

test('refuses what the context does not know', () => {
  expect(() => synthesise({ job: {} } as never)).toThrow(
    'context.carousel has job, which it does not know: write jobs,',
  );
});

test('tells everything that is wrong with the context at once', () => {
  const jobs = {
    Fast: { image: 'i', command: ['c'], vcpus: -1, timeoutSeconds: 5 },
    Slow: { image: '', command: ['c'] },
  };
  const context = { job: {}, turn: 1, jobs, hsds: { bucket: 'hsds-bucket' } };
  const told = () => synthesise(context as never);

  for (const problem of [
    'context.carousel has job, which it does not know',
    'context.carousel has turn, which it does not know',
    'jobs.Fast: vcpus is -1',
    'jobs.Fast: timeoutSeconds is 5',
    'jobs.Slow: image is ""',
    'hsds.image is undefined',
  ]) {
    expect(told).toThrow(problem);
  }
});
