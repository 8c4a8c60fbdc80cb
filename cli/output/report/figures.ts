import type { JobStatus } from '../../../lambdas/datastream/results';
import { grouped } from '../../grouped';

/** A job of a day, as a report takes it. */
export interface ReportRow {
  /** The name of its execution. */
  readonly name: string;
  /** The day of its cycle in UTC, YYYYMMDD. */
  readonly day: string;
  readonly stream: string;
  readonly line: string;
  /** The hour of its cycle, `00` to `23`. */
  readonly cycle: string;
  /** `NOT_STARTED` is a job that was expected and has no execution. */
  readonly status: JobStatus;
  /** The error's name; null where there is none. */
  readonly error: string | null;
  /** The first line of the error's Cause; null where there is none. */
  readonly cause?: string | null;
  /** null where it is not known, as for a job that runs. */
  readonly attempts: number | null;
  /** From the start of the execution to its end; null where it has not ended. */
  readonly seconds: number | null;
  /** null where it is not known. */
  readonly dollars: number | null;
}

/** What a reader asks first of a job. `retried` has succeeded after more than one attempt. */
export const OUTCOMES = ['ok', 'retried', 'running', 'failed', 'missing'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export function outcomeOf({ status, attempts }: Pick<ReportRow, 'status' | 'attempts'>): Outcome {
  if (status === 'SUCCEEDED') return (attempts ?? 1) > 1 ? 'retried' : 'ok';
  if (status === 'RUNNING') return 'running';
  return status === 'NOT_STARTED' ? 'missing' : 'failed';
}

/** How many jobs have each outcome. */
export type Counts = Readonly<Record<Outcome, number>>;

/** The figures of some jobs. */
export interface Figures extends Counts {
  readonly jobs: number;
  /** Seconds of the jobs that succeeded: half of them, and 95 %, take at most so long. null where there are none. */
  readonly p50_s: number | null;
  readonly p95_s: number | null;
  readonly longest_s: number | null;
  /** Of the jobs whose cost is known. */
  readonly dollars: number;
  /** How many jobs have a cost that is not known. */
  readonly dollars_unknown: number;
}

/** What is unusual, by the thresholds of ngen-datastream's health report and of its costs. */
export interface Anomaly {
  readonly kind: 'long' | 'retries' | 'dearer';
  readonly stream: string;
  readonly line: string;
  readonly text: string;
}

/** The report's twin, report.json. */
export interface ReportDocument {
  readonly title: string;
  readonly made_at: string;
  /** The first and the last day, YYYYMMDD. */
  readonly from: string;
  readonly to: string;
  readonly totals: Figures;
  readonly streams: readonly (Figures & { readonly stream: string })[];
  readonly days: readonly (Figures & { readonly stream: string; readonly day: string })[];
  readonly lines: readonly (Figures & { readonly stream: string; readonly line: string })[];
  /** By line, day and cycle. */
  readonly cycles: readonly (Counts & {
    readonly stream: string;
    readonly line: string;
    readonly day: string;
    readonly cycle: string;
  })[];
  /** The most frequent first. */
  readonly errors: readonly { readonly error: string; readonly jobs: number; readonly example: string }[];
  readonly anomalies: readonly Anomaly[];
  readonly rows: readonly ReportRow[];
}

/** Minutes from which a job is told as long (ngen-datastream, python/nrds_run_health.py). */
const LONG_MINUTES = 120;
/** The part of a line's jobs with a second attempt from which that is told. */
const MANY_RETRIES = 0.1;
/** How many times its median of the days a line's cost of a job is on a day that is told. */
const DEARER = 1.5;

/** Counts the rows of a report. The order of streams and lines is that of the rows; days and cycles ascend. */
export function figuresOf(rows: readonly ReportRow[], title: string, now: Date): ReportDocument {
  const days = rows.map(({ day }) => day).sort();
  const lineOf = ({ stream, line }: ReportRow) => `${stream}\n${line}`;
  const lines = [...grouped(rows, lineOf)].map(([key, group]) => ({ ...named(key, ['stream', 'line']), group }));
  return {
    title,
    made_at: now.toISOString(),
    from: days[0] ?? '',
    to: days.at(-1) ?? '',
    totals: figures(rows),
    streams: [...grouped(rows, ({ stream }) => stream)].map(([stream, group]) => ({ stream, ...figures(group) })),
    days: [...grouped(rows, ({ stream, day }) => `${stream}\n${day}`)]
      .map(([key, group]) => ({ ...named(key, ['stream', 'day']), ...figures(group) }))
      .sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0)),
    lines: lines.map(({ group, ...names }) => ({ ...names, ...figures(group) })),
    cycles: [...grouped(rows, (row) => `${lineOf(row)}\n${row.day}\n${row.cycle}`)]
      .map(([key, group]) => ({ ...named(key, ['stream', 'line', 'day', 'cycle']), ...counts(group) }))
      .sort((a, b) => (`${a.day}${a.cycle}` < `${b.day}${b.cycle}` ? -1 : 1)),
    errors: [
      ...grouped(
        rows.filter(({ status, error }) => error !== null && status !== 'SUCCEEDED'),
        ({ error }) => error ?? '',
      ),
    ]
      .map(([error, group]) => ({ error, jobs: group.length, example: group[0]?.name ?? '' }))
      .sort((a, b) => b.jobs - a.jobs),
    anomalies: lines.flatMap(({ stream, line, group }) =>
      anomaliesOf(group).map(([kind, text]): Anomaly => ({ kind, stream, line, text })),
    ),
    rows,
  };
}

