import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  RedriveExecutionCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Definition } from '../../local/states/definition';
import { BEGUN, embeddedStates, endOf, MACHINE } from '../support/states';

const CHILD = `${MACHINE}-child`;
const wait: Definition = { StartAt: 'W', States: { W: { Type: 'Wait', Seconds: 100, End: true } } };
const parent = (suffix: string, Name?: string): Definition => ({
  StartAt: 'Start',
  States: {
    Start: {
      Type: 'Task',
      Resource: `arn:aws:states:::states:startExecution${suffix}`,
      Parameters: { StateMachineArn: CHILD, 'Input.$': '$', ...(Name && { Name }) },
      End: true,
    },
  },
});

describe('StartExecution (Step Functions API)', () => {
  const started = () => {
    const { sfn, clock, events, seconds } = embeddedStates();
    sfn.define(MACHINE, wait);
    const start = (name?: string, input = '{}', stateMachineArn = MACHINE) =>
      clock.run(sfn.client().send(new StartExecutionCommand({ stateMachineArn, name, input })));
    return { sfn, clock, start, events, seconds };
  };

  it('gives the execution that runs with the same name and input, and refuses another input', async () => {
    const { start, sfn, clock } = started();
    const first = await start('one', '{"a":1}');

    expect(await start('one', '{"a":1}')).toMatchObject({
      executionArn: first.executionArn,
      startDate: new Date(BEGUN),
    });
    await expect(start('one', '{"a":2}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    await clock.run(clock.sleep(200_000));
    await expect(start('one', '{"a":1}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    expect(sfn.executions.size).toBe(1);
  });

  it.each([
    ['a machine that is not there', 'x', '{}', `${MACHINE}-none`, 'StateMachineDoesNotExist'],
    ['a name with a colon', '2026-03-01T12:00', '{}', MACHINE, 'InvalidName'],
    ['a name of 81 characters', 'x'.repeat(81), '{}', MACHINE, 'InvalidName'],
    ['an input that is no JSON', 'x', '{', MACHINE, 'InvalidExecutionInput'],
  ])('refuses %s', async (_, name, input, machine, error) => {
    await expect(started().start(name, input, machine)).rejects.toMatchObject({ name: error });
  });

  it('takes the definition of its moment, and goes on with it when the machine is updated', async () => {
    const { start, sfn, clock, seconds } = started();
    const { executionArn } = await start('one');
    sfn.define(MACHINE, { StartAt: 'S', States: { S: { Type: 'Succeed' } } });
    await start('two');

    await clock.run(clock.sleep(1000));
    expect([...sfn.executions.values()].map(({ status }) => status)).toEqual(['RUNNING', 'SUCCEEDED']);
    await clock.run(clock.sleep(99_000));
    expect(sfn.executions.get(executionArn ?? '')).toMatchObject({ status: 'SUCCEEDED' });
    expect(seconds()).toBe(100);
  });

  it('tells EventBridge the beginning and the end', async () => {
    const { start, clock, events } = started();
    await start('one', '{"a":1}');
    await clock.run(clock.sleep(200_000));

    expect(events).toMatchObject([
      { status: 'RUNNING', name: 'one', input: '{"a":1}', startDate: Date.parse(BEGUN), stopDate: null },
      { status: 'SUCCEEDED', output: '{"a":1}', stopDate: Date.parse(BEGUN) + 100_000 },
    ]);
  });
});

describe('Reading executions', () => {
  it('shows with a lag what was there so long ago', async () => {
    let lag = 0;
    const { start, sfn, clock } = embeddedStates({}, () => ({ lag }));
    const { arn: executionArn } = start(wait);
    const describe = () => clock.run(sfn.client().send(new DescribeExecutionCommand({ executionArn })));
    await clock.run(clock.sleep(105_000));

    expect(await describe()).toMatchObject({ status: 'SUCCEEDED', output: '{}' });
    lag = 10_000;
    expect(await describe()).toMatchObject({ status: 'RUNNING', stopDate: undefined });
    lag = 200_000;
    await expect(describe()).rejects.toMatchObject({ name: 'ExecutionDoesNotExist' });
  });

  it("lists one machine's, the youngest first, by status and page by page", async () => {
    const { sfn, clock } = embeddedStates();
    for (const machine of [MACHINE, CHILD]) sfn.define(machine, wait);
    const arns: string[] = [];
    for (let index = 0; index < 5; index++) {
      arns.unshift(sfn.start({ stateMachineArn: MACHINE, input: {} }).arn);
      sfn.start({ stateMachineArn: CHILD, input: {} });
    }
    await clock.run(
      sfn.client().send(new StopExecutionCommand({ executionArn: arns[0], error: 'Mine', cause: 'enough' })),
    );
    await clock.run(clock.sleep(1000));
    const list = (nextToken?: string) =>
      clock.run(
        sfn
          .client()
          .send(
            new ListExecutionsCommand({ stateMachineArn: MACHINE, statusFilter: 'RUNNING', maxResults: 3, nextToken }),
          ),
      );

    const first = await list();
    const second = await list(first.nextToken);

    expect(first.executions?.map(({ executionArn }) => executionArn)).toEqual(arns.slice(1, 4));
    expect(second.executions?.map(({ executionArn }) => executionArn)).toEqual(arns.slice(4));
    expect(second.nextToken).toBeUndefined();
    const stopped = sfn.client().send(new DescribeExecutionCommand({ executionArn: arns[0] }));
    expect(await clock.run(stopped)).toMatchObject({ status: 'ABORTED', error: 'Mine', cause: 'enough' });
  });
});

describe('Nested executions (DG, Start a new workflow execution from a running execution)', () => {
  const nested = (child: Definition, machine: Definition, input: unknown = { a: 1 }) => {
    const states = embeddedStates();
    states.sfn.define(CHILD, child);
    return { ...states, execution: states.start(machine, input) };
  };

  it('are started and not awaited without a pattern', async () => {
    const { execution, clock, seconds } = nested(wait, parent('', 'mine'));
    await clock.run(execution.ended);

    expect(endOf(execution)).toEqual({
      output: { ExecutionArn: `${CHILD.replace(':stateMachine:', ':execution:')}:mine`, StartDate: Date.parse(BEGUN) },
    });
    expect(seconds()).toBe(0);
  });

  it.each([
    ['.sync', '{"a":1}'],
    ['.sync:2', { a: 1 }],
  ])('%s gives the output after the end, as %j', async (suffix, data) => {
    const { execution, clock, seconds } = nested(wait, parent(suffix, 'mine'));
    await clock.run(execution.ended);

    expect(endOf(execution)).toMatchObject({
      output: { Name: 'mine', Status: 'SUCCEEDED', Input: data, Output: data, StopDate: Date.parse(BEGUN) + 100_000 },
    });
    expect(seconds()).toBe(100);
  });

  it('that fail are a States.TaskFailed, with what is known of them in the Cause', async () => {
    const failing: Definition = { StartAt: 'F', States: { F: { Type: 'Fail', Error: 'Inner', Cause: 'broken' } } };
    const { execution, clock } = nested(failing, parent('.sync:2'));
    await clock.run(execution.ended);

    expect(endOf(execution)).toMatchObject({ error: 'States.TaskFailed' });
    expect(JSON.parse(execution.cause ?? '')).toMatchObject({ Error: 'Inner', Cause: 'broken', Status: 'FAILED' });
  });

  it('are stopped with the execution that waits for them', async () => {
    const { execution, sfn, clock } = nested(wait, parent('.sync:2'));
    await clock.run(clock.sleep(10_000));

    execution.stop();
    await clock.run(execution.ended);
    await clock.run(clock.sleep(0));

    expect([...sfn.executions.values()].map(({ status }) => status)).toEqual(['ABORTED', 'ABORTED']);
  });

  it('whose name is taken fail with the error as the States Language names it', async () => {
    const { execution, sfn, clock } = nested(wait, parent('.sync:2', 'taken'));
    sfn.start({ stateMachineArn: CHILD, input: 'other', name: 'taken' });
    await clock.run(execution.ended);

    expect(endOf(execution)).toMatchObject({ error: 'StepFunctions.ExecutionAlreadyExistsException' });
  });
});

describe('RedriveExecution (Step Functions API)', () => {
  const flow: Definition = {
    StartAt: 'First',
    States: {
      First: { Type: 'Pass', Result: { from: 'First' }, ResultPath: '$.first', Next: 'Work' },
      Work: { Type: 'Task', Resource: 'arn:aws:states:::test:work', ResultPath: '$.work', Next: 'Last' },
      Last: { Type: 'Succeed' },
    },
  };

  it('goes on with the state that failed, with the input that it had, and counts', async () => {
    const { sfn, clock } = embeddedStates();
    const inputs: unknown[] = [];
    sfn.integrate('test:work', async ({ parameters }) => {
      inputs.push(parameters);
      if (inputs.length === 1) throw Object.assign(new Error('no'), { name: 'Broken' });
      return 'done';
    });
    sfn.define(MACHINE, flow);
    const first = sfn.start({ stateMachineArn: MACHINE, input: { a: 1 }, name: 'one' });
    await clock.run(first.ended);
    expect([first.status, first.error]).toEqual(['FAILED', 'Broken']);
    const redrive = () => clock.run(sfn.client().send(new RedriveExecutionCommand({ executionArn: first.arn })));
    await redrive();
    const again = sfn.executions.get(first.arn) as typeof first;
    await clock.run(again.ended);

    expect([again.status, again.redriveCount]).toEqual(['SUCCEEDED', 1]);
    expect(again.output).toEqual({ a: 1, first: { from: 'First' }, work: 'done' });
    expect(inputs).toEqual([inputs[0], inputs[0]]);
    // Work and Last, not First.
    expect(again.used.transitions).toBe(2);
    await expect(redrive()).rejects.toMatchObject({ name: 'ExecutionNotRedrivable' });
  });
});
