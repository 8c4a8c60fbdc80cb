/** How an execution waits for a service (Step Functions Developer Guide, Service integration patterns). */
export type Pattern = '' | '.sync' | '.sync:2' | '.waitForTaskToken';

/** One call of a service by a Task. */
export interface Call {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly pattern: Pattern;
  /** The ARN of the execution that calls. */
  readonly execution: string;
  /** Aborts when the result is no longer awaited: after a time-out, or because the execution is stopped. */
  readonly signal: AbortSignal;
}

/**
 * What carries out a Task's Resource.
 *
 * @returns the Task's result. With `.waitForTaskToken` the result is that of the token, and this one is discarded
 * @throws Error whose name is the Error and whose message is the Cause
 */
export type Integration = (call: Call) => Promise<unknown>;

/**
 * The service and the pattern that a Resource names: `lambda:invoke` and `.waitForTaskToken` of
 * `arn:aws:states:::lambda:invoke.waitForTaskToken`.
 */
export function serviceOf(resource: string): { readonly service: string; readonly pattern: Pattern } {
  const [, service = resource, pattern = ''] =
    /^arn:[^:]+:states:[^:]*:[^:]*:(.+?)(\.sync(?::2)?|\.waitForTaskToken)?$/.exec(resource) ?? [];
  return { service, pattern: pattern as Pattern };
}
