import { SendTaskFailureCommand, SendTaskHeartbeatCommand, SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import type { Definition, State } from '../../../local/states/definition';
import { failure } from '../../../local/states/errors';
import type { Progress } from '../../../local/states/interpreter';
import { BEGUN, embeddedStates, endOf, MACHINE } from '../../support/states';

const CALL = 'arn:aws:states:::test:call';

const task = (state: Partial<State> = {}): Definition => ({
  StartAt: 'Only',
  States: { Only: { Type: 'Task', Resource: CALL, End: true, ...state }, Caught: { Type: 'Pass', End: true } },
});
/** A service that fails with these errors in turn, and then answers. */
const failing = (...names: string[]) => ({
  'test:call': async () => {
    const name = names.shift();
    if (name) throw failure(name, 'broken');
    return { done: true };
  },
});
const never = { 'test:call': () => new Promise(() => {}) };
const intervals = (progress: readonly Progress[]) =>
  progress.flatMap((each) => (each.type === 'retrying' ? [each.seconds] : []));

describe('Task', () => {
  it('calls its service with Parameters, and with the context as AWS has it', async () => {
    const calls: unknown[] = [];
    const { run } = embeddedStates({
      'test:call': async ({ parameters, pattern, execution }) => {
        calls.push({ parameters, pattern, execution });
        return 'result';
      },
    });

    const execution = await run(
      task({ Parameters: { 'a.$': '$.a', 'at.$': '$$.Execution.StartTime', 'entered.$': '$$.State.EnteredTime' } }),
      { a: 1 },
    );

    expect(calls).toEqual([{ parameters: { a: 1, at: BEGUN, entered: BEGUN }, pattern: '', execution: execution.arn }]);
    expect(endOf(execution)).toEqual({ output: 'result' });
    expect(execution.arn).toMatch(/^arn:aws:states:us-east-1:000000000000:execution:small:[0-9a-f-]{36}$/);
  });

  it('has the whole context object', async () => {
    const { run } = embeddedStates({ 'test:call': async ({ parameters }) => parameters.context });

    const execution = await run(task({ Parameters: { 'context.$': '$$' } }), { a: 1 });

    // DG, Accessing execution data from the Context object.
    expect(execution.output).toEqual({
      Execution: {
        Id: execution.arn,
        Input: { a: 1 },
        Name: execution.name,
        RoleArn: 'arn:aws:iam::000000000000:role/embedded',
        StartTime: BEGUN,
        RedriveCount: 0,
      },
      State: { EnteredTime: BEGUN, Name: 'Only', RetryCount: 0 },
      StateMachine: { Id: MACHINE, Name: 'small' },
    });
  });
});

describe('Retry (ASL, Retrying after error)', () => {
  it('waits a second, then two, then four, by default, three times', async () => {
    const { run, progress, seconds } = embeddedStates(failing('E', 'E', 'E', 'E'));

    const execution = await run(task({ Retry: [{ ErrorEquals: ['States.ALL'] }] }));

    expect(endOf(execution)).toEqual({ error: 'E', cause: 'broken' });
    expect(intervals(progress)).toEqual([1, 2, 4]);
    expect(seconds()).toBe(7);
    expect(execution.used.transitions).toBe(4);
  });

  it('grows up to MaxDelaySeconds', async () => {
    const { run, progress } = embeddedStates(failing('E', 'E', 'E', 'E'));

    await run(
      task({
        Retry: [{ ErrorEquals: ['E'], IntervalSeconds: 3, BackoffRate: 3, MaxAttempts: 4, MaxDelaySeconds: 20 }],
      }),
    );

    expect(intervals(progress)).toEqual([3, 9, 20, 20]);
  });

  it('counts the uses of each Retrier by itself', async () => {
    const { run, progress } = embeddedStates(failing('A', 'B', 'A', 'B'));

    const execution = await run(
      task({
        Retry: [
          { ErrorEquals: ['A'], IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 2 },
          { ErrorEquals: ['B'], IntervalSeconds: 5, BackoffRate: 2, MaxAttempts: 2 },
        ],
      }),
    );

    expect(execution.output).toEqual({ done: true });
    expect(intervals(progress)).toEqual([1, 5, 2, 10]);
  });

  it('counts anew when a Catch has led back to the state', async () => {
    const { run, progress } = embeddedStates(failing('A', 'A', 'A'));
    const { Only } = task({
      Retry: [{ ErrorEquals: ['A'], IntervalSeconds: 1, MaxAttempts: 1 }],
      Catch: [{ ErrorEquals: ['A'], Next: 'Back' }],
    }).States;

    const execution = await run({
      StartAt: 'Only',
      States: { Only: Only as State, Back: { Type: 'Wait', Seconds: 30, Next: 'Only' } },
    });

    expect(execution.output).toEqual({ done: true });
    expect(intervals(progress)).toEqual([1, 1]);
  });

  it('with JitterStrategy FULL waits anything from 0 to the interval', async () => {
    const { run, progress } = embeddedStates(failing(...Array(50).fill('E')));

    await run(
      task({
        Retry: [{ ErrorEquals: ['E'], IntervalSeconds: 8, BackoffRate: 1, MaxAttempts: 50, JitterStrategy: 'FULL' }],
      }),
    );

    const waits = intervals(progress);
    expect(waits).toHaveLength(50);
    expect(Math.max(...waits)).toBeLessThan(8);
    expect(Math.max(...waits)).toBeGreaterThan(6);
    expect(Math.min(...waits)).toBeLessThan(2);
  });
});

describe('ErrorEquals (ASL, Appendix A; DG, Handling errors)', () => {
  const catching = (ErrorEquals: string[]) => task({ Catch: [{ ErrorEquals, ResultPath: '$.e', Next: 'Caught' }] });

  it.each([
    ['States.TaskFailed', 'E', true],
    ['States.TaskFailed', 'States.Timeout', false],
    ['States.Timeout', 'States.HeartbeatTimeout', true],
    ['States.ALL', 'States.Timeout', true],
    ['States.ALL', 'States.DataLimitExceeded', false],
    ['States.DataLimitExceeded', 'States.DataLimitExceeded', true],
    ['States.Runtime', 'States.Runtime', false],
    ['E', 'Ex', false],
  ])('%s and an error of the name %s: %s', async (named, error, isCaught) => {
    const execution = await embeddedStates(failing(error)).run(catching([named]), {});

    expect(endOf(execution)).toEqual(
      isCaught ? { output: { e: { Error: error, Cause: 'broken' } } } : { error, cause: 'broken' },
    );
  });
});

describe('Time-outs', () => {
  it.each([
    ['TimeoutSeconds', { TimeoutSeconds: 90 }],
    ['TimeoutSecondsPath', { TimeoutSecondsPath: '$.s' }],
  ])('%s ends the task, and its service is told', async (_, state) => {
    let told = false;
    const { run, seconds } = embeddedStates({
      'test:call': ({ signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            told = true;
          });
        }),
    });

    const execution = await run(task(state), { s: 90 });

    expect(endOf(execution)).toMatchObject({ error: 'States.Timeout' });
    expect([seconds(), told]).toEqual([90, true]);
  });

  it("the machine's own ends the execution TIMED_OUT, past every Catch", async () => {
    const { run, seconds, events } = embeddedStates(never);

    const execution = await run({
      ...task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }] }),
      TimeoutSeconds: 300,
    });

    expect(execution.status).toBe('TIMED_OUT');
    expect(seconds()).toBe(300);
    expect(events.map(({ status }) => status)).toEqual(['RUNNING', 'TIMED_OUT']);
  });

  it('a TimeoutSecondsPath to no number fails the execution', async () => {
    const execution = await embeddedStates(never).run(task({ TimeoutSecondsPath: '$.s' }), { s: 'soon' });

    expect(endOf(execution)).toMatchObject({ error: 'States.Runtime', cause: expect.stringContaining('"soon"') });
  });
});

