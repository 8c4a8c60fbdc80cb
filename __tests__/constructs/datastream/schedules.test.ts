import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TerraformStack, Testing } from 'cdktf';
import { unzipSync } from 'fflate';
import { Code } from '../../../constructs/aws/code';
import { SOURCES } from '../../../constructs/datastream/functions';
import { matrixOf } from '../../../constructs/datastream/matrix';
import { DatastreamStack } from '../../../constructs/datastream/stack';
import { loadMatrix } from '../../../executions/matrix/load';
import { EXAMPLES } from '../../support/cli';
import { violations } from '../../support/least-privilege';
import { matrixFile, TEMPLATE, withLine } from '../../support/matrices';
import { policies, readable, resources, type Synthesised, synthesise } from '../../support/stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');
const templates = { 'job.tpl': TEMPLATE };
const count = ({ resource }: Synthesised) =>
  Object.values(resource).reduce((sum, each) => sum + Object.keys(each).length, 0);

const without = synthesise({ smName: 'machine' });
const stack = synthesise({ smName: 'machine', matrix: RIVERS });

test('without a matrix there is not one resource more', () => {
  expect(count(without)).toBe(44);
  expect(Object.keys(resources(without, 'aws_sqs_queue'))).toEqual([]);
});

test('a matrix adds nine resources and one for each line', () => {
  expect(count(stack) - count(without)).toBe(9 + 5);
});

test('each line has one schedule in UTC, which calls the planner with the line and the time', () => {
  const schedules = resources(stack, 'aws_scheduler_schedule');

  expect(
    Object.values(schedules)
      .filter(({ group_name }) => readable(String(group_name)) === '<schedules_group.name>')
      .map(({ name, schedule_expression, schedule_expression_timezone }) => [
        name,
        schedule_expression,
        schedule_expression_timezone,
      ]),
  ).toEqual([
    ['forcing.medium_range', 'cron(30 5,11,17,23 * * ? *)', 'UTC'],
    ['forcing.short_range', 'cron(30 * * * ? *)', 'UTC'],
    ['forecast.medium_range', 'cron(0 0,6,12,18 * * ? *)', 'UTC'],
    ['forecast.short_range', 'cron(0 * * * ? *)', 'UTC'],
    ['gauges.daily', 'cron(45 4 * * ? *)', 'UTC'],
  ]);
  const daily = Object.values(schedules).find(({ name }) => name === 'gauges.daily');
  expect(JSON.parse(readable(JSON.stringify(daily)))).toMatchObject({
    flexible_time_window: { mode: 'OFF' },
    lifecycle: { ignore_changes: ['state', 'target[0].input'] },
    target: {
      arn: '<schedules_planner_function.arn>',
      role_arn: '<schedules_role.arn>',
      input: '{"stream":"gauges","line":"daily","scheduled":"<aws.scheduler.scheduled-time>"}',
      retry_policy: { maximum_retry_attempts: 10, maximum_event_age_in_seconds: 3600 },
      dead_letter_config: { arn: '<schedules_dead-letters.arn>' },
    },
  });
});

test('a round that Lambda cannot run goes to the same queue, which is encrypted and keeps it for 14 days', () => {
  expect(resources(stack, 'aws_sqs_queue')['schedules_dead-letters']).toMatchObject({
    name: 'machine_schedules_dead_letters',
    message_retention_seconds: 1_209_600,
    sqs_managed_sse_enabled: true,
  });
  const [invocation] = Object.values(resources(stack, 'aws_lambda_function_event_invoke_config'));
  expect(JSON.parse(readable(JSON.stringify(invocation)))).toMatchObject({
    function_name: '<schedules_planner_function.function_name>',
    maximum_retry_attempts: 2,
    destination_config: { on_failure: { destination: '<schedules_dead-letters.arn>' } },
  });
});

describe('least privilege', () => {
  const machine = 'arn:aws:states:REGION:ACCOUNT:stateMachine:machine';
  const all = policies(stack);
  const dead = {
    Sid: 'KeepDeadLetters',
    Effect: 'Allow',
    Action: ['sqs:SendMessage'],
    Resource: ['<schedules_dead-letters.arn>'],
  };

  test('the planner starts and lists executions of this machine alone', () => {
    expect(all['schedules_planner-role']?.Statement.slice(0, 2)).toEqual([
      {
        Sid: 'StartExecutions',
        Effect: 'Allow',
        Action: ['states:StartExecution', 'states:ListExecutions'],
        Resource: [machine],
      },
      dead,
    ]);
    expect(all['schedules_planner-role']?.Statement.slice(2).map(({ Sid }) => Sid)).toEqual(['Logplanner']);
  });

  test('the role of the schedules calls the planner and keeps dead letters, nothing else', () => {
    expect(all.schedules_role?.Statement).toEqual([
      {
        Sid: 'InvokePlanner',
        Effect: 'Allow',
        Action: ['lambda:InvokeFunction'],
        Resource: ['<schedules_planner_function.arn>'],
      },
      dead,
    ]);
  });

  test('no role may do more than it must', () => {
    expect(Object.values(all).flatMap(violations)).toEqual([]);
  });
});

