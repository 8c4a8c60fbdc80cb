import { randomBytes, randomUUID } from 'node:crypto';
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
  type ExecutionStatus,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListMapRunsCommand,
  ListTagsForResourceCommand,
  RedriveExecutionCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
  UpdateMapRunCommand,
} from '@aws-sdk/client-sfn';
import type { LocalClock } from './clock';
import type { Emit } from './events';
import { awsError, type Caller, type Service } from './service';
import { type Definition, problemsOf } from './states/definition';
import { failure, StatesError } from './states/errors';
import { type Call, type Integration, serviceOf } from './states/integrations';
import { type Entry, Interpreter, type Outcome, type Progress, type WaitingTask } from './states/interpreter';
import type { Child, MapRun } from './states/map-run';

/** What Step Functions knows of an execution. */
interface Known {
  readonly arn: string;
  readonly name: string;
  readonly stateMachineArn: string;
  readonly startDate: Date;
  status: ExecutionStatus;
  stopDate?: Date;
}

/** An execution that the embedded Step Functions runs. */
export interface Execution extends Known, Child {
  status: ExecutionStatus;
  stopDate?: Date;
  /** How often it was redriven. */
  readonly redriveCount: number;
  /** The Map Run whose child it is. */
  readonly mapRunArn?: string;
  output?: unknown;
  error?: string;
  cause?: string;
  /** What it has used so far. */
  readonly used: Pick<Interpreter, 'transitions' | 'events' | 'largestBytes' | 'last' | 'at'>;
  readonly ended: Promise<void>;
  /** Stops the execution at once, as StopExecution does. */
  stop(error?: string, cause?: string): void;
}

/** What StartExecution takes. */
export interface Start {
  readonly stateMachineArn: string;
  readonly input: unknown;
  /** Default: a UUID. */
  readonly name?: string;
  /** By default nothing is reported. */
  readonly onProgress?: (progress: Progress) => void;
}

interface Task {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
  lastHeartbeat: Date;
}

/** Step Functions API, StartExecution: at most 80 characters, and none of these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are among the forbidden ones
const NAME = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]{1,80}$/;

/** Step Functions: state machines, executions of them, Map Runs, and tasks that wait for their token. */
export class EmbeddedSfn {
  readonly executions = new Map<string, Known | Execution>();
  readonly mapRuns = new Map<string, MapRun>();
  readonly #machines = new Map<string, Definition>();
  readonly #tags = new Map<string, Readonly<Record<string, string>>>();
  readonly #integrations = new Map<string, Integration>();
  readonly #tasks = new Map<string, Task>();

