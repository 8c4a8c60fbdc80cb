import { randomBytes } from 'node:crypto';
import {
  DescribeExecutionCommand,
  type ExecutionStatus,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import { awsError, type Service } from './service';

interface WaitingTask {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Step Functions as the functions see it: executions with a status, and tasks that wait for their token. */
export class EmbeddedSfn {
  readonly executions = new Map<string, ExecutionStatus>();
  /** When an execution has ended. */
  readonly stopDates = new Map<string, Date>();
  readonly #tasks = new Map<string, WaitingTask>();
  readonly client: Pick<SFNClient, 'send'>;

  constructor(service: Service) {
    service
      .on(DescribeExecutionCommand, ({ executionArn = '' }) => {
        const status = this.executions.get(executionArn);
        if (!status) throw awsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
        return { executionArn, status, stopDate: this.stopDates.get(executionArn) };
      })
      .on(SendTaskSuccessCommand, ({ taskToken = '', output = '' }) => {
        this.#take(taskToken).resolve(JSON.parse(output));
        return {};
      })
      .on(SendTaskFailureCommand, ({ taskToken = '', error = '', cause = '' }) => {
        this.#take(taskToken).reject(Object.assign(new Error(cause), { name: error }));
        return {};
      });
    this.client = service as unknown as Pick<SFNClient, 'send'>;
  }

  /** A task that waits. Tokens are as long as AWS's are at most, for what stores them must hold them all. */
  waitForTaskToken(): { token: string; result: Promise<unknown>; forget: () => void } {
    const token = randomBytes(1536).toString('base64');
    const result = new Promise((resolve, reject) => {
      this.#tasks.set(token, { resolve, reject });
    });
    // Nobody may be listening yet when it fails.
    result.catch(() => {});
    return { token, result, forget: () => this.#tasks.delete(token) };
  }

  #take(token: string): WaitingTask {
    const task = this.#tasks.get(token);
    if (!task) throw awsError('TaskTimedOut', 'Task Timed Out: Provided task does not exist anymore');
    this.#tasks.delete(token);
    return task;
  }
}
