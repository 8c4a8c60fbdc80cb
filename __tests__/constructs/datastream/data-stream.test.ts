import { createHash } from 'node:crypto';
import { TerraformResource, TerraformStack, TerraformVariable, Testing } from 'cdktf';
import { bundle } from '../../../constructs/aws/bundle';
import { DataStream, type DataStreamProps } from '../../../constructs/datastream/data-stream';
import { definition } from '../../../constructs/datastream/definition';
import { type FunctionName, MACHINE_FUNCTIONS, SOURCES } from '../../../constructs/datastream/functions';
import { Tag } from '../../../lambdas/datastream/tags';
import { dataStreamStack, readable, resources, synthesise } from '../../support/stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const MACHINE = 'arn:aws:states:REGION:ACCOUNT:stateMachine:machine';
const stack = synthesise({ smName: 'machine' });

test('has these resources and no other', () => {
  const counts = Object.entries(stack.resource).map(([type, each]) => [type, Object.keys(each).length]);

  expect(Object.fromEntries(counts)).toEqual({
    aws_cloudwatch_event_rule: 4,
    aws_cloudwatch_event_target: 4,
    aws_cloudwatch_log_group: 8,
    aws_iam_instance_profile: 1,
    aws_iam_role: 6,
    aws_iam_role_policy: 6,
    aws_lambda_function: 7,
    aws_lambda_permission: 4,
    aws_scheduler_schedule: 1,
    aws_scheduler_schedule_group: 1,
    aws_security_group: 1,
    aws_sfn_state_machine: 1,
  });
});

const named = (from: ReturnType<typeof synthesise>) =>
  Object.keys(from.resource).flatMap((type) =>
    Object.values(resources(from, type)).flatMap(({ name, function_name }) =>
      [name, type === 'aws_lambda_function' ? function_name : undefined].filter((each) => each !== undefined),
    ),
  );

test('derives every name from the state machine, or from the prefix', () => {
  const suffixes = [
    ...['_execution_ended', '_command_ended', '_instance_ended', '_spot_interrupted', '_ec2_profile', '_reaper'],
    ...['_relay', '_lambda_role', '_ec2_role', '_relay_role', '_reaper_role', '_scheduler_role', '_sm_role'],
    ...['_lambda_policy', '_ec2_policy', '_lambda_invoke_policy', '_start_ec2', '_ec2_commander'],
    ...['_ec2_command_poller', '_s3_object_checker', '_ec2_stopper'],
  ];
  for (const prefix of ['machine', 'prefix']) {
    const names = named(synthesise({ smName: 'machine', resourcePrefix: prefix === 'machine' ? undefined : prefix }));
    expect(names).toEqual(expect.arrayContaining(suffixes.map((suffix) => `${prefix}${suffix}`)));
  }
});

test('derives names that AWS accepts from the longest name of a state machine', () => {
  const functions = resources(synthesise({ smName: 'm'.repeat(80) }), 'aws_lambda_function');
  const lengths = Object.values(functions).map(({ function_name }) => String(function_name).length);

  expect(lengths).toEqual(Array(7).fill(64));
});

test('takes an empty string for a value that was left out', () => {
  const empty = { resourcePrefix: '', starterLambdaName: '', s3Bucket: '', vpcId: '', permissionsBoundaryArn: '' };

  expect(synthesise({ smName: 'machine', amiParameterName: '', ...empty })).toEqual(stack);
});

