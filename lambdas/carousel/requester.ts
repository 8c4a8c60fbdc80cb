import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { type Carousel, deploymentOf, eachOf, filesLedger, jobsLedger } from './deployment';
import { CarouselError, ErrorName } from './errors';
import { filesWith, hashOf, KEYS, type Ledger, type Row } from './ledger';
import type { Conditions } from './query';
import { type Job, parseRequest, type Request } from './request';

export type RequesterClients = Pick<Carousel, 'dynamo' | 'deployment'> & { readonly clock: Clock };

/** Reads at once. */
const AT_ONCE = 20;

/** What a requester is told. */
export interface Accepted {
  readonly request: string;
  /** How many files it waits for. */
  readonly file_count: number;
}

/**
 * Writes a request into the ledger, where the next turn finds it. Its ID is made of its content and its moment, so that a
 * repeated call of the same moment makes no second request.
 *
 * @throws InvalidInput with every problem; nothing is written then
 */
export async function submitRequest(body: unknown, clients: RequesterClients): Promise<Accepted> {
  const { deployment, clock } = clients;
  const read = parseRequest(body, deployment.jobs);
  if ('problems' in read) throw new CarouselError(ErrorName.InvalidInput, read.problems.join('\n'));
  const files = await filesOf(read.request, filesLedger(clients));
  return writeRequest(read.request, files, clients, clock.now());
}

async function filesOf(request: Request, table: Ledger): Promise<string[]> {
  if (request.conditions) {
    const rows = await filesWith(table, request.conditions as Conditions);
    if (rows.length > 0) return rows.map(({ FilePath }) => String(FilePath)).sort();
    throw new CarouselError(
      ErrorName.InvalidInput,
      `query selects no file: ${request.query}. Write other values. (On AWS, 'datastream carousel load' lists new files.)`,
    );
  }
  const unknown: string[] = [];
  await eachOf(request.files ?? [], AT_ONCE, async (FilePath) => {
    if (!(await table.get({ FilePath }))) unknown.push(FilePath);
  });
  if (unknown.length === 0) return [...(request.files ?? [])];
  throw new CarouselError(
    ErrorName.InvalidInput,
    `files has ${unknown.length === 1 ? unknown[0] : `${unknown.length} keys such as ${unknown[0]}`}, which the archive does not have: write other keys. (On AWS, 'datastream carousel load' lists new files.)`,
  );
}

/** Writes the request's files first: a turn sees a request only with all of its files. */
export async function writeRequest(
  request: Pick<Request, 'username' | 'job_description' | 'query'> & { readonly job: Job },
  files: readonly string[],
  clients: RequesterClients,
  now: Date,
  id = hashOf(JSON.stringify([request, files, now.toISOString()])).slice(0, 12),
): Promise<Accepted> {
  const ledger = jobsLedger(clients);
  const rows = files.map((key): Row => ({ ...KEYS.requestFile(id, key), key, state: 'WAITING' }));
  await ledger.putAll(rows);
  await ledger.create({
    ...KEYS.request(id),
    request: id,
    UserName: request.username,
    JobDescription: request.job_description,
    Query: request.query,
    FileCount: files.length,
    job: JSON.stringify(request.job),
    state: 'WAITING',
    waiting: 'yes',
    since: now.getTime(),
    turns_waited: 0,
  });
  return { request: id, file_count: files.length };
}

/** Takes a request back: no later turn chooses it. @returns whether it waited */
export async function cancelRequest(id: string, clients: Pick<Carousel, 'dynamo' | 'deployment'>): Promise<boolean> {
  const cancelled = await jobsLedger(clients).update(
    KEYS.request(id),
    { state: 'CANCELLED', waiting: undefined },
    { state: 'WAITING' },
  );
  return cancelled !== undefined;
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createRequester = (clients: RequesterClients, log?: Log) =>
  createHandler('requester', z.unknown(), (event) => submitRequest(event, clients), log);

export const handler = lazily(() =>
  createRequester({
    dynamo: new DynamoDBClient(CLIENT),
    clock: systemClock,
    deployment: deploymentOf(environment('DEPLOYMENT')),
  }),
);
