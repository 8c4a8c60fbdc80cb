import type { DataCarouselProps } from '../../../constructs';
import { carouselStack, HSDS, NETWORK, policiesOf } from '../../support/carousel-stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const stack = carouselStack();
const only = (type: string, id: string) => stack.resource[type]?.[id] ?? {};

test("has the document's names, and its job with defaults that run on the sample", () => {
  expect(only('aws_batch_job_queue', 'queue')).toMatchObject({ name: 'datacarousel-job-queue' });
  expect(only('aws_batch_job_definition', 'job-ComputeRadience_definition')).toMatchObject({
    name: 'ComputeRadience',
    parameters: {
      year: '2015',
      month: '12',
      s3_input_file: 's3://terrafusiondatasampler/P22/TERRA_BF_L1B_O85079_20151216160910_F000_V001.h5',
    },
  });
  const properties = JSON.parse(
    String(only('aws_batch_job_definition', 'job-ComputeRadience_definition').container_properties),
  );
  expect(properties).toMatchObject({
    image: 'bengal1/climatemarble:latest',
    command: ['python', 'work_flow.py', 'Ref::year', 'Ref::month', 'Ref::s3_input_file'],
    environment: [{ name: 'CAROUSEL_OUTPUT', value: 's3://outputs/output/ComputeRadience/console.npz' }],
  });
  expect(Object.values(stack.resource.aws_dynamodb_table ?? {}).map(({ name }) => name)).toEqual([
    'BasicFusionFiles',
    'DataCarouselJobs',
  ]);
});

test('lets a job read the archive and its sample, and write its own objects, and nothing else', () => {
  expect(policiesOf(stack)['job-ComputeRadience_job-role']?.Statement).toEqual([
    {
      Sid: 'ReadArchive',
      Effect: 'Allow',
      Action: ['s3:GetObject'],
      Resource: [
        'arn:aws:s3:::archive/*',
        'arn:aws:s3:::terrafusiondatasampler/P22/TERRA_BF_L1B_O85079_20151216160910_F000_V001.h5',
      ],
    },
    {
      Sid: 'ReadManifests',
      Effect: 'Allow',
      Action: ['s3:GetObject'],
      Resource: ['arn:aws:s3:::outputs/turns/*/manifest-*'],
    },
    {
      Sid: 'WriteOutput',
      Effect: 'Allow',
      Action: ['s3:PutObject'],
      Resource: ['arn:aws:s3:::outputs/output/ComputeRadience/*'],
    },
  ]);
});

test('hears of restores, of jobs and of the ends of turns, each of its own alone', () => {
  const patterns = Object.fromEntries(
    Object.entries(stack.resource.aws_cloudwatch_event_rule ?? {}).map(([id, { event_pattern }]) => [
      id,
      JSON.parse(String(event_pattern)),
    ]),
  );

  expect(patterns).toEqual({
    restored_rule: {
      source: ['aws.s3'],
      'detail-type': ['Object Restore Completed', 'Object Restore Expired'],
      detail: { bucket: { name: ['archive'] } },
    },
    'job-ended_rule': {
      source: ['aws.batch'],
      'detail-type': ['Batch Job State Change'],
      detail: { status: ['SUCCEEDED', 'FAILED'], jobQueue: ['<queue.arn>'] },
    },
    'turn-ended_rule': {
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: {
        status: ['ABORTED', 'TIMED_OUT', 'FAILED'],
        stateMachineArn: ['arn:aws:states:REGION:ACCOUNT:stateMachine:datacarousel-turn'],
      },
    },
  });
  expect(stack.resource.aws_s3_bucket_notification).toBeUndefined();
  expect(carouselStack({ manageNotifications: true }).resource.aws_s3_bucket_notification).toEqual({
    'archive-events': { bucket: 'archive', eventbridge: true },
  });
});

test('starts a turn every week, or never', () => {
  const schedules = ({ resource }: typeof stack) =>
    Object.fromEntries(
      Object.entries(resource.aws_scheduler_schedule ?? {}).map(([id, each]) => [id, each.schedule_expression]),
    );

  expect(schedules(stack)).toEqual({ 'reaper-schedule': 'rate(10 minutes)', 'turn-schedule': 'rate(7 days)' });
  expect(schedules(carouselStack({ schedule: '' }))).toEqual({ 'reaper-schedule': 'rate(10 minutes)' });
});

