import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Logger } from '@aws-lambda-powertools/logger';
import { BatchClient } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { definition } from '../constructs/carousel/definition';
import { EVENT_PATTERNS } from '../constructs/carousel/events';
import {
  FUNCTION_MEMORY_MB,
  FUNCTION_TIMEOUT_SECONDS,
  type FunctionName,
  TURN_FUNCTIONS,
  type TurnFunction,
} from '../constructs/carousel/functions';
import { FILES_TABLE, JOBS_TABLE } from '../constructs/carousel/table-shapes';
import type { DiskError } from '../files/disk';
import type { Carousel, Deployment } from '../lambdas/carousel/deployment';
import { createFollower } from '../lambdas/carousel/follower';
import type { KnownJobs } from '../lambdas/carousel/known-job';
import { createPlanner } from '../lambdas/carousel/planner';
import { createReaper } from '../lambdas/carousel/reaper';
import { createReporter } from '../lambdas/carousel/reporter';
import { createRequester } from '../lambdas/carousel/requester';
import { createRestorer } from '../lambdas/carousel/restorer';
import type { TurnDefaults } from '../lambdas/carousel/turn';
import type { Log } from '../lambdas/runtime/handler';
import { type Container, EmbeddedBatch, LIKE_BATCH } from './batch';
import type { LocalClock } from './clock';
import type { Invocation } from './cloud';
import { EmbeddedDynamoDb } from './dynamodb';
import { type CloudEvent, type Delivery, type Emit, matches } from './events';
import { type Handler, runHandler } from './lambda';
import { type RateLimits, TokenBuckets } from './limits';
import { seededRandom } from './random';
import { EmbeddedS3 } from './s3';
import { type Caller, carryOut, type Faults, type SdkClient, Service } from './service';
import { EmbeddedSfn, type Execution } from './sfn';
import { EmbeddedSqs } from './sqs';
import type { Progress } from './states/interpreter';

export interface EmbeddedCarouselOptions {
  /** The folder that contains the buckets. */
  readonly folder: string;
  readonly clock: LocalClock;
  readonly container: Container;
  readonly jobs: KnownJobs;
  readonly defaults: TurnDefaults;
  /** Default: 'archive'. */
  readonly archiveBucket?: string;
  /** Default: all. */
  readonly archivePrefix?: string;
  /** Milliseconds that an API call takes. Default: 80. */
  readonly latency?: number;
  /** Milliseconds from a job's submission to its start. Default: two minutes. */
  readonly startMs?: number;
  /** Seed of the times of restores and of the jitter of retries. Default: 1. */
  readonly seed?: number;
  /** By default every event arrives once, half a second later. */
  readonly deliver?: Delivery;
  /** By default no call fails. */
  readonly faults?: Faults;
  /** By default no call is throttled. */
  readonly limits?: RateLimits;
  /** Whether HSDS is deployed, so that files are sent to the indexer. Default: no. */
  readonly hsds?: boolean;
  readonly onDiskError?: (error: DiskError) => void;
  /** By default the functions' logs are discarded. */
  readonly log?: Log;
}

/** Buckets and queues of the embedded deployment. */
export const ARCHIVE = 'archive';
export const OUTPUTS = 'outputs';
export const QUEUE = 'datacarousel-job-queue';
export const WORK_QUEUE = 'https://sqs.local/hsload_work.fifo';
export const DEAD_LETTERS = 'https://sqs.local/hsload_dead.fifo';

