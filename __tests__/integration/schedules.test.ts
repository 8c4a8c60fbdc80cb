import path from 'node:path';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { COMMAND, EXAMPLES } from '../support/cli';
import { aws, inventory } from '../support/deployed';
import { type Moto, motoEnvironment, startMoto } from '../support/moto';
import { type Finished, ROOT, run, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const MATRIX = path.join(EXAMPLES, 'schedules/rivers.matrix.json');
const LINES = 5;
/** Those of a deployment without a matrix; of one with a matrix nine, and one for each line. */
const RESOURCES = 44 + 9 + LINES;
const TFVARS = `-var-file=${path.join(ROOT, '__tests__/support/tfvars/nrds.tfvars')}`;
const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:nrds_test_sm';

describeWith(
  ['terraform', 'moto_server', 'aws'],
  "the schedules of a matrix, by upstream's tfvars of services/nrds",
  () => {
    let moto: Moto;
    let workspace: Workspace;
    let stack: string;
    let apply: Finished;
    const terraform = (...args: string[]) => workspace.terraform(stack, ...args);
    const plan = () => terraform('plan', '-input=false', '-detailed-exitcode', TFVARS);
    const datastream = (...args: string[]) =>
      run(process.execPath, [COMMAND, ...args], {
        cwd: workspace.folder,
        env: { ...motoEnvironment(moto.endpoint), DATASTREAM_ARN: ARN, NODE_NO_WARNINGS: '1' },
      });
    const schedule = (name: string) =>
      aws<{ State: string; ScheduleExpression: string; Target: { Arn: string; Input: string } }>(
        ['scheduler', 'get-schedule', '--group-name', 'nrds_test_schedules', '--name', name, '--region', 'us-east-1'],
        workspace.environment,
      );

    beforeAll(async () => {
      moto = await startMoto();
      workspace = new Workspace(moto.endpoint);
      stack = await workspace.synthesise('synthesis', { CDKTF_CONTEXT_JSON: JSON.stringify({ matrix: MATRIX }) });
      await workspace.terraformSucceeds(stack, 'init', '-input=false');
      apply = await terraform('apply', '-input=false', '-auto-approve', TFVARS);
    });

    afterAll(async () => {
      await moto?.stop();
      workspace?.remove();
    });

    test('are deployed, with a warning of the time zone', () => {
      expect([apply.code, apply.output]).toEqual([0, expect.stringContaining(`${RESOURCES} added`)]);
      expect(apply.output.replace(/[│╷╵\s]+/g, ' ')).toContain(
        'schedule_timezone is "America/New_York" and is ignored: the cycles of a matrix are in UTC',
      );
    });

    test('show no change in a second plan', async () => {
      const { code, output } = await plan();

      expect([code, output]).toEqual([0, expect.stringContaining('No changes')]);
    });

    test("call the planner, which has the deployment's values", async () => {
      const { Target, ScheduleExpression } = await schedule('forecast.short_range');
      const { Environment } = await aws<{ Environment: { Variables: Record<string, string> } }>(
        ['lambda', 'get-function-configuration', '--function-name', 'nrds_test_planner', '--region', 'us-east-1'],
        workspace.environment,
      );

      expect(ScheduleExpression).toBe('cron(0 * * * ? *)');
      expect(Target.Arn).toBe('arn:aws:lambda:us-east-1:123456789012:function:nrds_test_planner');
      expect(JSON.parse(Environment.Variables.MATRIX_VALUES ?? '')).toEqual({
        environment_suffix: 'prod',
        forecast_ami_id: 'ami-038132f534157b5c3',
        forcing_ami_id: '',
        gauges_ami_id: '',
      });
      expect(Date.parse(Environment.Variables.SCHEDULES_SINCE ?? '')).not.toBeNaN();
    });

    test('pause and resume by the command, and leave every plan empty', async () => {
      const paused = await datastream('schedule', 'pause', '--stream', 'forecast');

      expect([paused.code, paused.output]).toEqual([0, expect.stringContaining('2 schedules paused')]);
      expect((await schedule('forecast.short_range')).State).toBe('DISABLED');
      expect((await schedule('forcing.short_range')).State).toBe('ENABLED');
      expect((await plan()).output).toContain('No changes');

      const before = Date.now();
      const resumed = await datastream('schedule', 'resume', '--stream', 'forecast', '--json');
      const { schedules } = JSON.parse(resumed.output);
      expect(schedules).toHaveLength(2);
      expect(schedules[0]).toMatchObject({ stream: 'forecast', line: 'medium_range', state: 'ENABLED' });
      expect(Date.parse(schedules[0].not_before)).toBeGreaterThanOrEqual(before);
      expect((await plan()).output).toContain('No changes');

      await datastream('schedule', 'resume', '--stream', 'forecast', '--catch-up');
      expect(JSON.parse((await schedule('forecast.short_range')).Target.Input)).toEqual({
        stream: 'forecast',
        line: 'short_range',
        scheduled: '<aws.scheduler.scheduled-time>',
      });
    });

    test('are listed; a stream that is not there is told, with the one that may be meant', async () => {
      const listed = await datastream('schedule', 'list');
      const wrong = await datastream('schedule', 'pause', '--stream', 'forcast');

      expect(listed.output.split('\n').slice(1, -1)).toHaveLength(LINES);
      expect([wrong.code, wrong.output]).toEqual([
        2,
        `${ARN}: no stream is called 'forcast': write forecast if that is meant.\n`,
      ]);
    });

    test('backfill starts what is missing of some days, once, with the dates of its cycles', async () => {
      const day = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
      const command = ['backfill', MATRIX, '--stream', 'gauges', '--from', day, '--to', day, '--only-missing'];
      const dry = await datastream(...command, '--dry-run');
      const first = await datastream(...command);
      const second = await datastream(...command);

      expect(dry).toEqual({ code: 0, output: `1 job of these days, 1 not started\nwould start gauges_00_${day}\n` });
      expect(first.output).toBe(`1 job of these days, 1 not started\nwill start gauges_00_${day}\n1 job started\n`);
      expect(second).toEqual({ code: 0, output: '1 job of these days, 0 not started\n' });
      const client = new SFNClient({
        endpoint: moto.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      });
      const { executions } = await client.send(new ListExecutionsCommand({ stateMachineArn: ARN }));
      expect(executions?.map(({ name }) => name)).toEqual([`gauges_00_${day}`]);
    });

    test('are destroyed, and nothing is left', async () => {
      const { code, output } = await terraform('destroy', '-input=false', '-auto-approve', TFVARS);

      expect([code, output]).toEqual([0, expect.stringContaining(`${RESOURCES} destroyed`)]);
      const left = await inventory('us-east-1', workspace.environment);
      expect(Object.values(left).flat()).toEqual([]);
    });
  },
);