describe('.waitForTaskToken (DG, Wait for a callback with task token)', () => {
  const waiting = (state: Partial<State> = {}) =>
    task({ Resource: `${CALL}.waitForTaskToken`, Parameters: { 'token.$': '$$.Task.Token' }, ...state });
  const withToken = () => {
    const tokens: string[] = [];
    const states = embeddedStates({
      'test:call': async ({ parameters }) => {
        tokens.push(String(parameters.token));
        return 'discarded';
      },
    });
    return { ...states, tokens };
  };

  it('ends with what SendTaskSuccess gives, and not with the answer of the service', async () => {
    const { start, sfn, clock, tokens, seconds } = withToken();
    const execution = start(waiting());
    await clock.run(clock.sleep(60_000));
    expect(execution.status).toBe('RUNNING');

    await clock.run(sfn.client().send(new SendTaskSuccessCommand({ taskToken: tokens[0], output: '{"a":1}' })));
    await clock.run(execution.ended);

    expect(endOf(execution)).toEqual({ output: { a: 1 } });
    expect(seconds()).toBe(60);
  });

  it('fails as SendTaskFailure says, and a retry has another token', async () => {
    const { start, sfn, clock, tokens } = withToken();
    const execution = start(waiting({ Retry: [{ ErrorEquals: ['Mine'], IntervalSeconds: 1, MaxAttempts: 1 }] }));
    const failed = (at: number) =>
      clock.run(
        sfn.client().send(new SendTaskFailureCommand({ taskToken: tokens[at], error: 'Mine', cause: `round ${at}` })),
      );
    await clock.run(clock.sleep(1000));
    await failed(0);
    await clock.run(clock.sleep(5000));
    await expect(failed(0)).rejects.toMatchObject({ name: 'TaskTimedOut' });
    await failed(1);
    await clock.run(execution.ended);

    expect(endOf(execution)).toEqual({ error: 'Mine', cause: 'round 1' });
    expect(new Set(tokens).size).toBe(2);
  });

  it('ends with States.HeartbeatTimeout so long after the last heartbeat', async () => {
    const { start, sfn, clock, tokens, seconds } = withToken();
    const execution = start(waiting({ HeartbeatSeconds: 100, TimeoutSeconds: 1000 }));
    for (const wait of [80, 90]) {
      await clock.run(clock.sleep(wait * 1000));
      await clock.run(sfn.client().send(new SendTaskHeartbeatCommand({ taskToken: tokens[0] })));
    }
    await clock.run(execution.ended);

    expect(endOf(execution)).toMatchObject({ error: 'States.HeartbeatTimeout' });
    expect(seconds()).toBe(270);
  });

  it('refuses an output that is no JSON, and waits on', async () => {
    const { start, sfn, clock, tokens } = withToken();
    const execution = start(waiting());
    await clock.run(clock.sleep(1000));

    const send = sfn.client().send(new SendTaskSuccessCommand({ taskToken: tokens[0], output: '{' }));

    await expect(clock.run(send)).rejects.toMatchObject({ name: 'InvalidOutput' });
    expect(execution.status).toBe('RUNNING');
  });
});

