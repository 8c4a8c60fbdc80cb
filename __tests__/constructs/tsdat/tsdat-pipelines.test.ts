import type { TsdatPipelinesProps } from '../../../constructs/tsdat/tsdat-pipelines';
import type { PipelinesConfig } from '../../../pipelines/model';
import { violations } from '../../support/least-privilege';
import { changed } from '../../support/pipelines';
import { addressesOf } from '../../support/synthesis';
import {
  all,
  CONFIG,
  configOf,
  dataStack as data,
  pipelinesStack as pipelines,
  policiesOf,
} from '../../support/tsdat-stack';

const SITE = `      morro:
        input_bucket_path: ./lidar/morro
        config_file_path: pipelines/lidar/config/pipeline_morro.yaml
`;

test('has the names of aws-template', () => {
  const stack = pipelines();

  expect(
    all(stack, 'aws_lambda_function')
      .map(({ function_name }) => function_name)
      .sort(),
  ).toEqual([
    'buoy-pipelines-main-lambda-lidar-humboldt',
    'buoy-pipelines-main-lambda-lidar-morro',
    'buoy-pipelines-main-lambda-lidar_vap-humboldt',
    'buoy-pipelines-main-preparer',
  ]);
  expect(
    all(stack, 'aws_cloudwatch_event_rule')
      .map(({ name }) => name)
      .sort(),
  ).toEqual([
    'buoy-pipelines-main-lambda-lidar-humboldt',
    'buoy-pipelines-main-lambda-lidar-morro',
    'buoy-pipelines-main-lambda-lidar_vap-humboldt-cron-rule',
  ]);
  expect(all(stack, 'aws_ecr_repository')).toEqual([expect.objectContaining({ name: 'buoy-pipelines-main' })]);
  expect(all(stack, 'aws_codepipeline')).toEqual([
    expect.objectContaining({
      name: 'buoy-pipelines-main-build-pipeline',
      pipeline_type: 'V2',
      execution_mode: 'SUPERSEDED',
    }),
  ]);
});

test('calls S3 pipelines by the bucket and the prefix, with the event that aws-template has, and others by schedule', () => {
  const stack = pipelines();
  const rules = all(stack, 'aws_cloudwatch_event_rule');
  const targets = all(stack, 'aws_cloudwatch_event_target');

  expect(rules.map(({ event_pattern }) => event_pattern && JSON.parse(String(event_pattern)).detail)).toEqual(
    expect.arrayContaining([
      { bucket: { name: ['buoy-input'] }, object: { key: [{ prefix: 'lidar/humboldt/' }] } },
      { bucket: { name: ['buoy-input'] }, object: { key: [{ prefix: 'lidar/morro/' }] } },
    ]),
  );
  expect(rules.map(({ schedule_expression }) => schedule_expression)).toContain('cron(0 0/1 * * ? *)');
  expect(targets.filter(({ input_transformer }) => input_transformer)).toHaveLength(2);
  // A rule that is taken over keeps one target.
  expect(targets.map(({ target_id }) => target_id)).toEqual(['1', '1', '1']);
});

test('adds six resources for a site, and changes only kit and policy', () => {
  const without = pipelines({ config: configOf(changed([SITE, ''])) });
  const now = pipelines();
  const added = addressesOf(now).filter((address) => !addressesOf(without).includes(address));
  const changes = Object.entries(without.resource).flatMap(([type, each]) =>
    Object.entries(each)
      .filter(([id, resource]) => JSON.stringify(resource) !== JSON.stringify(now.resource[type]?.[id]))
      .map(([id]) => `${type}.${id.replace(/_[0-9A-F]{8}$/, '')}`),
  );

  expect(added.map((address) => address.split('.')[0]).sort()).toEqual([
    'aws_cloudwatch_event_rule',
    'aws_cloudwatch_event_target',
    'aws_cloudwatch_log_group',
    'aws_lambda_function',
    'aws_lambda_function_event_invoke_config',
    'aws_lambda_permission',
  ]);
  // The pipeline's own arguments stay; its dependencies name the new function.
  expect(changes.sort()).toEqual([
    'aws_codepipeline.tsdat_delivery_pipeline',
    'aws_iam_role_policy.tsdat_role_policy',
    'aws_lambda_invocation.tsdat_preparer_release',
    'aws_s3_object.tsdat_delivery_kit',
  ]);
});

