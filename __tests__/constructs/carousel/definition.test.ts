import validate from 'asl-validator';
import { definition, RECONCILE_SECONDS } from '../../../constructs/carousel/definition';
import { FUNCTION_TIMEOUT_SECONDS } from '../../../constructs/carousel/functions';
import { ErrorName } from '../../../lambdas/carousel/errors';
import { TRANSIENT_ERRORS } from '../../../lambdas/runtime/errors';

const arn = (name: string) => `arn:aws:lambda:us-east-1:123456789012:function:${name}:1`;
const ARNS = {
  planner: arn('planner'),
  restorer: arn('restorer'),
  follower: arn('follower'),
  reporter: arn('reporter'),
};
const machine = definition(ARNS);

const task = (name: keyof typeof ARNS, suffix = '', payload = {}) => ({
  Type: 'Task',
  Resource: `arn:aws:states:::lambda:invoke${suffix}`,
  Parameters: {
    FunctionName: ARNS[name],
    Payload: {
      'execution.$': '$$.Execution.Id',
      'name.$': '$$.Execution.Name',
      'started.$': '$$.Execution.StartTime',
      'state.$': '$',
      ...payload,
    },
  },
});
const RETRY = {
  ErrorEquals: ['States.ALL'],
  IntervalSeconds: 5,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 8,
  JitterStrategy: 'FULL',
};
const UNREADABLE = { ErrorEquals: ['ZodError'], MaxAttempts: 0 };
const TO_REPORT = [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Report' }];

test('the definition, as a whole', () => {
  expect(machine).toEqual({
    Comment: 'One turn of the Data Carousel: each archived file restored once, for everyone who waits for it.',
    StartAt: 'Plan',
    States: {
      Plan: {
        ...task('planner'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 960,
        Retry: [
          {
            ErrorEquals: [
              'InvalidInput',
              'BudgetExceeded',
              'InputMissing',
              'TierImpossible',
              'TurnRunning',
              'ZodError',
            ],
            MaxAttempts: 0,
          },
          { ErrorEquals: ['TurnSettling'], IntervalSeconds: 60, BackoffRate: 1, MaxAttempts: 20 },
          RETRY,
        ],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Report' }],
        Next: 'Planned',
      },
      Planned: {
        Type: 'Choice',
        Choices: [{ Variable: '$.more', BooleanEquals: true, Next: 'Plan' }],
        Default: 'Restore',
      },
      Restore: {
        ...task('restorer'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 960,
        Retry: [
          UNREADABLE,
          {
            ErrorEquals: TRANSIENT_ERRORS,
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxDelaySeconds: 120,
            MaxAttempts: 30,
            JitterStrategy: 'FULL',
          },
          RETRY,
        ],
        Catch: TO_REPORT,
        Next: 'Restored',
      },
      Restored: {
        Type: 'Choice',
        Choices: [{ Variable: '$.more', BooleanEquals: true, Next: 'Restore' }],
        Default: 'Follow',
      },
      Follow: {
        ...task('follower', '.waitForTaskToken', { 'token.$': '$$.Task.Token' }),
        ResultPath: '$.followed',
        TimeoutSeconds: 900,
        Retry: [
          UNREADABLE,
          { ErrorEquals: ['States.Timeout'], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 2000 },
          { ErrorEquals: ['States.ALL'], IntervalSeconds: 5, BackoffRate: 2, MaxDelaySeconds: 900, MaxAttempts: 2000 },
        ],
        Catch: TO_REPORT,
        Next: 'Report',
      },
      Report: {
        ...task('reporter'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 960,
        Retry: [UNREADABLE, { ...RETRY, MaxAttempts: 20 }],
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Failed' }],
        Next: 'Outcome',
      },
      Outcome: {
        Type: 'Choice',
        Choices: [{ Variable: '$.error', IsPresent: true, Next: 'Failed' }],
        Default: 'Succeeded',
      },
      Succeeded: { Type: 'Succeed' },
      Failed: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
    },
  });
});

test('is valid Amazon States Language', () => {
  expect(validate(machine)).toMatchObject({ isValid: true });
});

test('waits longer for a function than Lambda lets it run, but for Follow, which waits for its token', () => {
  for (const [name, { TimeoutSeconds }] of Object.entries(machine.States)) {
    if (TimeoutSeconds === undefined || name === 'Follow') continue;
    expect(TimeoutSeconds).toBeGreaterThan(FUNCTION_TIMEOUT_SECONDS.planner);
  }
});

test('looks for as long as the longest turn of 480 hours', () => {
  const looks = machine.States.Follow?.Retry?.find(({ ErrorEquals }) => ErrorEquals.includes('States.Timeout'));

  expect((looks?.MaxAttempts ?? 0) * RECONCILE_SECONDS).toBeGreaterThan(480 * 3600);
});

test('retries no error that only the user can remove', () => {
  const final = machine.States.Plan?.Retry?.[0]?.ErrorEquals ?? [];

  expect(final).not.toContain(ErrorName.TurnSettling);
  expect(final).toContain(ErrorName.BudgetExceeded);
});
