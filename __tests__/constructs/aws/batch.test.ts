import { BatchJob, type BatchJobProps, BatchQueue, type BatchQueueProps } from '../../../constructs';
import { foundation } from '../../support/foundation';

const NETWORK = { vpcId: 'vpc-0123456789abcdef0', subnetIds: ['subnet-1', 'subnet-2'], securityGroupIds: [] };

const queue = (props: Partial<BatchQueueProps> = {}) =>
  foundation((stack) => new BatchQueue(stack, 'q', { network: NETWORK, queueName: 'queue', ...props }));

const job = (props: Partial<BatchJobProps> = {}) =>
  foundation((stack) => {
    const made = new BatchQueue(stack, 'q', { network: NETWORK, queueName: 'queue' });
    new BatchJob(stack, 'job', {
      name: 'Radiance',
      image: 'example/image:1',
      command: ['python', 'work.py', 'Ref::year'],
      parameters: { year: '2015' },
      vcpus: 1,
      memoryMiB: 4096,
      timeoutSeconds: 3600,
      queue: made,
      ...props,
    });
  });

const only = (resources: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {}, id: string) =>
  resources[id] ?? {};

describe('BatchQueue', () => {
  test('is a queue on spot instances of arm64 that are there only while jobs run', () => {
    const { resource } = queue();

    expect(Object.keys(resource).sort()).toEqual([
      'aws_batch_compute_environment',
      'aws_batch_job_queue',
      'aws_cloudwatch_log_group',
      'aws_iam_instance_profile',
      'aws_iam_role',
      'aws_iam_role_policy',
      'aws_launch_template',
      'aws_security_group',
    ]);
    expect(resource.aws_batch_compute_environment).toEqual({
      q_compute: {
        compute_environment_name_prefix: 'queue-',
        type: 'MANAGED',
        compute_resources: {
          type: 'SPOT',
          allocation_strategy: 'SPOT_PRICE_CAPACITY_OPTIMIZED',
          min_vcpus: 0,
          max_vcpus: 16,
          instance_type: ['r7g', 'm7g', 'c7g'],
          instance_role: '${aws_iam_instance_profile.q_profile.arn}',
          subnets: ['subnet-1', 'subnet-2'],
          security_group_ids: ['${aws_security_group.q_security-group.id}'],
          ec2_configuration: [{ image_type: 'ECS_AL2023' }],
          launch_template: {
            launch_template_id: '${aws_launch_template.q_template.id}',
            version: '${aws_launch_template.q_template.latest_version}',
          },
        },
        depends_on: ['aws_iam_role_policy.q_instance-role_policy'],
        lifecycle: { create_before_destroy: true },
      },
    });
    expect(resource.aws_batch_job_queue).toEqual({
      q_queue: {
        name: 'queue',
        state: 'ENABLED',
        priority: 1,
        compute_environment_order: [
          { order: 1, compute_environment: '${aws_batch_compute_environment.q_compute.arn}' },
        ],
        job_state_time_limit_action: [
          'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY',
          'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE',
          'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT',
        ].map((reason) => ({ action: 'CANCEL', state: 'RUNNABLE', reason, max_time_seconds: 14_400 })),
      },
    });
    expect(resource.aws_launch_template).toEqual({
      q_template: {
        name: 'queue',
        metadata_options: { http_endpoint: 'enabled', http_tokens: 'required', http_put_response_hop_limit: 1 },
        block_device_mappings: [
          {
            device_name: '/dev/xvda',
            ebs: { volume_type: 'gp3', volume_size: 100, encrypted: 'true', delete_on_termination: 'true' },
          },
        ],
        depends_on: ['aws_iam_role.q_instance-role'],
      },
    });
    const rule = { description: null, prefix_list_ids: null, security_groups: null, self: null };
    expect(resource.aws_security_group).toEqual({
      'q_security-group': {
        name: 'batch-queue',
        description: 'Instances of the queue queue: nothing in, everything out.',
        vpc_id: NETWORK.vpcId,
        ingress: [],
        egress: [
          { ...rule, protocol: '-1', from_port: 0, to_port: 0, cidr_blocks: ['0.0.0.0/0'], ipv6_cidr_blocks: ['::/0'] },
        ],
      },
    });
    expect(resource.aws_cloudwatch_log_group).toEqual({
      q_log: { name: '/aws/batch/queue', retention_in_days: 30, depends_on: ['aws_iam_role.q_instance-role'] },
    });
    expect(resource.aws_iam_instance_profile).toEqual({
      q_profile: { name: 'queue-instance', role: '${aws_iam_role.q_instance-role.name}' },
    });
    const { assume_role_policy, ...role } = only(resource.aws_iam_role, 'q_instance-role');
    expect(role).toEqual({ name: 'queue-instance' });
    expect(JSON.parse(String(assume_role_policy)).Statement).toEqual([
      { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ]);
    const { policy, ...named } = only(resource.aws_iam_role_policy, 'q_instance-role_policy');
    expect(named).toEqual({ name: 'instance', role: '${aws_iam_role.q_instance-role.name}' });
    const arn = (service: string, rest: string, account = '${data.aws_caller_identity.q_aws_account.account_id}') =>
      `arn:\${data.aws_partition.q_aws_partition.partition}:${service}:\${data.aws_region.q_aws_region.id}:${account}:${rest}`;
    const allow = (Sid: string, Action: readonly string[], resourceArn: string) => ({
      ...{ Sid, Effect: 'Allow', Action, Resource: [resourceArn] },
    });
    expect(JSON.parse(String(policy)).Statement).toEqual([
      allow(
        'JoinCluster',
        [
          'ecs:RegisterContainerInstance',
          'ecs:DeregisterContainerInstance',
          'ecs:SubmitAttachmentStateChanges',
          'ecs:SubmitContainerStateChange',
          'ecs:SubmitTaskStateChange',
        ],
        arn('ecs', 'cluster/*'),
      ),
      allow(
        'TakeTasks',
        ['ecs:Poll', 'ecs:StartTelemetrySession', 'ecs:UpdateContainerInstancesState'],
        arn('ecs', 'container-instance/*'),
      ),
      allow('FindServices', ['ecs:DiscoverPollEndpoint', 'ecr:GetAuthorizationToken'], '*'),
      allow(
        'PullImages',
        ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
        arn('ecr', 'repository/*', '*'),
      ),
      allow('WriteLogs', ['logs:CreateLogStream', 'logs:PutLogEvents'], '${aws_cloudwatch_log_group.q_log.arn}:*'),
    ]);
  });

  test("takes what it is told: on demand, x86_64, sizes, and the network's own security group", () => {
    const { resource } = queue({
      market: 'on-demand',
      architecture: 'x86_64',
      maxVcpus: 4,
      diskGb: 200,
      network: { ...NETWORK, securityGroupIds: ['sg-1'] },
    });

    expect(only(resource.aws_batch_compute_environment, 'q_compute').compute_resources).toMatchObject({
      type: 'EC2',
      allocation_strategy: 'BEST_FIT_PROGRESSIVE',
      instance_type: ['r7i', 'm7i', 'c7i', 'm6i'],
      max_vcpus: 4,
      security_group_ids: ['sg-1'],
    });
    expect(resource.aws_security_group).toBeUndefined();
  });

  test.each<[Partial<BatchQueueProps>, string]>([
    [{ queueName: 'a queue' }, 'queueName is "a queue": write 1 to 128 letters'],
    [{ architecture: 'arm' as never }, 'architecture is "arm": write arm64 or x86_64'],
    [{ maxVcpus: 0 }, 'maxVcpus is 0: write a whole number from 1'],
    [{ diskGb: 8 }, 'diskGb is 8: write a whole number from 30'],
    [{ instanceTypes: ['M7G'] }, 'instanceTypes[0] is "M7G"'],
  ])('refuses %j', (props, message) => {
    expect(() => queue(props)).toThrow(message);
  });
});

describe('BatchJob', () => {
  test('is a definition with a role of its own that is retried only where its host is taken away', () => {
    const { resource } = job();
    const { container_properties, ...definition } = only(resource.aws_batch_job_definition, 'job_definition');

    expect(definition).toEqual({
      name: 'Radiance',
      type: 'container',
      platform_capabilities: ['EC2'],
      parameters: { year: '2015' },
      propagate_tags: true,
      deregister_on_new_revision: false,
      timeout: { attempt_duration_seconds: 3600 },
      retry_strategy: {
        attempts: 3,
        evaluate_on_exit: [
          { on_status_reason: 'Host EC2*', action: 'RETRY' },
          { on_reason: '*', action: 'EXIT' },
        ],
      },
      depends_on: ['aws_iam_role_policy.job_job-role_policy'],
    });
    expect(JSON.parse(String(container_properties))).toEqual({
      image: 'example/image:1',
      command: ['python', 'work.py', 'Ref::year'],
      jobRoleArn: '${aws_iam_role.job_job-role.arn}',
      resourceRequirements: [
        { type: 'VCPU', value: '1' },
        { type: 'MEMORY', value: '4096' },
      ],
      environment: [],
      secrets: [],
      logConfiguration: {
        logDriver: 'awslogs',
        options: {
          'awslogs-group': '${aws_cloudwatch_log_group.q_log.name}',
          'awslogs-stream-prefix': 'Radiance',
        },
        secretOptions: [],
      },
      mountPoints: [],
      ulimits: [],
      volumes: [],
    });
    const role = only(resource.aws_iam_role, 'job_job-role');
    expect(JSON.parse(String(role.assume_role_policy)).Statement[0].Principal).toEqual({
      Service: 'ecs-tasks.amazonaws.com',
    });
    // A role that nothing was granted to has no policy: IAM refuses an empty one.
    expect(only(resource.aws_iam_role_policy, 'job_job-role_policy').count).toBe(0);
  });

  test('reads its secrets with a role that the container does not have', () => {
    const arn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:hsds-AbCdEf';
    const { resource } = job({ secrets: { PASSWORD: `${arn}:password::` } });
    const properties = JSON.parse(
      String(only(resource.aws_batch_job_definition, 'job_definition').container_properties),
    );
    const policy = JSON.parse(String(only(resource.aws_iam_role_policy, 'job_execution-role_policy').policy));

    expect(properties.secrets).toEqual([{ name: 'PASSWORD', valueFrom: `${arn}:password::` }]);
    expect(properties.executionRoleArn).toBe('${aws_iam_role.job_execution-role.arn}');
    expect(policy.Statement).toEqual([
      { Sid: 'ReadSecrets', Effect: 'Allow', Action: ['secretsmanager:GetSecretValue'], Resource: [arn] },
    ]);
  });

  test.each<[Partial<BatchJobProps>, string]>([
    [{ timeoutSeconds: 59 }, 'timeoutSeconds is 59: write a whole number from 60'],
    [{ attempts: 11 }, 'attempts is 11: write a whole number from 1 to 10'],
    [{ vcpus: 0.5 }, 'vcpus is 0.5: write a whole number from 1'],
    [{ image: 'an image' }, 'image is "an image"'],
    [{ parameters: { years: '2015' } }, 'parameters.years of Radiance is in no place of the command'],
    [{ retries: 2 } as never, 'BatchJob has no property retries'],
  ])('refuses %j', (props, message) => {
    expect(() => job(props)).toThrow(message);
  });
});
