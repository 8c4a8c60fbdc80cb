import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, GetExecutionHistoryCommand, SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { keysOf } from '../../executions/submission/keys';
import { record } from '../../files/values';
import { PRICE_LIST, type PriceList } from '../../prices/instances';
import { besideOf, jobCost } from '../../prices/jobs';
import { CLIENT } from '../runtime/clients';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { DatastreamError, ErrorName } from './errors';
import type { Summary } from './stopper';

/** How a job of a submission stands. Beside Step Functions' own: it was never started. */
export type JobStatus = 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'RUNNING' | 'NOT_STARTED';

/** One job in a submission's results.json. What is not known is null. */
export interface ResultRow {
  readonly name: string;
  readonly status: JobStatus;
  /** The error's name. */
  readonly error: string | null;
  /** The error's Cause, at most 1,000 characters of it. */
  readonly cause: string | null;
  readonly attempts: number | null;
  /** Type and market of the last instance. */
  readonly type: string | null;
  readonly market: 'spot' | 'on-demand' | null;
  /** From the start of the execution to its end. */
  readonly seconds: number | null;
  /** What it has cost at list prices: `jobCost` of prices/jobs.ts. */
  readonly dollars: number | null;
  /** Why `dollars` is null. */
  readonly dollars_unknown?: string;
  /** The verified object, `s3://...`. */
  readonly object: string | null;
}

/** How many jobs have each status. */
export type Counts = Readonly<Partial<Record<JobStatus, number>>>;

const ResultsEvent = z.object({
  execution: z.string(),
  /** The submission's ID. */
  id: z.string(),
  /** When the submission began. */
  started_at: z.iso.datetime(),
});

export interface ResultsClients {
  readonly s3: Pick<S3Client, 'send'>;
  readonly sfn: Pick<SFNClient, 'send'>;
  /** The submissions' bucket. */
  readonly bucket: string;
  /** The machine whose executions are the jobs. */
  readonly stateMachineArn: string;
}

/** How many jobs Step Functions is asked for at once: its rates are the account's (Service quotas, DescribeExecution). */
const ASKED_AT_ONCE = 8;

/** Characters kept of a Cause. */
const CAUSE_KEPT = 1000;

/**
 * Makes the rows of a submission, one for each item, in the items' order. Jobs that succeeded are in the files of the
 * Map Run; Step Functions is asked for every other one by its name, which is the truth also where the Map Run was stopped
 * before it noticed.
 */
