import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ListExecutionsCommand, ListTagsForResourceCommand, SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { BUCKET_TAG } from '../runtime/tags';
import { BisonError, ErrorName } from './errors';
import { PREDICATE, type Predicate, samePredicate } from './predicate';
import {
  crawledTable,
  DOWNLOAD_KEY,
  followingMonth,
  INGEST_FILE,
  manifestKey,
  rawdataKey,
  SNAPSHOT,
  suffixOf,
  wholeBucket,
} from './snapshot';

const Deployment = z.object({
  bucket: z.string(),
  ingest: z.enum(['download', 'open-data']),
  /** The bucket of GBIF's open data. */
  openDataBucket: z.string(),
  /** Keys of the bucket that the jobs read: the RIIS list and the files of regions. */
  inputs: z.array(z.string()),
  /** The DataStream that ingests; empty where it is not checked. */
  dataStreamArn: z.string(),
  /** Of the secret with GBIF's `username` and `password`; empty without downloads. */
  secretArn: z.string(),
  /** Bytes that one query may read. Terraform writes numbers as texts. */
  scanLimitBytes: z.coerce.number(),
});

/** What Terraform tells the function. */
export type GbifDeployment = z.output<typeof Deployment>;

export interface GbifClients {
  readonly s3: Pick<S3Client, 'send'>;
  readonly secrets: Pick<SecretsManagerClient, 'send'>;
  readonly sfn: Pick<SFNClient, 'send'>;
  /** Calls GBIF. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  readonly deployment: GbifDeployment;
  /** The execution file of the ingest: JSON with a concrete bucket and key, which others are put in place of. */
  readonly ingest?: unknown;
}

/** The month that the workflow makes, as its states pass it on. */
const State = z.object({
  snapshot: z.string(),
  suffix: z.string(),
  published: z.boolean(),
  /** The key of GBIF's download. */
  download: z.string().optional(),
});

/** `$$.Execution` of the state machine: what is read of it. */
const Run = z.object({ RedriveTime: z.iso.datetime().optional() });

export const GbifEvent = z.discriminatedUnion('action', [
  z.object({ action: z.literal('request'), execution: z.string(), input: z.unknown(), started: z.string() }),
  z.object({ action: z.literal('await'), execution: z.string(), state: State, since: z.string(), run: Run }),
]);

type Event = z.infer<typeof GbifEvent>;
type Requested = z.output<typeof State> & { readonly source?: Source; readonly message?: string };

/** A folder that is crawled, and the table that comes of it. */
interface Source {
  readonly location: string;
  readonly table: string;
}

const API = 'https://api.gbif.org/v1/occurrence/download';

const Ingest = z.object({ run_options: z.object({ ii_check_s3: z.object({ bucket: z.string() }) }) });

/** Milliseconds that GBIF makes a download at most: 96 looks, one every 15 minutes. */
const LATEST_MS = 96 * 900_000;

/** Milliseconds that GBIF may take for an answer: the list of a user's downloads is slow. */
const ANSWER_MS = 60_000;

/**
 * Request: reads the input, sees that the month is not published and that everything is there, and finds or asks for
 * GBIF's download. Await: looks whether GBIF has made it, and gives the execution that ingests it.
 *
 * @throws a BisonError; nothing that costs was started then
 */
export async function gbif(event: Event, clients: GbifClients, log: Log): Promise<object> {
  return event.action === 'request' ? request(event, clients, log) : awaitDownload(event, clients);
}

async function request(event: Event & { action: 'request' }, clients: GbifClients, log: Log): Promise<Requested> {
  const { deployment } = clients;
  const { snapshot, download } = inputOf(event, deployment);
  const state = { snapshot, suffix: suffixOf(snapshot), published: false };
  const published = manifestKey(snapshot);
  if ((await keysBelow(published, deployment.bucket, clients, 1)).includes(published)) {
    const message = `The counts of ${snapshot} are published already: s3://${deployment.bucket}/${published}. Nothing was started; to make them again, delete that object first.`;
    return { ...state, published: true, message };
  }
  const there = new Set(await keysBelow('input/', deployment.bucket, clients));
  const missing = deployment.inputs.filter((key) => !there.has(key));
  if (missing.length > 0) {
    const keys = missing.map((key) => `s3://${deployment.bucket}/${key}`).join(', ');
    throw new BisonError(
      ErrorName.InputsMissing,
      `Nothing was started: ${keys} ${missing.length === 1 ? 'is' : 'are'} missing. Run 'npx datastream bison inputs upload' with the files.`,
    );
  }
  await awaitTurn(event, clients);
  if (deployment.ingest === 'open-data') return { ...state, source: await openData(snapshot, clients) };
  if (deployment.dataStreamArn !== '') await checkReach(clients, log);
  const key = download ?? (await existingDownload(snapshot, clients)) ?? (await newDownload(clients));
  log.info('the download is known', { snapshot, download: key });
  return { ...state, download: checkedKey(key) };
}