test("the planner's archive holds the matrix and its templates, so that its version changes with them", () => {
  const app = Testing.app();
  const archive = (files: Record<string, string>) =>
    new Code(new TerraformStack(app, `stack${Object.keys(files).length}`), 'code', SOURCES, 'planner', files);
  const [one, other] = [archive({}), archive({ 'matrix.json': '{"value":1}' })];

  expect(other.hash).not.toBe(one.hash);
  app.synth();
  const file = join(app.outdir, 'stacks/stack1', other.path);
  const unpacked = unzipSync(readFileSync(file));
  expect(Object.keys(unpacked).sort()).toEqual(['matrix.json', 'planner.js', 'planner.js.map']);
  expect(String(Buffer.from(unpacked['matrix.json'] ?? []))).toBe('{"value":1}');
});

test('values of variables reach the planner when it runs', () => {
  const { value, templates: texts } = loadMatrix(RIVERS) as { value: unknown; templates: Record<string, string> };
  const given = synthesise({
    smName: 'machine',
    matrix: { value, templates: texts },
    matrixValues: { environment_suffix: 'dev', forcing_ami_id: '' },
  });
  const planner = resources(given, 'aws_lambda_function').schedules_planner_function;

  expect(planner?.environment).toMatchObject({
    variables: {
      MATRIX_VALUES: '${jsonencode({"environment_suffix" = "dev", "forcing_ami_id" = ""})}',
      SCHEDULES_SINCE: expect.stringMatching(/schedules_group_\w+\.creation_date/),
    },
  });
});

describe("upstream's names", () => {
  const named = (scheduleGroupName: string) =>
    synthesise({
      smName: 'nrds_prod_sm',
      resourcePrefix: 'nrds_prod',
      matrix: RIVERS,
      schedulerRoleName: 'nrds_prod_scheduler_role',
      schedulerPolicyName: 'nrds_prod_scheduler_policy',
      scheduleGroupName,
    });

  test('are taken, and the role of the reaper gets another one', () => {
    const { 'reaper_scheduler-role': reaper, schedules_role: role } = resources(named('nrds'), 'aws_iam_role');

    expect([reaper?.name, role?.name]).toEqual(['nrds_prod_reaper_schedule_role', 'nrds_prod_scheduler_role']);
    expect(resources(without, 'aws_iam_role')['reaper_scheduler-role']?.name).toBe('machine_scheduler_role');
  });

  test('of a group is taken, but for AWS’s own group', () => {
    const groups = ['nrds', 'default'].map(
      (name) => resources(named(name), 'aws_scheduler_schedule_group').schedules_group?.name,
    );

    expect(groups).toEqual(['nrds', 'nrds_prod_schedules']);
  });
});

describe('a matrix that cannot be deployed', () => {
  test('is refused with every problem, a line each', () => {
    const bad = withLine({ lag: '24:00', colour: 1 });

    expect(() => synthesise({ smName: 'machine', matrix: { value: bad, templates } })).toThrow(
      /^\$\.streams\.flow\.lines\.short\.lag: Write hours[^\n]*\n\$\.streams\.flow\.lines\.short\.colour: This key is unknown[^\n]*$/,
    );
  });

  test('is refused where a value has no variable, with those that it takes', () => {
    expect(() =>
      synthesise({
        smName: 'machine',
        matrix: { value: matrixFile(), templates },
        matrixValues: { fp_ami_id: 'ami-1', restart_ds_tag: '1' },
      }),
    ).toThrow(
      'The matrix takes no value fp_ami_id: choose from environment_suffix, flow_ami_id.\nThe matrix takes no value restart_ds_tag:',
    );
  });

  test.each([
    ['nowhere.json', 'nowhere.json: there is no such file'],
    [{ value: 1 }, 'matrix is {"value":1}: write the path of a matrix'],
  ])('is refused where it is %j', (matrix, message) => {
    expect(() => synthesise({ smName: 'machine', matrix: matrix as string })).toThrow(message);
  });

  test.each([[''], [['a.json']], [null]])('is refused where cdktf.json names %j', (context) => {
    expect(() => matrixOf(context)).toThrow(/^context\.matrix of cdktf\.json is .*: write the path of a matrix/);
  });
});

test('the stack declares a variable for each value, and warns of another time zone than UTC', () => {
  const json = JSON.parse(Testing.synth(new DatastreamStack(Testing.app(), 'datastream', RIVERS), true));
  const plain = JSON.parse(Testing.synth(new DatastreamStack(Testing.app(), 'datastream'), true));
  const added = Object.keys(json.variable).filter((name) => !(name in plain.variable));

  expect(added.sort()).toEqual([
    ...['daily_budget_usd', 'environment_suffix', 'forcing_ami_id', 'forecast_ami_id', 'gauges_ami_id', 'reporter'],
    'schedule_group_name',
    ...['schedule_timezone', 'scheduler_policy_name', 'scheduler_role_name'],
  ]);
  expect(plain).not.toHaveProperty('check');
  expect(json.check.schedule_timezone.assert).toHaveLength(1);
  expect(Object.keys(json.output).filter((name) => !(name in plain.output))).toEqual([
    'schedules_dead_letter_queue_url',
    'schedules_group_name',
  ]);
});