test('gives its roles no more than they need', () => {
  const policies = policiesOf(pipelines());

  expect(Object.keys(policies).sort()).toEqual(['build', 'functions', 'pipeline', 'preparer']);
  const wide = Object.values(policies).flatMap(({ Statement }) =>
    Statement.filter(({ Resource }) => Resource.includes('*')),
  );
  expect(wide.flatMap(({ Action }) => Action)).toEqual(['ecr:GetAuthorizationToken']);
  expect(JSON.stringify(policies)).not.toMatch(/PassRole|CreateLogGroup|"s3:\*"/);
  expect(Object.values(policies).flatMap(violations)).toEqual([]);
});

test('lets functions read their inputs alone, and write outputs and records', () => {
  const { functions } = policiesOf(pipelines());

  expect(
    Object.fromEntries(functions?.Statement.map(({ Sid, Action, Resource }) => [Sid, [Action, Resource]]) ?? []),
  ).toEqual({
    Log: [
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      ['arn:aws:logs:REGION:ACCOUNT:log-group:/aws/lambda/buoy-pipelines-main-lambda-*'],
    ],
    ReadInputs: [
      ['s3:GetObject'],
      ['arn:aws:s3:::buoy-input/lidar/humboldt/*', 'arn:aws:s3:::buoy-input/lidar/morro/*'],
    ],
    List: [['s3:ListBucket'], ['arn:aws:s3:::buoy-input', 'arn:aws:s3:::buoy-output', '<records_bucket.arn>']],
    Outputs: [['s3:GetObject', 's3:PutObject'], ['arn:aws:s3:::buoy-output/*']],
    Records: [['s3:GetObject', 's3:PutObject'], ['<records_bucket.arn>/*']],
  });
});

test('widens the role by policyStatements', () => {
  const { functions } = policiesOf(
    pipelines({
      policyStatements: [
        { Action: 'sns:Publish', Resource: 'arn:aws:sns:us-west-2:123456789012:alerts' },
        {
          Sid: 'Model',
          Effect: 'Allow',
          Action: ['s3:GetObject'],
          Resource: ['arn:aws:s3:::model/*'],
          Condition: { Bool: { 'aws:SecureTransport': 'true' } },
        },
      ],
    }),
  );

  expect(functions?.Statement.slice(-2)).toEqual([
    { Sid: 'Own1', Effect: 'Allow', Action: ['sns:Publish'], Resource: ['arn:aws:sns:us-west-2:123456789012:alerts'] },
    {
      Sid: 'Model',
      Effect: 'Allow',
      Action: ['s3:GetObject'],
      Resource: ['arn:aws:s3:::model/*'],
      Condition: { Bool: { 'aws:SecureTransport': 'true' } },
    },
  ]);
});

test('lets CodePipeline use the connection by the name that its ARN has', () => {
  const renamed = configOf(changed(['codestar-connections', 'codeconnections']));
  const actions = (config: PipelinesConfig) =>
    policiesOf(pipelines({ config }))
      .pipeline?.Statement.flatMap(({ Action }) => Action)
      .filter((each) => /Connection$/.test(each));

  expect(actions(CONFIG)).toEqual(['codestar-connections:UseConnection']);
  expect(actions(renamed)).toEqual(['codeconnections:UseConnection']);
});

