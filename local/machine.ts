import './promise-with-resolvers';
import { randomUUID } from 'node:crypto';
import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { type Definition, definition, type Retrier, type State } from '../constructs/datastream/definition';
import { FUNCTION_MEMORY_MB, MACHINE_FUNCTIONS, type MachineFunction } from '../constructs/datastream/functions';
import { type Cost, costOf } from '../prices/orchestration';
import type { EmbeddedCloud } from './cloud';

/** The progress of an execution, as the user sees it. */
export type Progress =
  | { readonly type: 'entered' | 'exited'; readonly state: string; readonly at: Date }
  | {
      readonly type: 'failed';
      readonly state: string;
      readonly at: Date;
      readonly error: string;
      readonly cause: string;
    }
  | {
      readonly type: 'retrying';
      readonly state: string;
      readonly at: Date;
      readonly error: string;
      /** As Step Functions has it. */
      readonly cause: string;
      readonly seconds: number;
    }
  | { readonly type: 'waiting'; readonly state: string; readonly at: Date; readonly seconds: number };

/** The result of an execution. */
export interface ExecutionEnd {
  readonly arn: string;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly output?: Record<string, unknown>;
  readonly error?: string;
  readonly cause?: string;
  /** The number of states entered. Each retry counts again. */
  readonly transitions: number;
  readonly cost: Cost;
  readonly history: History;
}

/** The sizes that Step Functions limits for each execution (Step Functions Developer Guide, Service quotas). */
export interface History {
  /** The number of events that GetExecutionHistory would list (API reference, HistoryEvent); at most 25,000. */
  readonly events: number;
  /** The largest input or output of a state or a task, in bytes of UTF-8; at most 262,144. */
  readonly largestBytes: number;
}

/** An execution that runs. */
export interface RunningExecution {
  readonly arn: string;
  readonly result: Promise<ExecutionEnd>;
  /** Stops the execution at once, as StopExecution does. */
  stop(): void;
}

const ARNS = Object.fromEntries(
  MACHINE_FUNCTIONS.map((name) => [name, `arn:aws:lambda:local:000000000000:function:${name}:1`]),
) as Record<MachineFunction, string>;

/** The definition that Terraform deploys, with version 1 of the embedded cloud's functions. */
export const LOCAL_DEFINITION: Definition = definition(ARNS);

/**
 * Starts an execution of the state machine on the embedded cloud.
 *
 * @throws ExecutionAlreadyExists if an execution has this name already
 * @param input the execution file, parsed as JSON
 * @param onProgress called for every state
 * @param machine the definition that the execution uses from its start to its end
 */
