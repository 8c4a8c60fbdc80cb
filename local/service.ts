import type { LocalClock } from './clock';
import type { TokenBuckets } from './limits';

/** What goes wrong with one call of an AWS operation. */
export interface ApiFault {
  /** AWS's name of the error that answers, e.g. `RequestLimitExceeded`. Default: no error. */
  readonly error?: string;
  readonly message?: string;
  /** HTTP status; default 400. */
  readonly status?: number;
  /** The operation takes effect first: only its reply is lost. */
  readonly after?: boolean;
  /** Milliseconds that the operation takes longer until it takes effect; default 0. */
  readonly delay?: number;
  /** Milliseconds from its effect until its reply; default 0. */
  readonly replyDelay?: number;
  /** The function that called dies before the reply reaches it. */
  readonly kills?: boolean;
  /** Milliseconds: the operation sees what it reads as it was so long ago. Default 0. */
  readonly lag?: number;
}

/**
 * Decides about each call: undefined lets it pass. `call` counts this operation's calls from 1; `caller` is the
 * function that calls, undefined for a call that none makes.
 */
export type Faults = (operation: string, call: number, input: unknown, caller?: string) => ApiFault | undefined;

/** One invocation of a function, as far as the services care from whom a call comes. */
export interface Caller {
  /** The function. */
  readonly name: string;
  /** Whether it has ended: what it still calls does not happen, and no reply reaches it. */
  readonly ended: () => boolean;
  /** Ends it as a crash of its environment does. */
  readonly kill: () => void;
}

/** An error as the AWS SDK throws it. */
export function awsError(name: string, message: string, status = 400): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode: status } });
}

/**
 * Carries out a call as its fault has it.
 *
 * @param effect what the call does; it gets the fault's lag
 */
export async function carryOut<Output>(
  clock: LocalClock,
  operation: string,
  fault: ApiFault = {},
  effect: (lag: number) => Output | Promise<Output>,
): Promise<Output> {
  const { error, message = `${error} (${operation})`, status, after, delay = 0, replyDelay = 0, lag = 0 } = fault;
  const failure = error === undefined ? undefined : awsError(error, message, status);
  if (delay > 0) await clock.sleep(delay);
  if (failure && !after) {
    if (replyDelay > 0) await clock.sleep(replyDelay);
    throw failure;
  }
  const output = await effect(lag);
  if (replyDelay > 0) await clock.sleep(replyDelay);
  if (failure) throw failure;
  return output;
}

interface Command<Input> {
  readonly input: Input;
}

const never = () => new Promise<never>(() => {});

/** The operations of one AWS service, by the SDK's command classes, behind the SDK's `send`. */
export class Service {
  readonly #operations = new Map<unknown, (input: never, lag: number) => unknown>();
  readonly #calls = new Map<string, number>();

  /**
   * @param latency milliseconds that a call takes
   * @param faults which calls fail
   * @param buckets by default no call is throttled
   */
  constructor(
    private readonly clock: LocalClock,
    private readonly latency: number,
    private readonly faults: Faults = () => undefined,
    private readonly buckets?: TokenBuckets,
  ) {}

  /** Defines what a command does. `lag`: milliseconds by which what it reads is out of date. */
  on<Input, Output>(
    command: new (input: Input) => Command<Input>,
    operation: (input: Input, lag: number) => Output,
  ): this {
    this.#operations.set(command, operation);
    return this;
  }

  /** How often each operation has been called, by its name without `Command`. */
  get calls(): ReadonlyMap<string, number> {
    return this.#calls;
  }

  /**
   * As the SDK's clients have it.
   * @param caller whose client it is; default: none of the functions
   */
  client(caller?: Caller): { send: (command: Command<unknown>) => Promise<unknown> } {
    return { send: (command) => this.#send(command, caller) };
  }

  async #send(command: Command<unknown>, caller?: Caller): Promise<unknown> {
    const name = command.constructor.name.replace(/Command$/, '');
    const operation = this.#operations.get(command.constructor);
    if (!operation) throw awsError('NotImplemented', `The embedded cloud does not know ${name}.`, 501);
    if (caller?.ended()) return never();
    const call = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, call);
    await this.clock.sleep(this.latency);
    const fault = this.faults(name, call, command.input, caller?.name);
    try {
      const throttled = this.buckets?.take(name);
      if (throttled) throw throttled;
      return await carryOut(this.clock, name, fault, (lag) => ({
        $metadata: {},
        ...(operation(structuredClone(command.input) as never, lag) as object),
      }));
    } finally {
      if (fault?.kills) caller?.kill();
      // Neither a reply nor an error reaches a function that has ended.
      if (caller?.ended()) await never();
    }
  }
}
