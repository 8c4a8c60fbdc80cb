import { ErrorName } from '../../lambdas/datastream/errors';
import { STARTER_RETRY_S, STARTER_TIMEOUT_S } from '../../lambdas/datastream/limits';
import { FAULTS_OF_AWS, THROTTLING_ERRORS, TRANSIENT_ERRORS, UNREADABLE_EVENT } from '../../lambdas/runtime/errors';
import type { Definition, Retrier } from '../aws/states-language';
import type { MachineFunction } from './functions';

/** Throttling and transient errors. Jitter spreads the retries of a thousand executions over time. */
const retryTransient: Retrier = {
  ErrorEquals: TRANSIENT_ERRORS,
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 60,
  MaxAttempts: 8,
  JitterStrategy: 'FULL',
};

/**
 * Other services see an IAM change some time later: mostly seconds, and Terraform's AWS provider allows two minutes.
 * The retries take about two minutes; then the error is final.
 */
const retryIam: Retrier = {
  ErrorEquals: [ErrorName.IamRefused],
  IntervalSeconds: 5,
  BackoffRate: 1.5,
  MaxDelaySeconds: 30,
  MaxAttempts: 7,
};

/** Any failure of the job ends in the clean-up; the stopper then decides between another attempt and the end. */
const toStopper = [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'EC2Stopper' }] as const;

const lastIsGone = { Not: { Variable: '$.stopper_error', IsPresent: true } } as const;

/**
 * The state machine as data. The function is pure: the tests, the picture in docs/ and the embedded cloud read the
 * definition that Terraform deploys. State names are upstream's.
 *
 * @param functionArns the ARN of each function that the machine calls
 * @param partition of the account: `aws` or `aws-us-gov`
 */
