import { join } from 'node:path';
import { Logger } from '@aws-lambda-powertools/logger';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { SSMClient } from '@aws-sdk/client-ssm';
import { FUNCTION_TIMEOUT_SECONDS } from '../constructs/datastream/functions';
import { submissionDefinition } from '../constructs/datastream/submission-definition';
import type { Matrix } from '../executions/matrix/expand';
import type { DiskError } from '../files/disk';
import type { Budget } from '../lambdas/datastream/budget';
import { createChecker } from '../lambdas/datastream/checker';
import { createCommander } from '../lambdas/datastream/commander';
import { type Head, s3Signer } from '../lambdas/datastream/inputs';
import { createPlanner } from '../lambdas/datastream/planner';
import { createPoller } from '../lambdas/datastream/poller';
import { createReaper } from '../lambdas/datastream/reaper';
import { createRelay } from '../lambdas/datastream/relay';
import { createResults } from '../lambdas/datastream/results';
import { createStarter } from '../lambdas/datastream/starter';
import { createStopper } from '../lambdas/datastream/stopper';
import type { Log } from '../lambdas/runtime/handler';
import { BUCKET_TAG } from '../lambdas/runtime/tags';
import type { LocalClock } from './clock';
import { EmbeddedEc2, type Lifecycle } from './ec2';
import { type CloudEvent, type Delivery, type Emit, targetOf } from './events';
import { type Handler, runHandler } from './lambda';
import { type RateLimits, type Throttled, TokenBuckets } from './limits';
import type { EmbeddedLogs } from './logs';
import { functionArn, LOCAL_DEFINITION } from './machine';
import { seededRandom } from './random';
import { EmbeddedS3 } from './s3';
import { type Caller, carryOut, type Faults, type SdkClient, Service } from './service';
import { EmbeddedSfn } from './sfn';
import { EmbeddedSsm, type Shell } from './ssm';
import type { Definition } from './states/definition';

type FunctionName = keyof typeof FUNCTION_TIMEOUT_SECONDS;
/** The functions of one deployment. Each call creates a new handler. */
type Functions = Readonly<Record<Exclude<FunctionName, 'planner' | 'reporter'>, (caller: Caller) => Handler>>;

/** The factories for the functions of a deployment. */
export interface Code {
  readonly createStarter: typeof createStarter;
  readonly createCommander: typeof createCommander;
  readonly createPoller: typeof createPoller;
  readonly createChecker: typeof createChecker;
  readonly createStopper: typeof createStopper;
  readonly createRelay: typeof createRelay;
  readonly createReaper: typeof createReaper;
  readonly createResults: typeof createResults;
}

/** The code in lambdas/. */
export const CODE: Code = {
  createStarter,
  createCommander,
  createPoller,
  createChecker,
  createStopper,
  createRelay,
  createReaper,
  createResults,
};

/** One call of a function. */
export interface Invocation {
  readonly function: string;
  readonly milliseconds: number;
  readonly result?: unknown;
  /** The name of the error that the function threw. */
  readonly error?: string;
}

export interface EmbeddedCloudOptions {
  /** The folder that contains the buckets, such as `.datastream` in the user's folder. */
  readonly folder: string;
  readonly clock: LocalClock;
  readonly shell: Shell;
  readonly region: string;
  /** How long an instance stays in each state, such as `LIKE_EC2` or `AT_ONCE`. */
  readonly lifecycle: Lifecycle;
  /** Milliseconds that an API call takes. */
  readonly latency: number;
  /** The deployment's `s3_bucket`: its tag tells it, and logs of jobs that name none go there. By default none. */
  readonly logBucket?: string;
  /** The log group of jobs that run, `job_logs = "cloudwatch"`, and where it is. By default none. */
  readonly liveLogs?: { readonly group: string; readonly logs: EmbeddedLogs };
  /** The deployment's subnets. By default none. */
  readonly subnetIds?: readonly string[];
  /** By default no call fails. The state machine's calls of Lambda have the operation `Invoke` and no caller. */
  readonly faults?: Faults;
  /** The account's rates, such as `PUBLISHED_LIMITS`. By default no call is throttled. */
  readonly limits?: RateLimits;
  /** Seed of the jitter of Retry: the same seed repeats a run. Default: 1. */
  readonly seed?: number;
  /** By default every event arrives once, half a second later. */
  readonly deliver?: Delivery;
  /** The matrix whose jobs the planner starts, as it is deployed. By default there is no planner. */
  readonly matrix?: Matrix;
  /** What the planner keeps to. By default there is no budget. */
  readonly budget?: Budget;
  /** The code of the first deployment, which is version 1. Default: `CODE`. */
  readonly code?: Code;
  /** The definition of the datastream's state machine. Default: `LOCAL_DEFINITION`. */
  readonly definition?: Definition;
  /** Called after every call of a function. */
  readonly onInvocation?: (invocation: Invocation) => void;
  /** Called if this computer cannot write an object of S3. By default nothing is called. */
  readonly onDiskError?: (error: DiskError) => void;
  /** What answers HEAD requests beyond S3. By default nothing does: there is no Internet here. */
  readonly web?: Head;
  /** By default the functions' logs are discarded. */
  readonly log?: Log;
  /** Functions of another system, by name, which machines of this cloud call. Default: none. */
  readonly functions?: Readonly<Record<string, FurtherFunction>>;
}