  /**
   * @param emit sends an event to EventBridge; by default none is sent
   * @param random a number from 0 up to 1, for the jitter of Retry; default: Math.random
   */
  constructor(
    private readonly clock: LocalClock,
    private readonly service: Service,
    private readonly emit: Emit = () => {},
    private readonly random: () => number = Math.random,
  ) {
    this.integrate('states:startExecution', (call) => this.#startNested(call));
    service
      .on(StartExecutionCommand, ({ stateMachineArn = '', name, input = '{}' }) => {
        const { arn, startDate } = this.start({ stateMachineArn, name, input: parsed(input, 'InvalidExecutionInput') });
        return { executionArn: arn, startDate };
      })
      .on(StopExecutionCommand, ({ executionArn = '', error, cause }) => {
        const execution = this.#execution(executionArn);
        if ('stop' in execution) execution.stop(error, cause);
        return { stopDate: execution.stopDate ?? this.clock.now() };
      })
      .on(RedriveExecutionCommand, ({ executionArn = '' }) => ({ redriveDate: this.#redrive(executionArn) }))
      .on(DescribeStateMachineCommand, ({ stateMachineArn = '' }) => ({
        stateMachineArn,
        definition: JSON.stringify(this.#machines.get(stateMachineArn)),
      }))
      .on(ListTagsForResourceCommand, ({ resourceArn = '' }) => {
        const tags = this.#tags.get(resourceArn);
        if (!tags) throw awsError('ResourceNotFound', `Resource not found: '${resourceArn}'`);
        return { tags: Object.entries(tags).map(([key, value]) => ({ key, value })) };
      })
      .on(DescribeExecutionCommand, ({ executionArn = '' }, lag) => {
        const seen = this.#seen(this.#execution(executionArn), lag);
        if (!seen) throw noExecution(executionArn);
        return describe(seen);
      })
      .on(GetExecutionHistoryCommand, ({ executionArn = '', reverseOrder, maxResults = 100 }) => {
        const execution = this.#execution(executionArn);
        if (!reverseOrder) throw awsError('NotImplemented', 'Only the end of a history is known here.', 501);
        return { events: 'used' in execution ? endOfHistory(execution).slice(0, maxResults) : [] };
      })
      .on(ListExecutionsCommand, ({ stateMachineArn, mapRunArn, statusFilter, maxResults, nextToken }, lag) => {
        const all = [...this.executions.values()].flatMap((each) => this.#seen(each, lag) ?? []).reverse();
        const listed = all.filter(
          (each) =>
            (mapRunArn
              ? 'mapRunArn' in each && each.mapRunArn === mapRunArn
              : each.stateMachineArn === stateMachineArn) &&
            (!statusFilter || each.status === statusFilter),
        );
        const { items, ...rest } = page(listed, maxResults, nextToken);
        const executions = items.map(({ arn, name, stateMachineArn, status, startDate, stopDate }) => ({
          executionArn: arn,
          name,
          stateMachineArn,
          status,
          startDate,
          stopDate,
        }));
        return { executions, ...rest };
      })
      .on(ListMapRunsCommand, ({ executionArn, maxResults, nextToken }) => {
        const all = [...this.mapRuns.values()].filter((run) => run.executionArn === executionArn).reverse();
        const { items, ...rest } = page(all, maxResults, nextToken);
        const mapRuns = items.map(({ arn, stateMachineArn, startDate, stopDate }) => ({
          executionArn,
          mapRunArn: arn,
          stateMachineArn,
          startDate,
          stopDate,
        }));
        return { mapRuns, ...rest };
      })
      .on(DescribeMapRunCommand, ({ mapRunArn = '' }) => describeMapRun(this.#mapRun(mapRunArn)))
      .on(UpdateMapRunCommand, ({ mapRunArn = '', ...limits }) => {
        this.#mapRun(mapRunArn).update(limits);
        return {};
      })
      .on(SendTaskSuccessCommand, ({ taskToken = '', output = '' }) => {
        const result = parsed(output, 'InvalidOutput');
        this.#take(taskToken).resolve(result);
        return {};
      })
      .on(SendTaskFailureCommand, ({ taskToken = '', error = '', cause = '' }) => {
        this.#take(taskToken).reject(failure(error, cause));
        return {};
      })
      .on(SendTaskHeartbeatCommand, ({ taskToken = '' }) => {
        this.#task(taskToken).lastHeartbeat = this.clock.now();
        return {};
      });
  }

  /** @param caller the function whose client it is; default: none */
  client(caller?: Caller): Pick<SFNClient, 'send'> {
    return this.service.client(caller) as Pick<SFNClient, 'send'>;
  }

  /** @param service what it carries out, such as `lambda:invoke`, before a machine is defined that calls it */
  integrate(service: string, integration: Integration): void {
    this.#integrations.set(service, integration);
  }

  /**
   * Creates or updates a state machine. What runs goes on with the definition that it began with.
   *
   * @throws Error with all that keeps the definition from being run here
   */
  define(stateMachineArn: string, definition: Definition, tags: Readonly<Record<string, string>> = {}): void {
    const problems = problemsOf(definition, (resource) => this.#integrations.has(serviceOf(resource).service));
    if (problems.length > 0) throw new Error(`${stateMachineArn} cannot be run here:\n${problems.join('\n')}`);
    this.#machines.set(stateMachineArn, definition);
    this.#tags.set(stateMachineArn, tags);
  }

  /**
   * Starts an execution, as StartExecution does. The name and the input of an execution that runs give that execution.
   *
   * @throws ExecutionAlreadyExists, StateMachineDoesNotExist or InvalidName
   */
  start({ stateMachineArn, input, name = randomUUID(), onProgress }: Start): Execution {
    const definition = this.#machines.get(stateMachineArn);
    if (!definition) throw awsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${stateMachineArn}'`);
    if (!NAME.test(name)) throw awsError('InvalidName', `Invalid Name: '${name}'`);
    const arn = executionArn(stateMachineArn, name);
    const earlier = this.executions.get(arn);
    if (!earlier) return this.#begin(definition, { stateMachineArn, input, name, onProgress });
    const same = 'input' in earlier && JSON.stringify(earlier.input) === JSON.stringify(input);
    if (same && earlier.status === 'RUNNING') return earlier;
    throw awsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
  }

  /** Notes an execution, or its new status, that no machine runs here. A function that is called alone asks for it. */
  note(arn: string, status: ExecutionStatus): void {
    const known = this.executions.get(arn) ?? {
      arn,
      name: arn.split(':').at(-1) ?? '',
      stateMachineArn: arn.replace(':execution:', ':stateMachine:').replace(/:[^:]*$/, ''),
      startDate: this.clock.now(),
      status,
    };
    known.status = status;
    known.stopDate = ['RUNNING', 'PENDING_REDRIVE'].includes(status) ? undefined : this.clock.now();
    this.executions.set(arn, known);
  }

  /** A task that waits. Its token has AWS's greatest length, since what stores tokens must hold the whole of it. */
  waitForTaskToken(): WaitingTask {
    const token = randomBytes(1536).toString('base64');
    let task: Task | undefined;
    const result = new Promise((resolve, reject) => {
      task = { resolve, reject, lastHeartbeat: this.clock.now() };
      this.#tasks.set(token, task);
    });
    // Nobody may be listening yet when it fails.
    result.catch(() => {});
    const lastHeartbeat = () => (task as Task).lastHeartbeat;
    return { token, result, lastHeartbeat, forget: () => this.#tasks.delete(token) };
  }

  #begin(
    definition: Definition,
    { stateMachineArn, input, name = randomUUID(), onProgress }: Start,
    mapRunArn?: string,
    redrive?: { readonly from: Entry; readonly count: number; readonly startDate: Date },
  ) {
    const arn = executionArn(stateMachineArn, name);
    const startDate = redrive?.startDate ?? this.clock.now();
    const stopped = new AbortController();
    const Input = JSON.parse(JSON.stringify(input)) as unknown;
    const interpreter = new Interpreter(
      definition,
      {
        Execution: {
          Id: arn,
          Input,
          Name: name,
          RoleArn: stateMachineArn.replace(/:states:[^:]*:(\d*):.*/, ':iam::$1:role/embedded'),
          StartTime: startDate.toISOString(),
          RedriveCount: redrive?.count ?? 0,
          ...(redrive && { RedriveTime: this.clock.now().toISOString() }),
        },
        StateMachine: { Id: stateMachineArn, Name: stateMachineArn.split(':').at(-1) ?? '' },
      },
      {
        clock: this.clock,
        random: this.random,
        integration: (service) => this.#integrations.get(service),
        waitForTaskToken: () => this.waitForTaskToken(),
        onMapRun: (run) => this.mapRuns.set(run.arn, run),
        startChild: (run, machine, item) =>
          this.#begin(machine, { stateMachineArn: run.stateMachineArn, input: item }, run.arn),
        onProgress: onProgress ?? (() => {}),
      },
    );
    // The caller has the execution before its first state begins.
    const outcome = Promise.resolve().then(() => interpreter.run(stopped.signal, redrive?.from));
    const execution: Execution = {
      arn,
      name,
      stateMachineArn,
      input: Input,
      startDate,
      status: 'RUNNING',
      redriveCount: redrive?.count ?? 0,
      ...(mapRunArn && { mapRunArn }),
      used: interpreter,
      ended: outcome.then((how) => this.#end(execution, how)),
      stop: (error, cause) => {
        if (stopped.signal.aborted || execution.status !== 'RUNNING') return;
        Object.assign(execution, { error, cause });
        stopped.abort();
      },
    };
    this.executions.set(arn, execution);
    this.#emitStatus(execution);
    return execution;
  }

  /**
   * Goes on with the state that failed, or in which the execution was stopped (Step Functions Developer Guide, Redriving
   * executions). The state is not entered anew: its time of entry stays. A Map in inline mode begins again as a whole here.
   *
   * @throws ExecutionNotRedrivable
   */
  #redrive(arn: string): Date {
    const execution = this.#execution(arn);
    const at = 'used' in execution ? execution.used.at : undefined;
    if (!('used' in execution) || !at || !['FAILED', 'ABORTED', 'TIMED_OUT'].includes(execution.status)) {
      throw awsError('ExecutionNotRedrivable', `Execution is ${execution.status} and cannot be redriven`);
    }
    const { stateMachineArn, input, name, startDate } = execution;
    const machine = this.#machines.get(stateMachineArn) as Definition;
    const count = execution.redriveCount + 1;
    this.#begin(machine, { stateMachineArn, input, name }, undefined, { from: at, count, startDate });
    return this.clock.now();
  }

  #end(execution: Execution, outcome: Outcome): void {
    Object.assign(execution, outcome, { stopDate: this.clock.now() });
    this.#emitStatus(execution);
  }

  /** Step Functions Developer Guide, Step Functions Execution Status Change. */
  #emitStatus(execution: Execution): void {
    const { executionArn, startDate, stopDate, ...rest } = describe(execution);
    this.emit('aws.states', 'Step Functions Execution Status Change', {
      executionArn,
      ...rest,
      startDate: startDate.getTime(),
      stopDate: stopDate?.getTime() ?? null,
    });
  }

  /** An execution as a read shows it that is so many milliseconds out of date; undefined if it is younger. */
  #seen<Shown extends Known>(execution: Shown, lag: number): Shown | undefined {
    if (lag === 0) return execution;
    const moment = this.clock.now().getTime() - lag;
    if (execution.startDate.getTime() > moment) return undefined;
    if (!execution.stopDate || execution.stopDate.getTime() <= moment) return execution;
    return {
      ...execution,
      status: 'RUNNING',
      stopDate: undefined,
      output: undefined,
      error: undefined,
      cause: undefined,
    };
  }

  /** `states:startExecution`. With `.sync` it waits for the end, and stops the execution if nobody waits any more. */
  async #startNested({ parameters, pattern, signal }: Call): Promise<unknown> {
    const {
      StateMachineArn,
      Name,
      Input = {},
    } = parameters as { StateMachineArn: string; Name?: string; Input?: unknown };
    const input = typeof Input === 'string' ? Input : JSON.stringify(Input);
    const command = new StartExecutionCommand({ stateMachineArn: StateMachineArn, name: Name, input });
    const { executionArn: arn = '', startDate } = await this.client()
      .send(command)
      .catch(({ name, message }: Error) => {
        // The API's own errors have no such end: StateMachineDoesNotExist.
        throw failure(`StepFunctions.${name.replace(/(Exception)?$/, 'Exception')}`, message);
      });
    if (!pattern.startsWith('.sync')) return { ExecutionArn: arn, StartDate: startDate?.getTime() };
    const execution = this.executions.get(arn) as Execution;
    const stop = () => execution.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    await execution.ended;
    signal.removeEventListener('abort', stop);
    const result = nestedResult(execution, pattern === '.sync:2');
    if (execution.status !== 'SUCCEEDED') throw failure(StatesError.taskFailed, JSON.stringify(result));
    return result;
  }

  #execution(arn: string): Known | Execution {
    const execution = this.executions.get(arn);
    if (!execution) throw noExecution(arn);
    return execution;
  }

  #mapRun(arn: string): MapRun {
    const run = this.mapRuns.get(arn);
    if (!run) throw awsError('ResourceNotFound', `Map Run Does Not Exist: '${arn}'`);
    return run;
  }

  #task(token: string): Task {
    const task = this.#tasks.get(token);
    if (!task) throw awsError('TaskTimedOut', 'Task Timed Out: Provided task does not exist anymore');
    return task;
  }

  #take(token: string): Task {
    const task = this.#task(token);
    this.#tasks.delete(token);
    return task;
  }
}

function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}

