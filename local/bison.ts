import { copyFileSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Logger } from '@aws-lambda-powertools/logger';
import { AthenaClient } from '@aws-sdk/client-athena';
import { BatchClient } from '@aws-sdk/client-batch';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { definition } from '../constructs/bison/definition';
import { type BisonFunctionName, FUNCTION_TIMEOUT_SECONDS } from '../constructs/bison/functions';
import { JOB_NAMES, JOBS, type JobName, jobEnvironment } from '../constructs/bison/jobs';
import { CRAWLED_PREFIX, DATABASE, DEFAULT_REGIONS, PREFIXES, RIIS_KEY } from '../constructs/bison/names';
import { parseExecution } from '../executions/parse';
import { type GbifClients, GbifEvent, gbif } from '../lambdas/bison/gbif';
import { VerifierEvent, verify } from '../lambdas/bison/verifier';
import { createHandler } from '../lambdas/runtime/handler';
import { EmbeddedAthena, type QueryFate } from './athena';
import { type Container, EmbeddedBatch, LIKE_BATCH } from './batch';
import { runStandIn } from './bison-jobs';
import type { LocalClock } from './clock';
import { EmbeddedCloud, type EmbeddedCloudOptions, LIKE_EC2 } from './cloud';
import { type Database, openDatabase } from './duckdb';
import { EmbeddedGbif, type Making } from './gbif';
import { type Crawl, EmbeddedCatalog, EmbeddedGlue } from './glue';
import { integrateAthena, integrateBatch, integrateGlue, integrateS3 } from './integrations';
import { functionArn } from './machine';
import { type Caller, Service } from './service';
import type { Execution } from './sfn';
import type { Shell } from './ssm';
import type { Progress } from './states/interpreter';

/** Names of the embedded deployment. */
/** The bucket of GBIF's open data. */
export const OPEN_DATA = 'gbif-open-data-us-east-1';
export const WORKGROUP = 'bison';
export const CRAWLER = 'bison';
export const BISON_QUEUE = 'bison';
const SECRET = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:bison-gbif';
const ACCOUNT = '000000000000';
export const BISON_MACHINE = `arn:aws:states:us-east-1:${ACCOUNT}:stateMachine:bison-month`;

export interface EmbeddedBisonOptions
  extends Pick<
    EmbeddedCloudOptions,
    'folder' | 'clock' | 'faults' | 'limits' | 'seed' | 'deliver' | 'onDiskError' | 'log' | 'logBucket'
  > {
  /** Runs the commands of the ingest's instance. */
  readonly shell: Shell;
  /** The folder that stands for GBIF: downloads as zips by their keys, and `species.json`. */
  readonly gbif: string;
  /** The keys that GBIF gives to requests. Default: those of the folder's zips. */
  readonly keys?: readonly string[];
  readonly making?: Making;
  /** The execution file of the ingest, as it is deployed. Its bucket is that of the deployment, also for open data. */
  readonly ingest: unknown;
  /** Whether the month is made of GBIF's open data, which lie in OPEN_DATA, in place of an ingest. Default: no. */
  readonly openData?: boolean;
  /** Files of the subset. Default: 8. */
  readonly chunks?: number;
  /** Bytes that a query may read. Default: 2 TiB. */
  readonly scanLimitBytes?: number;
  /** Virtual minutes of each job. Default: twenty. */
  readonly jobMinutes?: number;
  /** Runs a job in place of the stand-in of its program. `standIn` runs that. Default: the stand-in. */
  readonly container?: (
    job: Parameters<Container>[0],
    name: JobName,
    standIn: () => ReturnType<Container>,
  ) => ReturnType<Container>;
  /** How the n-th crawl goes, from 1. */
  readonly crawl?: (crawl: number) => Crawl;
  /** How the n-th query goes, from 1. */
  readonly query?: (query: number, sql: string) => QueryFate;
  /** Milliseconds that an API call takes. Default: 80. */
  readonly latency?: number;
  /** HTTP statuses of GBIF in place of its answers. */
  readonly gbifAnswer?: ConstructorParameters<typeof EmbeddedGbif>[4];
  /** Hears what is done in S3 and the catalogue with a role's credentials: the machine's, the crawler's, a job's. */
  readonly access?: (role: 'machine' | 'crawler' | JobName, action: string, resource: string) => void;
  /** Hears the last line of a job that has failed. */
  readonly tell?: (message: string) => void;
}

