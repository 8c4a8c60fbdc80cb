import { randomBytes } from 'node:crypto';
import {
  DescribeExecutionCommand,
  type ExecutionStatus,
  ListExecutionsCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import type { LocalClock } from './clock';
import { History } from './history';
import { awsError, type Caller, type Service } from './service';

interface WaitingTask {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The parts of Step Functions that the functions use: executions with a status, tasks that wait for their token. */
export class EmbeddedSfn {
  readonly executions = new Map<string, ExecutionStatus>();
  /** The end of each execution that has ended, by its ARN. */
  readonly stopDates = new Map<string, Date>();
  readonly #history: History<Pick<EmbeddedSfn, 'executions' | 'stopDates'>>;
  readonly #tasks = new Map<string, WaitingTask>();

  constructor(
    private readonly clock: LocalClock,
    private readonly service: Service,
  ) {
    this.#history = new History(clock, () => ({ executions: this.executions, stopDates: this.stopDates }));
    service
      .on(DescribeExecutionCommand, ({ executionArn = '' }, lag) => {
        const known = this.#history.read(lag);
        const status = known?.executions.get(executionArn);
        if (!status) throw awsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
        return { executionArn, status, stopDate: known?.stopDates.get(executionArn) };
      })
      .on(ListExecutionsCommand, ({ stateMachineArn = '', statusFilter, maxResults = 100, nextToken = '0' }, lag) => {
        const prefix = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:`;
        const all = [...(this.#history.read(lag)?.executions ?? [])].filter(
          ([arn, status]) => arn.startsWith(prefix) && (!statusFilter || status === statusFilter),
        );
        const end = Number(nextToken) + maxResults;
        return {
          executions: all.slice(Number(nextToken), end).map(([executionArn, status]) => ({ executionArn, status })),
          ...(end < all.length && { nextToken: String(end) }),
        };
      })
      .on(SendTaskSuccessCommand, ({ taskToken = '', output = '' }) => {
        this.#take(taskToken).resolve(JSON.parse(output));
        return {};
      })
      .on(SendTaskFailureCommand, ({ taskToken = '', error = '', cause = '' }) => {
        this.#take(taskToken).reject(Object.assign(new Error(cause), { name: error }));
        return {};
      });
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<SFNClient, 'send'> {
    return this.service.client(caller) as Pick<SFNClient, 'send'>;
  }

  /**
   * Adds a running execution.
   * @throws ExecutionAlreadyExists if an execution has had this name before (Step Functions API, StartExecution)
   */
  begin(arn: string): void {
    if (this.executions.has(arn)) throw awsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    this.executions.set(arn, 'RUNNING');
    this.#history.record();
  }

  /** Ends an execution with a status. */
  end(arn: string, status: ExecutionStatus): void {
    this.executions.set(arn, status);
    this.stopDates.set(arn, this.clock.now());
    this.#history.record();
  }

  /** Adds a task that waits for its token. The token is as long as AWS's longest, since every store must hold it. */
  waitForTaskToken(): { token: string; result: Promise<unknown>; forget: () => void } {
    const token = randomBytes(1536).toString('base64');
    const result = new Promise((resolve, reject) => {
      this.#tasks.set(token, { resolve, reject });
    });
    // The task may fail before anybody awaits its result.
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
