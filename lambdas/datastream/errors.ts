import { BaseErrorName, NamedError } from '../runtime/errors';

/**
 * Every error name that the state machine's Retry and Catch, the documentation and the users' alarms rely on.
 * AWS's own errors keep AWS's names.
 */
export const ErrorName = {
  /** The execution file has problems; nothing was launched. */
  InvalidExecution: 'InvalidExecution',
  /** The execution is no JSON object; EC2Stopper tells it as InvalidExecution. */
  InputNotAnObject: 'InputNotAnObject',
  /** EC2 has no capacity for one of the attempt's launches, and there is another one to try. */
  LaunchRefused: 'LaunchRefused',
  /** EC2 has no capacity in any market and subnet of the attempt; all of them are tried again later. */
  NoCapacity: 'NoCapacity',
  /** The instance runs but SSM does not report it Online yet. */
  InstanceNotReady: 'InstanceNotReady',
  /** IAM does not let EC2 take the instance profile, or SSM the commands: not yet, right after a deployment or a launch. */
  IamRefused: 'IamRefused',
  /** EC2 ended the instance during its launch, for a reason that only a person can mend. */
  LaunchFailed: 'LaunchFailed',
  /** EC2 reports the attempt's instance as stopped, terminated or gone while the job needed it. */
  InstanceLost: 'InstanceLost',
  /** EC2 announced that it takes the spot instance back. */
  SpotInterrupted: 'SpotInterrupted',
  /** A command exited with another code than 0. */
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
  /** The states before EC2Stopper have left neither an error nor what a success must have. */
  OutcomeUnknown: 'OutcomeUnknown',
  /** EC2 has not yet carried out what was asked for when the attempt ended. */
  InstanceNotGone: 'InstanceNotGone',
  ...BaseErrorName,
} as const;

export type ErrorName = (typeof ErrorName)[keyof typeof ErrorName];

/** An error of this system: its name is one of `ErrorName`. */
export class DatastreamError extends NamedError<ErrorName> {}

const FINAL =
  /^(InvalidExecution|IamRefused|LaunchFailed|ZodError|SyntaxError|ValidationException|TagLimitExceeded|MaxDocumentSizeExceeded|KMS[A-Za-z]+|NoSuchBucket|States\.Runtime|ObjectAccessDenied|CommandCancelled|UnauthorizedOperation|AuthFailure|OptInRequired|PendingVerification|AccessDenied.*|Invalid(?!InstanceID|InstanceId)[A-Za-z]+(\..+)?|Missing[A-Za-z]+|Ssm(AccessDenied|InvalidParameter)|UnsupportedOperation|Blocked)$/;

/**
 * Whether a new attempt could end otherwise than in this error. False for what only a person can mend:
 * a wrong file, a missing permission, an AMI or key pair that does not exist.
 *
 * @param name the error's name as the state machine caught it
 */
export function mayRetry(name: string): boolean {
  return !FINAL.test(name);
}