function noExecution(arn: string): Error {
  return awsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
}

function parsed(text: string, error: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw awsError(error, `${(cause as Error).message}: it must be JSON.`);
  }
}

function page<Item>(all: readonly Item[], size = 100, token = '0') {
  const end = Number(token) + size;
  return { items: all.slice(Number(token), end), ...(end < all.length && { nextToken: String(end) }) };
}

/** DescribeExecution. Input and output are JSON texts. */
function describe({ arn, ...known }: Known | Execution) {
  const { name, stateMachineArn, status, startDate, stopDate } = known;
  const { input, output, error, cause, mapRunArn } = known as Partial<Execution>;
  return {
    executionArn: arn,
    stateMachineArn,
    name,
    status,
    startDate,
    stopDate,
    ...(mapRunArn && { mapRunArn }),
    ...(input !== undefined && { input: JSON.stringify(input), inputDetails: { included: true } }),
    ...(output !== undefined && { output: JSON.stringify(output), outputDetails: { included: true } }),
    ...(error !== undefined && { error }),
    ...(cause !== undefined && { cause }),
  };
}

/** The last events of an execution, newest first: its end, and its last state's beginning. */
function endOfHistory({
  status,
  startDate,
  stopDate,
  error,
  cause,
  used: { events, last },
}: Execution): HistoryEvent[] {
  if (!last) return [];
  const stateEnteredEventDetails = { name: last.name, input: JSON.stringify(last.input) };
  const type = `${last.type}StateEntered` as HistoryEvent['type'];
  if (status === 'RUNNING' || !stopDate) {
    return [{ id: events, timestamp: startDate, type, stateEnteredEventDetails }];
  }
  const end = {
    SUCCEEDED: 'ExecutionSucceeded',
    FAILED: 'ExecutionFailed',
    TIMED_OUT: 'ExecutionTimedOut',
    ABORTED: 'ExecutionAborted',
  } as const;
  return [
    {
      id: events,
      timestamp: stopDate,
      type: end[status as keyof typeof end],
      ...(status === 'FAILED' && { executionFailedEventDetails: { error, cause } }),
    },
    {
      id: events - 1,
      timestamp: stopDate,
      type,
      stateEnteredEventDetails,
    },
  ];
}