const Input = z.strictObject({
  snapshot: z.string().regex(SNAPSHOT, 'write the first day of a month such as 2025-11-01').optional(),
  download: z
    .string()
    .regex(DOWNLOAD_KEY, "write the key of one of GBIF's downloads such as 0004219-251025141854904")
    .optional(),
  /** When Scheduler meant to start this. */
  scheduled: z.string().optional(),
});

/** @throws InvalidInput with all problems */
function inputOf({ input, started }: { input?: unknown; started: string }, { ingest }: GbifDeployment) {
  const read = Input.safeParse(input ?? {});
  const problems = read.success
    ? []
    : read.error.issues.map(({ path, message }) => {
        const value = path.reduce<unknown>((node, name) => (node as Record<PropertyKey, unknown>)?.[name], input);
        return path.length === 0
          ? `${message}: choose from snapshot and download`
          : `${path.join('.')} is ${JSON.stringify(value)}: ${message}`;
      });
  const first = (moment: string) => `${new Date(moment).toISOString().slice(0, 7)}-01`;
  const thisMonth = first(started);
  const { snapshot, download, scheduled } = read.data ?? {};
  const given =
    snapshot ?? (scheduled === undefined || Number.isNaN(Date.parse(scheduled)) ? thisMonth : first(scheduled));
  if (given > thisMonth)
    problems.push(`snapshot is "${given}", which is still to come: write ${thisMonth} or an earlier month`);
  if (download !== undefined && ingest === 'open-data') {
    problems.push("download is given, but this deployment reads GBIF's open data: leave it out");
  }
  if (problems.length === 0) return { snapshot: given, download };
  throw new BisonError(ErrorName.InvalidInput, `Nothing was started: ${problems.join('; ')}.`);
}

/** The keys below a prefix. @param most how many are enough; default: all */
async function keysBelow(prefix: string, bucket: string, { s3 }: Pick<GbifClients, 's3'>, most?: number) {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token, MaxKeys: most }),
    );
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
    token = page.NextContinuationToken;
  } while (token !== undefined && (most === undefined || keys.length < most));
  return keys;
}

/**
 * Two months at once would share the crawler and, of one snapshot, tables and folders: the later one waits for the earlier.
 *
 * @throws AnotherMonthRuns, which Request's Retry waits for
 */
