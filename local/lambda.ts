import { randomUUID } from 'node:crypto';
import type { LocalClock } from './clock';
import type { Caller } from './service';

/** The handler of a deployed function: it takes an event and returns a result. */
export type Handler = (event: unknown) => Promise<unknown>;

/**
 * Calls a function as Lambda does. Event and result are JSON. The function's time-out ends the call.
 *
 * @param create makes the handler with the clients of this call
 * @throws Error with the name of the function's error. Its message is JSON, which Step Functions uses as the Cause
 */
export async function runHandler(
  name: string,
  create: (caller: Caller) => Handler,
  event: unknown,
  seconds: number,
  clock: LocalClock,
): Promise<unknown> {
  let ended = false;
  let end: (error: string, message: string) => void = () => {};
  const death = new Promise<never>((_, reject) => {
    end = (error, message) => {
      ended = true;
      reject(Object.assign(new Error(`RequestId: ${randomUUID()} Error: ${message}`), { name: error }));
    };
  });
  const inTime = clock.after(seconds * 1000, () =>
    end('Sandbox.Timedout', `Task timed out after ${seconds}.00 seconds`),
  );
  const kill = () => end('Runtime.ExitError', 'Runtime exited with error: signal: killed');
  try {
    const handler = create({ name, ended: () => ended, kill });
    const reply = await Promise.race([handler(JSON.parse(JSON.stringify(event))), death]);
    return JSON.parse(JSON.stringify(reply ?? null)) as unknown;
  } catch (error) {
    const { name: errorType, message: errorMessage } = error as Error;
    const cause = JSON.stringify({ errorType, errorMessage, trace: [] });
    throw Object.assign(new Error(cause), { name: errorType });
  } finally {
    ended = true;
    inTime();
  }
}