function describeMapRun(run: MapRun) {
  const { arn, executionArn, stateMachineArn, status, startDate, stopDate, limits, counts, resultsWritten } = run;
  const { maxConcurrency, toleratedFailurePercentage = 0, toleratedFailureCount = 0 } = limits;
  const all = { ...counts, resultsWritten, failuresNotRedrivable: 0, pendingRedrive: 0 };
  return {
    mapRunArn: arn,
    executionArn,
    stateMachineArn,
    status,
    startDate,
    stopDate,
    maxConcurrency,
    toleratedFailurePercentage,
    toleratedFailureCount,
    // One item is one execution, since items are not batched.
    itemCounts: all,
    executionCounts: all,
    redriveCount: 0,
  };
}

/**
 * What `states:startExecution.sync` gives, also as the Cause of a failure. With `.sync:2` input and output are JSON
 * (Step Functions Developer Guide, Start a new workflow execution from a running execution).
 */
function nestedResult(
  { arn, name, stateMachineArn, input, output, error, cause, status, startDate, stopDate }: Execution,
  asJson: boolean,
) {
  const shown = (value: unknown) => (asJson ? value : JSON.stringify(value));
  return {
    ...(cause !== undefined && { Cause: cause }),
    ...(error !== undefined && { Error: error }),
    ExecutionArn: arn,
    Input: shown(input),
    InputDetails: { Included: true },
    Name: name,
    ...(output !== undefined && { Output: shown(output), OutputDetails: { Included: true } }),
    StartDate: startDate.getTime(),
    StateMachineArn: stateMachineArn,
    Status: status,
    StopDate: stopDate?.getTime(),
  };
}
