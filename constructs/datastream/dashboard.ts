import type { Matrix } from '../../executions/matrix/expand';

/** What a dashboard shows; texts may be Terraform's references. */
export interface DashboardOf {
  readonly region: string;
  readonly stateMachineName: string;
  readonly stateMachineArn: string;
  /** The namespace of this project's own metrics. */
  readonly namespace: string;
  /** The names of the functions whose throttles it shows. */
  readonly functionNames: readonly string[];
  /** The log group of the state machine, which has an event for each execution that fails. */
  readonly logGroup: string;
  /** Only with a matrix. */
  readonly schedules?: { readonly matrix: Matrix; readonly queueName: string };
}

type Metric = readonly [namespace: string, metric: string, ...rest: readonly unknown[]];

const WIDTH = 12;
const HEIGHT = 6;

/** The dashboard's body (CloudWatch API Reference, dashboard body structure): two widgets in a row. */
export function dashboardBody(of: DashboardOf): string {
  const machine = (metric: string, options: object = {}): Metric => [
    'AWS/States',
    metric,
    'StateMachineArn',
    of.stateMachineArn,
    options,
  ];
  const graph = (title: string, metrics: readonly Metric[], stat = 'Sum', period = 3600) => ({
    type: 'metric',
    properties: { title, region: of.region, view: 'timeSeries', stat, period, metrics },
  });
  const streams = [...new Set(of.schedules?.matrix.lines.map(({ stream }) => stream))];
  const ofStreams = (metric: string) =>
    streams.map(
      (stream): Metric => [of.namespace, metric, 'machine', of.stateMachineName, 'stream', stream, { label: stream }],
    );
  const widgets: { readonly type: string; readonly properties: object }[] = [
    graph('Starts and outcomes in an hour', [
      machine('ExecutionsStarted'),
      machine('ExecutionsSucceeded'),
      machine('ExecutionsFailed'),
      machine('ExecutionsTimedOut'),
      machine('ExecutionsAborted'),
    ]),
    graph(
      'Executions of the account that run',
      [['AWS/States', 'OpenExecutionCount', { stat: 'Maximum' }]],
      'Maximum',
      300,
    ),
    graph('Duration of executions, milliseconds', [
      machine('ExecutionTime', { stat: 'p50', label: 'p50' }),
      machine('ExecutionTime', { stat: 'p95', label: 'p95' }),
    ]),
    graph('Throttles', [
      machine('ExecutionThrottled'),
      ...of.functionNames.map((name): Metric => ['AWS/Lambda', 'Throttles', 'FunctionName', name]),
    ]),
    ...(of.schedules
      ? [
          graph('Missing jobs', ofStreams('Missing')),
          graph('From the cycle to the success, minutes (p50)', ofStreams('LeadMinutes'), 'p50'),
          graph('Dollars in an hour', ofStreams('Dollars')),
          graph(
            'Dead letters',
            [['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName', of.schedules.queueName]],
            'Maximum',
            300,
          ),
        ]
      : []),
    {
      type: 'log',
      properties: {
        title: 'Failed jobs',
        region: of.region,
        view: 'table',
        query: `SOURCE '${of.logGroup}' | fields @timestamp, execution_arn, type | filter type in ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"] | parse execution_arn /:(?<job>[^:]+)$/ | display @timestamp, job, type | sort @timestamp desc | limit 50`,
      },
    },
  ];
  return JSON.stringify({
    widgets: widgets.map((widget, index) => ({
      ...widget,
      x: (index % 2) * WIDTH,
      y: Math.floor(index / 2) * HEIGHT,
      width: WIDTH,
      height: HEIGHT,
    })),
  });
}
