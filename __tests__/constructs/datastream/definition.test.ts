import validate from 'asl-validator';
import type { State } from '../../../constructs/aws/states-language';
import { definition } from '../../../constructs/datastream/definition';
import { MACHINE_FUNCTIONS } from '../../../constructs/datastream/functions';
import { DAILY_MARGIN_S, LONGEST_WAIT_S } from '../../../executions/input-uris';
import { LAUNCH_ROUNDS } from '../../../lambdas/datastream/starter';
import { FAULTS_OF_AWS, THROTTLING_ERRORS, TRANSIENT_ERRORS } from '../../../lambdas/runtime/errors';

const arn = (name: string) => `arn:aws:lambda:us-east-1:123456789012:function:${name}`;
const ARNS = {
  starter: arn('starter'),
  commander: arn('commander'),
  poller: arn('poller'),
  checker: arn('checker'),
  stopper: arn('stopper'),
};
const machine = definition(ARNS);
const states = Object.entries(machine.States);
const tasks = states.filter(([, { Type }]) => Type === 'Task');

/** The states that may come after a state. @param failing only those that come after its failure */
function next(state: State | undefined, failing = false): string[] {
  const caught = (state?.Catch ?? []).map(({ Next }) => Next);
  if (failing) return caught;
  const chosen = (state?.Choices ?? []).map(({ Next }) => String(Next));
  return [...caught, ...chosen, ...[state?.Next, state?.Default].filter((name) => name !== undefined)];
}

function reachable(from: string, without?: string): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name) || name === without) return;
    seen.add(name);
    for (const each of next(machine.States[name])) visit(each);
  };
  visit(from);
  return seen;
}

