import { placeOf } from '../executions/matrix/expand';
import type { Start } from '../executions/matrix/schedule';
import { firstName } from '../executions/submission/items';
import { type Execution, type Executions, rowOf } from './executions';
import { findAll } from './find-all';
import { grouped } from './grouped';
import type { ReportRow } from './output/report/figures';

const HOUR_MS = 3_600_000;
/** Executions that began so long before the schedule's time may be of its job too: a day that was submitted early. */
const EARLY_MS = 24 * HOUR_MS;

/**
 * Finds what became of jobs of a matrix: of their own executions, and of those that were started again as `_r2`, `_r3`.
 *
 * @param known rows of an earlier report: a job that had ended is not asked for again, unless it was started again
 * @returns a row for each start, in their order
 * @throws Error of the SDK
 */
export async function reportRows(
  starts: readonly Start[],
  executions: Pick<Executions, 'region' | 'list' | 'find'>,
  known: readonly ReportRow[] = [],
): Promise<ReportRow[]> {
  if (starts.length === 0) return [];
  const oldest = starts.reduce((time, { scheduled }) => Math.min(time, scheduled.getTime()), Number.POSITIVE_INFINITY);
  const listed = await executions.list({ since: new Date(oldest - EARLY_MS), limit: Number.MAX_SAFE_INTEGER });
  const names = new Set(starts.map(({ name }) => name));
  const ofJob = grouped(
    // The youngest come first in a list, and last in a job's executions.
    listed.filter(({ name }) => names.has(firstName(name))).reverse(),
    ({ name }) => firstName(name),
  );
  const ended = known.filter(({ status }) => status !== 'RUNNING' && status !== 'NOT_STARTED');
  const rows = new Map(
    ended.filter((row) => row.executions === ofJob.get(row.name)?.length).map((row) => [row.name, row]),
  );
  const asked = starts.filter(({ name }) => !rows.has(name)).flatMap(({ name }) => ofJob.get(name) ?? []);
  const found = grouped(await findAll(asked, executions), ({ name }) => firstName(name));
  return starts.map((start) => rows.get(start.name) ?? rowOfJob(start, found.get(start.name) ?? [], executions.region));
}

/** The row of a job. @param all its executions, the oldest first */
function rowOfJob({ name, day, line, job }: Start, all: readonly Execution[], region: string): ReportRow {
  const where = { name, day, stream: line.stream, line: line.line, cycle: job.cycle, place: placeOf(job) };
  const rows = all.map((each) => rowOf(each, region));
  // One success is enough, whatever was started afterwards.
  const its = rows.find(({ status }) => status === 'SUCCEEDED') ?? rows.at(-1);
  if (!its) {
    const nothing = { error: null, attempts: null, seconds: null, lead_s: null, object: null };
    return { ...where, executions: 0, execution: null, status: 'NOT_STARTED', ...nothing, dollars: 0 };
  }
  const { status, error, cause, seconds, ended_at } = its;
  const first = cause?.split('\n')[0];
  const cycleAt = Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}T${job.cycle}:00:00Z`);
  const dollars = rows.map((row) => row.dollars);
  return {
    ...where,
    executions: rows.length,
    execution: its.name,
    status,
    error,
    ...(first && { cause: first }),
    attempts: rows.length === 1 ? its.attempts : rows.reduce((sum, { attempts }) => sum + (attempts ?? 1), 0),
    seconds,
    object: its.object,
    lead_s: status === 'SUCCEEDED' && ended_at !== null ? Math.round((Date.parse(ended_at) - cycleAt) / 1000) : null,
    dollars: dollars.includes(null)
      ? null
      : Number(dollars.reduce<number>((sum, each) => sum + (each ?? 0), 0).toFixed(6)),
  };
}
