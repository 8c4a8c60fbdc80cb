import { LONGEST_NAME } from '../../../constructs/aws/name-length';
import type { Statement } from '../../support/least-privilege';
import { policies, readable, resources, synthesise } from '../../support/stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const MACHINE = 'arn:aws:states:REGION:ACCOUNT:stateMachine:machine';
const stack = synthesise({ smName: 'machine', s3Bucket: 'one-bucket' });
const all = policies(stack);

function allow(Sid: string, Action: string[], Resource: string[], Condition?: Statement['Condition']): Statement {
  return { Sid, Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) };
}

test("what the machine's functions may do", () => {
  expect(all.functions_role?.Statement).toEqual([
    allow('Logstarter', ['logs:CreateLogStream', 'logs:PutLogEvents'], ['<functions_starter_log.arn>:*']),
    allow('Logcommander', ['logs:CreateLogStream', 'logs:PutLogEvents'], ['<functions_commander_log.arn>:*']),
    allow('Logpoller', ['logs:CreateLogStream', 'logs:PutLogEvents'], ['<functions_poller_log.arn>:*']),
    allow('Logchecker', ['logs:CreateLogStream', 'logs:PutLogEvents'], ['<functions_checker_log.arn>:*']),
    allow('Logstopper', ['logs:CreateLogStream', 'logs:PutLogEvents'], ['<functions_stopper_log.arn>:*']),
    allow('DescribeInstances', ['ec2:DescribeInstances'], ['*']),
    allow(
      'LaunchTagged',
      ['ec2:RunInstances'],
      [
        'arn:aws:ec2:REGION:ACCOUNT:instance/*',
        'arn:aws:ec2:REGION:ACCOUNT:volume/*',
        'arn:aws:ec2:REGION:ACCOUNT:network-interface/*',
        'arn:aws:ec2:REGION:ACCOUNT:spot-instances-request/*',
      ],
      { StringEquals: { 'aws:RequestTag/datastream:state-machine': MACHINE } },
    ),
    allow(
      'LaunchFrom',
      ['ec2:RunInstances'],
      [
        'arn:aws:ec2:REGION:ACCOUNT:key-pair/*',
        'arn:aws:ec2:REGION:ACCOUNT:launch-template/*',
        // Another account may share these.
        'arn:aws:ec2:REGION:*:subnet/*',
        'arn:aws:ec2:REGION:*:security-group/*',
        'arn:aws:ec2:REGION:*:placement-group/*',
        'arn:aws:ec2:REGION:*:capacity-reservation/*',
        'arn:aws:ec2:REGION::image/*',
        'arn:aws:ec2:REGION::snapshot/*',
      ],
    ),
    allow(
      'TagWhatIsLaunched',
      ['ec2:CreateTags'],
      [
        'arn:aws:ec2:REGION:ACCOUNT:instance/*',
        'arn:aws:ec2:REGION:ACCOUNT:volume/*',
        'arn:aws:ec2:REGION:ACCOUNT:network-interface/*',
        'arn:aws:ec2:REGION:ACCOUNT:spot-instances-request/*',
      ],
      { StringEquals: { 'ec2:CreateAction': 'RunInstances', 'aws:RequestTag/datastream:state-machine': MACHINE } },
    ),
    allow('DescribeImages', ['ec2:DescribeImages'], ['*']),
    allow(
      'FirstSpotRequest',
      ['iam:CreateServiceLinkedRole'],
      ['arn:aws:iam::ACCOUNT:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot'],
      { StringEquals: { 'iam:AWSServiceName': 'spot.amazonaws.com' } },
    ),
    allow('ResolveAmi', ['ssm:GetParameters'], ['arn:aws:ssm:REGION::parameter/aws/service/*']),
    allow('PassInstanceRole', ['iam:PassRole'], ['<instance-profile_role.arn>'], {
      StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' },
    }),
    allow('SendShellScript', ['ssm:SendCommand'], ['arn:aws:ssm:REGION::document/AWS-RunShellScript']),
    allow('SendToOwnInstances', ['ssm:SendCommand'], ['arn:aws:ec2:REGION:ACCOUNT:instance/*'], {
      StringEquals: { 'ssm:resourceTag/datastream:state-machine': MACHINE },
    }),
    allow(
      'FollowCommands',
      ['ssm:CancelCommand', 'ssm:DescribeInstanceInformation', 'ssm:GetCommandInvocation', 'ssm:ListCommands'],
      ['*'],
    ),
    allow('RegisterTaskToken', ['ec2:CreateTags'], ['arn:aws:ec2:REGION:ACCOUNT:instance/*'], {
      StringEquals: { 'aws:ResourceTag/datastream:state-machine': MACHINE },
      'ForAllValues:StringLike': { 'aws:TagKeys': ['datastream:token*', 'datastream:command'] },
      Null: { 'aws:TagKeys': 'false' },
    }),
    allow('EndTask', ['states:SendTaskSuccess', 'states:SendTaskFailure'], [MACHINE]),
    allow('StoreExecution', ['s3:PutObject'], ['arn:aws:s3:::one-bucket/*/execution.json'], {
      StringLike: { 'aws:ResourceAccount': '*' },
    }),
    allow('CheckObject', ['s3:GetObject'], ['arn:aws:s3:::one-bucket/*'], {
      StringLike: { 'aws:ResourceAccount': '*' },
    }),
    allow('TellMissingObject', ['s3:ListBucket'], ['arn:aws:s3:::one-bucket'], {
      StringLike: { 'aws:ResourceAccount': '*' },
    }),
    allow('EndInstances', ['ec2:TerminateInstances', 'ec2:StopInstances'], ['arn:aws:ec2:REGION:ACCOUNT:instance/*'], {
      StringEquals: { 'aws:ResourceTag/datastream:state-machine': MACHINE },
    }),
    allow(
      'DetachVolumes',
      ['ec2:DetachVolume'],
      ['arn:aws:ec2:REGION:ACCOUNT:instance/*', 'arn:aws:ec2:REGION:ACCOUNT:volume/*'],
      { StringEquals: { 'aws:ResourceTag/datastream:state-machine': MACHINE } },
    ),
    allow('DeleteVolumes', ['ec2:DeleteVolume'], ['arn:aws:ec2:REGION:ACCOUNT:volume/*'], {
      StringEquals: { 'aws:ResourceTag/datastream:state-machine': MACHINE },
    }),
    allow('DescribeVolumes', ['ec2:DescribeVolumes'], ['*']),
  ]);
});

