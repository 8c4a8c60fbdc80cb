import { ErrorName } from '../../lambdas/datastream/errors';
import { FAULTS_OF_AWS, THROTTLING_ERRORS, TRANSIENT_ERRORS, UNREADABLE_EVENT } from '../../lambdas/runtime/errors';
import type { MachineFunction } from './functions';

/** One entry of a state's `Retry`, as the Amazon States Language has it. */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxAttempts: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

/** A state of a machine, in the members that this system's machines use. */
export interface State {
  readonly Type: 'Task' | 'Choice' | 'Pass' | 'Wait' | 'Succeed' | 'Fail' | 'Map';
  readonly Comment?: string;
  readonly Resource?: string;
  readonly Parameters?: Readonly<Record<string, unknown>>;
  readonly ResultSelector?: Readonly<Record<string, unknown>>;
  readonly ResultPath?: string;
  readonly OutputPath?: string;
  readonly Seconds?: number;
  readonly SecondsPath?: string;
  readonly TimeoutSeconds?: number;
  readonly TimeoutSecondsPath?: string;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly {
    readonly ErrorEquals: readonly string[];
    /** Default: the error takes the place of the whole state. */
    readonly ResultPath?: string;
    readonly Next: string;
  }[];
  readonly Choices?: readonly Readonly<Record<string, unknown>>[];
  readonly Default?: string;
  readonly Next?: string;
  readonly End?: true;
  readonly Error?: string;
  readonly ErrorPath?: string;
  readonly CausePath?: string;
}

/** A whole state machine in the Amazon States Language (JSONPath). */
export interface Definition {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** Throttling and faults of the way: spread over time, so that a thousand executions do not come back at once. */
const retryTransient: Retrier = {
  ErrorEquals: TRANSIENT_ERRORS,
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 60,
  MaxAttempts: 8,
  JitterStrategy: 'FULL',
};

/**
 * IAM shows a change to the other services some time later: seconds mostly, for which Terraform's AWS provider allows
 * two minutes. So long it is waited for, then it is refused for good.
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
 * The state machine as data: a pure function, so that the tests, the picture in docs/ and the embedded cloud
 * read the very definition that Terraform deploys. State names are upstream's.
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
        }),
        OutputPath: '$.Payload',
        TimeoutSeconds: 90,
        Retry: [
          // SSM Online takes 20 to 60 s after RunInstances; each round waits 20 s in the function and 10 s here.
          { ErrorEquals: [ErrorName.InstanceNotReady], IntervalSeconds: 10, BackoffRate: 1, MaxAttempts: 15 },
          // RunInstances passes 2 a second: the last of 1,000 that start at once is launched after nine minutes. A wait
          // costs nothing but its transition, so few long ones, and an hour of them.
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
        // The next launch of the same attempt. What has been refused must be known before it is tried: a retry would not know.
        Catch: [
          { ErrorEquals: [ErrorName.LaunchRefused], ResultPath: '$.refused', Next: 'EC2StarterFromAMI' },
          { ErrorEquals: [ErrorName.NoCapacity], ResultPath: '$.refused', Next: 'AwaitCapacity' },
          // Beside an array or a string there is no room for $.error: the error takes its place.
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
          // Not sooner than 5 s after a lost reply: ListCommands must show the command that SendCommand has made.
          { ...retryTransient, IntervalSeconds: 5, JitterStrategy: 'NONE' },
          // SSM's name for an instance whose agent has just dropped its connection.
          { ErrorEquals: ['InvalidInstanceId'], IntervalSeconds: 10, BackoffRate: 1.5, MaxAttempts: 6 },
          retryIam,
        ],
        Catch: toStopper,
        Next: 'EC2Poller',
      },
      EC2Poller: {
        ...invoke('poller', { 'token.$': '$$.Task.Token' }, '.waitForTaskToken'),
        ResultPath: '$.result',
        // The reconcile interval: an event that AWS has lost costs at most this long.
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
          // SSM's longest execution takes 192 rounds of 900 s.
          { ErrorEquals: ['States.Timeout'], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 200 },
          // A failed look must not end a healthy job: back off, and go on asking for as long as a job may run.
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
          // mount-s3 uploads when the file is closed: the object may be seconds behind the command's exit.
          {
            ErrorEquals: [ErrorName.ObjectNotFound, ErrorName.ObjectStale],
            IntervalSeconds: 5,
            BackoffRate: 2,
            MaxAttempts: 3,
          },
          { ErrorEquals: [ErrorName.ObjectAccessDenied, UNREADABLE_EVENT], MaxAttempts: 0 },
          // Hours of work must not hang on an error that nobody has thought of.
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
        // What the clean-up could not do the reaper does; the job's outcome stays the job's.
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
      // What the file's retry_backoff options ask for: no instance runs, and no timeout_s.
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