/** A function of another system. */
export interface FurtherFunction {
  readonly create: (caller: Caller) => Handler;
  readonly timeoutSeconds: number;
}

/** Typical times of Amazon Linux 2023 on EC2. The SSM agent is Online about 35 s after RunInstances. */
export const LIKE_EC2: Lifecycle = { running: 15_000, online: 20_000, ended: 40_000 };
/** For a user at a terminal, who should not wait. */
export const AT_ONCE: Lifecycle = { running: 0, online: 0, ended: 200 };

const ACCOUNT = '000000000000';
/** Nobody here checks a signature; the functions make it all the same. */
const SIGNER = s3Signer(
  new EC2Client({ region: 'us-east-1', credentials: { accessKeyId: 'embedded', secretAccessKey: 'embedded' } }).config,
  'us-east-1',
);
const noWeb: Head = () =>
  Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ENETUNREACH' } }));

/** The bucket of the embedded cloud's submissions. */
export const SUBMISSIONS_BUCKET = 'submissions';
const REAPER_PERIOD_MS = 600_000;
/** If a function fails on an event, Lambda retries twice (Lambda Developer Guide, asynchronous invocation). */
const ASYNC_RETRY_DELAYS_MS = [60_000, 120_000];

/**
 * The parts of AWS that this project uses, in this process: EC2, SSM, S3, Step Functions, EventBridge and the
 * deployed functions. The functions are the same handlers that run in Lambda.
 */
export class EmbeddedCloud {
  readonly ec2: EmbeddedEc2;
  readonly ssm: EmbeddedSsm;
  readonly s3: EmbeddedS3;
  readonly sfn: EmbeddedSfn;
  readonly clock: LocalClock;
  readonly region: string;
  readonly stateMachineArn: string;
  /** The machine of submissions, whose bucket is `SUBMISSIONS_BUCKET`. */
  readonly submissionsArn: string;
  readonly invocations: Invocation[] = [];
  /** The events of asynchronous calls that have failed at every try. */
  readonly deadLetters: unknown[] = [];
  /** The functions of each deployment, from version 1. The last version is also `$LATEST`. */
  readonly #versions: Functions[] = [];
  readonly #functionsOf: (code: Code) => Functions;
  readonly #planner?: (caller: Caller) => Handler;
  readonly #further: Readonly<Record<string, FurtherFunction>>;
  readonly #services: Service[] = [];
  readonly #buckets?: TokenBuckets;
  readonly #faults: Faults;
  #invokes = 0;
  readonly #deliver: Delivery;
  readonly #onInvocation: (invocation: Invocation) => void;