test('what the instances may do', () => {
  expect(all['instance-profile_role']?.Statement).toEqual([
    allow('AgentOnline', ['ssm:UpdateInstanceInformation'], ['arn:aws:ec2:REGION:ACCOUNT:instance/*']),
    allow(
      'AgentChannels',
      [
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
        'ec2messages:AcknowledgeMessage',
        'ec2messages:DeleteMessage',
        'ec2messages:FailMessage',
        'ec2messages:GetEndpoint',
        'ec2messages:GetMessages',
        'ec2messages:SendReply',
      ],
      ['*'],
    ),
    allow('ListBucket', ['s3:ListBucket', 's3:GetBucketLocation'], ['arn:aws:s3:::one-bucket'], {
      StringLike: { 'aws:ResourceAccount': '*' },
    }),
    allow(
      'UseObjects',
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      ['arn:aws:s3:::one-bucket/*'],
      { StringLike: { 'aws:ResourceAccount': '*' } },
    ),
  ]);
});

test('what the relay may do', () => {
  expect(all.relay_role?.Statement).toEqual([
    allow('DescribeInstances', ['ec2:DescribeInstances'], ['*']),
    allow('ReadCommand', ['ssm:GetCommandInvocation'], ['*']),
    allow('EndTask', ['states:SendTaskSuccess', 'states:SendTaskFailure'], [MACHINE]),
    allow('Logrelay', ['logs:CreateLogStream', 'logs:PutLogEvents'], ['<relay_log.arn>:*']),
  ]);
});

test('what the reaper may do', () => {
  expect(all.reaper_role?.Statement).toEqual([
    allow('DescribeInstances', ['ec2:DescribeInstances'], ['*']),
    allow('EndInstances', ['ec2:TerminateInstances', 'ec2:StopInstances'], ['arn:aws:ec2:REGION:ACCOUNT:instance/*'], {
      StringEquals: { 'aws:ResourceTag/datastream:state-machine': MACHINE },
    }),
    allow(
      'DetachVolumes',
      ['ec2:DetachVolume'],
      ['arn:aws:ec2:REGION:ACCOUNT:instance/*', 'arn:aws:ec2:REGION:ACCOUNT:volume/*'],
      { StringEquals: { 'aws:ResourceTag/datastream:state-machine': MACHINE } },
    ),
    allow('DeleteVolumes', ['ec2:DeleteVolume'], ['arn:aws:ec2:REGION:ACCOUNT:volume/*'], {
      StringEquals: { 'aws:ResourceTag/datastream:state-machine': MACHINE },
    }),
    allow('DescribeVolumes', ['ec2:DescribeVolumes'], ['*']),
    allow('AskForExecution', ['states:DescribeExecution'], ['arn:aws:states:REGION:ACCOUNT:execution:machine:*']),
    allow('ListExecutions', ['states:ListExecutions'], [MACHINE]),
    allow('Logreaper', ['logs:CreateLogStream', 'logs:PutLogEvents'], ['<reaper_log.arn>:*']),
  ]);
});

test("what the reaper's schedule may do", () => {
  expect(all['reaper_scheduler-role']?.Statement).toEqual([
    allow('InvokeReaper', ['lambda:InvokeFunction'], ['<reaper_function.arn>']),
  ]);
});