describe('of a deployment whose names another one has', () => {
  const all = Object.fromEntries(
    Object.entries(stack.resource).flatMap(([type, each]) =>
      Object.entries(each).map(([id, resource]) => [`${type}.${id}`, resource]),
    ),
  );

  /** Every resource without which Terraform does not begin with this one. */
  function waitsFor(address: string, seen = new Set<string>()): Set<string> {
    for (const [other] of JSON.stringify(all[address]).matchAll(/\baws_\w+\.datastream_[\w-]+/g)) {
      if (!(other in all) || seen.has(other)) continue;
      seen.add(other);
      waitsFor(other, seen);
    }
    return seen;
  }
  const addresses = (type: string) => Object.keys(all).filter((address) => address.startsWith(`${type}.`));

  test.each(['aws_cloudwatch_event_rule', 'aws_cloudwatch_event_target'])(
    '%s, which AWS takes over in silence, waits for the state machine, its functions and its own function',
    (type) => {
      expect(addresses(type)).toHaveLength(4);
      for (const address of addresses(type)) {
        const own = address.includes('_reaper_') ? '_reaper_function' : '_relay_function';
        const found = [...waitsFor(address)].filter((each) => /^aws_(lambda_function|sfn_state_machine)\./.test(each));
        expect(found.map((each) => each.replace(/^.*?\.datastream|_[0-9A-F]{8}$/g, '')).sort()).toEqual([
          ...MACHINE_FUNCTIONS.map((name) => `_functions_${name}_function`).sort(),
          own,
          '_state-machine',
        ]);
      }
    },
  );

  test.each(['aws_cloudwatch_log_group', 'aws_iam_role_policy', 'aws_scheduler_schedule_group'])(
    '%s waits for a role',
    (type) => {
      for (const address of addresses(type)) {
        expect([address, ...waitsFor(address)]).toContainEqual(expect.stringMatching(/^aws_iam_role\./));
      }
    },
  );

  test('the state machine, which AWS takes over where its definition is the same, waits for its functions', () => {
    const [address = ''] = addresses('aws_sfn_state_machine');

    expect([...waitsFor(address)].filter((each) => each.startsWith('aws_lambda_function.'))).toHaveLength(5);
  });
});

describe('the functions', () => {
  const functions = resources(stack, 'aws_lambda_function');

  test('run on Node.js 22, arm64, 256 MB, and have a log group that is there first', () => {
    const { functions: bundles } = bundle(SOURCES);
    for (const [id, each] of Object.entries(functions)) {
      expect(each).toMatchObject({ runtime: 'nodejs22.x', architectures: ['arm64'], memory_size: 256 });
      expect(each.depends_on).toEqual([expect.stringMatching(/^aws_cloudwatch_log_group\./)]);
      const { archive } = bundles[String(each.handler).split('.')[0] as FunctionName];
      expect([id, each.source_code_hash]).toEqual([id, createHash('sha256').update(archive).digest('base64')]);
    }
    const groups = Object.values(resources(stack, 'aws_cloudwatch_log_group')).map(({ name }) => name);
    expect(groups).toEqual(
      expect.arrayContaining(Object.values(functions).map(({ function_name }) => `/aws/lambda/${function_name}`)),
    );
  });

  test('have their handler, time limit and environment', () => {
    const STATE_MACHINE_ARN = MACHINE;
    const configured = Object.values(functions).map(({ handler, timeout, environment }) => {
      const { variables } = environment as { variables: Record<string, string> };
      const { NODE_OPTIONS, ...rest } = variables;
      expect(NODE_OPTIONS).toBe('--enable-source-maps');
      return [handler, timeout, JSON.parse(readable(JSON.stringify(rest)))];
    });

    expect(configured).toEqual([
      ['checker.handler', 30, { POWERTOOLS_SERVICE_NAME: 'checker' }],
      [
        'commander.handler',
        30,
        { JOB_LOGS: 's3', LOG_BUCKET: '', LOG_GROUP: '', POWERTOOLS_SERVICE_NAME: 'commander' },
      ],
      ['poller.handler', 30, { POWERTOOLS_SERVICE_NAME: 'poller' }],
      [
        'starter.handler',
        60,
        {
          POWERTOOLS_SERVICE_NAME: 'starter',
          STATE_MACHINE_ARN,
          SECURITY_GROUP_ID: '<instance-security-group.id>',
          INSTANCE_PROFILE_NAME: '<instance-profile.name>',
          SUBNET_IDS: '',
        },
      ],
      ['stopper.handler', 30, { POWERTOOLS_SERVICE_NAME: 'stopper', STATE_MACHINE_ARN }],
      ['reaper.handler', 120, { POWERTOOLS_SERVICE_NAME: 'reaper', STATE_MACHINE_ARN }],
      ['relay.handler', 30, { POWERTOOLS_SERVICE_NAME: 'relay', STATE_MACHINE_ARN }],
    ]);
  });

  test('of the state machine are published as versions; relay and reaper serve the jobs of every deployment', () => {
    const published = Object.entries(functions).filter(([, { publish }]) => publish === true);

    expect(published.map(([id]) => id)).toEqual(
      ['checker', 'commander', 'poller', 'starter', 'stopper'].map((name) => `functions_${name}_function`),
    );
  });

  test('get the subnets as a list with commas', () => {
    const subnetIds = ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'];
    const vpcId = 'vpc-0123456789abcdef0';
    const { starter } = Object.fromEntries(
      Object.entries(resources(synthesise({ smName: 'machine', vpcId, subnetIds }), 'aws_lambda_function')).map(
        ([id, each]) => [id.replace(/^functions_(\w+)_function$/, '$1'), each],
      ),
    );

    expect(starter?.environment).toMatchObject({
      variables: { SUBNET_IDS: `\${join(",", ${JSON.stringify(subnetIds).replace(',', ', ')})}` },
    });
  });
});

