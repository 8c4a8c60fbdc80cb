import { ErrorName, FINAL_ERRORS } from '../../lambdas/carousel/errors';
import { TRANSIENT_ERRORS, UNREADABLE_EVENT } from '../../lambdas/runtime/errors';
import type { Definition } from '../aws/states-language';
import type { TurnFunction } from './functions';

/** Seconds between two looks at a turn of which no event tells. */
export const RECONCILE_SECONDS = 900;

const retryCall = {
  ErrorEquals: ['States.ALL'],
  IntervalSeconds: 5,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 8,
  JitterStrategy: 'FULL',
} as const;

/**
 * A turn as data. The function is pure: the tests, the picture in docs/ and the embedded cloud read the definition that
 * Terraform deploys.
 *
 * @param functionArns the ARN of each function that the machine calls
 * @param partition of the account: `aws` or `aws-us-gov`
 */
export function definition(functionArns: Readonly<Record<TurnFunction, string>>, partition = 'aws'): Definition {
  const invoke = (name: TurnFunction, payload: Readonly<Record<string, unknown>> = {}, suffix = '') => ({
    Type: 'Task' as const,
    Resource: `arn:${partition}:states:::lambda:invoke${suffix}`,
    Parameters: {
      FunctionName: functionArns[name],
      Payload: {
        'execution.$': '$$.Execution.Id',
        'name.$': '$$.Execution.Name',
        'started.$': '$$.Execution.StartTime',
        'state.$': '$',
        ...payload,
      },
    },
  });
  const toReport = [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Report' }] as const;

  return {
    Comment: 'One turn of the Data Carousel: each archived file restored once, for everyone who waits for it.',
    StartAt: 'Plan',
    States: {
      Plan: {
        ...invoke('planner'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 960,
        Retry: [
          { ErrorEquals: [...FINAL_ERRORS, UNREADABLE_EVENT], MaxAttempts: 0 },
          // The reaper looks every ten minutes.
          { ErrorEquals: [ErrorName.TurnSettling], IntervalSeconds: 60, BackoffRate: 1, MaxAttempts: 20 },
          retryCall,
        ],
        // The input may be an array or a text, which has no room for $.error: the error replaces it.
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Report' }],
        Next: 'Planned',
      },
      Planned: {
        Type: 'Choice',
        Choices: [{ Variable: '$.more', BooleanEquals: true, Next: 'Plan' }],
        Default: 'Restore',
      },
      Restore: {
        ...invoke('restorer'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 960,
        Retry: [
          { ErrorEquals: [UNREADABLE_EVENT], MaxAttempts: 0 },
          // S3 allows 1,000 restores a second (AWS documentation, S3 quotas): the retries last longer than any throttling.
          {
            ErrorEquals: TRANSIENT_ERRORS,
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxDelaySeconds: 120,
            MaxAttempts: 30,
            JitterStrategy: 'FULL',
          },
          retryCall,
        ],
        Catch: toReport,
        Next: 'Restored',
      },
      Restored: {
        Type: 'Choice',
        Choices: [{ Variable: '$.more', BooleanEquals: true, Next: 'Restore' }],
        Default: 'Follow',
      },
      Follow: {
        ...invoke('follower', { 'token.$': '$$.Task.Token' }, '.waitForTaskToken'),
        ResultPath: '$.followed',
        // The reconcile interval: a lost event delays a job by at most this long.
        TimeoutSeconds: RECONCILE_SECONDS,
        Retry: [
          { ErrorEquals: [UNREADABLE_EVENT], MaxAttempts: 0 },
          // Looks for as long as the longest turn: the follower itself ends the wait at the turn's deadline.
          { ErrorEquals: ['States.Timeout'], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 2_000 },
          // A failed look must not end a turn whose files are on their way.
          { ErrorEquals: ['States.ALL'], IntervalSeconds: 5, BackoffRate: 2, MaxDelaySeconds: 900, MaxAttempts: 2_000 },
        ],
        Catch: toReport,
        Next: 'Report',
      },
      Report: {
        ...invoke('reporter'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 960,
        Retry: [
          { ErrorEquals: [UNREADABLE_EVENT], MaxAttempts: 0 },
          { ...retryCall, MaxAttempts: 20 },
        ],
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
  };
}