test('what the state machine may do', () => {
  expect(all['state-machine_role']?.Statement).toEqual([
    allow(
      'InvokeFunctions',
      ['lambda:InvokeFunction'],
      [
        '<functions_starter_function.arn>',
        '<functions_starter_function.arn>:*',
        '<functions_commander_function.arn>',
        '<functions_commander_function.arn>:*',
        '<functions_poller_function.arn>',
        '<functions_poller_function.arn>:*',
        '<functions_checker_function.arn>',
        '<functions_checker_function.arn>:*',
        '<functions_stopper_function.arn>',
        '<functions_stopper_function.arn>:*',
      ],
    ),
    allow(
      'DeliverLogs',
      [
        'logs:CreateLogDelivery',
        'logs:DeleteLogDelivery',
        'logs:DescribeLogGroups',
        'logs:DescribeResourcePolicies',
        'logs:GetLogDelivery',
        'logs:ListLogDeliveries',
        'logs:PutResourcePolicy',
        'logs:UpdateLogDelivery',
      ],
      ['*'],
    ),
  ]);
});

test('without s3_bucket, every bucket of the account and no other', () => {
  const own = policies(synthesise({ smName: 'machine' }));
  const condition = { StringLike: { 'aws:ResourceAccount': 'ACCOUNT' } };
  const s3 = ({ Statement }: { Statement: readonly Statement[] }) =>
    Statement.filter(({ Action }) => Action.some((action) => action.startsWith('s3:'))).map(
      ({ Resource, Condition }) => [...Resource, Condition],
    );

  expect(Object.values(own).flatMap(s3)).toEqual([
    ['arn:aws:s3:::*/*/execution.json', condition],
    ['arn:aws:s3:::*/*', condition],
    ['arn:aws:s3:::*', condition],
    ['arn:aws:s3:::*', condition],
    ['arn:aws:s3:::*/*', condition],
  ]);
});

test("with ami_parameter_name, that parameter of the account beside AWS's own", () => {
  const statements = (amiParameterName: string) =>
    policies(synthesise({ smName: 'machine', amiParameterName })).functions_role?.Statement;
  const publicOnes = 'arn:aws:ssm:REGION::parameter/aws/service/*';

  expect(statements('/datastream/ami')).toContainEqual(
    allow('ResolveAmi', ['ssm:GetParameters'], [publicOnes, 'arn:aws:ssm:REGION:ACCOUNT:parameter/datastream/ami']),
  );
  expect(statements('')).toContainEqual(allow('ResolveAmi', ['ssm:GetParameters'], [publicOnes]));
});

test('who may assume the roles', () => {
  const trust = Object.entries(resources(stack, 'aws_iam_role')).map(([id, role]) => {
    const [statement, ...more] = JSON.parse(readable(String(role.assume_role_policy))).Statement;
    expect(more).toEqual([]);
    expect(statement).toMatchObject({ Effect: 'Allow', Action: 'sts:AssumeRole' });
    return [id, statement.Principal.Service, statement.Condition];
  });

  expect(trust).toEqual([
    ['functions_role', 'lambda.amazonaws.com', undefined],
    ['instance-profile_role', 'ec2.amazonaws.com', undefined],
    ['reaper_role', 'lambda.amazonaws.com', undefined],
    [
      'reaper_scheduler-role',
      'scheduler.amazonaws.com',
      { StringEquals: { 'aws:SourceAccount': 'ACCOUNT' }, ArnEquals: { 'aws:SourceArn': '<reaper_schedules.arn>' } },
    ],
    ['relay_role', 'lambda.amazonaws.com', undefined],
    [
      'state-machine_role',
      'states.amazonaws.com',
      { StringEquals: { 'aws:SourceAccount': 'ACCOUNT' }, ArnEquals: { 'aws:SourceArn': MACHINE } },
    ],
  ]);
});

test("no policy is longer than IAM's limit for a role, 10,240 characters, with the longest names", () => {
  const amiParameterName = `/${'p'.repeat(900)}`;
  const longest = policies(synthesise({ smName: 'm'.repeat(80), s3Bucket: 'b'.repeat(63), amiParameterName }));

  for (const policy of Object.values(longest)) {
    const text = JSON.stringify(policy)
      .replaceAll('REGION', 'ap-southeast-1')
      .replaceAll('ACCOUNT', '123456789012')
      .replace(
        /<[^>]+>/g,
        `arn:aws:logs:ap-southeast-1:123456789012:log-group:/aws/lambda/${'f'.repeat(LONGEST_NAME)}`,
      );
    expect(text.length).toBeLessThan(10_240);
  }
});

test('a permissions boundary bounds every role', () => {
  const permissionsBoundaryArn = 'arn:aws:iam::123456789012:policy/boundary';
  const roles = resources(synthesise({ smName: 'machine', permissionsBoundaryArn }), 'aws_iam_role');

  expect(Object.values(roles).map((role) => role.permissions_boundary)).toEqual(Array(6).fill(permissionsBoundaryArn));
  expect(Object.values(resources(stack, 'aws_iam_role')).filter((role) => 'permissions_boundary' in role)).toEqual([]);
});
