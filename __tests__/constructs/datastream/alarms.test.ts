import { join } from 'node:path';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Line } from '../../../executions/matrix/expand';
import { budgetOf } from '../../../lambdas/datastream/budget';
import { createReporter, type ReporterClients } from '../../../lambdas/datastream/reporter';
import type { Log } from '../../../lambdas/runtime/handler';
import type { EmbeddedCloudOptions } from '../../../local/cloud';
import { EmbeddedScheduler, type Firing } from '../../../local/scheduler';
import { EXAMPLES } from '../../support/cli';
import { EXECUTION, NOW, testCloud } from '../../support/cloud';
import {
  type AlarmDefinition,
  type Datapoint,
  embeddedMetrics,
  fires,
  type LogLine,
  matchesFilter,
} from '../../support/cloudwatch';
import { rivers } from '../../support/rounds';
import { executionFile } from '../../support/scenario';
import { readable, resources, synthesise } from '../../support/stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const MATRIX = rivers();
const stack = synthesise({
  smName: 'local',
  matrix: join(EXAMPLES, 'schedules/rivers.matrix.json'),
  alarms: 'on',
  reporter: 'on',
  dailyBudgetUsd: 50,
});
const deployed = <Value>(type: string) =>
  Object.values(resources(stack, type)).map((each) => JSON.parse(readable(JSON.stringify(each))) as Value);
const ALARMS = deployed<AlarmDefinition>('aws_cloudwatch_metric_alarm');
const FILTERS = deployed<{
  readonly log_group_name: string;
  readonly pattern: string;
  readonly metric_transformation: { readonly name: string; readonly namespace: string };
}>('aws_cloudwatch_log_metric_filter');

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const HOURS = 26;
/** The alarms are looked at from then on: before, there is nothing yet. */
const WARM_UP_H = 3;
const BEGIN = new Date(NOW).getTime();
const at = (hours: number) => new Date(BEGIN + hours * HOUR_MS);

/** A job that succeeds after some seconds, or fails if its input says so. */
const job = (seconds: number) => ({
  StartAt: 'Work',
  States: {
    Work: { Type: 'Wait', Seconds: seconds, Next: 'Which' },
    Which: {
      Type: 'Choice',
      Choices: [{ Variable: '$.fails', IsPresent: true, Next: 'Broken' }],
      Default: 'Done',
    },
    Broken: { Type: 'Fail', Error: 'CommandFailed', Cause: 'Command 1 of 1 exited with code 3.' },
    Done: { Type: 'Succeed' },
  },
});

type Test = ReturnType<typeof testCloud>;

interface Fault {
  readonly cloud?: Partial<EmbeddedCloudOptions>;
  readonly fires?: Firing;
  /** What Scheduler reports of a schedule that does not fire. */
  readonly dropped?: boolean;
  /** A message that AWS puts into the queue by itself, at this hour. */
  readonly deadLetterAt?: number;
  /** What happens in virtual time. */
  readonly meanwhile?: (test: Test) => void;
}

/** Plays a day of the matrix with the deployed functions, and returns what CloudWatch would hold afterwards. */
async function metricsOf(fault: Fault): Promise<Datapoint[]> {
  const data: Datapoint[] = [];
  const lines: LogLine[] = [];
  let now = () => new Date(NOW);
  const logOf = (name: string): Log => {
    const write = (message: string, extra?: object) => lines.push({ message, ...extra, time: now(), function: name });
    return { info: write, warn: write, error: write, appendKeys: () => {}, resetKeys: () => {} } as unknown as Log;
  };
  const report = (namespace: string, metric: string, dimensions: Record<string, string>, time: Date, value = 1) =>
    data.push({ namespace, metric, dimensions, time, value });
  const test = testCloud({
    matrix: MATRIX,
    // Planner and reaper write other lines, so that one log tells them apart.
    log: logOf('cloud'),
    onInvocation: ({ function: name, error }) => {
      const FunctionName = name === 'planner' ? '<schedules_planner_function.function_name>' : name;
      if (error) report('AWS/Lambda', 'Errors', { FunctionName }, now());
    },
    ...fault.cloud,
  });
  const { cloud, clock } = test;
  now = () => clock.now();
  cloud.sfn.define(cloud.stateMachineArn, job(300));
  const scheduler = new EmbeddedScheduler(cloud, MATRIX, (schedule, scheduled) => {
    const firing = fault.fires?.(schedule, scheduled) ?? [0];
    if (firing.length === 0 && fault.dropped) {
      report('AWS/Scheduler', 'InvocationDroppedCount', { ScheduleGroup: '<schedules_group.name>' }, scheduled);
    }
    return firing;
  });
  scheduler.run(at(HOURS));
  for (let minutes = 0; minutes < HOURS * 60; minutes += 5) {
    clock.after(minutes * MINUTE_MS, () => {
      const added = fault.deadLetterAt !== undefined && minutes >= fault.deadLetterAt * 60 ? 1 : 0;
      const visible = cloud.deadLetters.length + added;
      report(
        'AWS/SQS',
        'ApproximateNumberOfMessagesVisible',
        { QueueName: '<schedules_dead-letters.name>' },
        now(),
        visible,
      );
    });
  }
  const reporter = createReporter(
    {
      sfn: cloud.sfn.client(),
      sns: { send: async () => ({}) } as unknown as ReporterClients['sns'],
      stateMachineArn: cloud.stateMachineArn,
      matrix: MATRIX,
      metrics: true,
      ...(fault.cloud?.budget && { budget: fault.cloud.budget }),
    },
    logOf('reporter'),
  );
  // The first hours had no deployment: nothing was due then.
  for (let hour = 2; hour < HOURS; hour++) {
    const time = new Date(at(hour).getTime() + 50 * MINUTE_MS);
    clock.after(time.getTime() - BEGIN, () => void reporter({ time: time.toISOString() }));
  }
  fault.meanwhile?.(test);
  await clock.run(clock.sleep(HOURS * HOUR_MS));

  const StateMachineArn = 'arn:aws:states:REGION:ACCOUNT:stateMachine:local';
  const outcomes: Record<string, string> = {
    SUCCEEDED: 'ExecutionsSucceeded',
    FAILED: 'ExecutionsFailed',
    TIMED_OUT: 'ExecutionsTimedOut',
  };
  for (const { status, stopDate } of cloud.sfn.executions.values()) {
    const metric = outcomes[status];
    if (metric && stopDate) report('AWS/States', metric, { StateMachineArn }, stopDate);
  }
  for (const { pattern, metric_transformation: metric } of FILTERS) {
    for (const line of lines.filter((each) => matchesFilter(pattern, each))) {
      report(metric.namespace, metric.name, {}, line.time);
    }
  }
  return [...data, ...embeddedMetrics(lines)];
}

