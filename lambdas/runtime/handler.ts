import { Logger } from '@aws-lambda-powertools/logger';
import type * as z from 'zod';
import { CAPACITY_ERRORS, DatastreamError, ErrorName, THROTTLING_ERRORS } from '../datastream/errors';

/** Time, so that tests and the embedded cloud can bring their own. */
export interface Clock {
  now(): Date;
  /** @param milliseconds how long to wait */
  sleep(milliseconds: number): Promise<void>;
}

/** The computer's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

const silent = () => {};

/**
 * For every client: a call that hangs becomes a TimeoutError, which the machine's Retry takes up, well within the
 * function's own 30 s. The SDK by itself waits for ever.
 *
 * An error of the SDK does not say which operation it answers, but the logger is told both.
 */
export const CLIENT = {
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 8_000, throwOnRequestTimeout: true },
  logger: {
    debug: silent,
    info: silent,
    warn: console.warn,
    error: ({ commandName, error }: { commandName?: string; error?: Answered }) => {
      if (error) error.operation = commandName?.replace(/Command$/, '');
    },
  },
} as const;

/** What the SDK throws for an answer of AWS. */
interface Answered extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  operation?: string;
}

/** What the functions write: structured lines that carry the execution and the attempt. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys' | 'resetKeys'>;

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

/**
 * The one wrapper around every function: parses the event, puts execution and attempt on every log line,
 * logs what is thrown, with its stack, and throws it on, with a name that the machine's Retry knows and without a stack
 * in the Cause.
 *
 * @param name the function's role, for the log
 * @param schema what the event must look like
 * @param run the domain function
 * @param log where the lines go; by default JSON on standard output
 */
export function createHandler<Event, Result>(
  name: string,
  schema: z.ZodType<Event>,
  run: (event: Event, log: Log) => Promise<Result>,
  log: Log = new Logger({ serviceName: name }),
): (event: unknown) => Promise<Result> {
  return async (raw) => {
    log.resetKeys();
    log.appendKeys(logKeys(raw));
    try {
      return await run(schema.parse(raw), log);
    } catch (error) {
      const failure = named(error);
      if (failure instanceof DatastreamError && failure.logged) {
        log.error(failure.logged, { error_name: failure.name });
      } else {
        log.error(failure.message, { error_name: failure.name, stack: stackOf(failure) });
      }
      // Lambda hands `name`, `message` and every line of `stack` to Step Functions: the user should read a sentence.
      failure.stack = `${failure.name}: ${failure.message}`;
      throw failure;
    }
  };
}

/** A Lambda handler that is made at its first call, so that importing a function's file reads no environment. */
export function lazily(create: () => (event: unknown) => Promise<unknown>): (event: unknown) => Promise<unknown> {
  let handler: ((event: unknown) => Promise<unknown>) | undefined;
  return (event) => {
    handler ??= create();
    return handler(event);
  };
}

/**
 * A variable of the function's environment that Terraform sets.
 * @throws Error naming the variable when it is missing
 */
export function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`The environment variable ${name} is missing: deploy the stack again.`);
  return value;
}

function logKeys(event: unknown): { execution?: string; attempt?: number } {
  if (typeof event !== 'object' || event === null) return {};
  const { execution, state } = event as { execution?: unknown; state?: { attempt?: unknown } | null };
  if (typeof execution !== 'string') return {};
  return { execution, attempt: typeof state?.attempt === 'number' ? state.attempt : 1 };
}

/** An error under the name by which the machine's Retry knows it. */
export function named(error: unknown): Error {
  const failure: Answered = error instanceof Error ? error : new Error(String(error));
  const code = (failure as { code?: unknown }).code;
  if (failure.name === 'Error' && typeof code === 'string' && NETWORK_CODES.has(code)) {
    failure.name = ErrorName.NetworkError;
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

function faultOfAws(error: Answered): DatastreamError {
  const [message] = error.message.split('\n');
  const of = error.operation ? ` ${error.operation}` : '';
  return new DatastreamError(
    ErrorName.ServiceUnavailable,
    `AWS answered${of} with HTTP ${error.$metadata?.httpStatusCode} (${error.name}: ${message}).`,
    { cause: error },
  );
}

/** The stack, and those of the errors behind it. */
function stackOf({ stack = '', cause }: Error): string {
  return cause instanceof Error ? `${stack}\nCaused by ${stackOf(cause)}` : stack;
}
