import validate from 'asl-validator';
import example from '../../../executions/examples/gbif-download.json';
import { BUCKET, bisonStack, DATA_STREAM_ARN, policiesOf } from '../../support/bison-stack';
import { NETWORK } from '../../support/carousel-stack';
import { violations } from '../../support/least-privilege';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const own = bisonStack();
const open = bisonStack({ ingest: 'open-data' });
const only = ({ resource }: typeof own, type: string) => {
  const all = Object.values(resource[type] ?? {});
  expect([type, all.length]).toEqual([type, 1]);
  return all[0] as Readonly<Record<string, unknown>>;
};

test('deploys no database server, endpoint, NAT gateway or instance: nothing costs by the hour', () => {
  expect(Object.keys(own.resource).sort()).toEqual([
    'aws_athena_workgroup',
    'aws_batch_compute_environment',
    'aws_batch_job_definition',
    'aws_batch_job_queue',
    'aws_cloudwatch_log_group',
    'aws_ecr_lifecycle_policy',
    'aws_ecr_repository',
    'aws_glue_catalog_database',
    'aws_glue_classifier',
    'aws_glue_crawler',
    'aws_iam_instance_profile',
    'aws_iam_role',
    'aws_iam_role_policy',
    'aws_lambda_function',
    'aws_launch_template',
    'aws_s3_bucket',
    'aws_s3_bucket_lifecycle_configuration',
    'aws_s3_bucket_public_access_block',
    'aws_scheduler_schedule',
    'aws_scheduler_schedule_group',
    'aws_secretsmanager_secret',
    'aws_security_group',
    'aws_sfn_state_machine',
  ]);
  expect(JSON.stringify(own)).not.toMatch(/AdministratorAccess|managed_policy_arns|aws_iam_role_policy_attachment/);
});

test('the workgroup is enforced, stops a query at the limit, and puts results below queries/', () => {
  expect(only(own, 'aws_athena_workgroup')).toMatchObject({
    name: 'bison',
    configuration: {
      enforce_workgroup_configuration: true,
      bytes_scanned_cutoff_per_query: 2 ** 41,
      result_configuration: { output_location: `s3://${BUCKET}/queries/` },
    },
  });
});

test('intermediate objects are deleted after 95 days, inputs and results are kept', () => {
  const rules = only(own, 'aws_s3_bucket_lifecycle_configuration').rule as {
    filter: { prefix: string }[];
    expiration: unknown;
  }[];
  expect(rules.map(({ filter }) => filter[0]?.prefix)).toEqual(['rawdata/', 'queries/', 'annotated/', 'logs/']);
  for (const { expiration } of rules) expect(expiration).toEqual([{ days: 95 }]);
});

test('the deployed definition is valid, and its queries are not changed by placeholders', () => {
  const text = String(only(own, 'aws_sfn_state_machine').definition);
  const { isValid, errorsText } = validate(
    JSON.parse(text.replaceAll(/<[\w.-]+>/g, 'arn:aws:lambda:us-east-1:1:function:x')),
  );
  expect(isValid ? '' : errorsText('\n')).toBe('');
  expect(text).toContain(`s3://${BUCKET}/summary/{}/{}/{}/`);
  expect(text).not.toContain('TfToken');
});

test('the schedule tells which month is meant', () => {
  expect(only(own, 'aws_scheduler_schedule')).toMatchObject({
    schedule_expression: 'cron(0 0 2 * ? *)',
    target: { input: '{"scheduled":"<aws.scheduler.scheduled-time>"}' },
  });
  expect(bisonStack({ schedule: '' }).resource).not.toHaveProperty('aws_scheduler_schedule');
});

