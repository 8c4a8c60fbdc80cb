import { TASK_TAGS, Tag } from '../../lambdas/datastream/tags';
import type { CurrentAws } from '../aws/current-aws';
import { whenSet } from '../aws/optional';
import type { Grant } from '../aws/role';

/** Resource types that RunInstances creates and tags in the same call. */
const CREATED = ['instance', 'volume', 'network-interface', 'spot-instances-request'] as const;

/** Resource types that RunInstances only refers to, and that this account owns. */
const OWNED = ['key-pair', 'launch-template'];

/**
 * Resource types that RunInstances only refers to, and that another account may share with this one (AWS RAM User
 * Guide, shareable resources). The ARN holds the owner's account.
 */
const SHARED = ['subnet', 'security-group', 'placement-group', 'capacity-reservation'];

/** The condition that a resource carries the state machine's tag. */
const tagged = (stateMachineArn: string) => ({
  StringEquals: { [`aws:ResourceTag/${Tag.stateMachine}`]: stateMachineArn },
});

/**
 * Permission to describe instances. EC2's Describe actions support no resource-level permissions (Service Authorization
 * Reference, Amazon EC2).
 */
export function describeInstances(): Grant {
  return { sid: 'DescribeInstances', actions: ['ec2:DescribeInstances'], resources: ['*'] };
}

/** Permission to launch instances. Every created resource carries the state machine's tag from the start. */
export function launchInstances(aws: CurrentAws, stateMachineArn: string): Grant[] {
  const created = CREATED.map((type) => aws.arn('ec2', `${type}/*`));
  const requestTag = { [`aws:RequestTag/${Tag.stateMachine}`]: stateMachineArn };
  return [
    {
      sid: 'LaunchTagged',
      actions: ['ec2:RunInstances'],
      resources: created,
      conditions: { StringEquals: requestTag },
    },
    {
      sid: 'LaunchFrom',
      actions: ['ec2:RunInstances'],
      resources: [
        ...OWNED.map((type) => aws.arn('ec2', `${type}/*`)),
        ...SHARED.map((type) => aws.anyonesArn('ec2', `${type}/*`)),
        aws.sharedArn('ec2', 'image/*'),
        aws.sharedArn('ec2', 'snapshot/*'),
      ],
    },
    {
      sid: 'TagWhatIsLaunched',
      actions: ['ec2:CreateTags'],
      resources: created,
      conditions: { StringEquals: { 'ec2:CreateAction': 'RunInstances', ...requestTag } },
    },
    { sid: 'DescribeImages', actions: ['ec2:DescribeImages'], resources: ['*'] },
    {
      // The account's first spot request creates this role (EC2 User Guide, service-linked role for Spot).
      sid: 'FirstSpotRequest',
      actions: ['iam:CreateServiceLinkedRole'],
      resources: [
        `arn:${aws.partition}:iam::${aws.account}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot`,
      ],
      conditions: { StringEquals: { 'iam:AWSServiceName': 'spot.amazonaws.com' } },
    },
  ];
}

/**
 * Permission to launch from the AMI that an SSM parameter names. RunInstances with `resolve:ssm:` requires it of its
 * caller (Systems Manager User Guide, "Using native parameter support in Parameter Store for Amazon Machine Image
 * IDs").
 *
 * @param parameterName the parameter that is allowed besides AWS's public ones, with a leading slash; may be empty
 */
export function resolveAmi(aws: CurrentAws, parameterName: string | undefined): Grant {
  const publicOnes = aws.sharedArn('ssm', 'parameter/aws/service/*');
  const resources = [publicOnes, whenSet(parameterName, aws.arn('ssm', `parameter${parameterName}`), publicOnes)];
  return { sid: 'ResolveAmi', actions: ['ssm:GetParameters'], resources: [...new Set(resources)] };
}

/**
 * Permission to write the task token and the command's ID to an instance's tags. It allows no other tag: IAM conditions
 * depend on those.
 */
export function registerTokens(aws: CurrentAws, stateMachineArn: string): Grant {
  return {
    sid: 'RegisterTaskToken',
    actions: ['ec2:CreateTags'],
    resources: [aws.arn('ec2', 'instance/*')],
    conditions: {
      ...tagged(stateMachineArn),
      'ForAllValues:StringLike': { 'aws:TagKeys': TASK_TAGS },
      // ForAllValues is also true if there are no keys (IAM User Guide, multivalued context keys).
      Null: { 'aws:TagKeys': 'false' },
    },
  };
}

/** Permission to end the state machine's own instances and their volumes as their execution files say. */
export function endInstances(aws: CurrentAws, stateMachineArn: string): Grant[] {
  const instances = aws.arn('ec2', 'instance/*');
  const volumes = aws.arn('ec2', 'volume/*');
  const conditions = tagged(stateMachineArn);
  return [
    {
      sid: 'EndInstances',
      actions: ['ec2:TerminateInstances', 'ec2:StopInstances'],
      resources: [instances],
      conditions,
    },
    { sid: 'DetachVolumes', actions: ['ec2:DetachVolume'], resources: [instances, volumes], conditions },
    { sid: 'DeleteVolumes', actions: ['ec2:DeleteVolume'], resources: [volumes], conditions },
    { sid: 'DescribeVolumes', actions: ['ec2:DescribeVolumes'], resources: ['*'] },
  ];
}

/** Permission to run shell commands on the state machine's own instances. */
export function sendCommands(aws: CurrentAws, stateMachineArn: string): Grant[] {
  return [
    // Two statements: the document has no instance tag, so a condition on it would never hold for the document.
    {
      sid: 'SendShellScript',
      actions: ['ssm:SendCommand'],
      resources: [aws.sharedArn('ssm', 'document/AWS-RunShellScript')],
    },
    {
      sid: 'SendToOwnInstances',
      actions: ['ssm:SendCommand'],
      resources: [aws.arn('ec2', 'instance/*')],
      // Run Command's own condition key (Systems Manager User Guide, restricting Run Command access based on tags).
      conditions: { StringEquals: { [`ssm:resourceTag/${Tag.stateMachine}`]: stateMachineArn } },
    },
    {
      // These actions support no resource-level permissions (Service Authorization Reference, AWS Systems Manager).
      sid: 'FollowCommands',
      actions: ['ssm:CancelCommand', 'ssm:DescribeInstanceInformation', 'ssm:GetCommandInvocation', 'ssm:ListCommands'],
      resources: ['*'],
    },
  ];
}

/** Permission to complete the task that waits for a job, with a result or an error. */
export function endTask(stateMachineArn: string): Grant {
  return {
    sid: 'EndTask',
    actions: ['states:SendTaskSuccess', 'states:SendTaskFailure'],
    resources: [stateMachineArn],
  };
}
