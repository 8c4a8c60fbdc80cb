/**
 * Every error name that the state machine's Retry and Catch, the documentation and the users' alarms rely on.
 * AWS's own errors keep AWS's names.
 */
export const ErrorName = {
  /** The execution file has faults; nothing was launched. */
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
  /** The connection to AWS broke before an answer came. */
  NetworkError: 'NetworkError',
  /** AWS answered with a fault of its own: HTTP 5xx or 429, or what cannot be read or lacks its ID. */
  ServiceUnavailable: 'ServiceUnavailable',
} as const;

export type ErrorName = (typeof ErrorName)[keyof typeof ErrorName];

/** An error with a stable name; the message is one sentence for the user, the original is the `cause`. */
export class DatastreamError extends Error {
  override readonly name: ErrorName;
  /** What the log has instead of the message and the stack. Default: both of them. */
  readonly logged?: string;

  constructor(name: ErrorName, message: string, options?: { cause?: unknown; logged?: string }) {
    super(message, options);
    this.name = name;
    this.logged = options?.logged;
  }
}

/** zod's name for an event that a function cannot read: a defect, which no repetition mends. */
export const UNREADABLE_EVENT = 'ZodError';

/** No capacity now, in this market: EC2's names. Worth another try some time later. */
export const CAPACITY_ERRORS = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientCapacityOnHost',
  'InsufficientReservedInstanceCapacity',
  'InsufficientFreeAddressesInSubnet',
  'InstanceLimitExceeded',
  'VcpuLimitExceeded',
  'MaxSpotInstanceCountExceeded',
  'SpotMaxPriceTooLow',
  // The type does not exist in the zone that EC2 has taken; it may in the next subnet's.
  'Unsupported',
] as const;

/** Too many calls of the whole account: AWS has done nothing of what was asked for. */
export const THROTTLING_ERRORS = [
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'EC2ThrottledException',
  'Lambda.TooManyRequestsException',
] as const;

/**
 * Faults of the way to AWS or of AWS itself, not of the request: the same request may succeed a little later.
 * What AWS answers with HTTP 5xx is `ServiceUnavailable`, whatever AWS calls it.
 */
export const FAULTS_OF_AWS = [
  ErrorName.ServiceUnavailable,
  ErrorName.NetworkError,
  // S3's, with HTTP 400: the request did not come through in time.
  'RequestTimeout',
  'TimeoutError',
  'States.Timeout',
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.Unknown',
] as const;

/** Whether AWS refuses a call for its rate. */
export function isThrottled(error: unknown): boolean {
  const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode === 429 || (THROTTLING_ERRORS as readonly string[]).includes(name);
}

/** What goes by itself. */
export const TRANSIENT_ERRORS = [...THROTTLING_ERRORS, ...FAULTS_OF_AWS] as const;

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