test('keeps what is to be indexed in a queue with dead letters, and a repository for the image', () => {
  expect(only('aws_sqs_queue', 'indexing_work')).toMatchObject({
    name: 'datacarousel_hsload_work.fifo',
    fifo_queue: true,
    redrive_policy: '{"deadLetterTargetArn":"<indexing_dead-letters.arn>","maxReceiveCount":3}',
  });
  expect(only('aws_ecr_repository', 'indexing_repository')).toMatchObject({ name: 'datacarousel/hsload' });
});

test('has an HSDS server that only the queue reaches, without a password in the state', () => {
  const { resource } = carouselStack({ hsds: HSDS });
  const server = resource.aws_instance?.hsds_server ?? {};

  expect(resource.aws_security_group?.['hsds_security-group']).toMatchObject({
    ingress: [
      expect.objectContaining({ from_port: 5101, to_port: 5101, security_groups: ['<queue_security-group.id>'] }),
    ],
  });
  expect(server).toMatchObject({
    instance_type: 'm7i.large',
    metadata_options: { http_tokens: 'required', http_put_response_hop_limit: 2 },
  });
  expect(server.key_name).toBeUndefined();
  expect(String(server.user_data)).toContain('allow_noauth: false\naws_iam_role: null');
  expect(resource.aws_secretsmanager_secret_version).toBeUndefined();
  expect(stack.resource.aws_instance).toBeUndefined();
});

test('indexes into an HSDS that is there already', () => {
  const secretArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:hsds-AbCdEf';
  const { resource } = carouselStack({
    hsds: { endpoint: 'https://hsds.example.org', secretArn, domain: '/shared/terra/' },
  });
  const properties = JSON.parse(
    String(resource.aws_batch_job_definition?.indexing_hsload_definition?.container_properties),
  );

  expect(resource.aws_instance).toBeUndefined();
  expect(properties.secrets).toEqual([
    { name: 'HS_USERNAME', valueFrom: `${secretArn}:username::` },
    { name: 'HS_PASSWORD', valueFrom: `${secretArn}:password::` },
  ]);
  const environment = resource.aws_lambda_function?.follower_function?.environment as
    | { readonly variables: { readonly DEPLOYMENT: string } }
    | undefined;
  expect(JSON.parse(environment?.variables.DEPLOYMENT ?? '{}').hsds).toMatchObject({
    endpoint: 'https://hsds.example.org',
    domain: '/shared/terra/',
  });
});

test('tags everything with its machine, and keeps the names of what has one', () => {
  const untagged = Object.entries(stack.resource).flatMap(([type, all]) =>
    Object.entries(all).flatMap(([id, { tags }]) =>
      tags && (tags as Record<string, string>)['carousel:state-machine'] === undefined ? [`${type}.${id}`] : [],
    ),
  );

  expect(untagged).toEqual([]);
  expect(only('aws_lambda_function', 'planner_function').tags).toEqual({
    Project: 'cdktf-datastream',
    'carousel:state-machine': 'arn:aws:states:REGION:ACCOUNT:stateMachine:datacarousel-turn',
  });
});

test.each<[Partial<DataCarouselProps>, string]>([
  [{ budgetDollars: 0 }, 'budgetDollars is 0: write the dollars that a turn may cost at most'],
  [{ budgetDollars: undefined as never }, 'budgetDollars is undefined'],
  [{ tier: 'Fast' as never }, 'tier is "Fast": write one of Expedited, Standard, Bulk'],
  [{ archiveBucket: 's3://archive' }, 'archiveBucket is "s3://archive"'],
  [{ days: 0 }, 'days is 0: write a whole number from 1 to 365'],
  [
    { hsds: { ...HSDS, image: 'hdfgroup/hsds:latest' } },
    'hsds.image is "hdfgroup/hsds:latest": write the image by its digest',
  ],
  [{ hsds: { endpoint: 'hsds:5101', secretArn: 'x' } }, 'hsds.endpoint is "hsds:5101"'],
  [{ jobs: { Fast: { image: 'i', command: ['c'], timeoutSeconds: 5 } } }, 'timeoutSeconds is 5'],
  [{ network: undefined as never }, 'network is undefined'],
  [{ regions: 1 } as never, 'DataCarousel has no property regions'],
])('refuses %j', (props, message) => {
  expect(() => carouselStack({ network: NETWORK, ...props })).toThrow(message);
});
