import { keysOf } from '../../executions/submission/keys';
import type { Definition, State } from '../aws/states-language';

/** The keys of a submission's objects, for States.Format with its ID. */
const KEYS = keysOf('{}');

/** What an execution of the submission machine gets. */
export interface SubmissionInput {
  /** The submission's ID, which is also the execution's name. */
  readonly id: string;
  /** How many jobs run at once, at most. UpdateMapRun changes it later. */
  readonly concurrency: number;
  /** Percentage of jobs that may fail before no more are started. */
  readonly tolerate: number;
}

/** The state that runs the jobs, whose definition also says where the items are. */
export interface JobsState extends State {
  readonly Type: 'Map';
  readonly Label: string;
  readonly ItemReader: MapResource & { readonly ReaderConfig: { readonly InputType: 'JSON' } };
  readonly MaxConcurrencyPath: string;
  readonly ToleratedFailurePercentagePath: string;
  readonly ItemProcessor: Omit<Definition, 'Comment'> & {
    readonly ProcessorConfig: { readonly Mode: 'DISTRIBUTED'; readonly ExecutionType: 'STANDARD' };
  };
  readonly ResultWriter: MapResource;
}

interface MapResource {
  readonly Resource: string;
  readonly Parameters: Readonly<Record<string, string>>;
}

/** The submission machine. */
export interface SubmissionDefinition extends Definition {
  readonly States: Definition['States'] & { readonly Jobs: JobsState };
}

/** What the machine is made for. */
export interface SubmissionPlaces {
  /** The machine whose executions are the jobs. */
  readonly stateMachineArn: string;
  /** The function that writes results.json. */
  readonly resultsArn: string;
  /** The bucket of the submissions. */
  readonly bucket: string;
  /** Of the account: `aws` or `aws-us-gov`. Default: `aws`. */
  readonly partition?: string;
}

/**
 * Step Functions' name for a start whose name another execution has: a closed one, or one with another input (API
 * reference, StartExecution). Service integrations add `Exception` to the API's names of errors.
 */
const NAME_TAKEN = ['StepFunctions.ExecutionAlreadyExistsException', 'StepFunctions.ExecutionAlreadyExists'] as const;

/** No job has failed: what has is a call. It is repeated, spread over time. */
const retryCall = {
  ErrorEquals: ['States.ALL'],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 60,
  MaxAttempts: 8,
  JitterStrategy: 'FULL',
} as const;

/**
 * The submission machine as data: it starts an execution of another machine for each item of a file in S3, so many at
 * once, and writes a file of all their results.
 *
 * Whether a job has run is decided by its execution, never by the error of a call: an execution's name starts once. So
 * every failure of `Start` is followed by a second start of the same name. It goes on with the execution where that
 * runs, starts it where the first call did not reach Step Functions, and is refused where it has ended; `Look` then asks
 * for its true status.
 */
