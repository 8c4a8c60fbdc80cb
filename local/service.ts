import { CLIENT } from '../lambdas/runtime/clients';
import type { LocalClock } from './clock';
import type { TokenBuckets } from './limits';

/** What comes over the wire instead of AWS's reply: the SDK's own deserialisers make an error, or an output, of it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A real client of a service's SDK, in what it is built with here. */
export type SdkClient = new (config: {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
  readonly logger: typeof CLIENT.logger;
  readonly requestHandler: { handle(): Promise<{ response: never }> };
}) => { send(command: never): Promise<unknown> };

/** What goes wrong with one call of an AWS operation. */
export interface ApiFault {
  /** AWS's name of the error that answers, e.g. `RequestLimitExceeded`. Default: no error. */
  readonly error?: string;
  readonly message?: string;
  /** HTTP status; default 400. */
  readonly status?: number;
  /** What answers instead of `error`. */
  readonly http?: HttpAnswer;
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
 * @param decode what the SDK makes of an answer; by default the fault may have no `http`
 */
export async function carryOut<Output>(
  clock: LocalClock,
  operation: string,
  fault: ApiFault = {},
  effect: (lag: number) => Output | Promise<Output>,
  decode: (answer: HttpAnswer) => Promise<Output> = () => Promise.reject(new Error(`No SDK reads ${operation} here.`)),
): Promise<Output> {
  const { error, message = `${error} (${operation})`, status, http } = fault;
  const { after, delay = 0, replyDelay = 0, lag = 0 } = fault;
  const answer = (): Promise<Output> | undefined => {
    if (http) return decode(http);
    return error === undefined ? undefined : Promise.reject(awsError(error, message, status));
  };
  const answered = http !== undefined || error !== undefined;
  if (delay > 0) await clock.sleep(delay);
  const output = answered && !after ? undefined : await effect(lag);
  if (replyDelay > 0) await clock.sleep(replyDelay);
  return (await answer()) ?? (output as Output);
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
   * @param sdk reads what a fault has for an `http` answer; by default none may have one
   */
  constructor(
    private readonly clock: LocalClock,
    private readonly latency: number,
    private readonly faults: Faults = () => undefined,
    private readonly buckets?: TokenBuckets,
    private readonly sdk?: SdkClient,
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
    const { sdk } = this;
    const fault = this.faults(name, call, command.input, caller?.name);
    try {
      const throttled = this.buckets?.take(name);
      if (throttled) throw throttled;
      return await carryOut<unknown>(
        this.clock,
        name,
        fault,
        (lag) => ({ $metadata: {}, ...(operation(structuredClone(command.input) as never, lag) as object) }),
        sdk && ((answer) => this.#decode(sdk, command, answer)),
      );
    } finally {
      if (fault?.kills) caller?.kill();
      // Neither a reply nor an error reaches a function that has ended.
      if (caller?.ended()) await never();
    }
  }

  /** Serialises the command and reads the answer as the SDK does. No virtual time passes. */
  async #decode(
    sdk: SdkClient,
    command: Command<unknown>,
    { status, headers = {}, body = '' }: HttpAnswer,
  ): Promise<unknown> {
    const response = { statusCode: status, headers, body: Buffer.from(body) } as never;
    const client = new sdk({
      region: 'us-east-1',
      credentials: { accessKeyId: 'embedded', secretAccessKey: 'embedded' },
      maxAttempts: 1,
      logger: CLIENT.logger,
      requestHandler: { handle: async () => ({ response }) },
    });
    const release = this.clock.hold();
    try {
      return await client.send(command as never);
    } finally {
      release();
    }
  }
}