test('the state machine is the definition, and logs errors without the data of executions', () => {
  const [machine] = Object.values(resources(stack, 'aws_sfn_state_machine'));
  const arn = (name: string) => `<functions_${name}_function.qualified_arn>`;

  expect(JSON.parse(readable(String(machine?.definition)))).toEqual(
    JSON.parse(
      JSON.stringify(
        definition({
          starter: arn('starter'),
          commander: arn('commander'),
          poller: arn('poller'),
          checker: arn('checker'),
          stopper: arn('stopper'),
        }),
      ),
    ),
  );
  expect(machine).toMatchObject({
    name: 'machine',
    type: 'STANDARD',
    logging_configuration: { level: 'ERROR', include_execution_data: false },
    depends_on: [expect.stringMatching(/^aws_iam_role_policy\./)],
  });
  const groups = Object.values(resources(stack, 'aws_cloudwatch_log_group'));
  expect(groups).toContainEqual(expect.objectContaining({ name: '/aws/vendedlogs/states/machine' }));
});

describe('the log of jobs that run', () => {
  const groupOf = (props: DataStreamProps) =>
    Object.entries(resources(synthesise(props), 'aws_cloudwatch_log_group')).find(
      ([id]) => id === 'job-log_group',
    )?.[1];
  const commanderOf = (props: Parameters<typeof synthesise>[0]) => {
    const { environment } = resources(synthesise(props), 'aws_lambda_function').functions_commander_function ?? {};
    return (environment as { variables: Record<string, string> }).variables;
  };

  test('is a group of its own where it is asked for, kept as long as the others', () => {
    expect(groupOf({ smName: 'machine' })).toBeUndefined();
    expect(groupOf({ smName: 'machine', jobLogs: 'none' })).toBeUndefined();
    expect(groupOf({ smName: 'machine', jobLogs: 'cloudwatch', logRetentionDays: 7 })).toMatchObject({
      name: '/datastream/jobs/machine',
      retention_in_days: 7,
    });
    expect(readable(JSON.stringify(commanderOf({ smName: 'machine', jobLogs: 'cloudwatch' })))).toContain(
      '"JOB_LOGS":"cloudwatch","LOG_BUCKET":"","LOG_GROUP":"<job-log_group.name>"',
    );
  });

  test('is one that Terraform decides on where the value is a variable', () => {
    const props = (stack: TerraformStack) => {
      const jobLogs = new TerraformVariable(stack, 'job_logs', { type: 'string' }).stringValue;
      return { smName: 'machine', jobLogs };
    };
    const count = '${length(regexall("^cloudwatch$", var.job_logs))}';
    const { resource } = synthesise(props);
    const counted = Object.values(resource).flatMap((each) => Object.values(each).filter((one) => 'count' in one));

    expect(counted.map((each) => each.count)).toEqual([count, count]);
    expect(commanderOf(props).LOG_GROUP).toMatch(/^\$\{join\("", aws_cloudwatch_log_group\.\w+.*\[\*\]\.name\)\}$/);
  });
});

test('logs are kept for 30 days, or as long as asked for', () => {
  const kept = (props: DataStreamProps) =>
    Object.values(resources(synthesise(props), 'aws_cloudwatch_log_group')).map((each) => each.retention_in_days);

  expect(kept({ smName: 'machine' })).toEqual(Array(8).fill(30));
  expect(kept({ smName: 'machine', logRetentionDays: 365 })).toEqual(Array(8).fill(365));
});

test('the security group lets nothing in', () => {
  const [group] = Object.values(resources(stack, 'aws_security_group'));

  expect(group?.ingress).toEqual([]);
  expect(group?.egress).toEqual([
    expect.objectContaining({ protocol: '-1', cidr_blocks: ['0.0.0.0/0'], ipv6_cidr_blocks: ['::/0'] }),
  ]);
  expect(group).not.toHaveProperty('vpc_id');
});