const REGION = 'us-east-1';
const ACCOUNT = '000000000000';
export const TURN_MACHINE = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:datacarousel-turn`;
const functionArn = (name: string) => `arn:aws:lambda:local:${ACCOUNT}:function:${name}:1`;

const REAPER_PERIOD_MS = 600_000;
const ASYNC_RETRY_DELAYS_MS = [60_000, 120_000];

/** The parts of AWS that the Carousel uses, in this process, with its functions and its machine as they are deployed. */
export class EmbeddedCarousel {
  readonly s3: EmbeddedS3;
  readonly sfn: EmbeddedSfn;
  readonly batch: EmbeddedBatch;
  readonly sqs: EmbeddedSqs;
  readonly dynamo: EmbeddedDynamoDb;
  readonly clock: LocalClock;
  readonly deployment: Deployment;
  readonly invocations: (Invocation & { readonly memoryMb: number })[] = [];
  readonly #services: Service[] = [];
  readonly #functions: Readonly<Record<FunctionName, (caller: Caller) => Handler>>;
  readonly #deliver: Delivery;
  readonly #faults: Faults;
  #invokes = 0;
  #reaping: (() => void) | undefined;

  constructor(options: EmbeddedCarouselOptions) {
    const {
      clock,
      deliver = () => [500],
      latency = 80,
      seed = 1,
      archiveBucket = ARCHIVE,
      archivePrefix = '',
    } = options;
    const log = options.log ?? new Logger({ logLevel: 'SILENT' });
    this.clock = clock;
    this.#deliver = deliver;
    this.#faults = options.faults ?? (() => undefined);
    const buckets = options.limits && new TokenBuckets(clock, options.limits);
    const service = (sdk: SdkClient) => {
      const one = new Service(clock, latency, options.faults, buckets, sdk);
      this.#services.push(one);
      return one;
    };
    const emit: Emit = (source, type, detail) => this.emit(source, type, detail);
    this.s3 = new EmbeddedS3(clock, join(options.folder, 'buckets'), service(S3Client), options.onDiskError);
    this.s3.glacier(emit, seededRandom(seed));
    this.sfn = new EmbeddedSfn(clock, service(SFNClient), emit, seededRandom(seed + 1));
    this.batch = new EmbeddedBatch(clock, emit, service(BatchClient), options.container, options.startMs ?? LIKE_BATCH);
    this.sqs = new EmbeddedSqs(clock, service(SQSClient));
    this.dynamo = new EmbeddedDynamoDb(clock, service(DynamoDBClient));
    const tables = { files: 'BasicFusionFiles', jobs: 'DataCarouselJobs' };
    this.dynamo.table(tables.files, FILES_TABLE);
    this.dynamo.table(tables.jobs, JOBS_TABLE);
    this.sqs.queue(DEAD_LETTERS, 30);
    this.sqs.queue(WORK_QUEUE, 1800, { url: DEAD_LETTERS, receives: 3 });
    for (const [name, job] of Object.entries(options.jobs)) this.batch.define(name, job);
    this.batch.define('hsload', {
      command: ['/opt/hsload/index.sh'],
      parameters: {},
      timeoutSeconds: 21_600,
      attempts: 3,
    });
    this.deployment = {
      tables,
      archiveBucket,
      archivePrefix,
      outputBucket: OUTPUTS,
      queue: QUEUE,
      stateMachineArn: TURN_MACHINE,
      region: REGION,
      jobs: options.jobs,
      defaults: options.defaults,
      ...(options.hsds && {
        hsds: {
          endpoint: 'http://hsds.local:5101',
          domain: '/home/admin/terra/',
          workQueueUrl: WORK_QUEUE,
          definition: 'hsload',
        },
      }),
    };
    const clients = (caller?: Caller): Carousel => ({
      dynamo: this.dynamo.client(caller),
      s3: this.s3.client(caller),
      batch: this.batch.client(caller),
      sfn: this.sfn.client(caller),
      sqs: this.sqs.client(caller),
      clock,
      deployment: this.deployment,
    });
    this.#functions = {
      planner: (c) => createPlanner(clients(c), log),
      restorer: (c) => createRestorer(clients(c), log),
      follower: (c) => createFollower(clients(c), log),
      reporter: (c) => createReporter(clients(c), log),
      requester: (c) => createRequester(clients(c), log),
      reaper: (c) => createReaper(clients(c), log),
    };
    this.clients = clients;
    const arns = Object.fromEntries(TURN_FUNCTIONS.map((name) => [name, functionArn(name)])) as Record<
      TurnFunction,
      string
    >;
    this.sfn.integrate('lambda:invoke', async ({ parameters: { FunctionName, Payload } }) => {
      const name = String(FunctionName).split(':function:').at(-1)?.split(':')[0] as FunctionName;
      const fault = this.#faults('Invoke', ++this.#invokes, { FunctionName: name, Payload });
      return { Payload: await carryOut(clock, 'Invoke', fault, () => this.invoke(name, Payload)), StatusCode: 200 };
    });
    this.sfn.define(TURN_MACHINE, definition(arns));
    this.#scheduleReaper();
  }

  /** The clients of a function, or of who uses this cloud from outside. */
  readonly clients: (caller?: Caller) => Carousel;

  /** The number of calls of an AWS operation. */
  calls(operation: string): number {
    return this.#services.reduce((sum, service) => sum + (service.calls.get(operation) ?? 0), 0);
  }

  /** Starts a turn. */
  start(input: unknown, name: string = randomUUID(), onProgress?: (progress: Progress) => void): Execution {
    return this.sfn.start({ stateMachineArn: TURN_MACHINE, input, name, ...(onProgress && { onProgress }) });
  }

  /** Calls a function as Lambda does. */
  async invoke(name: FunctionName, event: unknown): Promise<unknown> {
    const begun = this.clock.now().getTime();
    const done = (error?: string) =>
      this.invocations.push({
        function: name,
        milliseconds: this.clock.now().getTime() - begun,
        memoryMb: FUNCTION_MEMORY_MB[name],
        ...(error !== undefined && { error }),
      });
    try {
      const result = await runHandler(name, this.#functions[name], event, FUNCTION_TIMEOUT_SECONDS[name], this.clock);
      done();
      return result;
    } catch (error) {
      done((error as Error).name);
      throw error;
    }
  }

  /** Sends an event to EventBridge. Its rules call follower and reaper. */
  emit(source: string, type: string, detail: Readonly<Record<string, unknown>>): void {
    const event: CloudEvent = {
      source,
      'detail-type': type,
      time: this.clock.now().toISOString(),
      region: REGION,
      account: ACCOUNT,
      detail,
    };
    const { turnEnded, ...forFollower } = EVENT_PATTERNS;
    const target = matches(event, turnEnded)
      ? 'reaper'
      : Object.values(forFollower).some((pattern) => matches(event, pattern))
        ? 'follower'
        : undefined;
    if (!target) return;
    for (const delay of this.#deliver(event)) this.clock.after(delay, () => void this.#invokeAsync(target, event));
  }

  async #invokeAsync(
    name: FunctionName,
    event: unknown,
    retries: readonly number[] = ASYNC_RETRY_DELAYS_MS,
  ): Promise<void> {
    try {
      await this.invoke(name, event);
    } catch {
      const [delay, ...rest] = retries;
      if (delay !== undefined) this.clock.after(delay, () => void this.#invokeAsync(name, event, rest));
    }
  }

  #scheduleReaper(): void {
    this.#reaping = this.clock.after(REAPER_PERIOD_MS, () => {
      void this.#invokeAsync('reaper', {});
      this.#scheduleReaper();
    });
  }

  /** Ends what would go on for ever. */
  close(): void {
    this.#reaping?.();
  }
}