export function definition(functionArns: Readonly<Record<MachineFunction, string>>, partition = 'aws'): Definition {
  const invoke = (name: MachineFunction, payload: Readonly<Record<string, unknown>> = {}, suffix = '') => ({
    Type: 'Task' as const,
    Resource: `arn:${partition}:states:::lambda:invoke${suffix}`,
    Parameters: {
      FunctionName: functionArns[name],
      Payload: { 'execution.$': '$$.Execution.Id', 'state.$': '$', ...payload },
    },
  });

  return {
    Comment: 'One job on one fresh EC2 instance: its outcome told truly, nothing left behind.',
    StartAt: 'EC2StarterFromAMI',
    States: {
      EC2StarterFromAMI: {
        ...invoke('starter', {
          'start_time.$': '$$.Execution.StartTime',
          'entered.$': '$$.State.EnteredTime',
          'retries.$': '$$.State.RetryCount',
        }),
        OutputPath: '$.Payload',
        TimeoutSeconds: STARTER_TIMEOUT_S,
        Retry: [
          // A look costs less than the wait of a function. The 300 tries last longer than the longest wait_s, a day.
          {
            ErrorEquals: [ErrorName.InputsNotReady],
            IntervalSeconds: 60,
            BackoffRate: 1.5,
            MaxDelaySeconds: STARTER_RETRY_S,
            MaxAttempts: 300,
          },
          // SSM Online takes 20 to 60 s after RunInstances; each round waits 20 s in the function and 10 s here.
          { ErrorEquals: [ErrorName.InstanceNotReady], IntervalSeconds: 10, BackoffRate: 1, MaxAttempts: 15 },
          // RunInstances allows 2 launches a second: the last of 1,000 executions that start at once launches after
          // nine minutes. A retry costs only a state transition, so the waits are long and few, and together last an
          // hour.
          {
            ErrorEquals: THROTTLING_ERRORS,
            IntervalSeconds: 30,
            BackoffRate: 2,
            MaxDelaySeconds: 120,
            MaxAttempts: 60,
            JitterStrategy: 'FULL',
          },
          { ...retryTransient, ErrorEquals: FAULTS_OF_AWS },
          retryIam,
        ],
        // Another launch of the same attempt. Not a Retry, which repeats the old input: the starter reads $.refused.
        Catch: [
          { ErrorEquals: [ErrorName.LaunchRefused], ResultPath: '$.refused', Next: 'EC2StarterFromAMI' },
          { ErrorEquals: [ErrorName.GivenUp], ResultPath: null, Next: 'EC2StarterFromAMI' },
          { ErrorEquals: [ErrorName.NoCapacity], ResultPath: '$.refused', Next: 'AwaitCapacity' },
          // An input that is an array or a string has no room for $.error: the error replaces it.
          { ErrorEquals: [ErrorName.InputNotAnObject], Next: 'EC2Stopper' },
          ...toStopper,
        ],
        Next: 'Commander',
      },
      // "Wait a few minutes and then submit your request again" (EC2 User Guide, Insufficient instance capacity).
      AwaitCapacity: { Type: 'Wait', Seconds: 180, Next: 'EC2StarterFromAMI' },
      Commander: {
        ...invoke('commander'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 60,
        Retry: [
          // At least 5 s after a lost reply: ListCommands must show the command that SendCommand has created.
          { ...retryTransient, IntervalSeconds: 5, JitterStrategy: 'NONE' },
          // SSM's error for an instance whose agent has just lost its connection.
          { ErrorEquals: ['InvalidInstanceId'], IntervalSeconds: 10, BackoffRate: 1.5, MaxAttempts: 6 },
          retryIam,
        ],
        Catch: toStopper,
        Next: 'EC2Poller',
      },
      EC2Poller: {
        ...invoke('poller', { 'token.$': '$$.Task.Token' }, '.waitForTaskToken'),
        ResultPath: '$.result',
        // The reconcile interval: a lost AWS event delays the outcome by at most this long.
        TimeoutSecondsPath: '$.reconcile_seconds',
        Retry: [
          {
            ErrorEquals: [
              ErrorName.CommandFailed,
              ErrorName.CommandNotDelivered,
              ErrorName.CommandCancelled,
              ErrorName.JobTimedOut,
              ErrorName.InstanceLost,
              ErrorName.LaunchFailed,
              ErrorName.SpotInterrupted,
              UNREADABLE_EVENT,
            ],
            MaxAttempts: 0,
          },
          // The longest executionTimeout that SSM allows is 192 rounds of 900 s.
          { ErrorEquals: ['States.Timeout'], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 200 },
          // A failed poll must not end a healthy job: back off, and keep polling for as long as a job may run.
          { ErrorEquals: ['States.ALL'], IntervalSeconds: 5, BackoffRate: 2, MaxDelaySeconds: 900, MaxAttempts: 200 },
        ],
        Catch: toStopper,
        Next: 'RunChecker',
      },
      RunChecker: {
        ...invoke('checker'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 60,
        Retry: [
          // mount-s3 uploads a file when it is closed: the object may appear seconds after the command's exit.
          {
            ErrorEquals: [ErrorName.ObjectNotFound, ErrorName.ObjectStale],
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxAttempts: 3,
          },
          { ErrorEquals: [ErrorName.ObjectAccessDenied, UNREADABLE_EVENT], MaxAttempts: 0 },
          // An unforeseen error must not discard hours of work.
          { ...retryTransient, ErrorEquals: ['States.ALL'], IntervalSeconds: 5 },
        ],
        Catch: toStopper,
        Next: 'EC2Stopper',
      },
      EC2Stopper: {
        ...invoke('stopper'),
        OutputPath: '$.Payload',
        TimeoutSeconds: 60,
        Retry: [
          {
            ErrorEquals: [ErrorName.InstanceNotGone],
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
        // The reaper ends what the clean-up could not. The job's outcome stays the same.
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.stopper_error', Next: 'Outcome' }],
        Next: 'Outcome',
      },
      Outcome: {
        Type: 'Choice',
        Choices: [
          // Never start another instance before the last one is known to be gone.
          { And: [{ Variable: '$.next.wait_s', IsPresent: true }, lastIsGone], Next: 'AwaitRetry' },
          { And: [{ Variable: '$.next', IsPresent: true }, lastIsGone], Next: 'NextAttempt' },
          { Variable: '$.error', IsPresent: true, Next: 'Failed' },
        ],
        Default: 'Succeeded',
      },
      // The wait that the file's retry_backoff options ask for. No instance runs, and timeout_s does not count it.
      AwaitRetry: { Type: 'Wait', SecondsPath: '$.next.wait_s', Next: 'NextAttempt' },
      NextAttempt: {
        Type: 'Pass',
        Parameters: { 'attempt.$': '$.next.attempt', 'errors.$': '$.next.errors', 'input.$': '$$.Execution.Input' },
        Next: 'EC2StarterFromAMI',
      },
      Succeeded: { Type: 'Succeed' },
      Failed: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
    },
  };
}
