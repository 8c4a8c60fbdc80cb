/** The names of the language's own errors (Amazon States Language, Appendix A; Step Functions Developer Guide). */
export const StatesError = {
  all: 'States.ALL',
  branchFailed: 'States.BranchFailed',
  dataLimitExceeded: 'States.DataLimitExceeded',
  exceedToleratedFailureThreshold: 'States.ExceedToleratedFailureThreshold',
  heartbeatTimeout: 'States.HeartbeatTimeout',
  intrinsicFailure: 'States.IntrinsicFailure',
  itemReaderFailed: 'States.ItemReaderFailed',
  noChoiceMatched: 'States.NoChoiceMatched',
  parameterPathFailure: 'States.ParameterPathFailure',
  resultPathMatchFailure: 'States.ResultPathMatchFailure',
  resultWriterFailed: 'States.ResultWriterFailed',
  runtime: 'States.Runtime',
  taskFailed: 'States.TaskFailed',
  timeout: 'States.Timeout',
} as const;

/** An error of an execution. Its name is the Error and its message the Cause. */
export function failure(name: string, cause: string): Error {
  return Object.assign(new Error(cause), { name });
}

const TIMEOUTS: readonly string[] = [StatesError.timeout, StatesError.heartbeatTimeout];

/**
 * Whether `ErrorEquals` of a Retrier or a Catcher names an error. States.Runtime is never retried or caught. States.ALL
 * does not cover States.DataLimitExceeded, and States.TaskFailed does not cover a time-out (Step Functions Developer
 * Guide, Handling errors). A missed heartbeat is a States.Timeout too (Amazon States Language, Appendix A).
 *
 * @param type of the state: any error of a Parallel is a States.BranchFailed
 */
export function isNamedBy(ErrorEquals: readonly string[], { name }: Error, type: string): boolean {
  if (name === StatesError.runtime) return false;
  return ErrorEquals.some((each) => {
    if (each === name) return true;
    if (name === StatesError.dataLimitExceeded) return false;
    switch (each) {
      case StatesError.all:
        return true;
      case StatesError.taskFailed:
        return type === 'Task' && !TIMEOUTS.includes(name);
      case StatesError.timeout:
        return TIMEOUTS.includes(name);
      case StatesError.branchFailed:
        return type === 'Parallel';
      default:
        return false;
    }
  });
}