test('turns EventBridge on for buckets that somebody else has made, and for no others', () => {
  const input = (config: PipelinesConfig) =>
    all(pipelines({ config }), 'aws_lambda_invocation')
      .map(({ input: text }) => String(text))
      .join();

  expect(input(CONFIG)).toContain('"buckets":[]');
  expect(input(configOf(changed(['True #', 'False #'])))).toContain('"buckets":["buoy-input"]');
});

test('turns EventBridge on when the rules exist: until then the old notifications call the functions', () => {
  const stack = pipelines({ config: configOf(changed(['True #', 'False #'])) });
  const targets = Object.keys(stack.resource.aws_cloudwatch_event_target ?? {});
  const release = all(stack, 'aws_lambda_invocation').find(({ input }) => String(input).includes('"release"'));

  expect(targets).toHaveLength(3);
  expect(release?.depends_on).toEqual(expect.arrayContaining(targets.map((id) => `aws_cloudwatch_event_target.${id}`)));
});

test('watches the output bucket for a VAP on an S3 trigger', () => {
  const config = configOf(
    changed(
      ['trigger: Cron\n    schedule: Hourly', 'trigger: S3'],
      [
        '        config_file_path: pipelines/lidar_vap/',
        '        input_bucket_path: storage/root/data/humboldt/\n        config_file_path: pipelines/lidar_vap/',
      ],
    ),
  );

  expect(
    all(pipelines({ config }), 'aws_cloudwatch_event_rule').map(({ event_pattern }) => String(event_pattern)),
  ).toContainEqual(
    expect.stringContaining(
      '"bucket":{"name":["buoy-output"]},"object":{"key":[{"prefix":"storage/root/data/humboldt/"}]}',
    ),
  );
  expect(all(data({ config }), 'aws_s3_bucket_notification')).toHaveLength(2);
});

test('has two branches side by side, whose names differ', () => {
  const names = (branch: string) =>
    Object.values(pipelines({ branch }).resource).flatMap((each) =>
      Object.values(each).flatMap(({ name, function_name, bucket }) =>
        [name, function_name, bucket].filter((one) => typeof one === 'string' && !one.includes('${')),
      ),
    );
  const own = (branch: string) =>
    names(branch).filter((name) => !['functions', 'build', 'pipeline', 'preparer'].includes(String(name)));

  expect(own('main').filter((name) => own('dev').includes(name))).toEqual([]);
  expect(own('main').length).toBeGreaterThan(15);
});

test('gives datasets the commit of the pipelines, and builds after a push to their repository alone', () => {
  const [pipeline] = all(pipelines(), 'aws_codepipeline') as unknown as {
    stage: { action: { name: string; configuration: Record<string, string> }[] }[];
  }[];
  const actions = pipeline?.stage.flatMap(({ action }) => action) ?? [];

  expect(
    actions.map(({ name, configuration }) => [name, configuration.DetectChanges, configuration.FullRepositoryId]),
  ).toEqual([
    ['pipelines-source-action', 'true', 'river-lab/buoy-pipelines'],
    ['aws_build-source-action', 'false', 'river-lab/buoy-aws'],
    ['build', undefined, undefined],
  ]);
  expect(actions[2]?.configuration.EnvironmentVariables).toContain(
    '{"name":"CODE_VERSION","value":"#{pipelines.CommitId}"',
  );
});

test("has Lambda's longest run, and room in /tmp, which can be set", () => {
  const sizes = (props: Partial<TsdatPipelinesProps>) =>
    all(pipelines(props), 'aws_lambda_function')
      .filter(({ package_type }) => package_type === 'Image')
      .map(({ timeout, memory_size, ephemeral_storage, reserved_concurrent_executions }) => [
        timeout,
        memory_size,
        (ephemeral_storage as { size: number }).size,
        reserved_concurrent_executions,
      ])[0];

  expect(sizes({})).toEqual([900, 1024, 2048, undefined]);
  expect(sizes({ timeoutSeconds: 60, memoryMb: 4096, ephemeralStorageMb: 10_240, maxConcurrency: 3 })).toEqual([
    60, 4096, 10_240, 3,
  ]);
});