describe('The limits of an execution (DG, Service quotas)', () => {
  it('a result of more than 262,144 bytes is States.DataLimitExceeded', async () => {
    const answer = async (length: number) =>
      embeddedStates({ 'test:call': async () => 'x'.repeat(length - 2) }).run(task());

    expect(endOf(await answer(262_144))).toHaveProperty('output');
    expect(endOf(await answer(262_145))).toMatchObject({ error: 'States.DataLimitExceeded' });
  });

  it('the end of the execution is its 25,000th event at most', async () => {
    const execution = await embeddedStates().run({
      StartAt: 'A',
      States: { A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } },
    });

    expect(endOf(execution)).toEqual({
      error: 'States.Runtime',
      cause: 'The execution reached the maximum number of history events (25000).',
    });
    expect(execution.used.events).toBe(25_000);
  });
});

describe('Time', () => {
  it('passes for Wait on the virtual clock alone, until a moment too', async () => {
    const { run, seconds, progress } = embeddedStates();

    await run(
      {
        StartAt: 'A',
        States: {
          A: { Type: 'Wait', Seconds: 3600, Next: 'B' },
          B: { Type: 'Wait', TimestampPath: '$.t', End: true },
        },
      },
      { t: '2026-03-01T14:00:00Z' },
    );

    expect(seconds()).toBe(7200);
    expect(progress.filter(({ type }) => type === 'waiting')).toMatchObject([
      { state: 'A', seconds: 3600 },
      { state: 'B', seconds: 3600 },
    ]);
  });

  it('of branches passes at once, and the first failure ends the others', async () => {
    const { run, seconds } = embeddedStates(never);

    const execution = await run({
      StartAt: 'Both',
      States: {
        Both: {
          Type: 'Parallel',
          Branches: [
            task(),
            {
              StartAt: 'W',
              States: { W: { Type: 'Wait', Seconds: 10, Next: 'F' }, F: { Type: 'Fail', Error: 'Second' } },
            },
          ],
          End: true,
        },
      },
    });

    expect(endOf(execution)).toMatchObject({ error: 'Second' });
    expect(seconds()).toBe(10);
  });

  it('MaxConcurrency lets so many iterations run at once', async () => {
    const { run, seconds } = embeddedStates();

    await run(
      {
        StartAt: 'Map',
        States: {
          Map: {
            Type: 'Map',
            MaxConcurrencyPath: '$.most',
            ItemsPath: '$.items',
            ItemProcessor: { StartAt: 'W', States: { W: { Type: 'Wait', SecondsPath: '$', End: true } } },
            End: true,
          },
        },
      },
      { most: 2, items: [10, 20, 30, 5] },
    );

    // 10 and 20 begin; 30 at 10 s; 5 at 20 s.
    expect(seconds()).toBe(40);
  });
});

