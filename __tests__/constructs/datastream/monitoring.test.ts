import { join } from 'node:path';
import { TerraformVariable } from 'cdktf';
import { EXAMPLES } from '../../support/cli';
import { violations } from '../../support/least-privilege';
import { policies, readable, resources, type Synthesised, synthesise } from '../../support/stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');
const machine = 'arn:aws:states:REGION:ACCOUNT:stateMachine:machine';

const all = synthesise({
  smName: 'machine',
  matrix: RIVERS,
  alarmEmail: 'operator@example.org',
  reporter: 'on',
  dailyBudgetUsd: 20,
});
const alarmsOf = (stack: Synthesised) =>
  Object.values(resources(stack, 'aws_cloudwatch_metric_alarm')).map((alarm) =>
    JSON.parse(readable(JSON.stringify(alarm))),
  );
const namesOf = (stack: Synthesised) => alarmsOf(stack).map(({ alarm_name }) => alarm_name);

test('nothing of it exists where it is not asked for, with a matrix neither', () => {
  for (const props of [{ smName: 'machine' }, { smName: 'machine', matrix: RIVERS }]) {
    const stack = synthesise(props);

    expect(Object.keys(stack.resource).filter((type) => /sns|metric/.test(type))).toEqual([]);
    expect(resources(stack, 'aws_lambda_function')).not.toHaveProperty('monitoring_reporter_function');
  }
});

test('each kind of fault has one alarm, which sends to the one topic', () => {
  expect(namesOf(all)).toEqual([
    'machine_budget_alarm',
    'machine_dead_letters_alarm',
    'machine_dropped_alarm',
    'machine_failures_alarm',
    'machine_missing_alarm',
    'machine_no_success_alarm',
    'machine_planner_alarm',
    'machine_reaper_alarm',
  ]);
  for (const alarm of alarmsOf(all)) {
    expect(alarm.alarm_actions).toEqual(['<monitoring_topic.arn>']);
    expect(alarm.alarm_description).toMatch(/Begin with: (datastream|aws) /);
  }
});

test('without a matrix only failures and the reaper have one: no schedule says when something must come', () => {
  const stack = synthesise({ smName: 'machine', alarms: 'on' });

  expect(namesOf(stack)).toEqual(['machine_failures_alarm', 'machine_reaper_alarm']);
  expect(resources(stack, 'aws_sns_topic_subscription')).toEqual({});
});

test('the alarm of no success waits as long as the matrix goes without one', () => {
  const [silent] = alarmsOf(all).filter(({ alarm_name }) => alarm_name === 'machine_no_success_alarm');

  // Between one and two hours: a whole hour of the clock may be empty on a healthy day, two in a row may not.
  expect(silent).toMatchObject({
    comparison_operator: 'LessThanThreshold',
    evaluation_periods: 2,
    period: 3600,
    threshold: 1,
    treat_missing_data: 'breaching',
  });
});

test('the topic takes messages of this account’s alarms alone, and the reporter may do no more than it must', () => {
  const [policy] = Object.values(resources(all, 'aws_sns_topic_policy'));
  const { Statement } = JSON.parse(readable(String(policy?.policy)));

  expect(Statement[0]).toMatchObject({
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Condition: { StringEquals: { 'aws:SourceAccount': 'ACCOUNT' } },
  });
  expect(policies(all)['monitoring_reporter-role']?.Statement.slice(0, 3)).toEqual([
    { Sid: 'ListExecutions', Effect: 'Allow', Action: ['states:ListExecutions'], Resource: [machine] },
    {
      Sid: 'AskForJobs',
      Effect: 'Allow',
      Action: ['states:DescribeExecution', 'states:GetExecutionHistory'],
      Resource: ['arn:aws:states:REGION:ACCOUNT:execution:machine:*'],
    },
    {
      Sid: 'TellTopic',
      Effect: 'Allow',
      Action: ['sns:Publish'],
      Resource: ['arn:aws:sns:REGION:ACCOUNT:machine_alarms'],
    },
  ]);
  expect(Object.values(policies(all)).flatMap(violations)).toEqual([]);
});

