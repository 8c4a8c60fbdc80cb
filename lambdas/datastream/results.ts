import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { keysOf } from '../../executions/submission/keys';
import { CLIENT } from '../runtime/clients';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { DatastreamError, ErrorName } from './errors';
import { type JobClients, type JobStatus, notStarted, type ResultRow, row, rowOf } from './result-row';
import type { Summary } from './stopper';

/** How many jobs have each status. */
export type Counts = Readonly<Partial<Record<JobStatus, number>>>;

const ResultsEvent = z.object({
  execution: z.string(),
  /** The submission's ID. */
  id: z.string(),
  /** When the submission began. */
  started_at: z.iso.datetime(),
});

export interface ResultsClients extends JobClients {
  readonly s3: Pick<S3Client, 'send'>;
  /** The submissions' bucket. */
  readonly bucket: string;
}

/** How many jobs Step Functions is asked for at once: its rates are the account's (Service quotas, DescribeExecution). */
const ASKED_AT_ONCE = 8;

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
