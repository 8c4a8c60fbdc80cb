/** Names of errors that any function of any project may throw. */
export const BaseErrorName = {
  /** The connection to AWS broke before an answer came. */
  NetworkError: 'NetworkError',
  /** AWS failed: it answered with HTTP 5xx or 429, or its answer cannot be parsed or has no ID. */
  ServiceUnavailable: 'ServiceUnavailable',
} as const;

/** An error with a stable name; the message is one sentence for the user, the original is the `cause`. */
export class NamedError<Name extends string = string> extends Error {
  override readonly name: Name;
  /** The text for the log, in place of message and stack. Default: the log has message and stack. */
  readonly logged?: string;

  constructor(name: Name, message: string, options?: { cause?: unknown; logged?: string }) {
    super(message, options);
    this.name = name;
    this.logged = options?.logged;
  }
}

/** zod's error name when a function cannot parse its event. This is a defect: a retry does not help. */
export const UNREADABLE_EVENT = 'ZodError';

/** EC2's error names for no capacity in this market now. A later launch may succeed. */
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
  // The type does not exist in this Availability Zone; it may exist in the next subnet's zone.
  'Unsupported',
] as const;

/** The account has made too many calls. AWS has not carried out this call. */
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
 * Failures of AWS or of the connection to AWS, not of the request. The same request may succeed a little later.
 * An answer with HTTP 5xx becomes `ServiceUnavailable`, except throttling and lack of capacity.
 */
export const FAULTS_OF_AWS = [
  BaseErrorName.ServiceUnavailable,
  BaseErrorName.NetworkError,
  // S3's error with HTTP 400: the request did not arrive in time.
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

/** Whether AWS throttles the call. */
export function isThrottled(error: unknown): boolean {
  const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode === 429 || (THROTTLING_ERRORS as readonly string[]).includes(name);
}

/** Errors that are safe to retry. */
export const TRANSIENT_ERRORS = [...THROTTLING_ERRORS, ...FAULTS_OF_AWS] as const;

/** The error that the SDK throws for an answer of AWS. */
export interface Answered extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  operation?: string;
}

/** Node.js' codes of a broken connection. The `name` of these errors is only `Error`; a Retry needs a clear name. */
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

/** The error with the name that the machine's Retry knows. */
export function named(error: unknown): Error {
  const failure: Answered = error instanceof Error ? error : new Error(String(error));
  const code = (failure as { code?: unknown }).code;
  if (failure.name === 'Error' && typeof code === 'string' && NETWORK_CODES.has(code)) {
    failure.name = BaseErrorName.NetworkError;
  }
  return isFaultOfAws(failure) ? faultOfAws(failure) : failure;
}

/** EC2 answers with HTTP 5xx for throttling and for lack of capacity too. */
const REFUSALS: ReadonlySet<string> = new Set([...THROTTLING_ERRORS, ...CAPACITY_ERRORS]);

/**
 * Whether AWS, or a proxy before it, failed. The status decides, not the name: the SDK calls an HTML page `SyntaxError`
 * or `Unknown`, and an empty answer `Unknown`. An error with a status of success means that the SDK cannot parse the
 * answer.
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