test('the definition, as a whole', () => {
  expect(machine).toEqual({
    Comment: 'One job on one fresh EC2 instance: its outcome told truly, nothing left behind.',
    StartAt: 'EC2StarterFromAMI',
    States: {
      EC2StarterFromAMI: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Parameters: {
          FunctionName: ARNS.starter,
          Payload: {
            'execution.$': '$$.Execution.Id',
            'state.$': '$',
            'start_time.$': '$$.Execution.StartTime',
            'entered.$': '$$.State.EnteredTime',
            'retries.$': '$$.State.RetryCount',
          },
        },
        OutputPath: '$.Payload',
        TimeoutSeconds: 90,
        Retry: [
          {
            ErrorEquals: ['InputsNotReady'],
            IntervalSeconds: 60,
            BackoffRate: 1.5,
            MaxDelaySeconds: 300,
            MaxAttempts: 300,
          },
          {
            ErrorEquals: ['InstanceNotReady'],
            IntervalSeconds: 10,
            BackoffRate: 1,
            MaxAttempts: 15,
          },
          {
            ErrorEquals: THROTTLING_ERRORS,
            IntervalSeconds: 30,
            BackoffRate: 2,
            MaxDelaySeconds: 120,
            MaxAttempts: 60,
            JitterStrategy: 'FULL',
          },
          {
            ErrorEquals: FAULTS_OF_AWS,
            IntervalSeconds: 2,
            BackoffRate: 2,
            MaxDelaySeconds: 60,
            MaxAttempts: 8,
            JitterStrategy: 'FULL',
          },
          {
            ErrorEquals: ['IamRefused'],
            IntervalSeconds: 5,
            BackoffRate: 1.5,
            MaxDelaySeconds: 30,
            MaxAttempts: 7,
          },
        ],
        Catch: [
          {
            ErrorEquals: ['LaunchRefused'],
            ResultPath: '$.refused',
            Next: 'EC2StarterFromAMI',
          },
          {
            ErrorEquals: ['GivenUp'],
            ResultPath: null,
            Next: 'EC2StarterFromAMI',
          },
          {
            ErrorEquals: ['NoCapacity'],
            ResultPath: '$.refused',
            Next: 'AwaitCapacity',
          },
          {
            ErrorEquals: ['InputNotAnObject'],
            Next: 'EC2Stopper',
          },
          {
            ErrorEquals: ['States.ALL'],
            ResultPath: '$.error',
            Next: 'EC2Stopper',
          },
        ],
        Next: 'Commander',
      },
      AwaitRetry: { Type: 'Wait', SecondsPath: '$.next.wait_s', Next: 'NextAttempt' },
      AwaitCapacity: {
        Type: 'Wait',
        Seconds: 180,
        Next: 'EC2StarterFromAMI',
      },
      Commander: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Parameters: {
          FunctionName: ARNS.commander,
          Payload: {
            'execution.$': '$$.Execution.Id',
            'state.$': '$',
          },
        },
        OutputPath: '$.Payload',
        TimeoutSeconds: 60,
        Retry: [
          {
            ErrorEquals: TRANSIENT_ERRORS,
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxDelaySeconds: 60,
            MaxAttempts: 8,
            JitterStrategy: 'NONE',
          },
          {
            ErrorEquals: ['InvalidInstanceId'],
            IntervalSeconds: 10,
            BackoffRate: 1.5,
            MaxAttempts: 6,
          },
          {
            ErrorEquals: ['IamRefused'],
            IntervalSeconds: 5,
            BackoffRate: 1.5,
            MaxDelaySeconds: 30,
            MaxAttempts: 7,
          },
        ],
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            ResultPath: '$.error',
            Next: 'EC2Stopper',
          },
        ],
        Next: 'EC2Poller',
      },
      EC2Poller: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Parameters: {
          FunctionName: ARNS.poller,
          Payload: {
            'execution.$': '$$.Execution.Id',
            'state.$': '$',
            'token.$': '$$.Task.Token',
          },
        },
        ResultPath: '$.result',
        TimeoutSecondsPath: '$.reconcile_seconds',
        Retry: [
          {
            ErrorEquals: [
              'CommandFailed',
              'CommandNotDelivered',
              'CommandCancelled',
              'JobTimedOut',
              'InstanceLost',
              'LaunchFailed',
              'SpotInterrupted',
              'ZodError',
            ],
            MaxAttempts: 0,
          },
          {
            ErrorEquals: ['States.Timeout'],
            IntervalSeconds: 1,
            BackoffRate: 1,
            MaxAttempts: 200,
          },
          {
            ErrorEquals: ['States.ALL'],
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxDelaySeconds: 900,
            MaxAttempts: 200,
          },
        ],
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            ResultPath: '$.error',
            Next: 'EC2Stopper',
          },
        ],
        Next: 'RunChecker',
      },
      RunChecker: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Parameters: {
          FunctionName: ARNS.checker,
          Payload: {
            'execution.$': '$$.Execution.Id',
            'state.$': '$',
          },
        },
        OutputPath: '$.Payload',
        TimeoutSeconds: 60,
        Retry: [
          {
            ErrorEquals: ['ObjectNotFound', 'ObjectStale'],
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxAttempts: 3,
          },
          { ErrorEquals: ['ObjectAccessDenied', 'ZodError'], MaxAttempts: 0 },
          {
            ErrorEquals: ['States.ALL'],
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxDelaySeconds: 60,
            MaxAttempts: 8,
            JitterStrategy: 'FULL',
          },
        ],
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            ResultPath: '$.error',
            Next: 'EC2Stopper',
          },
        ],
        Next: 'EC2Stopper',
      },
      EC2Stopper: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Parameters: {
          FunctionName: ARNS.stopper,
          Payload: {
            'execution.$': '$$.Execution.Id',
            'state.$': '$',
          },
        },
        OutputPath: '$.Payload',
        TimeoutSeconds: 60,
        Retry: [
          {
            ErrorEquals: ['InstanceNotGone'],
            IntervalSeconds: 15,
            BackoffRate: 1.5,
            MaxDelaySeconds: 60,
            MaxAttempts: 10,
          },
          {
            ErrorEquals: ['States.ALL'],
            IntervalSeconds: 2,
            BackoffRate: 2,
            MaxDelaySeconds: 60,
            MaxAttempts: 10,
            JitterStrategy: 'FULL',
          },
        ],
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            ResultPath: '$.stopper_error',
            Next: 'Outcome',
          },
        ],
        Next: 'Outcome',
      },
      Outcome: {
        Type: 'Choice',
        Choices: [
          {
            And: [
              {
                Variable: '$.next.wait_s',
                IsPresent: true,
              },
              {
                Not: {
                  Variable: '$.stopper_error',
                  IsPresent: true,
                },
              },
            ],
            Next: 'AwaitRetry',
          },
          {
            And: [
              {
                Variable: '$.next',
                IsPresent: true,
              },
              {
                Not: {
                  Variable: '$.stopper_error',
                  IsPresent: true,
                },
              },
            ],
            Next: 'NextAttempt',
          },
          {
            Variable: '$.error',
            IsPresent: true,
            Next: 'Failed',
          },
        ],
        Default: 'Succeeded',
      },
      NextAttempt: {
        Type: 'Pass',
        Parameters: {
          'attempt.$': '$.next.attempt',
          'errors.$': '$.next.errors',
          'input.$': '$$.Execution.Input',
        },
        Next: 'EC2StarterFromAMI',
      },
      Succeeded: {
        Type: 'Succeed',
      },
      Failed: {
        Type: 'Fail',
        ErrorPath: '$.error.Error',
        CausePath: '$.error.Cause',
      },
    },
  });
});

test('is valid Amazon States Language', () => {
  expect(validate(JSON.parse(JSON.stringify(machine)))).toMatchObject({ isValid: true });
});

