import { LambdaFunctionEventInvokeConfig } from '@cdktf/provider-aws/lib/lambda-function-event-invoke-config';
import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule';
import { SchedulerScheduleGroup } from '@cdktf/provider-aws/lib/scheduler-schedule-group';
import { SqsQueue } from '@cdktf/provider-aws/lib/sqs-queue';
import { Fn, type ITerraformDependable, Token } from 'cdktf';
import { Construct } from 'constructs';
import { cronOf } from '../../executions/matrix/schedule';
import { MATRIX_FILE, scheduleInput, scheduleName } from '../../lambdas/datastream/schedule-input';
import type { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import { orElse } from '../aws/optional';
import { Role } from '../aws/role';
import { DatastreamFunction } from './function';
import { checkedMatrix, type MatrixSource } from './matrix';

export interface SchedulesProps {
  readonly matrix: MatrixSource;
  /** Values of the matrix's variables; empty ones count as left out. */
  readonly values: Readonly<Record<string, string>>;
  /** Begins the names of the planner, its role and the queue. */
  readonly namePrefix: string;
  /** Dollars that the jobs of a day may cost; 0: any. */
  readonly dailyBudget: number;
  readonly groupName: string;
  readonly roleName: string;
  readonly policyName: string;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly aws: CurrentAws;
  readonly stateMachineArn: string;
  /** What must exist before the schedules. */
  readonly stateMachine: ITerraformDependable;
  /** What must be gone before the role of the schedules is made: a role that may have had its name. */
  readonly afterRole: ITerraformDependable;
  readonly logRetentionDays: number;
}

/** Two weeks, the longest that SQS keeps a message, to look at it after a holiday. */
const RETENTION_SECONDS = 14 * 24 * 3600;

/** What Scheduler and Lambda do with a round that fails, before it goes to the dead letters. */
const ROUND_AGE_SECONDS = 3600;
const SCHEDULER_RETRIES = 10;
const LAMBDA_RETRIES = 2;

/**
 * One schedule for each line of a matrix, and the planner that they call, which starts the line's jobs. A round that
 * neither Scheduler nor Lambda brings to its end is kept in one queue.
 */
export class Schedules extends Construct {
  readonly planner: DatastreamFunction;
  readonly groupName: string;
  readonly deadLetterQueueUrl: string;
  readonly deadLetterQueueName: string;

  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id);
    const { aws, namePrefix, permissionsBoundaryArn, stateMachineArn } = props;
    const matrix = checkedMatrix(props.matrix, Object.keys(props.values));

    // A group of its own, as the reaper's: the role's trust can name a group but not a schedule.
    const group = new SchedulerScheduleGroup(this, 'group', {
      name: props.groupName,
      dependsOn: [props.stateMachine],
    });
    const queue = new SqsQueue(this, 'dead-letters', {
      name: derivedName(namePrefix, '_schedules_dead_letters', 80),
      messageRetentionSeconds: RETENTION_SECONDS,
      sqsManagedSseEnabled: true,
      // CreateQueue takes a queue of this name for the one that is wanted: a second deployment must fail before it.
      dependsOn: [group],
    });
    const keepDeadLetters = { sid: 'KeepDeadLetters', actions: ['sqs:SendMessage'], resources: [queue.arn] };

    const plannerRole = new Role(this, 'planner-role', {
      roleName: derivedName(namePrefix, '_planner_role'),
      policyName: 'planner',
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn,
    });
    plannerRole.grant({
      sid: 'StartExecutions',
      actions: ['states:StartExecution', 'states:ListExecutions'],
      resources: [stateMachineArn],
    });
    plannerRole.grant(keepDeadLetters);
    this.planner = new DatastreamFunction(this, 'planner', {
      role: 'planner',
      functionName: derivedName(namePrefix, '_planner'),
      description: `Starts the jobs of the matrix ${matrix.name}.`,
      executionRole: plannerRole,
      files: { [MATRIX_FILE]: JSON.stringify(props.matrix) },
      environment: {
        STATE_MACHINE_ARN: stateMachineArn,
        MATRIX_VALUES: Fn.jsonencode(props.values),
        // Nothing is caught up from before there were schedules.
        SCHEDULES_SINCE: group.creationDate,
        ...budgetVariable(props.dailyBudget),
      },
      logRetentionDays: props.logRetentionDays,
    });
    const invocation = new LambdaFunctionEventInvokeConfig(this, 'planner-invocation', {
      functionName: this.planner.functionName,
      maximumEventAgeInSeconds: ROUND_AGE_SECONDS,
      maximumRetryAttempts: LAMBDA_RETRIES,
      destinationConfig: { onFailure: { destination: queue.arn } },
      // Lambda tries the right to send when it is told of the destination.
      dependsOn: [plannerRole.policy],
    });

    const role = new Role(this, 'role', {
      roleName: props.roleName,
      policyName: props.policyName,
      service: 'scheduler.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        ArnEquals: { 'aws:SourceArn': group.arn },
      },
      permissionsBoundaryArn,
      after: props.afterRole,
    });
    role.grant({ sid: 'InvokePlanner', actions: ['lambda:InvokeFunction'], resources: [this.planner.arn] });
    role.grant(keepDeadLetters);
    for (const line of matrix.lines) {
      new SchedulerSchedule(this, scheduleName(line), {
        name: scheduleName(line),
        groupName: group.name,
        description: `Jobs of ${line.stream}/${line.line}, by the planner.`,
        scheduleExpression: cronOf(line),
        scheduleExpressionTimezone: 'UTC',
        flexibleTimeWindow: { mode: 'OFF' },
        state: 'ENABLED',
        target: {
          // Without a version, as events call the relay: a round that has begun ends with the matrix that it began with.
          arn: this.planner.arn,
          roleArn: role.arn,
          input: scheduleInput(line),
          retryPolicy: { maximumRetryAttempts: SCHEDULER_RETRIES, maximumEventAgeInSeconds: ROUND_AGE_SECONDS },
          deadLetterConfig: { arn: queue.arn },
        },
        dependsOn: [role.policy, invocation],
        // `datastream schedule` pauses and resumes: what it has written is no drift.
        lifecycle: { ignoreChanges: ['state', 'target[0].input'] },
      });
    }
    this.groupName = group.name;
    this.deadLetterQueueUrl = queue.url;
    this.deadLetterQueueName = queue.name;
  }
}