/** BISON's workflow with all that it uses, in this process: the definition and the functions are those that are deployed. */
export class EmbeddedBison {
  readonly cloud: EmbeddedCloud;
  readonly athena: EmbeddedAthena;
  readonly batch: EmbeddedBatch;
  readonly glue: EmbeddedGlue;
  readonly catalog = new EmbeddedCatalog();
  readonly gbif: EmbeddedGbif;
  readonly clock: LocalClock;
  /** The one that the execution file of the ingest writes to. */
  readonly bucket: string;
  #database: Promise<Database> | undefined;
  readonly #services: Service[] = [];

  constructor(options: EmbeddedBisonOptions) {
    const { clock, folder, latency = 80, chunks = 8, seed = 1, tell = () => {} } = options;
    const from = options.openData ? 'open-data' : 'download';
    const { scanLimitBytes = 2 * 2 ** 40, jobMinutes = 20 } = options;
    const log = options.log ?? new Logger({ logLevel: 'SILENT' });
    this.clock = clock;
    const { bucket = 'bison' } = parseExecution(options.ingest).execution?.check_object ?? {};
    this.bucket = bucket;
    this.gbif = new EmbeddedGbif(
      clock,
      options.gbif,
      options.keys ?? keysIn(options.gbif),
      options.making,
      options.gbifAnswer,
    );
    const service = (sdk?: ConstructorParameters<typeof Service>[4]) => {
      const one = new Service(clock, latency, options.faults, undefined, sdk);
      this.#services.push(one);
      return one;
    };
    const secrets = service(SecretsManagerClient).on(GetSecretValueCommand, () => ({
      SecretString: JSON.stringify({ username: 'bison', password: 'embedded' }),
    }));
    const clients = (caller: Caller): GbifClients => ({
      s3: this.cloud.s3.client(caller),
      secrets: secrets.client(caller) as GbifClients['secrets'],
      sfn: this.cloud.sfn.client(caller),
      fetch: this.gbif.fetch,
      clock,
      ingest: options.ingest,
      deployment: {
        bucket,
        ingest: from,
        openDataBucket: OPEN_DATA,
        inputs: [RIIS_KEY, ...Object.values(DEFAULT_REGIONS).map(({ key }) => key)],
        dataStreamArn: this.cloud.stateMachineArn,
        secretArn: SECRET,
        scanLimitBytes,
      },
    });
    this.cloud = new EmbeddedCloud({
      ...{ folder, clock, region: 'us-east-1', lifecycle: LIKE_EC2, latency, seed },
      shell: this.#shell(options.shell),
      ...(options.faults && { faults: options.faults }),
      ...(options.limits && { limits: options.limits }),
      ...(options.logBucket && { logBucket: options.logBucket }),
      ...(options.deliver && { deliver: options.deliver }),
      ...(options.onDiskError && { onDiskError: options.onDiskError }),
      log,
      functions: {
        gbif: {
          create: (c) => createHandler('gbif', GbifEvent, (event, own) => gbif(event, clients(c), own), log),
          timeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
        },
        verifier: {
          create: () =>
            createHandler('verifier', VerifierEvent, (event, own) => verify(event, { scanLimitBytes }, own), log),
          timeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
        },
      },
    });
    const { s3, sfn } = this.cloud;
    const database = () => this.database();
    this.glue = new EmbeddedGlue(clock, service(), s3, this.catalog, database, options.crawl, (...what) =>
      access('crawler', ...what),
    );
    this.glue.define(CRAWLER, { database: DATABASE, targets: [], tablePrefix: CRAWLED_PREFIX });
    this.athena = new EmbeddedAthena(
      clock,
      service(AthenaClient),
      s3,
      this.catalog,
      database,
      options.query,
      (...what) => access('machine', ...what),
    );
    this.athena.define(WORKGROUP, { outputLocation: `s3://${this.bucket}/${PREFIXES.queries}`, scanLimitBytes });
    const access = options.access ?? (() => {});
    const place = {
      access,
      s3,
      clock,
      database,
      gbif: options.gbif,
      bucket,
      riis: RIIS_KEY,
      regions: DEFAULT_REGIONS,
    };
    const container: Container = async (job) => {
      const name = job.definition as JobName;
      const standIn = async () => {
        await clock.sleep(jobMinutes * 60_000, job.signal);
        return job.signal.aborted ? { code: 137 } : runStandIn(name, job, place, tell);
      };
      return options.container ? options.container(job, name, standIn) : standIn();
    };
    this.batch = new EmbeddedBatch(clock, () => {}, service(BatchClient), container, LIKE_BATCH);
    this.batch.queue(BISON_QUEUE, 10);
    for (const name of JOB_NAMES) {
      const { command, timeoutSeconds } = JOBS[name];
      const environment = jobEnvironment(bucket, DEFAULT_REGIONS, 'us-east-1');
      this.batch.define(name, { command, parameters: {}, environment, timeoutSeconds, attempts: 5 });
    }
    integrateGlue(sfn, this.glue);
    integrateAthena(sfn, this.athena);
    integrateBatch(sfn, this.batch);
    integrateS3(sfn, s3);
    const arns = <Name extends string>(names: readonly Name[], of: (name: Name) => string) =>
      Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, string>;
    sfn.define(
      BISON_MACHINE,
      definition({
        functionArns: arns<BisonFunctionName>(['gbif', 'verifier'], functionArn),
        dataStreamArn: this.cloud.stateMachineArn,
        ingest: from,
        ...{ bucket, database: DATABASE, workgroup: WORKGROUP, crawler: CRAWLER, chunks },
        queueArn: BISON_QUEUE,
        jobArns: arns(JOB_NAMES, (name) => name),
      }),
    );
  }