describe('the jobs', () => {
  const definitions = Object.values(own.resource.aws_batch_job_definition ?? {});

  test("have the deployment's names and latest image until one is given by its digest", () => {
    expect(definitions.map(({ name }) => name)).toEqual(['bison-annotate', 'bison-annotate_riis', 'bison-calc_stats']);
    const image = (stack: typeof own) =>
      Object.values(stack.resource.aws_batch_job_definition ?? {}).map(
        ({ container_properties }) => JSON.parse(String(container_properties)).image,
      );
    expect(new Set(image(own))).toEqual(new Set(['<repository.repository_url>:latest']));
    const digest = `example/jobs@sha256:${'0'.repeat(64)}`;
    expect(new Set(image(bisonStack({ image: digest })))).toEqual(new Set([digest]));
  });

  test('know the bucket and the files of regions', () => {
    const { environment } = JSON.parse(String(definitions[1]?.container_properties));
    const values = Object.fromEntries(environment.map(({ name, value }: Record<string, string>) => [name, value]));
    expect(values).toMatchObject({ BISON_BUCKET: BUCKET, BISON_RIIS: 'input/USRIISv2_MasterList.csv' });
    expect(JSON.parse(values.BISON_REGIONS).county).toEqual({ key: 'input/county.gpkg', layer: 'county' });
  });
});

describe('the roles', () => {
  const policies = policiesOf(own);
  const granted = (role: string, of = policies) =>
    Object.fromEntries((of[role]?.Statement ?? []).map(({ Sid, Resource }) => [Sid, Resource]));

  test('allow no wildcard of actions, and no resource * where AWS takes an ARN', () => {
    const known = /batch:DescribeJobs |ecs:DiscoverPollEndpoint /;
    const found = [own, open].flatMap((stack) =>
      Object.entries(policiesOf(stack)).flatMap(([role, policy]) =>
        violations(policy).map((each) => `${role}: ${each}`),
      ),
    );
    expect(found.filter((each) => !known.test(each))).toEqual([]);
  });

  test('the verifier may write its log, and nothing else', () => {
    expect(Object.keys(granted('verifier-role'))).toEqual(['Logverifier']);
  });

  test('GBIF is asked with one secret, which is not there where open data are read', () => {
    expect(granted('gbif-role').KnowAccount).toEqual(['<gbif-account.arn>']);
    expect(granted('gbif-role').KnowDataStream).toEqual([DATA_STREAM_ARN]);
    for (const unchecked of [open, bisonStack({ checkDataStream: false })]) {
      expect(Object.keys(granted('gbif-role', policiesOf(unchecked)))).not.toContain('KnowDataStream');
      expect(JSON.stringify(unchecked.resource.aws_lambda_function)).toContain('\\"dataStreamArn\\":\\"\\"');
    }
    expect(open.resource).not.toHaveProperty('aws_secretsmanager_secret');
    expect(granted('gbif-role', policiesOf(open)).SeeSnapshots).toEqual(['arn:aws:s3:::gbif-open-data-us-east-1']);
  });

  test('each job writes below its own prefix', () => {
    const s3 = (key: string) => `arn:aws:s3:::${BUCKET}/${key}`;
    expect(granted('annotate_job-role').Write).toEqual([s3('annotated/*')]);
    expect(granted('annotate_riis_job-role').Read).toEqual([s3('input/*')]);
    expect(granted('annotate_riis_job-role').Write).toEqual([s3('input/USRIISv2_MasterList_annotated_*.csv')]);
    expect(granted('calc_stats_job-role').Write).toEqual([s3('output/*'), s3('summary/*/statistics.json')]);
  });

  test('the workflow starts one state machine and stops its own jobs', () => {
    const { StartIngest, FollowIngest } = granted('workflow_role');
    expect(StartIngest).toEqual(['arn:aws:states:us-east-1:123456789012:stateMachine:datastream']);
    expect(FollowIngest).toEqual(['arn:aws:states:us-east-1:123456789012:execution:datastream:*']);
    const stop = policies.workflow_role?.Statement.find(({ Sid }) => Sid === 'StopJobs');
    expect(stop?.Condition).toEqual({
      StringEquals: { 'aws:ResourceTag/bison:state-machine': 'arn:aws:states:REGION:ACCOUNT:stateMachine:bison-month' },
    });
    expect(Object.keys(granted('workflow_role', policiesOf(open)))).not.toContain('StartIngest');
  });
});

