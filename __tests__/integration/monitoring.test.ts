import path from 'node:path';
import { EXAMPLES } from '../support/cli';
import { aws, inventory } from '../support/deployed';
import { type Moto, startMoto } from '../support/moto';
import { type Finished, ROOT, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const MATRIX = path.join(EXAMPLES, 'schedules/rivers.matrix.json');
const TFVARS = `-var-file=${path.join(ROOT, '__tests__/support/tfvars/nrds.tfvars')}`;
const ALL = [
  '-var=alarm_email=operator@example.org',
  '-var=dashboard=on',
  '-var=reporter=on',
  '-var=daily_budget_usd=20.5',
];

describeWith(['terraform', 'moto_server', 'aws'], 'a deployment with all of monitoring', () => {
  let moto: Moto;
  let workspace: Workspace;
  let stack: string;
  let apply: Finished;
  const terraform = (...args: string[]) => workspace.terraform(stack, ...args, '-input=false', TFVARS);
  const ask = <Answer>(...args: string[]) => aws<Answer>([...args, '--region', 'us-east-1'], workspace.environment);

  beforeAll(async () => {
    moto = await startMoto();
    workspace = new Workspace(moto.endpoint);
    stack = await workspace.synthesise('synthesis', { CDKTF_CONTEXT_JSON: JSON.stringify({ matrix: MATRIX }) });
    await workspace.terraformSucceeds(stack, 'init', '-input=false');
    apply = await terraform('apply', '-auto-approve', ...ALL);
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  test('has its alarms, which send to the topic of the output, and its dashboard', async () => {
    expect([apply.code, apply.output]).toEqual([0, expect.stringContaining('Apply complete')]);
    const alarms = await ask<{ AlarmName: string; AlarmActions: string[] }[]>(
      ...['cloudwatch', 'describe-alarms', '--query', 'MetricAlarms[]'],
    );
    const kinds = ['budget', 'dead_letters', 'dropped', 'failures', 'missing', 'no_success', 'planner', 'reaper'];

    expect(alarms.map(({ AlarmName }) => AlarmName).sort()).toEqual(kinds.map((kind) => `nrds_test_${kind}_alarm`));
    const topics = new Set(alarms.flatMap(({ AlarmActions }) => AlarmActions));
    expect([...topics]).toEqual(['arn:aws:sns:us-east-1:123456789012:nrds_test_alarms']);
    expect(apply.output).toContain(`alarms_topic_arn = "${[...topics][0]}"`);
    expect(await ask('cloudwatch', 'list-dashboards', '--query', 'DashboardEntries[].DashboardName')).toEqual([
      'nrds_test_dashboard',
    ]);
    expect(await ask('sns', 'list-subscriptions', '--query', 'Subscriptions[].[Protocol,Endpoint]')).toEqual([
      ['email', 'operator@example.org'],
    ]);
  });

  test('tells planner and reporter the budget', async () => {
    for (const name of ['planner', 'reporter']) {
      const variables = await ask<Record<string, string>>(
        ...['lambda', 'get-function-configuration', '--function-name', `nrds_test_${name}`],
        ...['--query', 'Environment.Variables'],
      );
      expect(variables).toMatchObject({ DAILY_BUDGET_USD: '20.5' });
    }
  });

  test('shows no change in a second plan', async () => {
    const { code, output } = await terraform('plan', '-detailed-exitcode', ...ALL);

    expect([code, output]).toEqual([0, expect.stringContaining('No changes')]);
  });

  test('is as before when the variables are left out again', async () => {
    const { code, output } = await terraform('apply', '-auto-approve');

    expect([code, output]).toEqual([0, expect.stringContaining('Apply complete')]);
    expect(await ask('cloudwatch', 'describe-alarms', '--query', 'MetricAlarms[]')).toEqual([]);
    expect(await ask('sns', 'list-topics', '--query', 'Topics[]')).toEqual([]);
  });

  test('is destroyed, and nothing is left', async () => {
    const { code } = await terraform('destroy', '-auto-approve');

    expect(code).toBe(0);
    expect(Object.values(await inventory('us-east-1', workspace.environment)).flat()).toEqual([]);
  });
});