  /** The database that carries out queries; it is opened when the first one comes. @throws NoDuckDb where there is none */
  database(): Promise<Database> {
    this.#database ??= openDatabase();
    return this.#database;
  }

  /** Uploads the files of a folder below the bucket's `input/`, as `bison inputs upload` does. */
  upload(folder: string): void {
    for (const name of readdirSync(folder)) {
      const file = this.cloud.s3.pathOf(this.bucket, `${PREFIXES.input}${name}`);
      mkdirSync(dirname(file), { recursive: true });
      copyFileSync(join(folder, name), file);
      utimesSync(file, this.clock.now(), this.clock.now());
    }
  }

  /** Starts the workflow. */
  start(input: unknown, name?: string, onProgress?: (progress: Progress) => void): Execution {
    return this.cloud.sfn.start({
      stateMachineArn: BISON_MACHINE,
      input,
      ...(name !== undefined && { name }),
      ...(onProgress && { onProgress }),
    });
  }

  /** The number of calls of an AWS operation. */
  calls(operation: string): number {
    const own = this.#services.reduce((sum, service) => sum + (service.calls.get(operation) ?? 0), 0);
    return own + this.cloud.calls(operation);
  }

  /** What runs and is not the workflow itself: jobs, queries, executions and instances of the ingest, in words. */
  get live(): readonly string[] {
    const { sfn, ec2, stateMachineArn } = this.cloud;
    const executions = [...sfn.executions.values()].filter(
      (each) => each.stateMachineArn === stateMachineArn && each.status === 'RUNNING',
    );
    const instances = [...ec2.instances.values()].filter(({ api }) => ['pending', 'running'].includes(api.State.Name));
    return [
      ...this.batch.live.map(({ jobId }) => `job ${jobId}`),
      ...this.athena.live.map((id) => `query ${id}`),
      ...executions.map(({ arn }) => `execution ${arn}`),
      ...instances.map(({ api }) => `instance ${api.InstanceId}`),
    ];
  }

  /** Objects have the time of the cloud's clock, also those that programs of this computer have written. */
  #shell(shell: Shell): Shell {
    return async (job) => {
      const begun = Date.now();
      const ended = await shell(job);
      const now = this.clock.now();
      for (const key of this.cloud.s3.list(this.bucket, PREFIXES.rawdata)) {
        const file = this.cloud.s3.pathOf(this.bucket, key);
        // The times of a file system may be a moment behind the clock.
        if (statSync(file).mtimeMs >= begun - 50) utimesSync(file, now, now);
      }
      return ended;
    };
  }

  /** Ends what would keep the process. */
  async close(): Promise<void> {
    await (await this.#database)?.close();
  }
}

const keysIn = (folder: string) =>
  readdirSync(folder).flatMap((name) => (name.endsWith('.zip') ? [name.replace(/\.zip$/, '')] : []));