export function submissionDefinition(places: SubmissionPlaces): SubmissionDefinition {
  const { stateMachineArn, resultsArn, bucket, partition = 'aws' } = places;
  const integration = (name: string) => `arn:${partition}:states:::${name}`;
  const jobs: JobsState = {
    Type: 'Map',
    Label: 'jobs',
    ItemReader: {
      Resource: integration('s3:getObject'),
      ReaderConfig: { InputType: 'JSON' },
      Parameters: { Bucket: bucket, 'Key.$': `States.Format('${KEYS.items}', $.id)` },
    },
    MaxConcurrencyPath: '$.concurrency',
    ToleratedFailurePercentagePath: '$.tolerate',
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      StartAt: 'Slot',
      States: {
        // The first jobs would all start at once, faster than EC2 launches instances; 0 s for all that follow.
        Slot: { Type: 'Wait', SecondsPath: '$.slot_s', Next: 'Start' },
        Start: {
          Type: 'Task',
          Resource: integration('states:startExecution.sync:2'),
          Parameters: { StateMachineArn: stateMachineArn, 'Name.$': '$.name', 'Input.$': '$.input' },
          ResultSelector: {
            'name.$': '$.Name',
            status: 'SUCCEEDED',
            'started_at.$': '$.StartDate',
            'ended_at.$': '$.StopDate',
            'summary.$': '$.Output.summary',
          },
          Retry: [{ ErrorEquals: NAME_TAKEN, MaxAttempts: 0 }, retryCall],
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Look' }],
          // No Succeed state: each job would pay its transition.
          End: true,
        },
        Look: {
          Type: 'Task',
          Resource: integration('aws-sdk:sfn:describeExecution'),
          Parameters: {
            'ExecutionArn.$': `States.Format('${stateMachineArn.replace(':stateMachine:', ':execution:')}:{}', $.name)`,
          },
          ResultSelector: { 'status.$': '$.Status', 'started_at.$': '$.StartDate' },
          ResultPath: '$.execution',
          Retry: [retryCall],
          // There is none, or it cannot be known: the job counts as failed, by the error of its start.
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.look_error', Next: 'NotStarted' }],
          Next: 'Outcome',
        },
        Outcome: {
          Type: 'Choice',
          Choices: [
            {
              Variable: '$.execution.started_at',
              TimestampLessThanPath: '$$.Execution.StartTime',
              Next: 'NameTaken',
            },
            { Variable: '$.execution.status', StringEquals: 'SUCCEEDED', Next: 'Found' },
            { Variable: '$.execution.status', StringEquals: 'RUNNING', Next: 'Await' },
          ],
          Default: 'Failed',
        },
        // A second start of the same name waits for it, as the first has.
        Await: { Type: 'Wait', Seconds: 60, Next: 'Start' },
        Found: {
          Type: 'Pass',
          Parameters: { 'name.$': '$.name', 'status.$': '$.execution.status' },
          End: true,
        },
        NameTaken: {
          Type: 'Fail',
          Error: 'NameTaken',
          CausePath:
            "States.Format('The execution {} began before this submission: give the job another name.', $.name)",
        },
        NotStarted: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
        Failed: {
          Type: 'Fail',
          Error: 'JobFailed',
          CausePath: "States.Format('The execution {} is {}.', $.name, $.execution.status)",
        },
      },
    },
    ResultWriter: {
      Resource: integration('s3:putObject'),
      Parameters: { Bucket: bucket, 'Prefix.$': `States.Format('${KEYS.map}', $.id)` },
    },
    ResultPath: '$.map',
    // The results of those that have run are written all the same.
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Results' }],
    Next: 'Results',
  };
  return {
    Comment: 'Many jobs, each an execution of another machine, so many at once: all of their results in one file.',
    StartAt: 'Jobs',
    States: {
      Jobs: jobs,
      Results: {
        Type: 'Task',
        Resource: integration('lambda:invoke'),
        Parameters: {
          FunctionName: resultsArn,
          Payload: { 'execution.$': '$$.Execution.Id', 'started_at.$': '$$.Execution.StartTime', 'id.$': '$.id' },
        },
        ResultSelector: { 'counts.$': '$.Payload' },
        ResultPath: '$.results',
        TimeoutSeconds: 960,
        Retry: [{ ...retryCall, MaxAttempts: 6 }],
        Next: 'AllOrSome',
      },
      AllOrSome: {
        Type: 'Choice',
        Choices: [{ Variable: '$.error', IsPresent: true, Next: 'Stopped' }],
        Default: 'Done',
      },
      Done: { Type: 'Succeed' },
      // More have failed than are tolerated, or the items could not be read.
      Stopped: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
    },
  };
}

/**
 * Where a machine's submissions are, read from its definition.
 *
 * @returns undefined where it is no submission machine
 */
export function placesOf(
  definition: string,
): { readonly bucket: string; readonly stateMachineArn: string } | undefined {
  const { States } = JSON.parse(definition) as Partial<SubmissionDefinition>;
  const bucket = States?.Jobs?.ItemReader?.Parameters.Bucket;
  const stateMachineArn = States?.Jobs?.ItemProcessor?.States.Start?.Parameters?.StateMachineArn;
  return typeof bucket === 'string' && typeof stateMachineArn === 'string' ? { bucket, stateMachineArn } : undefined;
}
