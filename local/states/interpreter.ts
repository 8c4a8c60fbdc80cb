import { setMaxListeners } from 'node:events';
import type { LocalClock } from '../clock';
import { holds, timestamp } from './choice';
import { type Definition, machinesIn, type Retrier, type State } from './definition';
import { failure, isNamedBy, StatesError } from './errors';
import { type Call, type Integration, serviceOf } from './integrations';
import { readItems, writeResults } from './map-resources';
import { type Child, MapRun, runChildren } from './map-run';
import { evaluate, excerpt, fill, filter, need, place, type Scope } from './paths';
import { Pool } from './pool';

/** A task that waits for its token. */
export interface WaitingTask {
  readonly token: string;
  readonly result: Promise<unknown>;
  /** When it began, or of its last heartbeat. */
  readonly lastHeartbeat: () => Date;
  /** The token is of no use from now on. */
  readonly forget: () => void;
}

/** What an execution reports about its states. */
export type Progress = { readonly state: string; readonly at: Date } & (
  | { readonly type: 'entered' | 'exited' }
  /** A Catch has taken the error. */
  | { readonly type: 'failed'; readonly error: string; readonly cause: string }
  | { readonly type: 'retrying'; readonly error: string; readonly cause: string; readonly seconds: number }
  | { readonly type: 'waiting'; readonly seconds: number }
);

/** What an execution needs around it. */
export interface Ports {
  readonly clock: LocalClock;
  /** A number from 0 up to 1, for jitter and States.MathRandom. */
  readonly random: () => number;
  /** @param service such as `lambda:invoke`: a Resource without its ARN's beginning and its pattern */
  readonly integration: (service: string) => Integration | undefined;
  readonly waitForTaskToken: () => WaitingTask;
  /** A Map Run begins. */
  readonly onMapRun: (run: MapRun) => void;
  /** Starts a child execution of a Map Run. */
  readonly startChild: (run: MapRun, machine: Definition, input: unknown) => Child;
  readonly onProgress: (progress: Progress) => void;
}

/** `$$.Execution` and `$$.StateMachine` (Step Functions Developer Guide, The Context object). */
export interface ExecutionContext {
  readonly Execution: {
    readonly Id: string;
    readonly Input: unknown;
    readonly Name: string;
    readonly RoleArn: string;
    readonly StartTime: string;
    readonly RedriveCount: number;
    /** When it was last redriven; absent before. */
    readonly RedriveTime?: string;
  };
  readonly StateMachine: { readonly Id: string; readonly Name: string };
}

/** How an execution ends. */
export type Outcome =
  | { readonly status: 'SUCCEEDED'; readonly output: unknown }
  | { readonly status: 'FAILED'; readonly error?: string; readonly cause?: string }
  | { readonly status: 'TIMED_OUT' | 'ABORTED' };

/** Bytes of UTF-8 of an input, an output, or a task's parameters (Step Functions Developer Guide, Service quotas). */
const LARGEST_BYTES = 262_144;
/** The event of the execution's end is the last (same page). */
const MOST_EVENTS = 25_000;
/** Without TimeoutSeconds (Amazon States Language, Task State). */
const LONGEST_TASK_SECONDS = 99_999_999;
/** An inline Map runs so many iterations at once (Step Functions Developer Guide, Map state processing modes). */
const MOST_INLINE = 40;

/** Where a state stands: in the machine itself, in a branch or in an iteration. */
interface Frame {
  readonly context: ExecutionContext & { readonly Map?: unknown };
  /** Aborts when the execution, or the state around the frame, has ended. */
  readonly signal: AbortSignal;
  /** Whether it is the machine itself. */
  readonly outermost?: boolean;
  /** When its first state was entered. Default: now. */
  readonly entered?: string;
}

/** The state that a redrive begins with. */
export interface Entry {
  readonly name: string;
  readonly input: unknown;
  /** When it was entered at first, ISO 8601: a redrive does not enter it anew. */
  readonly entered: string;
}

/** A state's output, and the state that comes next; without one the machine ends. */
interface Step {
  readonly output: unknown;
  readonly next?: string;
}

