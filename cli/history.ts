import { SECONDS_BESIDE_COMMANDS } from '../prices/estimate';
import type { Executions } from './executions';
import { grouped } from './grouped';
import { median } from './quantile';
import { seriesOf } from './series';

/** The days whose executions an estimate is made of. */
export const HISTORY_DAYS = 7;

/** A job whose duration is wanted. */
export interface HistoryJob {
  readonly name: string;
  /** What it shares its duration with, such as the line and the place of a matrix. Default: its own earlier executions. */
  readonly group?: string | undefined;
}

/**
 * How long the commands of jobs run, in seconds: the median of the executions that succeeded in the last 7 days, of each
 * line and place of a matrix, else of the same file. Only ListExecutions is called, so what an execution waits for its
 * inputs and for another attempt is in it.
 *
 * @returns by the job's name; none where nothing is known
 */
export async function medianSeconds(
  jobs: readonly HistoryJob[],
  executions: Pick<Executions, 'list'>,
  now: Date,
): Promise<ReadonlyMap<string, number>> {
  const since = new Date(now.getTime() - HISTORY_DAYS * 86_400_000);
  const listed = await executions.list({ status: 'SUCCEEDED', since, limit: Number.MAX_SAFE_INTEGER });
  const bySeries = grouped(listed, ({ name }) => seriesOf(name));
  const groups = grouped(jobs, ({ name, group }) => group ?? seriesOf(name));
  const found = new Map<string, number>();
  for (const members of groups.values()) {
    const its = new Set(members.map(({ name }) => seriesOf(name)));
    const seconds = [...its]
      .flatMap((series) => bySeries.get(series) ?? [])
      .flatMap(({ startedAt, endedAt }) => (endedAt ? [(endedAt.getTime() - startedAt.getTime()) / 1000] : []));
    const middle = median(seconds);
    if (middle === null) continue;
    for (const { name } of members) found.set(name, Math.max(Math.round(middle - SECONDS_BESIDE_COMMANDS), 0));
  }
  return found;
}
