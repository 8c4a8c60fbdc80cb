import type { LocalClock } from './clock';
import type { TokenBuckets } from './limits';

/** A fault for one call of an AWS operation. */
export interface ApiFault {
  /** AWS's name of the error, e.g. `RequestLimitExceeded`. */
  readonly error: string;
  readonly message?: string;
  /** HTTP status; default 400. */
  readonly status?: number;
  /** The operation takes effect first: only its reply is lost. */
  readonly after?: boolean;
}

/** Decides about each call: undefined lets it pass. `call` counts this operation's calls from 1. */
export type Faults = (operation: string, call: number, input: unknown) => ApiFault | undefined;

/** An error as the AWS SDK throws it. */
export function awsError(name: string, message: string, status = 400): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode: status } });
}

interface Command<Input> {
  readonly input: Input;
}

/** The operations of one AWS service, by the SDK's command classes, behind the SDK's `send`. */
export class Service {
  readonly #operations = new Map<unknown, (input: never) => unknown>();
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

  /** Defines what a command does. */
  on<Input, Output>(
    command: new (input: Input) => Command<Input>,
    operation: (input: Input) => Output | Promise<Output>,
  ): this {
    this.#operations.set(command, operation);
    return this;
  }

  /** How often each operation has been called, by its name without `Command`. */
  get calls(): ReadonlyMap<string, number> {
    return this.#calls;
  }

  /** As the SDK's clients have it. */
  readonly send = async (command: Command<unknown>): Promise<unknown> => {
    const name = command.constructor.name.replace(/Command$/, '');
    const operation = this.#operations.get(command.constructor);
    if (!operation) throw awsError('NotImplemented', `The embedded cloud does not know ${name}.`, 501);
    const call = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, call);
    await this.clock.sleep(this.latency);
    const fault = this.faults(name, call, command.input);
    const failure = fault && awsError(fault.error, fault.message ?? `${fault.error} (${name})`, fault.status);
    if (failure && !fault.after) throw failure;
    const throttled = this.buckets?.take(name);
    if (throttled) throw throttled;
    const release = this.clock.hold();
    try {
      const output = await operation(structuredClone(command.input) as never);
      if (failure) throw failure;
      return { $metadata: {}, ...(output as object) };
    } finally {
      release();
    }
  };
}