/**
 * One execution of a state machine: it enters its states, as the Amazon States Language has it
 * (https://states-language.net). It knows no service: a Task calls what the ports have for its Resource. All its time
 * is the clock's.
 */
export class Interpreter {
  /** The number of states entered. Each retry counts again, and each child execution of a Map Run. */
  transitions = 0;
  /** The number of events that GetExecutionHistory would list: at first ExecutionStarted and the event of the end. */
  events = 2;
  /** The largest input or output of a state or a task, in bytes of UTF-8. */
  largestBytes = 0;
  /** The state of the machine itself, not of a branch or an iteration, that was entered last: a redrive begins there. */
  at?: Entry;
  /** The state that was entered last. */
  last?: { readonly name: string; readonly type: string; readonly input: unknown };

  constructor(
    private readonly definition: Definition,
    private readonly context: ExecutionContext,
    private readonly ports: Ports,
  ) {}

  /**
   * Runs the execution. It never rejects.
   *
   * @param stop stops the execution at once, as StopExecution does
   * @param from the state that a redrive begins with; default: the first one
   */
  async run(stop: AbortSignal, from?: Entry): Promise<Outcome> {
    const { definition, context } = this;
    const over = new AbortController();
    const signal = either(stop, over.signal);
    const timedOut = failure(StatesError.timeout, 'The execution took too long.');
    try {
      signal.throwIfAborted();
      const output = await Promise.race([
        this.#machine(
          from ? { ...definition, StartAt: from.name } : definition,
          from ? from.input : context.Execution.Input,
          { context, signal, outermost: true, ...(from && { entered: from.entered }) },
        ),
        this.#expiry(definition.TimeoutSeconds, signal, timedOut),
      ]);
      return { status: 'SUCCEEDED', output };
    } catch (error) {
      if (stop.aborted) return { status: 'ABORTED' };
      if (error === timedOut) return { status: 'TIMED_OUT' };
      const { name, message } = error as Error;
      return { status: 'FAILED', ...(name && { error: name }), ...(message && { cause: message }) };
    } finally {
      over.abort();
    }
  }

  async #machine({ StartAt, States }: Definition, input: unknown, frame: Frame): Promise<unknown> {
    const { outermost = false, entered: first, ...inner } = frame;
    const now = () => this.ports.clock.now().toISOString();
    let entered = first ?? now();
    let step: Step = { output: input, next: StartAt };
    while (step.next !== undefined) {
      const entry = { name: step.next, input: step.output, entered };
      if (outermost) this.at = entry;
      step = await this.#state(entry, States[step.next] as State, inner);
      entered = now();
    }
    return step.output;
  }

  /** Enters a state, and leaves it by its end, its Retry or its Catch. */
  async #state({ name, input, entered }: Entry, state: State, frame: Frame): Promise<Step> {
    const { Retry = [], Catch = [], Type } = state;
    const uses = new Map<Retrier, number>();
    frame.signal.throwIfAborted();
    this.#record(1, input);
    this.last = { name, type: Type, input };
    this.#report({ type: 'entered', state: name });
    for (let retries = 0; ; retries++) {
      this.transitions++;
      const context = { ...frame.context, State: { EnteredTime: entered, Name: name, RetryCount: retries } };
      try {
        const step = await this.#attempt(name, state, input, { ...frame, context });
        this.#record(1, step.output);
        this.#report({ type: 'exited', state: name });
        return step;
      } catch (thrown) {
        const error = thrown as Error;
        if (frame.signal.aborted) throw error;
        const named = ({ ErrorEquals }: { ErrorEquals: readonly string[] }) => isNamedBy(ErrorEquals, error, Type);
        const retrier = Retry.find(named);
        const used = (retrier && uses.get(retrier)) ?? 0;
        if (retrier && used < (retrier.MaxAttempts ?? 3)) {
          uses.set(retrier, used + 1);
          const seconds = this.#interval(retrier, used);
          this.#report({ type: 'retrying', state: name, error: error.name, cause: error.message, seconds });
          await this.#pause(seconds, frame.signal);
          continue;
        }
        const catcher = Catch.find(named);
        if (!catcher) throw error;
        this.#report({ type: 'failed', state: name, error: error.name, cause: error.message });
        const output = place(input, catcher.ResultPath, { Error: error.name, Cause: error.message });
        this.#record(1, output);
        this.#report({ type: 'exited', state: name });
        return { output, next: catcher.Next };
      }
    }
  }

  #interval({ IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds, JitterStrategy }: Retrier, used: number): number {
    const most = Math.min(IntervalSeconds * BackoffRate ** used, MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
    // FULL: a random time from 0 to the interval (Step Functions Developer Guide, Retrying after an error).
    return JitterStrategy === 'FULL' ? this.ports.random() * most : most;
  }

  async #attempt(name: string, state: State, raw: unknown, frame: Frame): Promise<Step> {
    const { Type, Resource = '', Next: next } = state;
    const waiting = Resource.endsWith('.waitForTaskToken') ? this.ports.waitForTaskToken() : undefined;
    try {
      const context = { ...frame.context, ...(waiting && { Task: { Token: waiting.token } }) };
      const scopeOf = (data: unknown): Scope => ({ data, context, random: this.ports.random });
      if (Type === 'Fail') throw failOf(state, scopeOf(raw));
      const input = filter(state.InputPath, scopeOf(raw));
      const scope = scopeOf(input);
      const parameters = () => (state.Parameters === undefined ? input : fill(state.Parameters, scope));
      let result: unknown;
      switch (Type) {
        case 'Succeed':
          return { output: filter(state.OutputPath, scope) };
        case 'Choice':
          return { output: filter(state.OutputPath, scope), next: choose(state, scope) };
        case 'Wait':
          await this.#wait(name, state, scope, frame.signal);
          return { output: filter(state.OutputPath, scope), next };
        case 'Task':
          result = await this.#task(state, parameters(), scope, frame, waiting);
          break;
        case 'Parallel':
          result = await this.#parallel(state, parameters(), frame);
          break;
        case 'Map':
          result = await this.#map(name, state, scope, frame);
          break;
        default:
          result = 'Result' in state ? state.Result : parameters();
      }
      const selected = state.ResultSelector === undefined ? result : fill(state.ResultSelector, scopeOf(result));
      return { output: filter(state.OutputPath, scopeOf(place(raw, state.ResultPath, selected))), next };
    } finally {
      waiting?.forget();
    }
  }

  async #wait(name: string, state: State, scope: Scope, signal: AbortSignal): Promise<void> {
    let seconds = numberOf(state, 'Seconds', scope);
    if (seconds === undefined) {
      const until = state.Timestamp ?? need(state.TimestampPath ?? '', scope);
      const moment = timestamp(until);
      if (moment === undefined) throw failure(StatesError.runtime, `Timestamp is ${excerpt(until)}, which is none.`);
      seconds = Math.max(moment - this.ports.clock.now().getTime(), 0) / 1000;
    }
    this.#report({ type: 'waiting', state: name, seconds });
    await this.#pause(seconds, signal);
  }

  async #task(
    state: State,
    parameters: unknown,
    scope: Scope,
    { context, signal }: Frame,
    waiting: WaitingTask | undefined,
  ): Promise<unknown> {
    const { service, pattern } = serviceOf(state.Resource ?? '');
    const seconds = numberOf(state, 'TimeoutSeconds', scope) ?? LONGEST_TASK_SECONDS;
    const heartbeat = numberOf(state, 'HeartbeatSeconds', scope);
    // TaskScheduled and TaskStarted.
    this.#record(2, parameters);
    const over = new AbortController();
    const until = either(signal, over.signal);
    try {
      const call = this.#call(service, {
        parameters: parameters as Call['parameters'],
        pattern,
        execution: context.Execution.Id,
        signal: until,
      });
      const late = failure(StatesError.timeout, `The task took longer than ${seconds} s.`);
      const result = await Promise.race([
        // If the service fails, the task ends. If it answers, the task still waits for its token.
        waiting ? call.then(() => this.#record(1)).then(() => waiting.result) : call,
        ...(waiting ? [waiting.result] : []),
        ...(waiting && heartbeat ? [this.#silence(heartbeat, waiting, until)] : []),
        this.#expiry(seconds, until, late),
      ]);
      // TaskSucceeded, and TaskSubmitted of a job that was waited for.
      this.#record(pattern.startsWith('.sync') ? 2 : 1, result);
      return result;
    } catch (error) {
      if (!signal.aborted) this.#record(1);
      throw error;
    } finally {
      over.abort();
    }
  }

  async #call(service: string, call: Call): Promise<unknown> {
    const integration = this.ports.integration(service);
    if (!integration) throw failure(StatesError.runtime, `Nothing here carries out '${service}'.`);
    return integration(call);
  }

  /** Rejects when a task has sent no heartbeat for so many seconds. */
  async #silence(seconds: number, { lastHeartbeat }: WaitingTask, signal: AbortSignal): Promise<never> {
    for (let left = seconds; left > 0; ) {
      await this.#pause(left, signal);
      left = seconds - (this.ports.clock.now().getTime() - lastHeartbeat().getTime()) / 1000;
    }
    throw failure(StatesError.heartbeatTimeout, `The task has sent no heartbeat for ${seconds} s.`);
  }

  async #parallel(state: State, input: unknown, frame: Frame): Promise<unknown> {
    const branches = machinesIn(state);
    // ParallelStateStarted and ParallelStateSucceeded or ParallelStateFailed.
    this.#record(2);
    return this.#together(branches.length, branches.length, frame, (index, inner) =>
      this.#machine(branches[index] as Definition, input, inner),
    );
  }

  /** Runs branches or iterations. The first one that fails ends the others. */
  async #together(
    count: number,
    most: number,
    { context, signal }: Frame,
    work: (index: number, frame: Frame) => Promise<unknown>,
  ): Promise<unknown[]> {
    const over = new AbortController();
    const frame = { context, signal: either(signal, over.signal) };
    const results: unknown[] = Array(count);
    const pool = new Pool(
      count,
      () => most,
      async (index) => {
        results[index] = await work(index, frame);
      },
    );
    try {
      await pool.done;
      return results;
    } finally {
      pool.close();
      over.abort();
    }
  }

  async #map(name: string, state: State, scope: Scope, frame: Frame): Promise<unknown> {
    const [processor] = machinesIn(state) as [Definition];
    const { ItemReader, ItemsPath, ItemSelector = state.Parameters } = state;
    const services = (service: string, parameters: Call['parameters']) =>
      this.#call(service, { parameters, pattern: '', execution: frame.context.Execution.Id, signal: frame.signal });
    const items = ItemReader ? await readItems(ItemReader, scope, services) : filter(ItemsPath, scope);
    if (!Array.isArray(items)) throw failure(StatesError.runtime, `${name} needs an array, not ${excerpt(items)}.`);
    const of = (index: number) => ({ Item: { Index: index, Value: items[index] } });
    const inputOf = (index: number) =>
      ItemSelector === undefined
        ? items[index]
        : fill(ItemSelector, { ...scope, context: { ...(scope.context as object), Map: of(index) } });
    const most = numberOf(state, 'MaxConcurrency', scope);
    // MapStateStarted, and MapStateSucceeded or MapStateFailed.
    this.#record(2);
    if (state.ItemProcessor?.ProcessorConfig?.Mode !== 'DISTRIBUTED') {
      return this.#together(items.length, Math.min(most || MOST_INLINE, MOST_INLINE), frame, async (index, inner) => {
        // MapIterationStarted, and MapIterationSucceeded or MapIterationFailed.
        this.#record(2);
        return this.#machine(processor, inputOf(index), { ...inner, context: { ...inner.context, Map: of(index) } });
      });
    }
    const run = new MapRun({
      executionArn: frame.context.Execution.Id,
      stateMachineArn: frame.context.StateMachine.Id,
      label: state.Label ?? name,
      inputs: items.map((_, index) => inputOf(index)),
      maxConcurrency: most ?? 0,
      toleratedFailurePercentage: numberOf(state, 'ToleratedFailurePercentage', scope),
      toleratedFailureCount: numberOf(state, 'ToleratedFailureCount', scope),
      startDate: this.ports.clock.now(),
    });
    // MapRunStarted, and MapRunSucceeded or MapRunFailed.
    this.#record(2);
    this.ports.onMapRun(run);
    const start = (input: unknown) => {
      this.transitions++;
      return this.ports.startChild(run, processor, input);
    };
    await runChildren(run, start, this.ports.clock, frame.signal);
    const { ResultWriter } = state;
    const written = ResultWriter && (await writeResults(ResultWriter, run, scope, services));
    if (run.status === 'SUCCEEDED') return written ?? run.result();
    const cause = 'The specified tolerated failure threshold was exceeded';
    throw failure(StatesError.exceedToleratedFailureThreshold, cause);
  }

  /** Rejects with the error after so many seconds, and at once when the signal aborts. Without seconds, only then. */
  async #expiry(seconds: number | undefined, signal: AbortSignal, error: Error): Promise<never> {
    if (seconds === undefined) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    } else await this.ports.clock.sleep(seconds * 1000, signal);
    signal.throwIfAborted();
    throw error;
  }

  async #pause(seconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.ports.clock.sleep(seconds * 1000, signal);
    signal.throwIfAborted();
  }

  /**
   * Counts events of the history, and measures what they carry.
   *
   * @throws States.DataLimitExceeded, or States.Runtime if the history is full
   */
  #record(events: number, ...data: readonly unknown[]): void {
    if (this.events + events > MOST_EVENTS) {
      this.events = MOST_EVENTS;
      const cause = `The execution reached the maximum number of history events (${MOST_EVENTS}).`;
      throw failure(StatesError.runtime, cause);
    }
    this.events += events;
    for (const each of data) {
      const bytes = Buffer.byteLength(JSON.stringify(each) ?? '');
      this.largestBytes = Math.max(this.largestBytes, bytes);
      if (bytes > LARGEST_BYTES) {
        const cause = `The state's data has ${bytes} bytes; the service limit is ${LARGEST_BYTES}: ${excerpt(each)}`;
        throw failure(StatesError.dataLimitExceeded, cause);
      }
    }
  }

  #report(progress: DistributiveOmit<Progress, 'at'>): void {
    this.ports.onProgress({ ...progress, at: this.ports.clock.now() } as Progress);
  }
}

