import { randomBytes } from 'node:crypto';
import {
  DescribeExecutionCommand,
  type ExecutionStatus,
  ListExecutionsCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { LocalClock } from './clock';
import { History } from './history';
import { awsError, type Caller, type Service } from './service';

interface WaitingTask {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Step Functions as the functions see it: executions with a status, and tasks that wait for their token. */
export class EmbeddedSfn {
  readonly executions = new Map<string, ExecutionStatus>();
  /** When an execution has ended. */
  readonly stopDates = new Map<string, Date>();
  /** When an execution has begun. */
  readonly startDates = new Map<string, Date>();
  /** What StartExecution runs, as it is deployed: the execution's name and its input. Default: nothing, so it fails. */
  onStart?: (name: string, input: unknown) => void;
  /** The inputs of StartExecution, by the execution's ARN. */
  readonly #inputs = new Map<string, string>();
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
        const page = all.reverse().slice(Number(nextToken), end);
        return {
          executions: page.map(([executionArn, status]) => ({
            executionArn,
            status,
            name: executionArn.slice(prefix.length),
            startDate: this.startDates.get(executionArn),
          })),
          ...(end < all.length && { nextToken: String(end) }),
        };
      })
      .on(StartExecutionCommand, ({ stateMachineArn = '', name = '', input = '{}' }) => {
        const { onStart } = this;
        if (!onStart) throw awsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${stateMachineArn}'`);
        const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
        // The same call again is no error while the execution runs (Step Functions API, StartExecution).
        const again = this.executions.get(executionArn) === 'RUNNING' && this.#inputs.get(executionArn) === input;
        if (!again) onStart(name, JSON.parse(input));
        this.#inputs.set(executionArn, input);
        return { executionArn, startDate: this.startDates.get(executionArn) };
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

  /** @param caller the function whose client it is; default: none */
  client(caller?: Caller): Pick<SFNClient, 'send'> {
    return this.service.client(caller) as Pick<SFNClient, 'send'>;
  }

  /**
   * An execution begins.
   * @throws ExecutionAlreadyExists when there has been one of this name (Step Functions API, StartExecution)
   */
  begin(arn: string): void {
    if (this.executions.has(arn)) throw awsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    this.executions.set(arn, 'RUNNING');
    this.startDates.set(arn, this.clock.now());
    this.#history.record();
  }

  /** An execution ends. */
  end(arn: string, status: ExecutionStatus): void {
    this.executions.set(arn, status);
    this.stopDates.set(arn, this.clock.now());
    this.#history.record();
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