test('the ingest that ships names an image of every account', () => {
  expect(example.instance_parameters.ImageId).toMatch(/^resolve:ssm:\/aws\/service\/.*-arm64$/);
});

test('the ingest that ships streams up to 2 TB, in parts of which ten fit into its memory', () => {
  const expected = Number(/ --expected-size (\d+)'$/.exec(example.commands.at(-1) ?? '')?.[1]);
  let part = 8 * 2 ** 20;
  // As s3transfer of the AWS CLI makes parts: it doubles them until 10,000 are enough.
  while (part * 10_000 < expected) part *= 2;

  expect(part * 10_000).toBeGreaterThanOrEqual(2e12);
  expect(example.instance_parameters.InstanceType).toBe('r7g.large');
  expect(part * 10).toBeLessThan(16 * 2 ** 30 * 0.25);
});

describe('an ingest of its own', () => {
  const ingest = (more: object) => () => bisonStack({ ingest: { ...example, ...more } as never });

  test('is refused with every problem at once', () => {
    const commands = ['curl 0004219-251025141854904.zip', 'curl 0004220-251025141854904.zip'];
    const thrown = (() => {
      try {
        ingest({ commands, run_options: { ...example.run_options, timeout_s: -1 } })();
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    })();
    expect(thrown).toContain('ingest is no execution file that BISON can use:\n- ');
    expect(thrown).toContain('timeout_s');
    expect(thrown).toContain('It names the downloads 0004219-251025141854904 and 0004220-251025141854904');
  });

  test('must check the object that is crawled next', () => {
    expect(ingest({ run_options: { ...example.run_options, ii_check_s3: false } })).toThrow(
      'run_options.ii_check_s3 is false: write { "bucket": "...", "prefix": "rawdata/0004219-251025141854904/occurrence.txt" }',
    );
  });

  const within = (bucket: string) => {
    const text = JSON.stringify(example).replaceAll(example.run_options.ii_check_s3.bucket, bucket);
    return ingest(JSON.parse(text));
  };

  test('has a bucket whose name is no program and no folder', () => {
    expect(within('aws')).toThrow(
      'run_options.ii_check_s3.bucket is "aws", which is also a program or a folder in "run',
    );
    expect(within('occurrence')).toThrow('bucket is "occurrence", which is also');
    for (const bucket of ['data', 'ec2', 'my.bucket', 'request.zip']) expect(within(bucket)).not.toThrow();
  });
});

test.each([
  [{ prefix: 'Bison' }, 'prefix is "Bison"'],
  [{ dataStreamArn: 'datastream' }, 'dataStreamArn is "datastream": write the output datastream_arn'],
  [{ chunks: 101 }, 'chunks is 101: write a whole number from 2 to 100'],
  [{ scanLimitBytes: 1 }, 'scanLimitBytes is 1'],
  [{ image: 'jobs:latest' }, 'image is "jobs:latest": write the image by its digest'],
  [{ regions: { county: { key: 'county.gpkg', layer: 'county' } } }, 'regions.county.key is "county.gpkg"'],
  [{ postgres: {}, network: NETWORK }, 'network has 0 isolated subnets'],
  [{ region: 'us-east-1' }, 'Bison has no property region'],
])('refuses %p', (props, sentence) => {
  expect(() => bisonStack(props as never)).toThrow(sentence);
});

test('the queue has its priority', () => {
  const priority = (stack: typeof own) => only(stack, 'aws_batch_job_queue').priority;

  expect([priority(own), priority(bisonStack({ priority: 50 }))]).toEqual([1, 50]);
});
