import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { Construct } from 'constructs';
import type { CurrentAws } from '../aws/current-aws';
import { only, orEmpty, type When } from '../aws/optional';
import type { Role } from '../aws/role';

export interface JobLogProps {
  readonly stateMachineName: string;
  /** Whether there is a log group; only Terraform may know. */
  readonly when: When;
  readonly aws: CurrentAws;
  /** The role of the instances, whose agent writes the log. */
  readonly instanceRole: Role;
  readonly logRetentionDays: number;
}

/** The log group to which jobs' output goes while they run, and the instances' right to write it. */
export class JobLog extends Construct {
  /** The group's name; empty if Terraform deploys none. */
  readonly groupName: string;

  constructor(scope: Construct, id: string, { aws, when, instanceRole, ...props }: JobLogProps) {
    super(scope, id);
    const name = `/datastream/jobs/${props.stateMachineName}`;
    const group = only(
      new CloudwatchLogGroup(this, 'group', {
        name,
        retentionInDays: props.logRetentionDays,
        dependsOn: [instanceRole.role],
      }),
      when,
    );
    this.groupName = orEmpty(group, 'name');
    // Not in the role's one policy: without the group there is nothing to allow.
    only(
      new IamRolePolicy(this, 'policy', {
        name: 'job-log',
        role: instanceRole.name,
        policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'WriteJobLog',
              Effect: 'Allow',
              Action: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
              Resource: [`${group.arn}:*`],
            },
            {
              // The agent looks for the group before it writes, and sends nothing if it may not look
              // (amazon-ssm-agent, StreamData). The agent asks by the group's name as a prefix, and IAM
              // checks this action on the groups of the region, not on one group.
              Sid: 'FindJobLog',
              Effect: 'Allow',
              Action: ['logs:DescribeLogGroups'],
              Resource: [aws.arn('logs', 'log-group:*')],
            },
          ],
        }),
      }),
      when,
    );
  }
}
