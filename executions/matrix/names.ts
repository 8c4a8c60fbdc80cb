import { firstName } from '../submission/items';
import type { Job, Line, Matrix } from './expand';
import { type Start, startsOfDay } from './schedule';

const DAY_MS = 86_400_000;

/** A job's execution, by what its name says. */
export interface Named {
  readonly line: Line;
  readonly job: Job;
  /** The cycle's day in UTC, YYYYMMDD. */
  readonly day: string;
}

/** Reads names of executions: `<job>_<day>`, and `<job>_<day>_r2` for a later run; undefined for those of no job. */
export function readNames({ lines }: Matrix): (execution: string) => Named | undefined {
  const jobs = new Map(lines.flatMap((line) => line.jobs.map((job) => [job.name, { line, job }] as const)));
  return (execution) => {
    const [, name = '', day = ''] = /^(.+)_(\d{8})$/.exec(firstName(execution)) ?? [];
    const found = jobs.get(name);
    return found && { ...found, day };
  };
}

/** A cycle of a line: jobs that start together. */
export interface CycleOfLine {
  readonly line: Line;
  /** `YYYYMMDDTHH`: the cycle's day and hour in UTC. */
  readonly cycle: string;
  /** The schedule's time. */
  readonly scheduled: Date;
  readonly starts: readonly Start[];
}

/** `YYYYMMDDTHH` */
export const cycleName = (day: string, hour: string) => `${day}T${hour}`;

/** Every cycle whose schedule was due after one time and up to another, the newest first. */
export function cyclesBetween(matrix: Matrix, after: Date, until: Date): CycleOfLine[] {
  const found = new Map<string, { line: Line; cycle: string; scheduled: Date; starts: Start[] }>();
  // The schedule of a cycle is due on its day or on the next one.
  const days = Math.ceil((until.getTime() - after.getTime()) / DAY_MS) + 2;
  for (let back = 0; back <= days; back++) {
    const day = new Date(until.getTime() - back * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
    for (const start of startsOfDay(matrix, day)) {
      const { line, job, scheduled } = start;
      if (scheduled <= after || scheduled > until) continue;
      const cycle = cycleName(day, job.cycle);
      const key = `${line.stream}/${line.line}/${cycle}`;
      const its = found.get(key) ?? { line, cycle, scheduled, starts: [] };
      its.starts.push(start);
      found.set(key, its);
    }
  }
  return [...found.values()].sort((a, b) => b.scheduled.getTime() - a.scheduled.getTime());
}
