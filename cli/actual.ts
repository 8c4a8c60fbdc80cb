import { type Matrix, placeOf } from '../executions/matrix/expand';
import { firstName } from '../executions/submission/items';
import { record } from '../files/values';
import type { PriceList } from '../prices/instances';
import { besideOf, type JobCost, jobCost, type SpotHourly } from '../prices/jobs';
import { anomaliesOf, type LineAnomaly, type LineJob } from './anomalies';
import type { Execution } from './executions';
import { grouped } from './grouped';
import { seriesOf } from './series';

/** What an execution has cost. */
export interface ActualJob {
  readonly execution: Execution;
  /** The stream and the line of a matrix with a space between them; else what the names of its executions share. */
  readonly line: string;
  /** Its place in a matrix, such as a VPU; empty where it has none. */
  readonly place: string;
  /** Absent where it is not known. */
  readonly cost?: JobCost;
  /** Why it is not known. */
  readonly unknown?: string;
}

/**
 * What executions have cost. The arithmetic is that of every command: `jobCost`.
 *
 * @param matrix whose lines the names may follow
 * @param spotHourly where spot prices are known better than by the list
 */
export function actualJobs(
  executions: readonly Execution[],
  region: string,
  prices: PriceList,
  { matrix, spotHourly }: { readonly matrix?: Matrix | undefined; readonly spotHourly?: SpotHourly },
): ActualJob[] {
  const lines = new Map(
    (matrix?.lines ?? []).flatMap(({ stream, line, jobs }) =>
      jobs.map((job) => [job.name, { line: `${stream} ${line}`, place: placeOf(job) }] as const),
    ),
  );
  return executions.map((execution) => {
    const series = seriesOf(execution.name);
    const where = { execution, ...(lines.get(series) ?? { line: series, place: '' }) };
    const { summary } = execution.facts;
    if (execution.status === 'RUNNING') return { ...where, unknown: 'The execution still runs.' };
    if (!summary) return { ...where, unknown: 'The instances of this job are not known.' };
    const { attempts, launches } = summary;
    const beside = besideOf(record(execution.input).instance_parameters);
    const cost = jobCost({ region, attempts, launches, ...beside }, prices, spotHourly);
    return 'unknown' in cost ? { ...where, unknown: cost.unknown } : { ...where, cost };
  });
}

/** The jobs of each line, in the order of what they cost: the dearest first. */
export function byLine(jobs: readonly ActualJob[]): (readonly [line: string, jobs: readonly ActualJob[]])[] {
  const total = (group: readonly ActualJob[]) => group.reduce((sum, { cost }) => sum + (cost?.total ?? 0), 0);
  return [...grouped(jobs, ({ line }) => line)].sort(([, a], [, b]) => total(b) - total(a));
}

/** The executions of each job, the oldest first: its own, `_r2`, `_r3`. */
export function byJob(all: readonly ActualJob[]): (readonly ActualJob[])[] {
  const oldest = all.toSorted((a, b) => a.execution.startedAt.getTime() - b.execution.startedAt.getTime());
  return [...grouped(oldest, ({ execution }) => firstName(execution.name)).values()];
}

/** What is unusual about the lines. */
export function unusual(jobs: readonly ActualJob[]): (LineAnomaly & { readonly line: string })[] {
  return byLine(jobs).flatMap(([line, group]) =>
    anomaliesOf(byJob(group).map(lineJob)).map((each) => ({ line, ...each })),
  );
}

/** A job as `reportRows` sees it. @param all its executions, the oldest first */
function lineJob(all: readonly ActualJob[]): LineJob {
  // One success is enough, whatever was started afterwards.
  const its = all.find(({ execution }) => execution.status === 'SUCCEEDED') ?? all.at(-1);
  if (!its) throw new Error('A job has an execution.');
  const { startedAt, endedAt, status } = its.execution;
  const attempts = all.map(({ execution }) => execution.facts.summary?.attempts ?? null);
  return {
    day: startedAt.toISOString().slice(0, 10).replaceAll('-', ''),
    status,
    attempts: attempts.length === 1 ? (attempts[0] ?? null) : attempts.reduce<number>((sum, of) => sum + (of ?? 1), 0),
    seconds: endedAt ? (endedAt.getTime() - startedAt.getTime()) / 1000 : null,
    dollars: all.every(({ cost }) => cost) ? all.reduce((sum, { cost }) => sum + (cost?.total ?? 0), 0) : null,
  };
}