test('calls every function of the machine, once', () => {
  const called = tasks.map(([, { Parameters }]) => Parameters?.FunctionName);

  expect(called.sort()).toEqual(MACHINE_FUNCTIONS.map((name) => ARNS[name]).sort());
});

test('has no state that cannot be reached', () => {
  expect([...reachable(machine.StartAt)].sort()).toEqual(states.map(([name]) => name).sort());
});

test('ends, from wherever it is, in Succeeded or Failed alone', () => {
  const ends = states.filter(([, state]) => next(state).length === 0).map(([name]) => name);

  expect(ends.sort()).toEqual(['Failed', 'Succeeded']);
  for (const [name] of states) expect([...reachable(name)].some((each) => ends.includes(each))).toBe(true);
});

test.each(tasks.filter(([name]) => name !== 'EC2Stopper'))('%s: every failure leads to EC2Stopper', (name, state) => {
  const elsewhere =
    name === 'EC2StarterFromAMI' ? [['LaunchRefused'], ['GivenUp'], ['NoCapacity'], ['InputNotAnObject']] : [];
  expect(state.Catch?.map(({ ErrorEquals }) => ErrorEquals)).toEqual([...elsewhere, ['States.ALL']]);
  expect(next(state, true).at(-1)).toBe('EC2Stopper');
});

test('no way from the start to the end leaves out EC2Stopper', () => {
  const without = reachable(machine.StartAt, 'EC2Stopper');

  expect(without.has('Failed')).toBe(false);
  expect(without.has('Succeeded')).toBe(false);
});

test.each(tasks)('%s: cannot wait for ever', (_name, state) => {
  expect(Number.isInteger(state.TimeoutSeconds) || state.TimeoutSecondsPath?.startsWith('$.')).toBe(true);
});

test.each(tasks)('%s: retries, and not for ever', (_name, { Retry = [] }) => {
  expect(Retry.length).toBeGreaterThan(0);
  for (const { MaxAttempts, ErrorEquals } of Retry) {
    // Step Functions' own default is 3; its limit, which would be "for ever", is 99,999,999.
    expect(MaxAttempts).toBeLessThanOrEqual(300);
    // What no retrier names must fail at once, but where a job is at work or done: there everything is retried.
    if (ErrorEquals.includes('States.ALL')) expect(['EC2Poller', 'RunChecker', 'EC2Stopper']).toContain(_name);
  }
});

test('the retries of the gate last longer than the longest wait_s, and look again within its margin before midnight', () => {
  const gate = machine.States.EC2StarterFromAMI?.Retry?.find(({ ErrorEquals }) =>
    ErrorEquals.includes('InputsNotReady'),
  );
  const { IntervalSeconds = 0, BackoffRate = 0, MaxDelaySeconds = 0, MaxAttempts = 0 } = gate ?? {};
  const waits = Array.from({ length: MaxAttempts }, (_, n) =>
    Math.min(IntervalSeconds * BackoffRate ** n, MaxDelaySeconds),
  );

  expect(waits.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(LONGEST_WAIT_S);
  expect(MaxDelaySeconds).toBeLessThanOrEqual(DAILY_MARGIN_S / 2);
});

test.each(tasks)('%s: no retrier is out of reach behind another', (_name, { Retry = [] }) => {
  const names = Retry.flatMap(({ ErrorEquals }) => [...ErrorEquals]);

  expect(names).toHaveLength(new Set(names).size);
  // States.ALL must be alone and last (Amazon States Language, Retriers).
  expect(Retry.slice(0, -1).flatMap(({ ErrorEquals }) => [...ErrorEquals])).not.toContain('States.ALL');
});

test('stays under 25,000 events of history in ten of the longest attempts, retried as often as they may be', () => {
  // 48 h in rounds of 15 minutes. A try is at most 4 events (TaskScheduled, TaskStarted, TaskSubmitted, and its end), a
  // state's visit 2 more (Step Functions Developer Guide, execution history).
  const rounds = 172_800 / 900;
  const retries = tasks
    .flatMap(([, { Retry = [] }]) => Retry.map(({ MaxAttempts }) => MaxAttempts))
    .filter((attempts) => attempts < 200);
  // Two markets in six subnets, three times, each in a visit of its own, and at eight tries AWS has a fault.
  const refused = LAUNCH_ROUNDS * 2 * 6 - 1;
  const events =
    4 * (rounds + retries.reduce((sum, attempts) => sum + attempts, 0)) +
    refused * (3 * (8 + 1) + 2) +
    2 * (states.length + LAUNCH_ROUNDS - 1);

  // The wait for inputs counts from the execution's start: all attempts together have one.
  const looks = 3 * 300;

  expect(10 * events + looks).toBeLessThan(25_000);
});