describe('vpcId and subnetIds', () => {
  const vpcId = (scope: TerraformStack) => new TerraformVariable(scope, 'vpc', { type: 'string' }).stringValue;
  const subnetIds = (scope: TerraformStack) =>
    new TerraformVariable(scope, 'subnets', { type: 'list(string)' }).listValue;
  const [vpc, subnet] = ['vpc-0123456789abcdef0', 'subnet-0123456789abcdef0'];

  test.each<[string, (scope: TerraformStack) => Partial<DataStreamProps>, string]>([
    [
      'both',
      (scope) => ({ vpcId: vpcId(scope), subnetIds: subnetIds(scope) }),
      '${((length(var.vpc) >= 1) == (length(var.subnets) >= 1))}',
    ],
    ['the VPC', (scope) => ({ vpcId: vpcId(scope), subnetIds: [subnet] }), '${((length(var.vpc) >= 1) == true)}'],
    ['the VPC, without subnets', (scope) => ({ vpcId: vpcId(scope) }), '${!(length(var.vpc) >= 1)}'],
    [
      'the subnets',
      (scope) => ({ vpcId: vpc, subnetIds: subnetIds(scope) }),
      '${(true == (length(var.subnets) >= 1))}',
    ],
    ['the subnets, without a VPC', (scope) => ({ subnetIds: subnetIds(scope) }), '${!(length(var.subnets) >= 1)}'],
  ])('go together by a precondition where a variable holds %s', (_what, props, condition) => {
    const stack = synthesise((scope) => ({ smName: 'machine', ...props(scope) }));
    const [group] = Object.values(resources(stack, 'aws_security_group'));

    expect(group?.lifecycle).toEqual({ precondition: [expect.objectContaining({ condition })] });
  });
});

test('a deployment in China is refused by its partition', () => {
  const [partition] = Object.values(stack.data.aws_partition ?? {});

  expect(partition?.lifecycle).toMatchObject({ postcondition: [{ condition: '${self.partition != "aws-cn"}' }] });
});

test('every resource whose class has tags has them', () => {
  const all = dataStreamStack({ smName: 'machine', tags: { Project: 'ours', Team: 'water' } });
  const taggable = all.node
    .findAll()
    .filter((each) => TerraformResource.isTerraformResource(each))
    .filter((each) => 'tagsInput' in each)
    .map((each) => [each.terraformResourceType, each.friendlyUniqueId] as const);
  const synthesised = JSON.parse(Testing.synth(all, true)).resource;

  expect(taggable).toHaveLength(29);
  for (const [type, id] of taggable) {
    const { tags } = synthesised[type][id];
    expect([id, JSON.parse(readable(JSON.stringify(tags)))]).toEqual([
      id,
      {
        ...(type === 'aws_sfn_state_machine' && { 'datastream:bucket': '' }),
        ...{ Project: 'ours', Team: 'water', 'datastream:state-machine': MACHINE },
      },
    ]);
  }
});

test("the state machine's tag tells the one bucket that jobs use, whatever the user's tags tell", () => {
  const tagged = synthesise({ smName: 'machine', s3Bucket: 'one', tags: { 'datastream:bucket': 'another' } });
  const [machine] = Object.values(resources(tagged, 'aws_sfn_state_machine'));

  expect(machine?.tags).toMatchObject({ 'datastream:bucket': 'one' });
});

test("the user's tags cannot replace the tag that the functions write", () => {
  const tagged = synthesise({ smName: 'machine', tags: { [Tag.stateMachine]: 'another' } });
  const [group] = Object.values(resources(tagged, 'aws_security_group'));

  expect(readable(JSON.stringify(group?.tags))).toContain(MACHINE);
});