async function awaitTurn({ execution, started }: Event & { action: 'request' }, { sfn }: GbifClients): Promise<void> {
  const stateMachineArn = execution.replace(':execution:', ':stateMachine:').replace(/:[^:]*$/, '');
  const own = new Date(started).getTime();
  let nextToken: string | undefined;
  do {
    const page = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING', nextToken }));
    for (const { executionArn = '', name, startDate = new Date(0) } of page.executions ?? []) {
      const ahead = startDate.getTime() - own || (executionArn < execution ? -1 : 1);
      if (executionArn === execution || ahead > 0) continue;
      throw new BisonError(
        ErrorName.AnotherMonthRuns,
        `The execution ${name} has run since ${startDate.toISOString()}, and two months at once would share a crawler. This one waits for it; nothing was started.`,
      );
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}

/**
 * Sees that the DataStream exists and that its jobs reach the bucket, which its tag tells. What cannot be found out
 * refuses no month: the log says that it was not checked.
 *
 * @throws DataStreamMissing or BucketUnreachable
 */
async function checkReach({ sfn, deployment }: GbifClients, log: Log): Promise<void> {
  const { bucket, dataStreamArn } = deployment;
  const unknown = (why: string) => log.warn(`not checked: whether the DataStream reaches s3://${bucket}`, { why });
  let only: string | undefined;
  try {
    const { tags = [] } = await sfn.send(new ListTagsForResourceCommand({ resourceArn: dataStreamArn }));
    only = tags.find(({ key }) => key === BUCKET_TAG)?.value;
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'AccessDeniedException') return unknown(message);
    if (name !== 'ResourceNotFound') throw error;
    throw new BisonError(
      ErrorName.DataStreamMissing,
      `Nothing was started: the DataStream ${dataStreamArn} does not exist. Deploy it again, or deploy BISON with the datastream_arn of another one.`,
      { cause: error },
    );
  }
  if (only === undefined) return unknown(`${dataStreamArn} has no tag ${BUCKET_TAG}: deploy the DataStream again.`);
  if (only === '' || only === bucket) return;
  throw new BisonError(
    ErrorName.BucketUnreachable,
    `Nothing was started: the jobs of ${dataStreamArn} use s3://${only} alone, and would have to write to s3://${bucket}. Deploy that DataStream with s3_bucket "${bucket}", or BISON with the datastream_arn of another one or with ingest "open-data".`,
  );
}

/** @throws SnapshotMissing */
async function openData(snapshot: string, clients: GbifClients): Promise<Source> {
  const { openDataBucket } = clients.deployment;
  const prefix = `occurrence/${snapshot}/occurrence.parquet/`;
  if ((await keysBelow(prefix, openDataBucket, clients, 1)).length === 0) {
    throw new BisonError(
      ErrorName.SnapshotMissing,
      `Nothing was started: GBIF's open data have no s3://${openDataBucket}/${prefix}. Choose a month that 'aws s3 ls --no-sign-request s3://${openDataBucket}/occurrence/' lists.`,
    );
  }
  return { location: `s3://${openDataBucket}/${prefix}`, table: crawledTable('occurrence.parquet') };
}

const Download = z.object({
  key: z.string(),
  status: z.string(),
  created: z.string(),
  /** Bytes of the zip file. */
  size: z.number().optional(),
  request: z.object({ format: z.string().optional(), predicate: z.unknown() }).optional(),
});

const Downloads = z.object({ results: z.array(Download), endOfRecords: z.boolean() });

/** What GBIF still makes, and what it has made. */
const ALIVE = ['PREPARING', 'RUNNING', 'SUSPENDED', 'SUCCEEDED'];

/** The newest download of the user that the snapshot's month made, with the same predicate. */
async function existingDownload(snapshot: string, clients: GbifClients): Promise<string | undefined> {
  const { username } = await credentials(clients);
  const [from, to] = [new Date(`${snapshot}T00:00:00Z`), followingMonth(snapshot)];
  for (let offset = 0; ; offset += 100) {
    const page = await call(`${API}/user/${encodeURIComponent(username)}?limit=100&offset=${offset}`, {}, clients);
    const { results, endOfRecords } = Downloads.parse(JSON.parse(page));
    const found = results.find(({ status, created, request: asked }) => {
      const made = new Date(created);
      return (
        ALIVE.includes(status) &&
        made >= from &&
        made < to &&
        asked?.format === 'DWCA' &&
        samePredicate(PREDICATE, asked.predicate as Predicate)
      );
    });
    if (found) return found.key;
    // The newest come first.
    const past = results.length > 0 && results.every(({ created }) => new Date(created) < from);
    if (endOfRecords || past || results.length === 0) break;
  }
  if (clients.clock.now() >= to) {
    throw new BisonError(
      ErrorName.SnapshotMissing,
      `Nothing was started: ${username} has no download of ${snapshot.slice(0, 7)} at GBIF, which makes downloads of today only. Choose this month, give the key of a download as "download", or deploy with ingest "open-data", which has earlier months.`,
    );
  }
  return undefined;
}

async function newDownload(clients: GbifClients): Promise<string> {
  const { username } = await credentials(clients);
  const body = JSON.stringify({
    creator: username,
    sendNotification: false,
    format: 'DWCA',
    predicate: PREDICATE,
  });
  const key = await call(
    `${API}/request`,
    { method: 'POST', body, headers: { 'content-type': 'application/json' } },
    clients,
  );
  return key.trim().replace(/^"|"$/g, '');
}

async function awaitDownload(
  { state, since: entered, run }: Event & { action: 'await' },
  clients: GbifClients,
): Promise<object> {
  const { bucket, scanLimitBytes } = clients.deployment;
  const key = checkedKey(state.download ?? '');
  const { status, size = 0 } = Download.parse(JSON.parse(await call(`${API}/${key}`, {}, clients)));
  if (status !== 'SUCCEEDED') {
    if (!ALIVE.includes(status)) {
      throw new BisonError(
        ErrorName.DownloadFailed,
        `GBIF's download ${key} is ${status}: see https://www.gbif.org/occurrence/download/${key}, then start a new month.`,
      );
    }
    // A redriven execution waits for another day.
    const since = run.RedriveTime ?? entered;
    if (clients.clock.now().getTime() - new Date(since).getTime() >= LATEST_MS) {
      throw new BisonError(
        ErrorName.DownloadLate,
        `GBIF's download ${key} is still ${status} after ${LATEST_MS / 3_600_000} hours: see https://www.gbif.org/occurrence/download/${key}, then redrive the execution.`,
      );
    }
    throw new BisonError(ErrorName.DownloadRunning, `GBIF's download ${key} is ${status}.`);
  }
  if (size > scanLimitBytes) {
    throw new BisonError(
      ErrorName.ScanLimitExceeded,
      `GBIF's download ${key} has ${size} bytes as a zip file alone, and a query may read ${scanLimitBytes}: nothing was ingested. Deploy a higher scan_limit_bytes, then start a new month.`,
    );
  }
  return {
    ...state,
    source: { location: `s3://${bucket}/${rawdataKey(key).replace(/[^/]+$/, '')}`, table: crawledTable(key) },
    execution: pointed(clients.ingest, { bucket, key }),
  };
}

/** The execution file with this bucket and this key wherever its own stand: those of the object that it checks. */
function pointed(file: unknown, { bucket, key }: { readonly bucket: string; readonly key: string }): unknown {
  const { run_options } = Ingest.parse(file);
  const own = wholeBucket(run_options.ii_check_s3.bucket);
  return JSON.parse(JSON.stringify(file), (_name, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(/\d{7}-\d{15}/g, key).replaceAll(own, bucket) : value,
  );
}

/** @throws InvalidKey: what has another form could end the command that it is put into, and begin another */
function checkedKey(key: string): string {
  if (DOWNLOAD_KEY.test(key)) return key;
  throw new BisonError(
    ErrorName.InvalidKey,
    `${JSON.stringify(key.slice(0, 100))} is no key of a download such as 0004219-251025141854904: nothing was started.`,
  );
}

const Credentials = z.object({ username: z.string().min(1), password: z.string().min(1) });

/** @throws DownloadRefused while the secret has no value */
async function credentials({ secrets, deployment }: GbifClients): Promise<z.output<typeof Credentials>> {
  const { secretArn } = deployment;
  const refusal = (why: string, cause?: unknown) => {
    const message = `The secret ${secretArn} ${why}: write {"username": "…", "password": "…"} of gbif.org into it with 'aws secretsmanager put-secret-value'.`;
    return new BisonError(ErrorName.DownloadRefused, message, { cause });
  };
  const { SecretString = '' } = await secrets
    .send(new GetSecretValueCommand({ SecretId: secretArn }))
    .catch((error: Error) => {
      // A secret that Terraform has just made has no value.
      throw error.name === 'ResourceNotFoundException' ? refusal('has no value', error) : error;
    });
  const known = Credentials.safeParse(parsed(SecretString));
  // Neither the value nor the parser's excerpt of it is told.
  if (!known.success) throw refusal('has a value of another form');
  return known.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns the text of GBIF's answer */
async function call(url: string, init: RequestInit, clients: GbifClients): Promise<string> {
  const { username, password } = await credentials(clients);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  let response: Response;
  let body: string;
  try {
    response = await clients.fetch(url, {
      ...init,
      headers: { ...init.headers, authorization },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    body = await response.text();
  } catch (cause) {
    throw new BisonError(ErrorName.NetworkError, `GBIF gave no answer to ${url}: ${(cause as Error).message}.`, {
      cause,
    });
  }
  if (response.ok) return body;
  const told = `GBIF answered ${url} with HTTP ${response.status}${body ? ` (${body.slice(0, 200)})` : ''}`;
  // GBIF answers 420 and 429 while the user has too many downloads at once.
  if (response.status >= 500 || [420, 429].includes(response.status))
    throw new BisonError(ErrorName.ServiceUnavailable, `${told}.`);
  if (response.status === 404)
    throw new BisonError(ErrorName.DownloadFailed, `${told}: give the key of a download that is there.`);
  const advice = [401, 403].includes(response.status)
    ? `see that username and password of ${clients.deployment.secretArn} are those of gbif.org`
    : 'see https://techdocs.gbif.org/en/data-use/api-downloads';
  throw new BisonError(ErrorName.DownloadRefused, `${told}: ${advice}.`);
}

export const handler = lazily(() => {
  const deployment = Deployment.parse(JSON.parse(environment('DEPLOYMENT')));
  const clients: GbifClients = {
    s3: new S3Client(CLIENT),
    secrets: new SecretsManagerClient(CLIENT),
    sfn: new SFNClient(CLIENT),
    fetch,
    clock: systemClock,
    deployment,
    ...(deployment.ingest === 'download' && {
      ingest: JSON.parse(readFileSync(join(__dirname, INGEST_FILE), 'utf8')) as unknown,
    }),
  };
  return createHandler('gbif', GbifEvent, (event, log) => gbif(event, clients, log));
});