function named<Key extends string>(key: string, names: readonly Key[]): Record<Key, string> {
  const values = key.split('\n');
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])) as Record<Key, string>;
}

function counts(rows: readonly ReportRow[]): Counts {
  const found: Record<Outcome, number> = { ok: 0, retried: 0, running: 0, failed: 0, missing: 0 };
  for (const row of rows) found[outcomeOf(row)]++;
  return found;
}

function figures(rows: readonly ReportRow[]): Figures {
  const seconds = rows
    .flatMap((row) => (row.status === 'SUCCEEDED' && row.seconds !== null ? [row.seconds] : []))
    .sort((a, b) => a - b);
  return {
    jobs: rows.length,
    ...counts(rows),
    p50_s: quantile(seconds, 0.5),
    p95_s: quantile(seconds, 0.95),
    longest_s: seconds.at(-1) ?? null,
    dollars: Number(rows.reduce((sum, { dollars }) => sum + (dollars ?? 0), 0).toFixed(6)),
    dollars_unknown: rows.filter(({ dollars }) => dollars === null).length,
  };
}

/** By nearest rank, of values that ascend. */
function quantile(ascending: readonly number[], part: number): number | null {
  return ascending[Math.max(Math.ceil(part * ascending.length) - 1, 0)] ?? null;
}

function anomaliesOf(rows: readonly ReportRow[]): (readonly [Anomaly['kind'], string])[] {
  const found: (readonly [Anomaly['kind'], string])[] = [];
  const long = rows.filter(({ seconds }) => (seconds ?? 0) > LONG_MINUTES * 60);
  if (long.length > 0) {
    found.push(['long', `${long.length} of ${rows.length} jobs took more than ${LONG_MINUTES} minutes`]);
  }
  const again = rows.filter(({ attempts }) => (attempts ?? 0) > 1).length;
  if (again > MANY_RETRIES * rows.length) {
    found.push(['retries', `${again} of ${rows.length} jobs needed a second attempt`]);
  }
  const days = [...grouped(rows, ({ day }) => day)].flatMap(([day, group]) => {
    const known = group.flatMap(({ dollars, status }) => (status === 'SUCCEEDED' && dollars !== null ? [dollars] : []));
    return known.length > 0 ? [{ day, each: known.reduce((sum, dollars) => sum + dollars, 0) / known.length }] : [];
  });
  const median = quantile(
    days.map(({ each }) => each).sort((a, b) => a - b),
    0.5,
  );
  for (const { day, each } of days) {
    if (median !== null && each > DEARER * median) {
      found.push([
        'dearer',
        `a job cost $${each.toFixed(3)} on ${dashed(day)}, and $${median.toFixed(3)} on most days`,
      ]);
    }
  }
  return found;
}

/** A day for people: 2026-08-18. */
export const dashed = (day: string) => day.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