describe('refuses, before anything is deployed,', () => {
  test.each<[Partial<DataStreamProps>, string]>([
    [{ smName: '' }, 'smName is "": write 1 to 80 letters'],
    [{ smName: 'my machine' }, 'smName is "my machine": write 1 to 80 letters'],
    [{ smName: 'm'.repeat(81) }, 'mmm": write 1 to 80 letters'],
    [{ resourcePrefix: 'a.b' }, 'resourcePrefix is "a.b": write 1 to 64 letters'],
    [{ pollerLambdaName: 'x', checkerLambdaName: 'x' }, 'Two functions are called "x": give each a name of its own.'],
    [{ smRoleName: 'x', ec2Role: 'x' }, 'Two roles are called "x": give each a name of its own.'],
    [{ jobLogs: 'cloud' }, 'jobLogs is "cloud": write s3, cloudwatch or none.'],
    [{ pollerLambdaName: 'arn:aws:lambda' }, 'pollerLambdaName is "arn:aws:lambda": write 1 to 64 letters'],
    [{ ec2Role: 'r'.repeat(65) }, 'rrr": write 1 to 64 letters'],
    [{ lambdaPolicyName: 'a/b' }, 'lambdaPolicyName is "a/b": write 1 to 128 letters'],
    [{ profileName: 'a b' }, 'profileName is "a b": write 1 to 128 letters'],
    [{ s3Bucket: 's3://bucket/' }, 's3Bucket is "s3://bucket/": write the name of a bucket, without s3://'],
    [{ amiParameterName: 'ami' }, 'amiParameterName is "ami": write an SSM parameter\'s name, beginning with a slash'],
    [{ vpcId: 'default' }, 'vpcId is "default": write the ID of a VPC'],
    [{ subnetIds: ['subnet-0123456789abcdef0', 'x'] }, 'subnetIds[1] is "x": write IDs of subnets'],
    [
      { vpcId: 'vpc-0123456789abcdef0' },
      'vpcId is "vpc-0123456789abcdef0" and subnetIds is []: write both, or neither for the default VPC.',
    ],
    [
      { subnetIds: ['subnet-0123456789abcdef0'] },
      'vpcId is "" and subnetIds is ["subnet-0123456789abcdef0"]: write both, or neither for the default VPC.',
    ],
    [{ permissionsBoundaryArn: 'boundary' }, 'permissionsBoundaryArn is "boundary": write the ARN'],
    [{ logRetentionDays: 31 }, 'logRetentionDays is 31: write one of 1, 3, 5, 7, 14, 30, 60'],
  ])('%j', (props, message) => {
    const scope = new TerraformStack(Testing.app(), 'stack');

    expect(() => new DataStream(scope, 'datastream', { smName: 'machine', ...props })).toThrow(message);
  });

  test.each<[unknown, string]>([
    [undefined, 'props of DataStream is undefined: write an object of its properties.'],
    ['machine', 'props of DataStream is "machine": write an object of its properties.'],
    [{}, 'smName is undefined: write 1 to 80 letters'],
    [{ smName: 7 }, 'smName is 7: write 1 to 80 letters'],
    [{ smName: 'machine', sm_role_name: 'role' }, 'DataStream has no property sm_role_name: choose from smName, '],
    [{ smName: 'machine', subnetIds: 'subnet-0123abcd' }, 'subnetIds is "subnet-0123abcd": write a list of IDs of'],
    [{ smName: 'machine', subnetIds: [null] }, 'subnetIds[0] is null: write IDs of subnets'],
    [{ smName: 'machine', vpcId: { ref: 'vpc' } }, "vpcId is { ref: 'vpc' }: write the ID of a VPC"],
    [{ smName: 'machine', logRetentionDays: '30' }, 'logRetentionDays is "30": write one of 1, 3, 5'],
    [{ smName: 'machine', tags: ['a=b'] }, "tags is [ 'a=b' ]: write an object of strings"],
    [{ smName: 'machine', tags: { team: 1 } }, 'tags.team is 1: write a string.'],
  ])('what no compiler has looked at: %j', (props, message) => {
    const scope = new TerraformStack(Testing.app(), 'stack');

    expect(() => new DataStream(scope, 'datastream', props as DataStreamProps)).toThrow(message);
  });

  test('a stack of another copy of cdktf, which would drop every tag', () => {
    let other: typeof import('cdktf') | undefined;
    jest.isolateModules(() => {
      other = require('cdktf');
    });
    const { TerraformStack: OtherStack, Testing: OtherTesting } = other as typeof import('cdktf');
    const scope = new OtherStack(OtherTesting.app(), 'stack');

    expect(() => new DataStream(scope, 'datastream', { smName: 'machine' })).toThrow(
      /^The App uses another copy of cdkt[fn] than DataStream, whose copy is .*cdkt[fn]: the stack's tags would be missing\. Run "npm ls cdkt[fn]"/,
    );
  });
});
