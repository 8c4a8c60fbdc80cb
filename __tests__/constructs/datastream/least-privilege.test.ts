import { type Policy, type Statement, violations } from '../../support/least-privilege';
import { policies, synthesise } from '../../support/stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const stacks = {
  'with one bucket': policies(synthesise({ smName: 'machine', s3Bucket: 'one-bucket' })),
  'with the log of jobs that run': policies(synthesise({ smName: 'machine', jobLogs: 'cloudwatch' })),
  "with the account's buckets": policies(synthesise({ smName: 'machine' })),
};

describe.each(Object.entries(stacks))('a stack %s', (_name, all) => {
  test('has a policy for every role', () => {
    expect(Object.keys(all).sort()).toEqual([
      'functions_role',
      'instance-profile_role',
      ...(_name.includes('log') ? ['job-log'] : []),
      'reaper_role',
      'reaper_scheduler-role',
      'relay_role',
      'state-machine_role',
    ]);
  });

  test.each(Object.entries(all))('allows the role %s no more than it must', (_role, policy) => {
    expect(violations(policy)).toEqual([]);
  });

  test('lets instances neither send commands nor pass roles nor touch EC2', () => {
    const actions = all['instance-profile_role']?.Statement.flatMap(({ Action }) => Action) ?? [];

    expect(actions.filter((action) => /^(ec2|iam|states|lambda|sts):|SendCommand|GetParameter/.test(action))).toEqual(
      [],
    );
  });
});

const TAG = 'datastream:state-machine';
const MACHINE = 'arn:aws:states:us-east-1:123456789012:stateMachine:machine';
const INSTANCES = 'arn:aws:ec2:us-east-1:123456789012:instance/*';
const planted = (statement: Partial<Statement>): Policy => ({
  Version: '2012-10-17',
  Statement: [{ Sid: 'Planted', Effect: 'Allow', Action: [], Resource: [INSTANCES], ...statement }],
});

describe('the check itself', () => {
  test.each<[string, Partial<Statement>, string]>([
    ['the action *', { Action: ['*'], Resource: [MACHINE] }, '* has a wildcard'],
    ['all actions of a service', { Action: ['s3:*'], Resource: ['arn:aws:s3:::b/*'] }, 's3:* has a wildcard'],
    [
      'a part of a service',
      { Action: ['logs:Put*'], Resource: ['arn:aws:logs:r:1:log-group:g:*'] },
      'logs:Put* has a wildcard',
    ],
    [
      'the resource *',
      { Action: ['states:DescribeExecution'], Resource: ['*'] },
      'states:DescribeExecution takes an ARN but is allowed on *',
    ],
    [
      'an ARN that says nothing',
      { Action: ['lambda:InvokeFunction'], Resource: ['arn:aws:lambda:r:1:*'] },
      'lambda:InvokeFunction takes an ARN but is allowed on *',
    ],
    [
      'any instance to be terminated',
      { Action: ['ec2:TerminateInstances'] },
      "ec2:TerminateInstances does not demand the state machine's tag",
    ],
    [
      'a tag of any value',
      { Action: ['ec2:StopInstances'], Condition: { StringLike: { [`aws:ResourceTag/${TAG}`]: '*' } } },
      "ec2:StopInstances does not demand the state machine's tag",
    ],
    [
      'a tag where there is one',
      { Action: ['ec2:DeleteVolume'], Condition: { StringEqualsIfExists: { [`aws:ResourceTag/${TAG}`]: MACHINE } } },
      "ec2:DeleteVolume does not demand the state machine's tag",
    ],
    [
      'a launch without tags',
      { Action: ['ec2:RunInstances'] },
      "ec2:RunInstances does not demand the state machine's tag",
    ],
    [
      'any tag on what exists',
      { Action: ['ec2:CreateTags'], Condition: { StringEquals: { [`aws:ResourceTag/${TAG}`]: MACHINE } } },
      'ec2:CreateTags may write any tag on what exists',
    ],
    [
      "the state machine's tag among those on what exists",
      {
        Action: ['ec2:CreateTags'],
        Condition: {
          StringEquals: { [`aws:ResourceTag/${TAG}`]: MACHINE },
          'ForAllValues:StringLike': { 'aws:TagKeys': ['datastream:token*', 'datastream:*'] },
        },
      },
      'ec2:CreateTags may write any tag on what exists',
    ],
    [
      'commands to any instance',
      { Action: ['ssm:SendCommand'] },
      "ssm:SendCommand does not demand the state machine's tag",
    ],
    [
      'a role for any service',
      { Action: ['iam:PassRole'], Resource: ['arn:aws:iam::123456789012:role/r'] },
      'iam:PassRole is not bound to a service that needs a role',
    ],
    [
      'any role',
      {
        Action: ['iam:PassRole'],
        Resource: ['arn:aws:iam::123456789012:role/*'],
        Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
      },
      'iam:PassRole is not bound to one role',
    ],
    [
      "everybody's buckets",
      { Action: ['s3:PutObject'], Resource: ['arn:aws:s3:::*/*'] },
      "s3:PutObject is allowed on other accounts' buckets",
    ],
    [
      "everybody's buckets by name",
      {
        Action: ['s3:PutObject'],
        Resource: ['arn:aws:s3:::*/*'],
        Condition: { StringLike: { 'aws:ResourceAccount': '*' } },
      },
      "s3:PutObject is allowed on other accounts' buckets",
    ],
  ])('finds %s', (_what, statement, violation) => {
    expect(violations(planted(statement))).toEqual([`Planted: ${violation}`]);
  });

  test('finds a statement that does not allow', () => {
    expect(violations(planted({ Effect: 'Deny' }))).toEqual(['Planted: Deny is not Allow']);
  });
});
