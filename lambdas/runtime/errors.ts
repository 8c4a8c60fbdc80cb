/** Names of errors that any function may throw, whatever system it is of. */
export const BaseErrorName = {
  /** The connection to AWS broke before an answer came. */
  NetworkError: 'NetworkError',
  /** AWS answered with a fault of its own: HTTP 5xx or 429, or what cannot be read or lacks its ID. */
  ServiceUnavailable: 'ServiceUnavailable',
} as const;

/** An error with a stable name; the message is one sentence for the user, the original is the `cause`. */
export class NamedError<Name extends string = string> extends Error {
  override readonly name: Name;
  /** What the log has instead of the message and the stack. Default: both of them. */
  readonly logged?: string;

  constructor(name: Name, message: string, options?: { cause?: unknown; logged?: string }) {
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
  BaseErrorName.ServiceUnavailable,
  BaseErrorName.NetworkError,
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

/** Errors that are safe to retry. */
export const TRANSIENT_ERRORS = [...THROTTLING_ERRORS, ...FAULTS_OF_AWS] as const;

/** What the SDK throws for an answer of AWS. */
export interface Answered extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  operation?: string;
}

/** Node.js' codes of a connection that broke: their `name` is a bare `Error`, which a Retry could not tell apart. */
const NETWORK_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** An error under the name by which the machine's Retry knows it. */
export function named(error: unknown): Error {
  const failure: Answered = error instanceof Error ? error : new Error(String(error));
  const code = (failure as { code?: unknown }).code;
  if (failure.name === 'Error' && typeof code === 'string' && NETWORK_CODES.has(code)) {
    failure.name = BaseErrorName.NetworkError;
  }
  return isFaultOfAws(failure) ? faultOfAws(failure) : failure;
}

/** EC2 tells its rates, and its want of capacity, with a status of 5xx too. */
const REFUSALS: ReadonlySet<string> = new Set([...THROTTLING_ERRORS, ...CAPACITY_ERRORS]);

/**
 * Whether AWS, or what stands before it, answered with a fault of its own. The status tells: an HTML page is a
 * SyntaxError or `Unknown` to the SDK, an empty answer `Unknown`. An error in spite of a status of success is an answer
 * that the SDK cannot read.
 */
function isFaultOfAws({ name, $metadata }: Answered): boolean {
  const status = $metadata?.httpStatusCode;
  if (status === undefined || REFUSALS.has(name)) return false;
  return status >= 500 || status === 429 || status < 300;
}

function faultOfAws(error: Answered): NamedError {
  const [message] = error.message.split('\n');
  const of = error.operation ? ` ${error.operation}` : '';
  return new NamedError(
    BaseErrorName.ServiceUnavailable,
    `AWS answered${of} with HTTP ${error.$metadata?.httpStatusCode} (${error.name}: ${message}).`,
    { cause: error },
  );
}