test('a variable decides at plan, and an empty one deploys nothing', () => {
  const stack = synthesise((scope) => {
    const variable = (name: string) => new TerraformVariable(scope, name, { type: 'string' }).stringValue;
    const budget = new TerraformVariable(scope, 'budget', { type: 'number' }).numberValue;
    return {
      smName: 'machine',
      matrix: RIVERS,
      alarms: variable('alarms'),
      alarmEmail: variable('email'),
      reporter: variable('reporter'),
      dailyBudgetUsd: budget,
    };
  });
  const counts = Object.fromEntries(
    Object.entries(resources(stack, 'aws_cloudwatch_metric_alarm')).map(([name, { count }]) => [name, count]),
  );
  const asked = 'max(min(1, length(var.alarms)), min(1, length(var.email)))';

  expect(counts).toMatchObject({
    'monitoring_failures-alarm': `\${${asked}}`,
    'monitoring_missing-alarm': `\${min(${asked}, min(1, length(var.reporter)))}`,
    'monitoring_budget-alarm': `\${min(${asked}, min(1, ceil(var.budget)))}`,
  });
  expect(resources(stack, 'aws_lambda_function').monitoring_reporter_function?.count).toBe(
    `\${max(${asked}, min(1, length(var.reporter)))}`,
  );
});

test.each([
  [{ alarmEmail: 'nobody' }, 'alarmEmail is "nobody": write an address such as'],
  [{ alarms: 'yes' }, 'alarms is "yes": write on, or leave it out'],
  [{ alarmFailures: 0 }, 'alarmFailures is 0: write a number from 1 on'],
  [{ dailyBudgetUsd: -1 }, 'dailyBudgetUsd is -1: write a number from 0 on'],
])('%j is refused', (props, message) => {
  expect(() => synthesise({ smName: 'machine', ...props })).toThrow(message);
});

describe('the dashboard', () => {
  const bodyOf = (props: object) => {
    const stack = synthesise({ smName: 'machine', dashboard: 'on', ...props });
    const [dashboard] = Object.values(resources(stack, 'aws_cloudwatch_dashboard'));
    return JSON.parse(readable(String(dashboard?.dashboard_body))) as {
      widgets: {
        type: string;
        x: number;
        y: number;
        properties: { title: string; metrics?: unknown[][]; query?: string };
      }[];
    };
  };
  const titles = (props: object) => bodyOf(props).widgets.map(({ properties }) => properties.title);

  test('shows the machine, and with a matrix its streams', () => {
    const machines = [
      'Starts and outcomes in an hour',
      'Executions of the account that run',
      'Duration of executions, milliseconds',
      'Throttles',
    ];
    const streams = [
      'Missing jobs',
      'From the cycle to the success, minutes (p50)',
      'Dollars in an hour',
      'Dead letters',
    ];

    expect(titles({})).toEqual([...machines, 'Failed jobs']);
    expect(titles({ matrix: RIVERS })).toEqual([...machines, ...streams, 'Failed jobs']);
  });

  test('takes the metrics of this machine and of its streams alone, in places that do not overlap', () => {
    const { widgets } = bodyOf({ matrix: RIVERS });
    const places = widgets.map(({ x, y }) => `${x} ${y}`);
    const missing = widgets.find(({ properties }) => properties.title === 'Missing jobs');

    expect(new Set(places).size).toBe(widgets.length);
    expect(missing?.properties.metrics?.map((metric) => metric.slice(0, 6))).toEqual(
      ['forcing', 'forecast', 'gauges'].map((stream) => [
        'Datastream',
        'Missing',
        'machine',
        'machine',
        'stream',
        stream,
      ]),
    );
    expect(widgets.at(-1)?.properties.query).toContain("SOURCE '/aws/vendedlogs/states/machine'");
  });
});
