import type { Answered } from './errors';

const silent = () => {};

/**
 * The settings of every client. A call that hangs becomes a TimeoutError, well within the function's own 30 s, and the
 * machine's Retry repeats it. Without a limit the SDK waits for ever.
 *
 * An error of the SDK does not name its operation. The SDK gives the logger both, so the logger adds the operation to
 * the error.
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
