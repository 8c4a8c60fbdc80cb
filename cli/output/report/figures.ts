import type { JobStatus } from '../../../lambdas/datastream/result-row';
import { anomaliesOf, type LineAnomaly } from '../../anomalies';
import { grouped } from '../../grouped';
import { median, quantile } from '../../quantile';

/** A job of a day, as a report takes it. */
export interface ReportRow {
  /** The name of the job of this day: that of its first execution. */
  readonly name: string;
  /** The execution of which `status` and the rest are: the one that succeeded, else the last; null where there is none. */
  readonly execution: string | null;
  /** How many executions it has had: its own, `_r2`, `_r3`. */
  readonly executions: number;
  /** The day of its cycle in UTC, YYYYMMDD. */
  readonly day: string;
  readonly stream: string;
  readonly line: string;
  /** The hour of its cycle, `00` to `23`. */
  readonly cycle: string;
  /** Its VPU, or the first of its values of `each`; empty where it has none. */
  readonly place: string;
  /** Whether it has no execution because its line was paused. */
  readonly paused?: boolean;
  /** `NOT_STARTED` is a job that was expected and has no execution. */
  readonly status: JobStatus;
  /** The error's name; null where there is none. */
  readonly error: string | null;
  /** The first line of the error's Cause; null where there is none. */
  readonly cause?: string | null;
  /** Of all its executions. null where it is not known, as for a job that runs. */
  readonly attempts: number | null;
  /** From the start of the execution to its end; null where it has not ended. */
  readonly seconds: number | null;
  /** Seconds from the hour of its cycle to its success; null where it has not succeeded. */
  readonly lead_s: number | null;
  /** Of all its executions; null where it is not known. */
  readonly dollars: number | null;
  /** The verified object, `s3://...`; null where there is none. */
  readonly object: string | null;
  /** Seconds of its steps, by their names; null where it has told none, absent where that was not asked. */
  readonly steps?: Readonly<Record<string, number>> | null;
}

/** What a reader asks first of a job. `retried` has succeeded after more than one attempt or execution. */
export const OUTCOMES = ['ok', 'retried', 'running', 'failed', 'missing', 'paused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export function outcomeOf({ status, attempts, paused }: Pick<ReportRow, 'status' | 'attempts' | 'paused'>): Outcome {
  if (status === 'SUCCEEDED') return (attempts ?? 1) > 1 ? 'retried' : 'ok';
  if (status === 'RUNNING') return 'running';
  if (status === 'NOT_STARTED') return paused ? 'paused' : 'missing';
  return 'failed';
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
  /** Seconds from a cycle's hour to the success of its jobs, in the same way. */
  readonly lead_p50_s: number | null;
  readonly lead_p95_s: number | null;
  readonly lead_longest_s: number | null;
  /** Of the jobs whose cost is known. */
  readonly dollars: number;
  /** How many jobs have a cost that is not known. */
  readonly dollars_unknown: number;
}

export interface Anomaly extends LineAnomaly {
  readonly stream: string;
  readonly line: string;
}

/** The shape of report.json. A row of another version is not taken for an earlier report's. */
export const REPORT_VERSION = 2;