const fired = async (fault: Fault) => {
  const data = await metricsOf(fault);
  return ALARMS.filter((alarm) => fires(alarm, data, at(WARM_UP_H), at(HOURS))).map(({ alarm_name }) => alarm_name);
};

/** A schedule that does not fire at one hour of the day. */
const silentAt =
  (name: string, hours: number): Firing =>
  (schedule, scheduled) =>
    schedule === name && Math.abs(scheduled.getTime() - at(hours).getTime()) < 45 * MINUTE_MS ? [] : [0];

const dailyAt = 16 + 45 / 60;
const [, , , , daily] = MATRIX.lines as readonly Line[];

test('a healthy day fires no alarm', async () => {
  expect(await fired({})).toEqual([]);
});

test('there are eight alarms, and eight faults', () => {
  expect(ALARMS.map(({ alarm_name }) => alarm_name).sort()).toEqual(FAULTS.map(([, alarm]) => alarm).sort());
});

const FAULTS: readonly (readonly [fault: string, alarm: string, Fault])[] = [
  [
    'executions fail',
    'local_failures_alarm',
    {
      meanwhile: ({ cloud, clock }) =>
        clock.after(5 * HOUR_MS + MINUTE_MS, () => {
          for (const name of ['a', 'b', 'c', 'd', 'e']) {
            const started = { stateMachineArn: cloud.stateMachineArn, name, input: '{"fails":true}' };
            void cloud.sfn.client().send(new StartExecutionCommand(started));
          }
        }),
    },
  ],
  [
    'jobs start, and none ends',
    'local_no_success_alarm',
    {
      meanwhile: ({ cloud, clock }) =>
        clock.after(5 * HOUR_MS, () => cloud.sfn.define(cloud.stateMachineArn, job(80_000))),
    },
  ],
  ['a job is not started, and nobody notices', 'local_missing_alarm', { fires: silentAt('gauges.daily', dailyAt) }],
  [
    'Lambda puts a round to the dead letters that it could not begin within the hour',
    'local_dead_letters_alarm',
    { fires: silentAt('forecast.short_range', 6), deadLetterAt: 7 },
  ],
  ['Scheduler drops a call', 'local_dropped_alarm', { fires: silentAt('forecast.short_range', 6), dropped: true }],
  [
    'the planner fails, and the repeat succeeds',
    'local_planner_alarm',
    {
      cloud: {
        faults: (operation, call) =>
          operation === 'StartExecution' && call === 40 ? { error: 'AccessDeniedException' } : undefined,
      },
    },
  ],
  [
    'an execution ends without its clean-up',
    'local_reaper_alarm',
    {
      meanwhile: ({ cloud, clock, instances }) => {
        clock.after(4 * HOUR_MS, () => {
          const event = { execution: EXECUTION, start_time: clock.now().toISOString(), state: executionFile() };
          // It throws InstanceNotReady; nobody repeats it.
          void cloud.invoke('starter', event).catch(() => {});
        });
        clock.after(4.2 * HOUR_MS, () => {
          expect(instances()).toHaveLength(1);
          cloud.sfn.note(EXECUTION, 'FAILED');
        });
      },
    },
  ],
  ['a round is over the daily budget', 'local_budget_alarm', { cloud: { budget: withoutDaily() } }],
];

/** A budget that all rounds of a day fit into but the daily line's, which is the dearest. */
function withoutDaily() {
  const budget = budgetOf(MATRIX, 10_000, 'us-east-1');
  const { dollars = 0 } = budget(daily as Line, at(dailyAt));
  expect(dollars).toBeGreaterThan(0);
  return (line: Line, scheduled: Date) =>
    line === daily ? { ...budget(line, scheduled), allowed: false } : budget(line, scheduled);
}

test.each(FAULTS)('%s: %s fires, and no other', async (_, alarm, fault) => {
  expect(await fired(fault)).toEqual([alarm]);
});