/** The variable of functions that keep to a daily budget; none without a budget. */
export const budgetVariable = (dollars: number): Readonly<Record<string, string>> =>
  dollars ? { DAILY_BUDGET_USD: Token.isUnresolved(dollars) ? Token.asString(dollars) : String(dollars) } : {};

/** The schedules' group; one of its own for `default` too, which is AWS's. */
export function groupNameOf(name: string | undefined, own: string): string {
  if (!name || !Token.isUnresolved(name)) return name === 'default' || !name ? own : name;
  return Token.asString(Fn.conditional(Fn.contains(['default'], name), own, orElse(name, own)));
}

const REAPERS_ROLE = '_scheduler_role';

/**
 * The role of the reaper's schedule. Upstream's tfvars give the role of the matrix's schedules the name that it has in a
 * deployment without a matrix.
 */
export function reaperRoleName(namePrefix: string, schedulesRole: string | undefined): string {
  const name = derivedName(namePrefix, REAPERS_ROLE);
  const other = derivedName(namePrefix, '_reaper_schedule_role');
  if (!schedulesRole || !Token.isUnresolved(schedulesRole)) return schedulesRole?.endsWith(REAPERS_ROLE) ? other : name;
  return Token.asString(Fn.conditional(Fn.endswith(schedulesRole, REAPERS_ROLE), other, name));
}
