import { CLIENT } from '../lambdas/runtime/clients';
import type { LocalClock } from './clock';
import type { TokenBuckets } from './limits';

/** An HTTP response in place of AWS's response. The SDK's own deserialisers turn it into an error or an output. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The class of a service's real SDK client, with the configuration that it gets here. */
export type SdkClient = new (config: {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
  readonly logger: typeof CLIENT.logger;
  readonly requestHandler: { handle(): Promise<{ response: never }> };
}) => { send(command: never): Promise<unknown> };

/** A fault in one call of an AWS operation. */
export interface ApiFault {
  /** AWS's name of the error that the call returns, such as `RequestLimitExceeded`. Default: no error. */
  readonly error?: string;
  readonly message?: string;
  /** The HTTP status of `error`. Default: 400. */
  readonly status?: number;
  /** The HTTP response of the call, in place of `error`. */
  readonly http?: HttpAnswer;
  /** Whether the operation takes effect before the fault, so that only its reply is lost. Default: false. */
  readonly after?: boolean;
  /** Additional milliseconds before the operation takes effect. Default: 0. */
  readonly delay?: number;
  /** Milliseconds between the effect and the reply. Default: 0. */
  readonly replyDelay?: number;
  /** Whether the calling function is killed before it gets the reply. Default: false. */
  readonly kills?: boolean;
  /** The age of the state that the operation reads, in milliseconds. Default: 0. */
  readonly lag?: number;
}

/**
 * Returns the fault of a call; undefined for a call without one. `call` counts the operation's calls from 1. `caller`
 * is the calling function's name; undefined if no function makes the call.
 */
export type Faults = (operation: string, call: number, input: unknown, caller?: string) => ApiFault | undefined;

/** The invocation of a function that calls a service. */
export interface Caller {
  /** The function's name. */
  readonly name: string;
  /** Whether the invocation has ended. Its later calls have no effect, and it gets no more replies. */
  readonly ended: () => boolean;
  /** Ends the invocation as a crash of its environment does. */
  readonly kill: () => void;
}

/** Returns an error like those of the AWS SDK. */
export function awsError(name: string, message: string, status = 400): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode: status } });
}

/**
 * Carries out a call with its fault.
 *
 * @param effect the effect of the call; it gets the fault's lag
 * @param decode reads a response as the SDK does; by default a fault with `http` is rejected
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

/** The operations of one AWS service. Each has a command class of the SDK, and clients call it through `send`. */
export class Service {
  readonly #operations = new Map<unknown, (input: never, lag: number) => unknown>();
  readonly #calls = new Map<string, number>();

  /**
   * @param latency milliseconds that a call takes
   * @param faults returns the fault of a call; by default no call has one
   * @param buckets the token buckets of the account; by default no call is throttled
   * @param sdk reads the `http` of a fault; by default a fault with `http` is rejected
   */
  constructor(
    private readonly clock: LocalClock,
    private readonly latency: number,
    private readonly faults: Faults = () => undefined,
    private readonly buckets?: TokenBuckets,
    private readonly sdk?: SdkClient,
  ) {}

  /** Defines the operation of a command. `lag` is the age of the state that it reads, in milliseconds. */
  on<Input, Output>(
    command: new (input: Input) => Command<Input>,
    operation: (input: Input, lag: number) => Output,
  ): this {
    this.#operations.set(command, operation);
    return this;
  }

  /** The number of calls of each operation, by the name of its command without `Command`. */
  get calls(): ReadonlyMap<string, number> {
    return this.#calls;
  }

  /**
   * Returns a client with the `send` of the SDK's clients.
   * @param caller the function that uses the client; default: none
   */
  client(caller?: Caller): { send: (command: Command<unknown>) => Promise<unknown> } {
    return { send: (command) => this.#send(command, caller) };
  }

  async #send(command: Command<unknown>, caller?: Caller): Promise<unknown> {
    const name = command.constructor.name.replace(/Command$/, '');
    const operation = this.#operations.get(command.constructor);
    if (!operation) throw awsError('NotImplemented', `The embedded cloud does not know ${name}.`, 501);
    const { sdk } = this;
    return this.call(
      name,
      command.input,
      async (lag) => ({
        $metadata: {},
        ...((await operation(structuredClone(command.input) as never, lag)) as object),
      }),
      caller,
      sdk && ((answer) => this.#decode(sdk, command, answer)),
    );
  }

  /**
   * Carries out a call of an operation, also one for which there is no client: a state machine's own.
   *
   * @param effect what the operation does; it gets the age of the state that it reads, in milliseconds
   * @param caller the function that calls; default: none
   * @param decode reads a response as the SDK does; by default a fault with `http` is rejected
   */
  async call<Output>(
    name: string,
    input: unknown,
    effect: (lag: number) => Output | Promise<Output>,
    caller?: Caller,
    decode?: (answer: HttpAnswer) => Promise<Output>,
  ): Promise<Output> {
    if (caller?.ended()) return never();
    const call = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, call);
    await this.clock.sleep(this.latency);
    const fault = this.faults(name, call, input, caller?.name);
    try {
      const throttled = this.buckets?.take(name);
      if (throttled) throw throttled;
      return await carryOut<Output>(this.clock, name, fault, effect, decode);
    } finally {
      if (fault?.kills) caller?.kill();
      // Neither a reply nor an error reaches a function that has ended.
      if (caller?.ended()) await never();
    }
  }

  /** Lets the SDK serialise the command and read the response. No virtual time passes. */
  async #decode<Output>(
    sdk: SdkClient,
    command: Command<unknown>,
    { status, headers = {}, body = '' }: HttpAnswer,
  ): Promise<Output> {
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
      return (await client.send(command as never)) as Output;
    } finally {
      release();
    }
  }
}