export async function collectResults(
  { id, started_at }: Pick<z.infer<typeof ResultsEvent>, 'id' | 'started_at'>,
  clients: ResultsClients,
): Promise<ResultRow[]> {
  const keys = keysOf(id);
  const items = JSON.parse(await textOf(clients, keys.items)) as readonly { readonly name: string }[];
  const names = items.map(({ name }) => name);
  const rows = new Map<string, ResultRow>();
  const region = clients.stateMachineArn.split(':')[3] ?? '';
  for (const key of await listKeys(clients, `${keys.map}/`)) {
    const [, status] = /\/(SUCCEEDED|PENDING)_\d+\.json$/.exec(key) ?? [];
    if (!status) continue;
    const records = JSON.parse(await textOf(clients, key)) as readonly MapRecord[];
    for (const each of records) {
      const row = status === 'PENDING' ? notStarted(String(itemOf(each).name)) : succeeded(each, region);
      if (row) rows.set(row.name, row);
    }
  }
  const others = names.filter((name) => !rows.has(name));
  const asking = others.values();
  const ask = async () => {
    for (const name of asking) rows.set(name, await rowOf(name, new Date(started_at), region, clients));
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return names.map((name) => rows.get(name) ?? notStarted(name));
}

/** Writes the rows: a JSON array with a row on each line. */
export async function writeResults(
  id: string,
  rows: readonly ResultRow[],
  { s3, bucket }: Pick<ResultsClients, 's3' | 'bucket'>,
): Promise<void> {
  const Body = `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
  const ContentType = 'application/json';
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: keysOf(id).results, Body, ContentType }));
}

/** How many rows have each status. */
export function countsOf(rows: readonly ResultRow[]): Counts {
  const counts: Partial<Record<JobStatus, number>> = {};
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/**
 * Results: writes results.json when the jobs of a submission have ended.
 *
 * @throws ResultsIncomplete while a job still runs, as after a stop; the state's Retry calls again
 */
export async function results(event: z.infer<typeof ResultsEvent>, clients: ResultsClients, log: Log): Promise<Counts> {
  const rows = await collectResults(event, clients);
  const counts = countsOf(rows);
  log.info('results', { counts });
  await writeResults(event.id, rows, clients);
  if (counts.RUNNING) {
    throw new DatastreamError(ErrorName.ResultsIncomplete, `${counts.RUNNING} jobs still run.`);
  }
  return counts;
}

/** A child execution as ResultWriter writes it (Step Functions Developer Guide, ResultWriter). */
interface MapRecord {
  readonly Input?: string;
  readonly Output?: string;
}

/** The item of a child. */
function itemOf({ Input = '{}' }: MapRecord): { readonly name?: unknown; readonly input?: unknown } {
  return JSON.parse(Input) as { name?: unknown; input?: unknown };
}

/** The row of a child that has its job's summary; one that only found its job ended has none. */
function succeeded(child: MapRecord, region: string): ResultRow | undefined {
  const output = JSON.parse(child.Output ?? '{}') as {
    readonly name: string;
    readonly started_at?: number | string;
    readonly ended_at?: number | string;
    readonly summary?: Summary;
  };
  const { name, summary, started_at, ended_at } = output;
  if (!summary || started_at === undefined || ended_at === undefined) return undefined;
  const { input } = itemOf(child);
  return row({ name, status: 'SUCCEEDED', input }, new Date(started_at), new Date(ended_at), summary, region);
}

function notStarted(name: string): ResultRow {
  const nothing = { error: null, cause: null, attempts: null, type: null, market: null, seconds: null, object: null };
  return { name, status: 'NOT_STARTED', ...nothing, dollars: 0 };
}

/** What asks Step Functions for jobs. */
export type JobClients = Pick<ResultsClients, 'sfn' | 'stateMachineArn'>;

/**
 * Asks Step Functions for a job by its name.
 *
 * @param since an execution of this name that began earlier is another job's
 */
export async function rowOf(name: string, since: Date, region: string, clients: JobClients): Promise<ResultRow> {
  const { sfn, stateMachineArn } = clients;
  const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  const known = await sfn.send(new DescribeExecutionCommand({ executionArn })).catch((error: Error) => {
    if (error.name === 'ExecutionDoesNotExist') return undefined;
    throw error;
  });
  if (!known) return notStarted(name);
  const { status = 'RUNNING', startDate = since, stopDate, input, output, error, cause } = known;
  if (startDate < since) {
    const taken = `The execution ${name} began before this submission: give the job another name.`;
    return { ...notStarted(name), status: 'FAILED', error: 'NameTaken', cause: taken };
  }
  const told = { name, status: status as JobStatus, input: JSON.parse(input ?? '{}'), error, cause };
  const summary = output
    ? (JSON.parse(output) as { summary?: Summary }).summary
    : status === 'FAILED'
      ? await summaryOfFailed(executionArn, clients)
      : undefined;
  return row(told, startDate, stopDate, summary, region);
}

/**
 * The summary that EC2Stopper left to the machine's Fail state: an execution that fails has no output. The last event is
 * the execution's end, the one before it that state's.
 */
async function summaryOfFailed(executionArn: string, { sfn }: JobClients): Promise<Summary | undefined> {
  const { events = [] } = await sfn.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 2, includeExecutionData: true }),
  );
  const input = events.find(({ type }) => type === 'FailStateEntered')?.stateEnteredEventDetails?.input;
  return input === undefined ? undefined : (JSON.parse(input) as { summary?: Summary }).summary;
}

/** What Step Functions knows of a job. */
interface Told {
  readonly name: string;
  readonly status: JobStatus;
  /** The execution file. */
  readonly input: unknown;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** The row of a job. @param summary EC2Stopper's; absent while it runs, and where it was stopped */
export function row(
  { name, status, input, error, cause }: Told,
  startedAt: Date,
  endedAt: Date | undefined,
  summary: Summary | undefined,
  region: string,
  prices: PriceList = PRICE_LIST,
): ResultRow {
  const { bucket, key } = (summary?.object ?? {}) as { bucket?: string; key?: string };
  const last = summary?.launches.at(-1);
  return {
    name,
    status,
    error: error ?? null,
    cause: cause?.slice(0, CAUSE_KEPT) ?? null,
    attempts: summary?.attempts ?? null,
    type: last?.type ?? null,
    market: last?.market ?? null,
    seconds: endedAt ? Math.round((endedAt.getTime() - startedAt.getTime()) / 1000) : null,
    ...price(summary, input, region, prices),
    object: key === undefined ? null : `s3://${bucket}/${key}`,
  };
}

function price(
  summary: Summary | undefined,
  input: unknown,
  region: string,
  prices: PriceList,
): Pick<ResultRow, 'dollars' | 'dollars_unknown'> {
  if (!summary) return { dollars: null, dollars_unknown: 'The instances of this job are not known.' };
  const { attempts, launches } = summary;
  const cost = jobCost({ region, attempts, launches, ...besideOf(record(input).instance_parameters) }, prices);
  return 'unknown' in cost
    ? { dollars: null, dollars_unknown: cost.unknown }
    : { dollars: Number(cost.total.toFixed(6)) };
}

async function textOf({ s3, bucket }: ResultsClients, key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

async function listKeys({ s3, bucket }: ResultsClients, Prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix, ContinuationToken }));
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  return keys;
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createResults = (clients: ResultsClients, log?: Log) =>
  createHandler('results', ResultsEvent, (event, lines) => results(event, clients, lines), log);

export const handler = lazily(() =>
  createResults({
    s3: new S3Client(CLIENT),
    sfn: new SFNClient({ ...CLIENT, maxAttempts: 10 }),
    bucket: environment('SUBMISSIONS_BUCKET'),
    stateMachineArn: environment('STATE_MACHINE_ARN'),
  }),
);