/** The report's twin, report.json. */
export interface ReportDocument {
  readonly version: typeof REPORT_VERSION;
  readonly title: string;
  readonly made_at: string;
  /** The first and the last day, YYYYMMDD. */
  readonly from: string;
  readonly to: string;
  readonly totals: Figures;
  readonly streams: readonly (Figures & { readonly stream: string })[];
  readonly days: readonly (Figures & { readonly stream: string; readonly day: string })[];
  readonly lines: readonly (Figures & { readonly stream: string; readonly line: string })[];
  /** By stream and place, such as a VPU; of streams that have places. */
  readonly places: readonly (Figures & { readonly stream: string; readonly place: string })[];
  /** By line, place and cycle, over all days; of lines that have several places. */
  readonly place_cycles: readonly (Counts & {
    readonly stream: string;
    readonly line: string;
    readonly place: string;
    readonly cycle: string;
  })[];
  /** By line, place and step: the median of the jobs' seconds; none where the steps were not asked for. */
  readonly steps: readonly {
    readonly stream: string;
    readonly line: string;
    readonly place: string;
    readonly step: string;
    readonly jobs: number;
    readonly p50_s: number;
  }[];
  /** By line and cycle, over all days. */
  readonly line_cycles: readonly (Figures & {
    readonly stream: string;
    readonly line: string;
    readonly cycle: string;
  })[];
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

/** Counts the rows of a report. The order of streams and lines is that of the rows; days and cycles ascend. */
export function figuresOf(rows: readonly ReportRow[], title: string, now: Date): ReportDocument {
  const days = rows.map(({ day }) => day).sort();
  const lineOf = ({ stream, line }: ReportRow) => `${stream}\n${line}`;
  const lines = [...grouped(rows, lineOf)].map(([key, group]) => ({ ...named(key, ['stream', 'line']), group }));
  const placed = rows.filter(({ place }) => place !== '');
  return {
    version: REPORT_VERSION,
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
    places: [...grouped(placed, ({ stream, place }) => `${stream}\n${place}`)].map(([key, group]) => ({
      ...named(key, ['stream', 'place']),
      ...figures(group),
    })),
    place_cycles: lines
      .filter(({ group }) => new Set(group.map(({ place }) => place)).size > 1)
      .flatMap(({ stream, line, group }) =>
        [...grouped(group, ({ place, cycle }) => `${place}\n${cycle}`)].map(([key, its]) => ({
          stream,
          line,
          ...named(key, ['place', 'cycle']),
          ...counts(its),
        })),
      ),
    steps: lines.flatMap(({ stream, line, group }) => stepsOf(group).map((each) => ({ stream, line, ...each }))),
    line_cycles: lines.flatMap(({ stream, line, group }) =>
      [...grouped(group, ({ cycle }) => cycle)]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([cycle, its]) => ({ stream, line, cycle, ...figures(its) })),
    ),
    cycles: [...grouped(rows, (row) => `${lineOf(row)}\n${row.day}\n${row.cycle}`)]
      .map(([key, group]) => ({ ...named(key, ['stream', 'line', 'day', 'cycle']), ...counts(group) }))
      .sort((a, b) => (`${a.day}${a.cycle}` < `${b.day}${b.cycle}` ? -1 : 1)),
    errors: [
      ...grouped(
        rows.filter(({ status, error }) => error !== null && status !== 'SUCCEEDED'),
        ({ error }) => error ?? '',
      ),
    ]
      .map(([error, group]) => ({ error, jobs: group.length, example: group[0]?.execution ?? '' }))
      .sort((a, b) => b.jobs - a.jobs),
    anomalies: lines.flatMap(({ stream, line, group }) =>
      anomaliesOf(group).map(({ kind, text }): Anomaly => ({ kind, stream, line, text })),
    ),
    rows,
  };
}

/** The steps of a line's jobs, in the order in which they come, by place. */
function stepsOf(rows: readonly ReportRow[]) {
  return [...grouped(rows, ({ place }) => place)].flatMap(([place, group]) => {
    const all = group.flatMap(({ steps }) => Object.entries(steps ?? {}));
    return [...grouped(all, ([step]) => step)].map(([step, times]) => ({
      place,
      step,
      jobs: times.length,
      p50_s: median(times.map(([, seconds]) => seconds)) ?? 0,
    }));
  });
}

function named<Key extends string>(key: string, names: readonly Key[]): Record<Key, string> {
  const values = key.split('\n');
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])) as Record<Key, string>;
}

function counts(rows: readonly ReportRow[]): Counts {
  const found: Record<Outcome, number> = { ok: 0, retried: 0, running: 0, failed: 0, missing: 0, paused: 0 };
  for (const row of rows) found[outcomeOf(row)]++;
  return found;
}

function figures(rows: readonly ReportRow[]): Figures {
  const seconds = rows.flatMap((row) => (row.status === 'SUCCEEDED' && row.seconds !== null ? [row.seconds] : []));
  const leads = rows.flatMap(({ lead_s }) => lead_s ?? []);
  return {
    jobs: rows.length,
    ...counts(rows),
    p50_s: quantile(seconds, 0.5),
    p95_s: quantile(seconds, 0.95),
    longest_s: quantile(seconds, 1),
    lead_p50_s: quantile(leads, 0.5),
    lead_p95_s: quantile(leads, 0.95),
    lead_longest_s: quantile(leads, 1),
    dollars: Number(rows.reduce((sum, { dollars }) => sum + (dollars ?? 0), 0).toFixed(6)),
    dollars_unknown: rows.filter(({ dollars }) => dollars === null).length,
  };
}
