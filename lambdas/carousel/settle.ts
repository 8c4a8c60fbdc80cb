import { eachOf, jobsLedger } from './deployment';
import { finishJob, type JobClients, terminate } from './jobs';
import { KEYS, type Row, WAITING_INDEX } from './ledger';
import type { Job } from './request';
import { fileOf, jobOf, OPEN_JOBS, type Turn, type TurnFile, type TurnJob } from './turn';

/** What became of a turn. */
export interface Settled {
  readonly files: readonly TurnFile[];
  readonly jobs: readonly (TurnJob & { readonly seconds?: number })[];
}

const AT_ONCE = 10;

/**
 * Ends a turn: stops its jobs, writes into each request what became of its files, and lets the next turn run. Whatever
 * was not done waits again. Repeating it changes nothing.
 *
 * @param reason why jobs that are open are stopped
 */
export async function settle(turn: Turn, reason: string, clients: JobClients): Promise<Settled> {
  const ledger = jobsLedger(clients);
  const before = (await ledger.query(`turn#${turn.turn}`, 'job#')).map(jobOf);
  const open = before.filter(({ state }) => (OPEN_JOBS as readonly string[]).includes(state));
  await eachOf(open, AT_ONCE, async (job) => {
    await finishJob(turn, job, 'RETURNED', reason, clients);
  });
  const jobs = (await ledger.query(`turn#${turn.turn}`, 'job#')).map(jobOf);
  // Those that were stopped just now, and those whose stop did not reach AWS Batch at the last try.
  const stopped = jobs.filter(({ state, job_id }) => state === 'RETURNED' && job_id !== undefined);
  await eachOf(stopped, AT_ONCE, ({ job_id = '' }) => terminate(clients.batch, job_id, reason));
  const files = (await ledger.query(`turn#${turn.turn}`, 'file#')).map(fileOf);

  const keysOf = new Map<string, string[]>();
  for (const { key, jobs: its } of files) for (const job of its) keysOf.set(job, [...(keysOf.get(job) ?? []), key]);
  const final = jobs.filter(({ state }) => state === 'SUCCEEDED' || state === 'FAILED');
  await eachOf(final, AT_ONCE, async ({ job, request, state, error, output }) => {
    const done = state === 'SUCCEEDED' ? { state: 'DONE', output, error: undefined } : { state: 'FAILED', error };
    for (const key of keysOf.get(job) ?? []) {
      await ledger.update(KEYS.requestFile(request, key), done, { state: 'WAITING' });
    }
  });
  const waiting = await ledger.index(WAITING_INDEX.name, WAITING_INDEX.hash, 'yes');
  const ids = new Set([...jobs.map(({ request }) => request), ...waiting.map(({ request }) => String(request))]);
  await eachOf([...ids], AT_ONCE, (id) => settleRequest(id, turn, clients));
  await ledger.update(
    KEYS.turn(turn.turn),
    { state: 'ENDED', token: undefined, open: 0 },
    { execution: turn.execution },
  );
  await ledger.remove(KEYS.running, 'execution', turn.execution);
  return { files, jobs };
}

/** A request all of whose files are done no longer waits. Another one has waited for one turn more. */
async function settleRequest(id: string, turn: Turn, clients: JobClients): Promise<void> {
  const ledger = jobsLedger(clients);
  const request = await ledger.get(KEYS.request(id));
  if (request?.state !== 'WAITING' || request.last_turn === turn.turn) return;
  const files = await ledger.query(`request#${id}`, 'file#');
  const left = files.filter(({ state }) => state === 'WAITING').length;
  const failed = files.filter(({ state }) => state === 'FAILED').length;
  // A job for all files cannot do without one of them.
  const { run } = JSON.parse(String(request.job)) as Job;
  const set: Row =
    left === 0 || (run === 'all' && failed > 0)
      ? { state: failed > 0 ? 'FAILED' : 'DONE', waiting: undefined, last_turn: turn.turn }
      : // A request that came after the plan was not passed by.
        {
          turns_waited: Number(request.turns_waited) + (Number(request.since) > Date.parse(turn.started) ? 0 : 1),
          last_turn: turn.turn,
        };
  await ledger.update(KEYS.request(id), set, { state: 'WAITING', last_turn: request.last_turn as string | undefined });
}
