import { Logger } from '@aws-lambda-powertools/logger';
import type * as z from 'zod';
import { NamedError, named } from './errors';

/** The functions' log: structured lines with the execution and the attempt. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys' | 'resetKeys'>;

/**
 * The wrapper of every function. It parses the event and adds execution and attempt to every log line. It logs an error
 * with its stack, then throws it with a name that the machine's Retry knows and without a stack in the Cause.
 *
 * @param name the function's role, for the log
 * @param schema the event's schema
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
      if (failure instanceof NamedError && failure.logged) {
        log.error(failure.logged, { error_name: failure.name });
      } else {
        log.error(failure.message, { error_name: failure.name, stack: stackOf(failure) });
      }
      // Lambda passes `name`, `message` and every line of `stack` to Step Functions. The user needs only the sentence.
      failure.stack = `${failure.name}: ${failure.message}`;
      throw failure;
    }
  };
}

/** A Lambda handler that is created at its first call, so that an import reads no environment variables. */
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

/** The stack of the error and the stacks of its causes. */
function stackOf({ stack = '', cause }: Error): string {
  return cause instanceof Error ? `${stack}\nCaused by ${stackOf(cause)}` : stack;
}
