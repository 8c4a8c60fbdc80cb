import type { JobStatus } from '../lambdas/datastream/result-row';
import { grouped } from './grouped';
import { dollars as dollarText } from './output/dollars';
import { median } from './quantile';

/** A job of a line, as anomalies are looked for in it. */
export interface LineJob {
  /** YYYYMMDD in UTC. */
  readonly day: string;
  readonly status: JobStatus;
  readonly attempts: number | null;
  readonly seconds: number | null;
  readonly dollars: number | null;
}

/** What is unusual about a line. */
export interface LineAnomaly {
  readonly kind: 'long' | 'retries' | 'dearer';
  readonly text: string;
}

/** Minutes from which a job is told as long (ngen-datastream, python/nrds_run_health.py). */
const LONG_MINUTES = 120;
/** The part of a line's jobs with a second attempt from which that is told. */
const MANY_RETRIES = 0.1;
/** How many times its median of the days a line's cost of a job is on a day that is told. */
const DEARER = 1.5;

/**
 * Finds what is unusual about the jobs of a line, by the thresholds of ngen-datastream's health report and of its costs:
 * jobs that took long, many second attempts, a day on which a job cost much more than on the median of the days. Parts are
 * of the jobs that have an execution.
 */
export function anomaliesOf(all: readonly LineJob[]): LineAnomaly[] {
  // A job that has no execution is neither long nor short.
  const jobs = all.filter(({ status }) => status !== 'NOT_STARTED');
  const found: LineAnomaly[] = [];
  const long = jobs.filter(({ seconds }) => (seconds ?? 0) > LONG_MINUTES * 60);
  if (long.length > 0) {
    found.push({ kind: 'long', text: `${long.length} of ${jobs.length} jobs took more than ${LONG_MINUTES} minutes` });
  }
  const again = jobs.filter(({ attempts }) => (attempts ?? 0) > 1).length;
  if (again > MANY_RETRIES * jobs.length) {
    found.push({ kind: 'retries', text: `${again} of ${jobs.length} jobs needed a second attempt` });
  }
  const days = [...grouped(jobs, ({ day }) => day)].flatMap(([day, group]) => {
    const known = group.flatMap(({ dollars, status }) => (status === 'SUCCEEDED' && dollars !== null ? [dollars] : []));
    return known.length > 0 ? [{ day, each: known.reduce((sum, dollars) => sum + dollars, 0) / known.length }] : [];
  });
  const usual = median(days.map(({ each }) => each));
  for (const { day, each } of days) {
    if (usual !== null && each > DEARER * usual) {
      const text = `a job cost ${dollarText(each)} on ${dashed(day)}, and ${dollarText(usual)} on most days`;
      found.push({ kind: 'dearer', text });
    }
  }
  return found;
}

/** A day for people: 2026-08-18. */
export const dashed = (day: string) => day.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
