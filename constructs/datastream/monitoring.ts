import { CloudwatchDashboard } from '@cdktf/provider-aws/lib/cloudwatch-dashboard';
import { CloudwatchEventRule } from '@cdktf/provider-aws/lib/cloudwatch-event-rule';
import { CloudwatchEventTarget } from '@cdktf/provider-aws/lib/cloudwatch-event-target';
import { CloudwatchLogMetricFilter } from '@cdktf/provider-aws/lib/cloudwatch-log-metric-filter';
import {
  CloudwatchMetricAlarm,
  type CloudwatchMetricAlarmConfig,
} from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm';
import { LambdaPermission } from '@cdktf/provider-aws/lib/lambda-permission';
import { SnsTopic } from '@cdktf/provider-aws/lib/sns-topic';
import { SnsTopicPolicy } from '@cdktf/provider-aws/lib/sns-topic-policy';
import { SnsTopicSubscription } from '@cdktf/provider-aws/lib/sns-topic-subscription';
import { Fn, type ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { longestSilenceHours } from '../../executions/matrix/silence';
import { MATRIX_FILE } from '../../lambdas/datastream/schedule-input';
import type { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import { both, either, ifPositive, ifSet, only, orEmpty, type When } from '../aws/optional';
import { Role } from '../aws/role';
import { dashboardBody } from './dashboard';
import { DatastreamFunction } from './function';
import { checkedMatrix, type MatrixSource } from './matrix';
import { budgetVariable, type Schedules } from './schedules';

export interface MonitoringProps {
  readonly namePrefix: string;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly aws: CurrentAws;
  readonly stateMachineName: string;
  readonly stateMachineArn: string;
  readonly stateMachine: ITerraformDependable;
  readonly logRetentionDays: number;
  /** `on`, or empty for no alarms. */
  readonly alarms: string;
  /** Gets the messages of the alarms; with it there are alarms. Empty: nobody. */
  readonly email: string;
  /** So many executions that fail in five minutes are an alarm. */
  readonly failures: number;
  /** `on`, or empty for no metrics of the matrix's streams. Only with a matrix. */
  readonly reporter: string;
  /** Dollars that the jobs of a day may cost; 0: no budget. Only with a matrix. */
  readonly dailyBudget: number;
  /** `on`, or empty for none. */
  readonly dashboard: string;
  readonly reaper: DatastreamFunction;
  /** The functions that the state machine calls. */
  readonly machineFunctions: readonly DatastreamFunction[];
  readonly matrix?: {
    readonly source: MatrixSource;
    readonly values: Readonly<Record<string, string>>;
    readonly schedules: Schedules;
  };
}

/** The namespace of this project's own metrics. */
const NAMESPACE = 'Datastream';

const MINUTES_5 = 300;
const HOUR = 3600;

type Alarm = Omit<
  CloudwatchMetricAlarmConfig,
  'alarmName' | 'alarmActions' | 'comparisonOperator' | 'evaluationPeriods' | 'threshold'
> & { readonly atLeast?: number; readonly below?: number; readonly periods?: number };

/**
 * One topic, the alarms that send to it, and the reporter: a function that runs every hour, tells the topic which jobs
 * have failed, and writes the metrics of the matrix's streams. Every alarm stands for one kind of fault. An alarm that
 * means "nothing came" exists only with a matrix, which says when something must come.
 */
export class Monitoring extends Construct {
  /** The topic's ARN; empty if Terraform deploys none. */
  readonly topicArn: string;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: MonitoringProps,
  ) {
    super(scope, id);
    const alarms = either(ifSet(props.alarms), ifSet(props.email));
    const metrics = props.matrix && ifSet(props.reporter);
    const topic = alarms && this.#topic(alarms);
    this.topicArn = topic ? orEmpty(topic, 'arn') : '';
    const reporting = either(alarms, metrics);
    if (reporting) this.#reporter(reporting, topic, alarms);
    if (topic) this.#alarms(topic, alarms, metrics);
    const shown = ifSet(props.dashboard);
    if (shown) this.#dashboard(shown);
  }

  /**
   * Without a key of KMS: CloudWatch cannot send to a topic with AWS's own key alias/aws/sns, and a customer managed key
   * costs $1 a month. SNS encrypts its disks by itself (SNS Developer Guide, data encryption; CloudWatch User Guide,
   * alarms that send to an encrypted topic).
   */
  #topic(when: When): SnsTopic {
    const { aws, namePrefix, email } = this.props;
    const topic = only(
      new SnsTopic(this, 'topic', {
        name: derivedName(namePrefix, '_alarms', 256),
        dependsOn: [this.props.stateMachine],
      }),
      when,
    );
    only(
      new SnsTopicPolicy(this, 'topic-policy', {
        arn: topic.arn,
        policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'Alarms',
              Effect: 'Allow',
              Principal: { Service: 'cloudwatch.amazonaws.com' },
              Action: 'sns:Publish',
              Resource: topic.arn,
              Condition: {
                StringEquals: { 'aws:SourceAccount': aws.account },
                ArnLike: { 'aws:SourceArn': aws.arn('cloudwatch', 'alarm:*') },
              },
            },
            {
              Sid: 'EncryptedTransportOnly',
              Effect: 'Deny',
              Principal: { AWS: '*' },
              Action: 'sns:Publish',
              Resource: topic.arn,
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            },
          ],
        }),
      }),
      when,
    );
    const subscribed = ifSet(email);
    if (subscribed) {
      const subscription = { topicArn: topic.arn, protocol: 'email', endpoint: email };
      only(new SnsTopicSubscription(this, 'email', subscription), subscribed);
    }
    return topic;
  }

  #reporter(when: When, topic: SnsTopic | undefined, alarms: When | undefined): void {
    const { aws, namePrefix, stateMachineName, stateMachineArn, matrix, logRetentionDays } = this.props;
    const role = new Role(this, 'reporter-role', {
      roleName: derivedName(namePrefix, '_reporter_role'),
      policyName: 'reporter',
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn: this.props.permissionsBoundaryArn,
      when,
    });
    role.grant({ sid: 'ListExecutions', actions: ['states:ListExecutions'], resources: [stateMachineArn] });
    role.grant({
      sid: 'AskForJobs',
      actions: ['states:DescribeExecution', 'states:GetExecutionHistory'],
      resources: [aws.arn('states', `execution:${stateMachineName}:*`)],
    });
    // Not the topic's attribute, which Terraform may not have.
    const topicArn = aws.arn('sns', derivedName(namePrefix, '_alarms', 256));
    if (topic) role.grant({ sid: 'TellTopic', actions: ['sns:Publish'], resources: [topicArn] });
    const reporter = new DatastreamFunction(this, 'reporter', {
      role: 'reporter',
      functionName: derivedName(namePrefix, '_reporter'),
      description: 'Tells every hour which jobs have failed, and how the streams of the matrix stand.',
      executionRole: role,
      ...(matrix && { files: { [MATRIX_FILE]: JSON.stringify(matrix.source) } }),
      environment: {
        STATE_MACHINE_ARN: stateMachineArn,
        TOPIC_ARN: topic && alarms ? orEmpty(topic, 'arn') : '',
        METRICS: matrix ? this.props.reporter : '',
        ...(matrix && { MATRIX_VALUES: Fn.jsonencode(matrix.values), ...budgetVariable(this.props.dailyBudget) }),
      },
      logRetentionDays,
      when,
    });
    const rule = only(
      new CloudwatchEventRule(this, 'hourly', {
        name: derivedName(namePrefix, '_hourly'),
        description: 'Calls the reporter every hour.',
        scheduleExpression: 'cron(50 * * * ? *)',
        dependsOn: [reporter.function, this.props.stateMachine],
      }),
      when,
    );
    const permission = only(
      new LambdaPermission(this, 'hourly-permission', {
        functionName: reporter.functionName,
        action: 'lambda:InvokeFunction',
        principal: 'events.amazonaws.com',
        sourceArn: rule.arn,
      }),
      when,
    );
    only(
      new CloudwatchEventTarget(this, 'hourly-target', {
        rule: rule.name,
        arn: reporter.arn,
        dependsOn: [permission],
      }),
      when,
    );
  }

  #alarms(topic: SnsTopic, when: When | undefined, metrics: When | undefined): void {
    const { stateMachineArn, stateMachineName, matrix, failures } = this.props;
    const ofMachine = (metricName: string, period: number) => ({
      namespace: 'AWS/States',
      metricName,
      dimensions: { StateMachineArn: stateMachineArn },
      period,
      stat: 'Sum',
    });
    this.#alarm(topic, when, 'failures', {
      alarmDescription: `At least ${failures} executions of ${stateMachineName} failed in five minutes. Begin with: datastream list --status failed --since 1h`,
      metricQuery: [
        { id: 'failed', metric: ofMachine('ExecutionsFailed', MINUTES_5) },
        { id: 'timed_out', metric: ofMachine('ExecutionsTimedOut', MINUTES_5) },
        { id: 'all', expression: 'FILL(failed, 0) + FILL(timed_out, 0)', label: 'failed', returnData: true },
      ],
      atLeast: failures,
    });
    this.#filtered(
      'reaped',
      this.props.reaper,
      // An execution that was stopped by hand leaves its instance to the reaper: no fault.
      '{ $.message = "ended an instance whose execution no longer runs" && $.status != "ABORTED" }',
      when,
    );
    this.#alarm(topic, when, 'reaper', {
      alarmDescription: `The reaper of ${stateMachineName} ended an instance that its execution had left. Begin with: aws logs tail /aws/lambda/${derivedName(this.props.namePrefix, '_reaper')} --since 1h`,
      namespace: NAMESPACE,
      metricName: `${stateMachineName}.reaped`,
      statistic: 'Sum',
      period: MINUTES_5,
    });
    if (!matrix) return;

    const { schedules } = matrix;
    const hours = Math.floor(longestSilenceHours(checkedMatrix(matrix.source))) + 1;
    this.#alarm(topic, when, 'no_success', {
      alarmDescription: `No execution of ${stateMachineName} succeeded in ${hours} hours, the longest that the matrix goes without one. Begin with: datastream list --since ${hours}h`,
      namespace: 'AWS/States',
      metricName: 'ExecutionsSucceeded',
      dimensions: { StateMachineArn: stateMachineArn },
      statistic: 'Sum',
      period: HOUR,
      below: 1,
      periods: hours,
      treatMissingData: 'breaching',
    });
    this.#alarm(topic, when, 'dead_letters', {
      alarmDescription: `A round of ${stateMachineName} is among the dead letters: its jobs were not all started. Begin with: aws sqs receive-message --attribute-names All --queue-url ${schedules.deadLetterQueueUrl}`,
      namespace: 'AWS/SQS',
      metricName: 'ApproximateNumberOfMessagesVisible',
      dimensions: { QueueName: schedules.deadLetterQueueName },
      statistic: 'Maximum',
      period: MINUTES_5,
    });
    this.#alarm(topic, when, 'dropped', {
      alarmDescription: `EventBridge Scheduler dropped a call of the planner of ${stateMachineName}. Begin with: datastream schedule list`,
      namespace: 'AWS/Scheduler',
      metricName: 'InvocationDroppedCount',
      dimensions: { ScheduleGroup: schedules.groupName },
      statistic: 'Sum',
      period: MINUTES_5,
    });
    this.#alarm(topic, when, 'planner', {
      alarmDescription: `The planner of ${stateMachineName} failed; Lambda calls it again twice. Begin with: aws logs tail /aws/lambda/${schedules.planner.functionName} --since 1h`,
      namespace: 'AWS/Lambda',
      metricName: 'Errors',
      dimensions: { FunctionName: schedules.planner.functionName },
      statistic: 'Sum',
      period: MINUTES_5,
    });
    const missing = both(when, metrics);
    if (missing) {
      this.#alarm(topic, missing, 'missing', {
        alarmDescription: `A job of the matrix of ${stateMachineName} was not started within an hour of its time. Begin with: datastream schedule list`,
        namespace: NAMESPACE,
        metricName: 'Missing',
        dimensions: { machine: stateMachineName },
        statistic: 'Sum',
        period: HOUR,
      });
    }
    const budget = both(when, ifPositive(this.props.dailyBudget));
    if (budget) {
      this.#filtered('over_budget', schedules.planner, '{ $.message = "over the daily budget" }', budget);
      this.#alarm(topic, budget, 'budget', {
        alarmDescription: `A round of ${stateMachineName} was not started: it would exceed daily_budget_usd. Begin with: aws logs tail /aws/lambda/${schedules.planner.functionName} --since 1h --filter-pattern budget`,
        namespace: NAMESPACE,
        metricName: `${stateMachineName}.over_budget`,
        statistic: 'Sum',
        period: MINUTES_5,
      });
    }
  }

  #dashboard(when: When): void {
    const { aws, namePrefix, stateMachineName, stateMachineArn, matrix, reaper, machineFunctions } = this.props;
    const functions = [...machineFunctions, reaper, ...(matrix ? [matrix.schedules.planner] : [])];
    const body = dashboardBody({
      region: aws.region,
      stateMachineName,
      stateMachineArn,
      namespace: NAMESPACE,
      functionNames: functions.map(({ functionName }) => functionName),
      logGroup: `/aws/vendedlogs/states/${stateMachineName}`,
      ...(matrix && {
        schedules: { matrix: checkedMatrix(matrix.source), queueName: matrix.schedules.deadLetterQueueName },
      }),
    });
    const dashboard = new CloudwatchDashboard(this, 'dashboard', {
      dashboardName: derivedName(namePrefix, '_dashboard', 255),
      dashboardBody: body,
      // PutDashboard overwrites a dashboard of this name: a second deployment must fail before it.
      dependsOn: [this.props.stateMachine],
    });
    only(dashboard, when);
  }

  /** A metric that counts the lines of a function's log. It is billed only for the hours that have one. */
  #filtered(name: string, of: DatastreamFunction, pattern: string, when: When | undefined): void {
    const { namePrefix, stateMachineName } = this.props;
    const filter = new CloudwatchLogMetricFilter(this, name, {
      name: derivedName(namePrefix, `_${name}`, 512),
      logGroupName: `/aws/lambda/${of.functionName}`,
      pattern,
      metricTransformation: { name: `${stateMachineName}.${name}`, namespace: NAMESPACE, value: '1' },
      dependsOn: [of.function],
    });
    only(filter, when);
  }

  /** @param name its place in the construct tree, and in its name */
  #alarm(topic: SnsTopic, when: When | undefined, name: string, alarm: Alarm): void {
    const { atLeast = 1, below, periods = 1, ...rest } = alarm;
    const resource = new CloudwatchMetricAlarm(this, `${name}-alarm`, {
      alarmName: derivedName(this.props.namePrefix, `_${name}_alarm`, 255),
      alarmActions: [topic.arn],
      comparisonOperator: below === undefined ? 'GreaterThanOrEqualToThreshold' : 'LessThanThreshold',
      threshold: below ?? atLeast,
      evaluationPeriods: periods,
      treatMissingData: 'notBreaching',
      ...rest,
      // PutMetricAlarm overwrites an alarm of this name: a second deployment must fail before it.
      dependsOn: [this.props.stateMachine],
    });
    only(resource, when);
  }
}
