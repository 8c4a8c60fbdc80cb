/** What a person reads of a Cause: the message of a function's error, the reason of a query or a job. */
export function causeOf(cause = ''): string {
  try {
    const told = JSON.parse(cause) as {
      errorMessage?: string;
      QueryExecution?: { Status?: { StateChangeReason?: string }; Query?: string };
      StatusReason?: string;
      JobName?: string;
      Error?: string;
      Cause?: string;
      ErrorMessage?: string;
    };
    const { errorMessage, QueryExecution, StatusReason, JobName, Error: error, Cause, ErrorMessage } = told;
    if (errorMessage !== undefined) return errorMessage;
    if (QueryExecution)
      return `the query ended: ${QueryExecution.Status?.StateChangeReason ?? 'Athena gives no reason'}`;
    if (JobName !== undefined) return `the job ${JobName} failed: ${StatusReason ?? 'AWS Batch gives no reason'}`;
    if (Cause !== undefined) return `${error ?? ''}: ${Cause}`;
    return ErrorMessage ?? cause;
  } catch {
    return cause;
  }
}