export function startExecution(
  cloud: EmbeddedCloud,
  input: unknown,
  onProgress: (progress: Progress) => void = () => {},
  name: string = randomUUID(),
  machine: Definition = LOCAL_DEFINITION,
): RunningExecution {
  const arn = `${cloud.stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  const startedAt = cloud.clock.now();
  const stopped = new AbortController();
  const from = cloud.invocations.length;
  cloud.sfn.begin(arn);

  const history = new HistoryCounter();
  const tasks = new TaskRunner(cloud, machine, startedAt, stopped.signal, onProgress, history);
  const run = interpreterOf(machine).run(input as Parameters<StateMachine['run']>[0], {
    // The interpreter keeps one context for the whole execution. The task runner replaces the values that change.
    context: { Execution: { Id: arn }, Task: { Token: '' } },
    overrides: {
      taskResourceLocalHandlers: tasks.handlers(),
      retryIntervalOverrides: noIntervals(machine),
      waitTimeOverrides: noIntervals(machine),
    },
  });
  const transitions = follow(run.eventLogs, cloud, onProgress, history);

  const finish = async (status: ExecutionEnd['status'], rest: Partial<ExecutionEnd>): Promise<ExecutionEnd> => {
    tasks.end();
    cloud.sfn.end(arn, status);
    const endedAt = cloud.clock.now();
    cloud.emit('aws.states', 'Step Functions Execution Status Change', {
      executionArn: arn,
      stateMachineArn: cloud.stateMachineArn,
      name,
      status,
    });
    const count = await transitions;
    return {
      arn,
      status,
      startedAt,
      endedAt,
      ...rest,
      transitions: count,
      cost: costOf(count, cloud.invocations.slice(from), FUNCTION_MEMORY_MB),
      history: { events: history.events, largestBytes: history.largestBytes },
    };
  };
  const result = run.result.then(
    (output) => finish('SUCCEEDED', { output: output as Record<string, unknown> }),
    (error: Error) => {
      if (stopped.signal.aborted) return finish('ABORTED', {});
      const cause = (error.cause ?? error) as Error;
      return finish('FAILED', { error: cause.name, cause: cause.message });
    },
  );
  return {
    arn,
    result,
    stop: () => {
      stopped.abort();
      run.abort();
    },
  };
}

/** In seconds, just below the longest time of setTimeout. */
const NEVER = 2_000_000;

/** Removes the interpreter's time-outs, which use the computer's clock. The task runner's time-outs use the cloud's. */
function withoutTimeouts({ States, ...rest }: Definition): Definition {
  const adapt = ({ TimeoutSecondsPath: _path, ...state }: State): State =>
    state.Type === 'Task' ? { ...state, TimeoutSeconds: NEVER } : state;
  return { ...rest, States: Object.fromEntries(Object.entries(States).map(([name, state]) => [name, adapt(state)])) };
}

const INTERPRETERS = new WeakMap<Definition, StateMachine>();

/** Returns the definition's only interpreter. Its validation takes 50 ms, and a run does not change it. */
function interpreterOf(machine: Definition): StateMachine {
  let interpreter = INTERPRETERS.get(machine);
  if (!interpreter) {
    interpreter = new StateMachine(withoutTimeouts(machine) as unknown as StateMachineDefinition, {
      validationOptions: { checkArn: false, checkPaths: false },
    });
    INTERPRETERS.set(machine, interpreter);
  }
  return interpreter;
}

/**
 * The interpreter's intervals are 0. Instead, the task runner waits on the cloud's clock. It waits before it calls the
 * function of a retry, or of the task after a Wait state.
 */
const noIntervals = ({ States }: Definition) => Object.fromEntries(Object.keys(States).map((name) => [name, 0]));

/** Counts the history's events as Step Functions does. Each try of a task has three or four events. */
class HistoryCounter implements History {
  /** ExecutionStarted, and the event of the execution's end. */
  events = 2;
  largestBytes = 0;

  add(events: number, ...data: readonly unknown[]): void {
    this.events += events;
    for (const each of data) {
      this.largestBytes = Math.max(this.largestBytes, Buffer.byteLength(JSON.stringify(each) ?? ''));
    }
  }
}

interface TaskInput {
  readonly FunctionName: string;
  readonly Payload: { readonly state: Readonly<Record<string, unknown>>; readonly [member: string]: unknown };
}

/**
 * Runs the machine's tasks with the cloud's functions and the cloud's clock. It handles the intervals of Retry, the
 * time-outs and the task tokens. For these, the interpreter has only the computer's clock, or no support. The
 * interpreter decides which task is retried, which error is caught, and which state is next.
 */
class TaskRunner {
  /** The state that failed last, with the number of uses of each of its retriers since the state was entered. */
  #failed?: {
    readonly state: string;
    readonly error: Error;
    readonly uses: Map<Retrier, number>;
    readonly release: () => void;
  };
  #ended = false;
  /** Seconds that the machine waits before its next task. */
  #wait = 0;

  constructor(
    private readonly cloud: EmbeddedCloud,
    private readonly machine: Definition,
    private readonly startedAt: Date,
    private readonly stopped: AbortSignal,
    private readonly onProgress: (progress: Progress) => void,
    private readonly history: HistoryCounter,
  ) {}

  handlers(): Record<string, (input: unknown) => Promise<never>> {
    const tasks = Object.entries(this.machine.States).filter(([, state]) => state.Type === 'Task');
    return Object.fromEntries(
      tasks.map(([name, state]) => [
        name,
        (input: unknown) => this.#visit(name, state, input as TaskInput) as Promise<never>,
      ]),
    );
  }

  /** Ends the execution's work and lets virtual time pass again. */
  end(): void {
    this.#ended = true;
    this.#letTimePass();
  }

  #letTimePass(): void {
    this.#failed?.release();
    this.#failed = undefined;
  }

  async #visit(name: string, state: State, input: TaskInput): Promise<unknown> {
    const failed = this.#failed?.state === name ? this.#failed : undefined;
    const retrier = failed && retrierFor(state, failed.error);
    // Without a retrier for the error, this is no retry: a Catch has led back to the state.
    const earlier = retrier && failed;
    this.#letTimePass();
    if (earlier) await this.#interval(name, retrier, earlier.error, earlier.uses);
    else if (failed) await this.cloud.clock.sleep(waitAfter(this.machine, state, failed.error) * 1000, this.stopped);
    await this.#awaitRetry();
    // TaskScheduled, TaskStarted, and TaskSucceeded, TaskFailed or TaskTimedOut.
    this.history.add(3);
    try {
      const result = await this.#withTimeout(state, input);
      this.history.add(0, result);
      this.#wait = waitBeforeNext(this.machine, result);
      return result;
    } catch (error) {
      // Otherwise the interpreter would continue the retries of a stopped execution.
      if (this.stopped.aborted) throw Object.assign(error as Error, { isRetryable: false, isCatchable: false });
      if (this.#ended) throw error;
      // Virtual time is held until the interpreter has called the next task, or the execution has ended.
      this.#failed = {
        state: name,
        error: error as Error,
        uses: earlier?.uses ?? new Map(),
        release: this.cloud.clock.hold(),
      };
      throw error;
    }
  }

  async #awaitRetry(): Promise<void> {
    const seconds = this.#wait;
    this.#wait = 0;
    if (seconds === 0) return;
    this.onProgress({ type: 'waiting', state: 'AwaitRetry', at: this.cloud.clock.now(), seconds });
    await this.cloud.clock.sleep(seconds * 1000, this.stopped);
  }

  async #interval(name: string, retrier: Retrier, error: Error, uses: Map<Retrier, number>): Promise<void> {
    const used = uses.get(retrier) ?? 0;
    uses.set(retrier, used + 1);
    const { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = Number.POSITIVE_INFINITY } = retrier;
    const most = Math.min(IntervalSeconds * BackoffRate ** used, MaxDelaySeconds);
    // FULL: a random time from 0 to the interval (Step Functions Developer Guide, Retrying after an error).
    const seconds = retrier.JitterStrategy === 'FULL' ? this.cloud.random() * most : most;
    const { name: failure, message: cause } = error;
    this.onProgress({ type: 'retrying', state: name, at: this.cloud.clock.now(), error: failure, cause, seconds });
    await this.cloud.clock.sleep(seconds * 1000, this.stopped);
  }

  async #withTimeout(state: State, input: TaskInput): Promise<unknown> {
    const path = state.TimeoutSecondsPath?.replace('$.', '');
    // Without a time-out AWS waits for 99,999,999 s (Amazon States Language, TimeoutSeconds).
    const seconds = path ? Number(input.Payload.state[path]) : (state.TimeoutSeconds ?? 99_999_999);
    const over = new AbortController();
    const timeout = this.cloud.clock
      .sleep(seconds * 1000, AbortSignal.any([over.signal, this.stopped]))
      .then(() =>
        Promise.reject(Object.assign(new Error(`The task took longer than ${seconds} s.`), { name: 'States.Timeout' })),
      );
    // After `over.abort()` nobody handles the rejection of this promise. So it is handled here.
    timeout.catch(() => {});
    try {
      return await Promise.race([this.#call(state, input), timeout]);
    } finally {
      over.abort();
    }
  }

  async #call(state: State, { FunctionName, Payload }: TaskInput): Promise<unknown> {
    const [name = '', version] = FunctionName.split(':function:')[1]?.split(':') ?? [];
    const invoke = (event: unknown) => this.cloud.invokeFromMachine(name, event, version ? Number(version) : undefined);
    const payload = {
      ...Payload,
      ...('start_time' in Payload && { start_time: this.startedAt.toISOString() }),
    };
    if (!state.Resource?.endsWith('.waitForTaskToken')) {
      this.history.add(0, { FunctionName, Payload: payload });
      return { Payload: await invoke(payload), StatusCode: 200 };
    }
    const task = this.cloud.sfn.waitForTaskToken();
    const withToken = { ...payload, token: task.token };
    this.history.add(0, { FunctionName, Payload: withToken });
    // TaskSubmitted.
    const submitted = invoke(withToken).then(() => this.history.add(1));
    try {
      // If the function fails, the task ends. If the function returns, the task still waits for its token.
      await Promise.race([submitted, task.result]);
      return await task.result;
    } finally {
      task.forget();
    }
  }
}

function retrierFor({ Retry = [] }: State, error: Error): Retrier | undefined {
  return Retry.find((each) => names(each, error));
}

function names({ ErrorEquals }: Pick<Retrier, 'ErrorEquals'>, error: Error): boolean {
  return ErrorEquals.some((each) => each === 'States.ALL' || each === error.name);
}

/** The seconds of the Wait state that an error's Catch leads to; 0 if it leads to another state. */
function waitAfter({ States }: Definition, { Catch = [] }: State, error: Error): number {
  const { Next = '' } = Catch.find((each) => names(each, error)) ?? {};
  return States[Next]?.Seconds ?? 0;
}

/** The seconds that AwaitRetry waits after EC2Stopper's result. */
function waitBeforeNext({ States }: Definition, result: unknown): number {
  if (!States.AwaitRetry) return 0;
  const { next } = (result as { Payload?: { next?: { wait_s?: number } } }).Payload ?? {};
  return next?.wait_s ?? 0;
}

type EventLogs = ReturnType<StateMachine['run']>['eventLogs'];

/** Reports each state that the interpreter enters or leaves. @returns the number of transitions */
async function follow(
  logs: EventLogs,
  cloud: EmbeddedCloud,
  onProgress: (progress: Progress) => void,
  history: HistoryCounter,
): Promise<number> {
  let transitions = 0;
  let failure = { error: '', cause: '' };
  for await (const log of logs) {
    const at = cloud.clock.now();
    switch (log.type) {
      case 'StateEntered':
        transitions++;
        history.add(1, log.state.input);
        onProgress({ type: 'entered', state: log.state.name, at });
        break;
      case 'StateRetried':
        transitions++;
        break;
      case 'StateExited':
        history.add(1, log.state.output);
        onProgress({ type: 'exited', state: log.state.name, at });
        break;
      case 'StateFailed':
        failure = { error: log.Error, cause: String(log.Cause ?? '') };
        break;
      case 'StateCaught':
        // StateFailed is not reported: a retry may follow, and the task runner reports that.
        onProgress({ type: 'failed', state: log.state.name, at, ...failure });
        break;
      default:
        break;
    }
  }
  return transitions;
}
