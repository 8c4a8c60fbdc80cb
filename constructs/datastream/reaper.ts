import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule';
import { SchedulerScheduleGroup } from '@cdktf/provider-aws/lib/scheduler-schedule-group';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import type { CurrentAws } from '../aws/current-aws';
import { EventRule } from '../aws/event-rule';
import { derivedName } from '../aws/names';
import { Role } from '../aws/role';
import { EVENT_PATTERNS } from './events';
import { DatastreamFunction } from './function';
import { describeInstances, endInstances } from './grants';

export interface ReaperProps {
  /** The prefix of the names of the function, its roles, its rule and its schedule. */
  readonly namePrefix: string;
  /** The role of its schedule. */
  readonly schedulerRoleName: string;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly aws: CurrentAws;
  readonly stateMachineName: string;
  readonly stateMachineArn: string;
  /** The resource that must exist before the rules. */
  readonly stateMachine: ITerraformDependable;
  readonly logRetentionDays: number;
}

/** Ends instances whose execution no longer runs: when an execution ends without its clean-up, and every 10 minutes. */
export class Reaper extends Construct {
  readonly function: DatastreamFunction;
  /** To depend on: see `Schedules`. */
  readonly schedulerRole: Role;

  constructor(scope: Construct, id: string, props: ReaperProps) {
    super(scope, id);
    const { aws, stateMachineArn } = props;
    const role = new Role(this, 'role', {
      roleName: derivedName(props.namePrefix, '_reaper_role'),
      policyName: 'reaper',
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    role.grant(describeInstances());
    for (const grant of endInstances(aws, stateMachineArn)) role.grant(grant);
    role.grant({
      sid: 'AskForExecution',
      actions: ['states:DescribeExecution'],
      resources: [aws.arn('states', `execution:${props.stateMachineName}:*`)],
    });
    role.grant({ sid: 'ListExecutions', actions: ['states:ListExecutions'], resources: [stateMachineArn] });
    this.function = new DatastreamFunction(this, 'reaper', {
      role: 'reaper',
      functionName: derivedName(props.namePrefix, '_reaper'),
      description: 'Ends instances whose execution no longer runs.',
      executionRole: role,
      environment: { STATE_MACHINE_ARN: stateMachineArn },
      logRetentionDays: props.logRetentionDays,
    });
    const { executionEnded } = EVENT_PATTERNS;
    new EventRule(this, 'execution-ended', {
      ruleName: derivedName(props.namePrefix, '_execution_ended'),
      description: 'An execution has ended, perhaps without its clean-up.',
      pattern: { ...executionEnded, detail: { ...executionEnded.detail, stateMachineArn: [stateMachineArn] } },
      target: this.function,
      after: props.stateMachine,
    });
    this.schedulerRole = this.#schedule(props);
  }

  #schedule({ namePrefix, schedulerRoleName, permissionsBoundaryArn, aws }: ReaperProps): Role {
    // The schedule has a group of its own. The role's trust policy can name a group but not a schedule (EventBridge
    // Scheduler User Guide, confused deputy prevention). A group can have tags, a schedule cannot.
    const group = new SchedulerScheduleGroup(this, 'schedules', {
      name: derivedName(namePrefix, '_reaper'),
      // If another deployment has the same names, this one fails at the function, before the group.
      dependsOn: [this.function.function],
    });
    const role = new Role(this, 'scheduler-role', {
      roleName: schedulerRoleName,
      policyName: 'scheduler',
      service: 'scheduler.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        ArnEquals: { 'aws:SourceArn': group.arn },
      },
      permissionsBoundaryArn,
    });
    role.grant({ sid: 'InvokeReaper', actions: ['lambda:InvokeFunction'], resources: [this.function.arn] });
    new SchedulerSchedule(this, 'schedule', {
      name: derivedName(namePrefix, '_reaper'),
      groupName: group.name,
      description: 'Looks for instances whose execution no longer runs.',
      scheduleExpression: 'rate(10 minutes)',
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn: this.function.arn, roleArn: role.arn },
      dependsOn: [role.policy],
    });
    return role;
  }
}
