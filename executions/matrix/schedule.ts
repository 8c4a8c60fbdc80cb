import { type Job, type Line, type Matrix, minuteOf } from './expand';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** From a schedule's time to its first start: EventBridge Scheduler's precision is a minute. */
export const FIRST_START_MS = 60_000;

/** One execution of a job. */
export interface Start {
  /** The execution's name: the job's and the day of its cycle. */
  readonly name: string;
  readonly line: Line;
  readonly job: Job;
  /** The cycle's day in UTC, YYYYMMDD. */
  readonly day: string;
  /** The schedule's time. */
  readonly scheduled: Date;
  /** Its place among all jobs of the same minute, from 0. */
  readonly slot: number;
  /** When the planner starts it. */
  readonly at: Date;
}

/** The schedule expression of a line, in UTC. */
export function cronOf(line: Line): string {
  const starts = line.cycles.map((cycle) => minuteOf(line, cycle).split(':').map(Number));
  const hours = starts.map(([hour = 0]) => hour).sort((a, b) => a - b);
  return `cron(${starts[0]?.[1] ?? 0} ${hours.length === 24 ? '*' : hours.join(',')} * * ? *)`;
}

/** The cycle of a line whose jobs start at a scheduled time; undefined where the line has none then. */
export function cycleAt(line: Line, scheduled: Date): { readonly cycle: string; readonly day: string } | undefined {
  const start = new Date(scheduled.getTime() - line.lagMinutes * MINUTE_MS);
  const [date = '', time = ''] = start.toISOString().split('T');
  const cycle = time.slice(0, 2);
  const isFullHour = start.getTime() % HOUR_MS === 0;
  return isFullHour && line.cycles.includes(cycle) ? { cycle, day: date.replaceAll('-', '') } : undefined;
}

/**
 * Every start of a scheduled time, of all lines, in the order of their slots: the k-th job of the minute starts
 * `60 + k / starts_per_second` seconds after it. Each line's planner comes to the same slots by itself.
 */
export function startsAt(matrix: Matrix, scheduled: Date): Start[] {
  const due = matrix.lines.flatMap((line) => {
    const at = cycleAt(line, scheduled);
    return at ? line.jobs.filter(({ cycle }) => cycle === at.cycle).map((job) => ({ line, job, day: at.day })) : [];
  });
  return due.map(({ line, job, day }, slot) => ({
    name: `${job.name}_${day}`,
    line,
    job,
    day,
    scheduled,
    slot,
    at: slotAt(matrix, scheduled, slot),
  }));
}

/** The time of a slot of a scheduled minute. */
export function slotAt({ startsPerSecond }: Matrix, scheduled: Date, slot: number): Date {
  return new Date(scheduled.getTime() + FIRST_START_MS + Math.round((1000 * slot) / startsPerSecond));
}

/** Every start of the cycles of a day, YYYYMMDD, in the order of time. Those of late cycles are on the next day. */
export function startsOfDay(matrix: Matrix, day: string): Start[] {
  const midnight = Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}T00:00:00Z`);
  const times = matrix.lines.flatMap((line) =>
    line.cycles.map((cycle) => midnight + Number(cycle) * HOUR_MS + line.lagMinutes * MINUTE_MS),
  );
  return [...new Set(times)]
    .sort((a, b) => a - b)
    .flatMap((time) => startsAt(matrix, new Date(time)))
    .filter((start) => start.day === day);
}

/** The scheduled times of a line before one, no further back than its catch-up, newest first. */
export function earlierTimes(line: Line, scheduled: Date): Date[] {
  return Array.from(
    { length: line.catchUpHours },
    (_, hours) => new Date(scheduled.getTime() - (hours + 1) * HOUR_MS),
  ).filter((time) => cycleAt(line, time));
}
