import { IamInstanceProfile } from '@cdktf/provider-aws/lib/iam-instance-profile';
import { Construct } from 'constructs';
import type { Buckets } from '../aws/buckets';
import type { CurrentAws } from '../aws/current-aws';
import { Role } from '../aws/role';

export interface InstanceProfileProps {
  readonly profileName: string;
  readonly roleName: string;
  readonly policyName: string;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly aws: CurrentAws;
  readonly buckets: Buckets;
}

/** The instances' role and profile: an instance may receive commands from SSM, and read and write its bucket. */
export class InstanceProfile extends Construct {
  readonly profileName: string;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: InstanceProfileProps) {
    super(scope, id);
    this.role = new Role(this, 'role', {
      roleName: props.roleName,
      policyName: props.policyName,
      service: 'ec2.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    // Not AmazonSSMManagedInstanceCore: it lets every job read all of the account's parameters (ssm:GetParameter on *).
    // The agent needs only these two statements to be Online and to run commands.
    this.role.grant({
      sid: 'AgentOnline',
      actions: ['ssm:UpdateInstanceInformation'],
      resources: [props.aws.arn('ec2', 'instance/*')],
    });
    // The channels' actions support no resource-level permissions (Service Authorization Reference, Amazon Message
    // Gateway Service and Amazon Message Delivery Service). Some regions and older agents use ec2messages instead of
    // ssmmessages.
    this.role.grant({
      sid: 'AgentChannels',
      actions: [
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
      resources: ['*'],
    });
    this.role.grant(props.buckets.grant('ListBucket', ['s3:ListBucket', 's3:GetBucketLocation']));
    this.role.grant(
      props.buckets.grantObjects('UseObjects', [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        's3:AbortMultipartUpload',
      ]),
    );
    this.profileName = new IamInstanceProfile(this, 'profile', { name: props.profileName, role: this.role.name }).name;
  }
}
