import { BaseErrorName, NamedError } from '../runtime/errors';

/**
 * Every error name that the state machine's Retry and Catch, the documentation and the users' alarms rely on.
 * AWS's own errors keep AWS's names.
 */
export const ErrorName = {
  /** The execution file has problems; nothing was launched. */
  InvalidExecution: 'InvalidExecution',
  /** The execution is no JSON object; EC2Stopper reports this error as InvalidExecution. */
  InputNotAnObject: 'InputNotAnObject',
  /** Not every input that the file waits for exists yet; the state's Retry looks again. */
  InputsNotReady: 'InputsNotReady',
  /** The file's wait for its inputs is over, and not all exist; nothing was launched. */
  InputsMissing: 'InputsMissing',
  /** EC2 has no capacity for one of the attempt's launches, and another launch can be tried. */
  LaunchRefused: 'LaunchRefused',
  /** EC2 has no capacity for any instance type, market and subnet of the attempt; all are tried again later. */
  NoCapacity: 'NoCapacity',
  /** Step Functions has given up this invocation of EC2StarterFromAMI before its launch; nothing was launched. */
  GivenUp: 'GivenUp',
  /** The instance runs but SSM does not report it Online yet. */
  InstanceNotReady: 'InstanceNotReady',
  /** IAM refuses the instance profile or SendCommand. Right after a deployment or a launch this may be temporary. */
  IamRefused: 'IamRefused',
  /** EC2 ended the instance during its launch, for a reason that only the user can remove. */
  LaunchFailed: 'LaunchFailed',
  /** EC2 reports that the attempt's instance was stopped, was terminated or no longer exists before the job ended. */
  InstanceLost: 'InstanceLost',
  /** EC2 announced a spot interruption of the instance. */
  SpotInterrupted: 'SpotInterrupted',
  /** A command exited with a code other than 0. */
  CommandFailed: 'CommandFailed',
  /** SSM could not deliver the commands to the instance. */
  CommandNotDelivered: 'CommandNotDelivered',
  /** Somebody cancelled the SSM command. */
  CommandCancelled: 'CommandCancelled',
  /** The job ran longer than `timeout_s`. */
  JobTimedOut: 'JobTimedOut',
  /** The object to check does not exist. */
  ObjectNotFound: 'ObjectNotFound',
  /** The object to check exists, but is older than this attempt. */
  ObjectStale: 'ObjectStale',
  /** S3 refuses to show the object to check. */
  ObjectAccessDenied: 'ObjectAccessDenied',
  /** The states before EC2Stopper left neither an error nor the fields that a success must have. */
  OutcomeUnknown: 'OutcomeUnknown',
  /** EC2 has not yet ended the attempt's instances as asked. */
  InstanceNotGone: 'InstanceNotGone',
  /** Jobs of a submission still run, so that its results are not complete. */
  ResultsIncomplete: 'ResultsIncomplete',
  ...BaseErrorName,
} as const;

export type ErrorName = (typeof ErrorName)[keyof typeof ErrorName];

/** An error of this project. Its name is one of `ErrorName`. */
export class DatastreamError extends NamedError<ErrorName> {}

const FINAL =
  /^(InvalidExecution|Inputs(NotReady|Missing)|IamRefused|LaunchFailed|ZodError|SyntaxError|ValidationException|TagLimitExceeded|MaxDocumentSizeExceeded|KMS[A-Za-z]+|NoSuchBucket|States\.Runtime|ObjectAccessDenied|CommandCancelled|UnauthorizedOperation|AuthFailure|OptInRequired|PendingVerification|AccessDenied.*|Invalid(?!InstanceID|InstanceId)[A-Za-z]+(\..+)?|Missing[A-Za-z]+|Ssm(AccessDenied|InvalidParameter)|UnsupportedOperation|Blocked)$/;

/**
 * Whether a new attempt could avoid this error. False if only the user can remove the reason:
 * a wrong file, a missing permission, an AMI or key pair that does not exist.
 *
 * @param name the error's name as the state machine caught it
 */
export function mayRetry(name: string): boolean {
  return !FINAL.test(name);
}