test('lets a failed event run once more, and keeps it then', () => {
  expect(all(pipelines(), 'aws_lambda_function_event_invoke_config')).toHaveLength(3);
  for (const each of all(pipelines(), 'aws_lambda_function_event_invoke_config')) {
    expect(each).toMatchObject({
      maximum_retry_attempts: 1,
      maximum_event_age_in_seconds: 21_600,
      destination_config: { on_failure: {} },
    });
  }
});

test('forgets records and artifacts, but neither what a pipeline has run nor what the build has made', () => {
  const rules = all(pipelines(), 'aws_s3_bucket_lifecycle_configuration').flatMap(({ rule }) =>
    (rule as { filter: { prefix: string }[]; expiration: { days: number }[] }[]).map(({ filter, expiration }) => [
      filter[0]?.prefix,
      expiration[0]?.days,
    ]),
  );

  expect(rules).toEqual([
    ['buoy-pipelines-main-/', 30],
    ['runs/', 90],
    ['aws/lambda/async/', 90],
  ]);
});

test('is the same, byte for byte, twice', () => {
  expect(JSON.stringify(pipelines())).toBe(JSON.stringify(pipelines()));
});

test.each<[object, string]>([
  [
    { branch: 'a/b' },
    'branch is "a/b": its name is part of the names of functions and rules: write letters, digits, - and _.',
  ],
  [{ memoryMb: 64 }, "memoryMb is 64: write a whole number from 128 to 10240 (MB of a function's memory)."],
  [{ timeoutSeconds: 901 }, "timeoutSeconds is 901: write a whole number from 1 to 900 (seconds of a function's run)."],
  [{ ephemeralStorageMb: '2048' }, 'ephemeralStorageMb is "2048": write a whole number from 512 to 10240'],
  [{ maxConcurrency: 0 }, 'maxConcurrency is 0: write a whole number from 1 to 10000'],
  [
    { policyStatements: [{ Action: 's3:Get*' }] },
    'policyStatements[0].Resource is undefined: write a text, or a list of texts.',
  ],
  [
    { policyStatements: [{ Action: 'a', Resource: 'b', Effect: 'Deny' }] },
    'policyStatements[0].Effect is "Deny": write Allow',
  ],
  [
    { policyStatements: [{ Actions: 'a' }] },
    'policyStatements[0] has the key Actions: choose from Sid, Effect, Action',
  ],
  [{ config: 'file.yml' }, 'config is "file.yml": write the config that parsePipelines returns.'],
  [{ adopt: 'yes' }, 'adopt is "yes": write true or false.'],
  [{ size: 1 }, 'TsdatPipelines has no property size: choose from config, branch'],
])('refuses %j', (props, message) => {
  expect(() => pipelines(props)).toThrow(message);
});

describe('the data', () => {
  test('has both buckets without public access, events of the input, and a folder for each input', () => {
    const stack = data();

    expect(all(stack, 'aws_s3_bucket').map(({ bucket, force_destroy }) => [bucket, force_destroy])).toEqual([
      ['buoy-input', false],
      ['buoy-output', false],
    ]);
    expect(all(stack, 'aws_s3_bucket_public_access_block')).toHaveLength(2);
    expect(all(stack, 'aws_s3_bucket_notification')).toEqual([expect.objectContaining({ eventbridge: true })]);
    expect(all(stack, 'aws_s3_object').map(({ key }) => key)).toEqual(['lidar/humboldt/', 'lidar/morro/']);
  });

  test('is deleted with its objects only where removeData says so', () => {
    expect(all(data({ removeData: true }), 'aws_s3_bucket').map(({ force_destroy }) => force_destroy)).toEqual([
      true,
      true,
    ]);
  });

  test('is one bucket where input and output are one', () => {
    expect(all(data({ config: configOf(changed(['buoy-output', 'buoy-input'])) }), 'aws_s3_bucket')).toHaveLength(1);
  });
});