  constructor(options: EmbeddedCloudOptions) {
    const { clock, region, deliver = () => [500], onInvocation = () => {} } = options;
    const log = options.log ?? new Logger({ logLevel: 'SILENT' });
    this.clock = clock;
    this.region = region;
    this.stateMachineArn = `arn:aws:states:${region}:${ACCOUNT}:stateMachine:local`;
    this.submissionsArn = `${this.stateMachineArn}_submissions`;
    this.#deliver = deliver;
    this.#onInvocation = onInvocation;
    this.#faults = options.faults ?? (() => undefined);
    this.#further = options.functions ?? {};

    if (options.limits) this.#buckets = new TokenBuckets(clock, options.limits);
    const buckets = this.#buckets;
    const service = (sdk: SdkClient) => {
      const one = new Service(clock, options.latency, options.faults, buckets, sdk);
      this.#services.push(one);
      return one;
    };
    const emit: Emit = (source, type, detail) => this.emit(source, type, detail);
    this.ec2 = new EmbeddedEc2(clock, emit, options.lifecycle, service(EC2Client));
    this.ssm = new EmbeddedSsm(clock, emit, this.ec2, options.shell, service(SSMClient), options.liveLogs?.logs);
    this.s3 = new EmbeddedS3(clock, join(options.folder, 'buckets'), service(S3Client), options.onDiskError);
    this.sfn = new EmbeddedSfn(clock, service(SFNClient), emit, seededRandom(options.seed ?? 1));

    const { stateMachineArn } = this;
    const ec2 = (caller: Caller) => this.ec2.client(caller);
    const ssm = (caller: Caller) => this.ssm.client(caller);
    const s3 = (caller: Caller) => this.s3.client(caller);
    const head = (caller: Caller) => this.s3.head(caller, options.web ?? noWeb);
    const sfn = (caller: Caller) => this.sfn.client(caller);
    const defaults = {
      stateMachineArn,
      securityGroupId: 'sg-00000000000000000',
      instanceProfileName: 'local',
      subnetIds: options.subnetIds ?? [],
    };
    const logs = { keep: true, bucket: options.logBucket ?? '', group: options.liveLogs?.group ?? '' };
    this.#functionsOf = (code) => ({
      starter: (c) =>
        code.createStarter({ ec2: ec2(c), ssm: ssm(c), head: head(c), signer: SIGNER, clock, region, defaults }, log),
      commander: (c) => code.createCommander({ ssm: ssm(c), s3: s3(c), clock, region, logs }, log),
      poller: (c) => code.createPoller({ ec2: ec2(c), ssm: ssm(c), sfn: sfn(c), clock }, log),
      checker: (c) => code.createChecker({ s3: s3(c) }, log),
      stopper: (c) => code.createStopper({ ec2: ec2(c), stateMachineArn, clock }, log),
      relay: (c) => code.createRelay({ ec2: ec2(c), ssm: ssm(c), sfn: sfn(c), clock, stateMachineArn }, log),
      reaper: (c) => code.createReaper({ ec2: ec2(c), sfn: sfn(c), clock, stateMachineArn }, log),
      results: (c) => code.createResults({ s3: s3(c), sfn: sfn(c), bucket: SUBMISSIONS_BUCKET, stateMachineArn }, log),
    });
    const { matrix } = options;
    // What was scheduled before there was a cloud is not caught up, as after a first deployment.
    const since = clock.now();
    if (matrix)
      this.#planner = (c) =>
        createPlanner(
          { sfn: sfn(c), clock, stateMachineArn, matrix, since, ...(options.budget && { budget: options.budget }) },
          log,
        );
    this.deploy(options.code ?? CODE);
    this.#integrate();
    this.sfn.define(stateMachineArn, options.definition ?? LOCAL_DEFINITION, { [BUCKET_TAG]: options.logBucket ?? '' });
    this.sfn.define(
      this.submissionsArn,
      submissionDefinition({ stateMachineArn, resultsArn: functionArn('results'), bucket: SUBMISSIONS_BUCKET }),
    );
    this.#scheduleReaper();
  }

  /** Publishes a version of every function. Events name no version, so they call the new relay and reaper. */
  deploy(code: Code): void {
    this.#versions.push(this.#functionsOf(code));
  }

  /** The number of calls of an AWS operation. */
  calls(operation: string): number {
    return this.#services.reduce((sum, service) => sum + (service.calls.get(operation) ?? 0), 0);
  }

  /** The calls that were throttled. */
  get throttled(): readonly Throttled[] {
    return this.#buckets?.throttled ?? [];
  }

  /** Sends an event to EventBridge. Its rules call relay and reaper. */
  emit(source: string, type: string, detail: Readonly<Record<string, unknown>>): void {
    const event: CloudEvent = {
      source,
      'detail-type': type,
      time: this.clock.now().toISOString(),
      region: this.region,
      account: ACCOUNT,
      detail,
    };
    const target = targetOf(event);
    if (!target) return;
    for (const delay of this.#deliver(event)) this.clock.after(delay, () => void this.invokeAsync(target, event));
  }

  /**
   * Calls a function as Lambda does. Event and result are JSON. The function's time-out ends the call.
   * @param version default: the last deployment
   * @throws Error with the name of the function's error. Its message is JSON, which Step Functions uses as the Cause
   */
  async invoke(name: string, event: unknown, version = this.#versions.length): Promise<unknown> {
    const further = this.#further[name];
    const own = name === 'planner' ? this.#planner : this.#versions[version - 1]?.[name as keyof Functions];
    const create = further?.create ?? own;
    const seconds = further?.timeoutSeconds ?? FUNCTION_TIMEOUT_SECONDS[name as FunctionName];
    if (!create) throw new Error(`There is no function ${name}.`);
    const begun = this.clock.now().getTime();
    const done = (rest: { result?: unknown; error?: string }) => {
      const invocation = { function: name, milliseconds: this.clock.now().getTime() - begun, ...rest };
      this.invocations.push(invocation);
      this.#onInvocation(invocation);
    };
    try {
      const result = await runHandler(name, create, event, seconds, this.clock);
      done({ result });
      return result;
    } catch (error) {
      done({ error: (error as Error).name });
      throw error;
    }
  }

  /** What the state machines call. */
  #integrate(): void {
    this.sfn.integrate('lambda:invoke', async ({ parameters: { FunctionName, Payload } }) => {
      const [name = '', version] = String(FunctionName).split(':function:').at(-1)?.split(':') ?? [];
      const invoked = this.#invokeFromMachine(name, Payload, version ? Number(version) : undefined);
      return { Payload: await invoked, StatusCode: 200 };
    });
    this.sfn.integrate('s3:getObject', async ({ parameters: { Bucket, Key } }) => ({
      Body: this.s3.get(String(Bucket), String(Key)),
    }));
    this.sfn.integrate('s3:putObject', async ({ parameters: { Bucket, Key, Body } }) =>
      this.s3.put(String(Bucket), String(Key), String(Body)),
    );
    this.sfn.integrate('aws-sdk:sfn:describeExecution', async ({ parameters: { ExecutionArn } }) => {
      const command = new DescribeExecutionCommand({ executionArn: String(ExecutionArn) });
      const { $metadata: _, ...told } = await this.sfn
        .client()
        .send(command)
        .catch(({ name, message }: Error) => {
          throw Object.assign(new Error(message), { name: `Sfn.${name}Exception` });
        });
      // As the integration has it: members in Pascal case, dates as texts.
      const entries = Object.entries(JSON.parse(JSON.stringify(told)) as object);
      return Object.fromEntries(
        entries.map(([key, value]) => [`${key.charAt(0).toUpperCase()}${key.slice(1)}`, value]),
      );
    });
  }

  /** Calls a function as the state machine does. A fault may affect this call too: it is a fault of Lambda. */
  #invokeFromMachine(name: string, event: unknown, version?: number): Promise<unknown> {
    const call = ++this.#invokes;
    const fault = this.#faults('Invoke', call, { FunctionName: name, Payload: event });
    return carryOut(this.clock, 'Invoke', fault, () => this.invoke(name, event, version));
  }

  /** Calls a function as EventBridge and Scheduler do: Lambda retries twice, and then keeps the event as a dead letter. */
  async invokeAsync(name: string, event: unknown, retries: readonly number[] = ASYNC_RETRY_DELAYS_MS): Promise<void> {
    try {
      await this.invoke(name, event);
    } catch {
      // `invoke` has recorded the failure.
      const [delay, ...rest] = retries;
      if (delay === undefined) this.deadLetters.push(event);
      else this.clock.after(delay, () => void this.invokeAsync(name, event, rest));
    }
  }

  #scheduleReaper(): void {
    this.clock.after(REAPER_PERIOD_MS, () => {
      void this.invokeAsync('reaper', {});
      this.#scheduleReaper();
    });
  }
}