/** Aborts with the first of two signals. Every branch and iteration listens to it, so no number of listeners is a leak. */
function either(one: AbortSignal, other: AbortSignal): AbortSignal {
  const signal = AbortSignal.any([one, other]);
  setMaxListeners(0, signal);
  return signal;
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

function choose({ Choices = [], Default }: State, scope: Scope): string {
  const next = Choices.find((rule) => holds(rule, scope))?.Next ?? Default;
  if (typeof next === 'string') return next;
  throw failure(StatesError.noChoiceMatched, `No choice holds for ${excerpt(scope.data)}, and there is no Default.`);
}

function failOf({ Error: error, ErrorPath, Cause, CausePath }: State, scope: Scope): Error {
  const text = (fixed: string | undefined, path: string | undefined) => {
    const value = path === undefined ? (fixed ?? '') : evaluate(path, scope, StatesError.runtime);
    if (typeof value === 'string') return value;
    throw failure(StatesError.runtime, `'${path}' of a Fail state must be a string, not ${excerpt(value)}.`);
  };
  return failure(text(error, ErrorPath), text(Cause, CausePath));
}

type NumberField =
  | 'Seconds'
  | 'TimeoutSeconds'
  | 'HeartbeatSeconds'
  | 'MaxConcurrency'
  | 'ToleratedFailurePercentage'
  | 'ToleratedFailureCount';

/** A field that is a number, or whose `Path` names one. @throws States.Runtime if it is no number from 0 */
function numberOf(state: State, field: NumberField, scope: Scope): number | undefined {
  const path = state[`${field}Path`];
  const value = path === undefined ? state[field] : need(path, scope);
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value;
  throw failure(StatesError.runtime, `${field} must be a number from 0, not ${excerpt(value)}.`);
}