it('An inline Map runs forty iterations at once (DG, Map state processing modes)', async () => {
  const { run, seconds } = embeddedStates();
  const W = { Type: 'Wait', Seconds: 5, End: true };

  await run(
    {
      StartAt: 'Map',
      States: { Map: { Type: 'Map', ItemProcessor: { StartAt: 'W', States: { W } }, End: true } },
    },
    Array(81).fill({}),
  );

  expect(seconds()).toBe(15);
});

describe('StopExecution', () => {
  it.each<[string, Definition]>([
    [
      'a task',
      task({ Retry: [{ ErrorEquals: ['States.ALL'] }], Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }] }),
    ],
    ['a Wait', { StartAt: 'W', States: { W: { Type: 'Wait', Seconds: 1000, End: true } } }],
    ['a Parallel', { StartAt: 'P', States: { P: { Type: 'Parallel', Branches: [task()], End: true } } }],
  ])('ends %s at once, ABORTED', async (_, definition) => {
    const { start, clock, seconds } = embeddedStates(never);
    const execution = start(definition);
    await clock.run(clock.sleep(5000));

    execution.stop();
    await clock.run(execution.ended);

    expect(execution.status).toBe('ABORTED');
    expect(seconds()).toBe(5);
  });
});

describe('Intrinsic functions of chance', () => {
  it('States.UUID and States.MathRandom', async () => {
    const value = async (call: string) =>
      (
        await embeddedStates().run({
          StartAt: 'P',
          States: { P: { Type: 'Pass', Parameters: { 'v.$': call }, OutputPath: '$.v', End: true } },
        })
      ).output;

    expect(await value('States.UUID()')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect([1, 2]).toContain(await value('States.MathRandom(1, 3)'));
    expect(await value('States.MathRandom(1, 1000000, 7)')).toBe(await value('States.MathRandom(1, 1000000, 7)'));
  });
});
