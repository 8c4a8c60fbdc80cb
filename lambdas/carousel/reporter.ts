import { BatchClient } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { type ArchiveClass, COPY_GB_DAY, daysWorthKeeping, GB, restoreCost } from '../../prices/archive';
import { CLIENT } from '../runtime/clients';
import { systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { restore, writeText } from './archive';
import { instancePrices, isArchived, ORCHESTRATION_DOLLARS } from './cost';
import { type Deployment, deploymentOf, eachOf, jobsLedger } from './deployment';
import { ErrorName } from './errors';
import type { JobClients } from './jobs';
import { KEYS, WAITING_INDEX } from './ledger';
import { type Settled, settle } from './settle';
import {
  type LeftWaiting,
  leftWaiting,
  leftWaitingSentence,
  type Turn,
  type TurnFile,
  TurnState,
  turnEvent,
  turnKeys,
  turnOf,
} from './turn';

/** Plan's error, which has replaced the input. */
const PlanError = z.object({ Error: z.string(), Cause: z.string() });
const ReporterEvent = turnEvent().extend({ state: z.union([TurnState, PlanError]) });

/** A turn's report, as it stands in the output bucket. */
export interface Report {
  readonly turn: string;
  readonly execution: string;
  readonly started: string;
  readonly ended: string;
  readonly files: { readonly chosen: number; readonly verified: number; readonly failed: number };
  readonly jobs: { readonly succeeded: number; readonly failed: number; readonly returned: number };
  /** `actual` counts the seconds of all attempts of jobs that ended, on demand, and the copies until their expiry. */
  readonly dollars: { readonly estimate: number; readonly actual: number };
  /** What the budget had no room for; absent where nothing was left. */
  readonly waiting?: LeftWaiting;
  readonly problems: readonly string[];
  readonly outputs: readonly string[];
  readonly error?: { readonly Error: string; readonly Cause: string };
}

/**
 * Report: ends the turn, writes `turns/<id>/report.json`, and gives up copies that nobody will need soon.
 *
 * @returns the turn's state; with `error` unless every chosen file was verified and every job succeeded
 */
export async function reportTurn(
  event: z.infer<typeof ReporterEvent>,
  clients: JobClients,
  log: Log,
): Promise<TurnState> {
  const ledger = jobsLedger(clients);
  const { execution } = event;
  const state = 'turn' in event.state ? event.state : await ofError(event.state, event, clients);
  const row = await ledger.get(KEYS.turn(state.turn));
  const caught = state.error && { Error: state.error.Error, Cause: sentence(state.error.Cause) };
  if (row?.execution !== execution) {
    // Plan has failed: there are no jobs, and nothing was restored.
    await ledger.remove(KEYS.running, 'execution', execution);
    return { ...state, ...(caught && { error: caught }), more: false };
  }
  const turn = turnOf(row);
  const now = clients.clock.now();
  const overdue = now.getTime() >= Date.parse(turn.deadline);
  const reason = overdue ? `${ErrorName.TurnTimedOut}: the turn's hours were over.` : 'The turn has ended.';
  const settled = await settle(turn, reason, clients);
  const error = caught ?? problemOf(settled, overdue);
  await releaseCopies(turn, settled.files, clients, log);
  const report = reportOf(turn, settled, now, clients.deployment, error);
  const key = turnKeys(turn.turn).report;
  await writeText(clients.s3, clients.deployment.outputBucket, key, `${JSON.stringify(report, null, 2)}\n`);
  log.info('the turn has ended', { turn: turn.turn, ...report.files, ...report.jobs });
  return {
    turn: turn.turn,
    input: state.input,
    more: false,
    report: `s3://${clients.deployment.outputBucket}/${key}`,
    ...(error && { error }),
  };
}

/** The state of a turn whose Plan has failed: which turn it was, its lock knows. */
async function ofError(
  error: z.infer<typeof PlanError>,
  { execution, name }: Pick<z.infer<typeof ReporterEvent>, 'execution' | 'name'>,
  clients: JobClients,
): Promise<TurnState> {
  const lock = await jobsLedger(clients).get(KEYS.running);
  return { turn: lock?.execution === execution ? String(lock.turn) : name, input: null, more: false, error };
}

function problemOf({ files, jobs }: Settled, overdue: boolean): Report['error'] {
  const unverified = files.filter(({ state }) => state !== 'VERIFIED').length;
  const unfinished = jobs.filter(({ state }) => state !== 'SUCCEEDED');
  if (unverified === 0 && unfinished.length === 0) return undefined;
  const first = unfinished.find(({ state }) => state === 'FAILED') ?? unfinished[0];
  const parts = [
    ...(unverified > 0 ? [`${unverified} of ${files.length} files were not verified`] : []),
    ...(unfinished.length > 0 ? [`${unfinished.length} of ${jobs.length} jobs did not succeed`] : []),
  ];
  return {
    Error: overdue ? ErrorName.TurnTimedOut : ErrorName.TurnIncomplete,
    Cause: `${parts.join(', and ')}${first?.error ? `; the first: ${first.error}` : '.'} The report names all; what was returned waits for the next turn.`,
  };
}

function reportOf(
  turn: Turn,
  { files, jobs }: Settled,
  now: Date,
  { region, jobs: known }: Deployment,
  error: Report['error'],
): Report {
  const count = (state: string) => jobs.filter((job) => job.state === state).length;
  const restores = files.reduce((sum, file) => sum + restoreDollars(turn, file, now), 0);
  const waiting = leftWaiting(turn);
  const { vcpuHour } = instancePrices(region);
  const work = jobs.reduce(
    (sum, { seconds = 0, definition }) => sum + (seconds / 3600) * (known[definition]?.vcpus ?? 1) * vcpuHour,
    0,
  );
  return {
    turn: turn.turn,
    execution: turn.execution,
    started: turn.started,
    ended: now.toISOString(),
    files: {
      chosen: files.length,
      verified: files.filter(({ state }) => state === 'VERIFIED').length,
      failed: files.filter(({ state }) => state === 'FAILED').length,
    },
    jobs: { succeeded: count('SUCCEEDED'), failed: count('FAILED'), returned: count('RETURNED') },
    dollars: {
      estimate: rounded(turn.estimate),
      actual: rounded(restores + work + jobs.length * ORCHESTRATION_DOLLARS),
    },
    ...(waiting && { waiting }),
    problems: [
      ...(waiting ? [leftWaitingSentence(waiting)] : []),
      ...files.flatMap(({ key, error: problem }) => (problem ? [`${key}: ${problem}`] : [])),
      ...jobs.flatMap(({ input, error: problem }) => (problem ? [`${input}: ${problem}`] : [])),
    ],
    outputs: jobs.flatMap(({ state, output }) => (state === 'SUCCEEDED' ? [output] : [])),
    ...(error && { error }),
  };
}

/**
 * What was paid for a file: its restore, if this turn asked for one, and its copy from the end of the restore, or of the
 * copy that was there before, until its expiry.
 */
function restoreDollars(turn: Turn, file: TurnFile & { readonly asked?: string }, now: Date): number {
  if (!isArchived(file)) return 0;
  const asked = ['requested', 'in progress', 'extended'].includes(file.asked ?? '');
  const fee = restoreCost({ bytes: file.bytes, storageClass: file.storageClass as ArchiveClass }, turn.tier, -1) ?? 0;
  const begin = file.asked === 'alive' ? Date.parse(file.expiry_before ?? '') : (file.verified_at ?? now.getTime());
  const days = file.expiry ? (Date.parse(file.expiry) - begin) / 86_400_000 : 0;
  return (asked ? fee : 0) + (days > 0 ? (file.bytes / GB) * COPY_GB_DAY * days : 0);
}

/**
 * A copy is kept where a request that waits needs it and keeping costs less than another restore; else its days are
 * shortened to one. Giving up a copy is worth something only where more than a day is left.
 */
async function releaseCopies(turn: Turn, files: readonly TurnFile[], clients: JobClients, log: Log): Promise<void> {
  const ledger = jobsLedger(clients);
  const needed = new Set<string>();
  for (const { request } of await ledger.index(WAITING_INDEX.name, WAITING_INDEX.hash, 'yes')) {
    const rows = await ledger.query(`request#${request}`, 'file#');
    for (const { key, state } of rows) if (state === 'WAITING') needed.add(String(key));
  }
  const soon = clients.clock.now().getTime() + 2 * 86_400_000;
  const released = files.filter((file) => {
    if (file.state !== 'VERIFIED' || !isArchived(file) || file.expiry === undefined) return false;
    const keep = needed.has(file.key) && daysWorthKeeping(file.storageClass as ArchiveClass, turn.tier) >= 1;
    return !keep && Date.parse(file.expiry) > soon;
  });
  await eachOf(released, turn.concurrency, async (file) => {
    try {
      await restore(clients.s3, clients.deployment.archiveBucket, file, turn.tier, 1);
    } catch (error) {
      // The copy costs some cents until its expiry. A turn that has done its work does not fail for that.
      log.warn('a copy was not given up', { key: file.key, error_name: (error as Error).name });
    }
  });
}

/** Step Functions passes on a function's error as JSON with a trace. */
function sentence(cause: string): string {
  try {
    return String((JSON.parse(cause) as { errorMessage?: unknown }).errorMessage ?? cause);
  } catch {
    return cause;
  }
}

const rounded = (dollars: number) => Number(dollars.toFixed(4));

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createReporter = (clients: JobClients, log?: Log) =>
  createHandler('reporter', ReporterEvent, (event, lines) => reportTurn(event, clients, lines), log);

export const handler = lazily(() =>
  createReporter({
    dynamo: new DynamoDBClient(CLIENT),
    s3: new S3Client(CLIENT),
    batch: new BatchClient(CLIENT),
    clock: systemClock,
    deployment: deploymentOf(environment('DEPLOYMENT')),
  }),
);
