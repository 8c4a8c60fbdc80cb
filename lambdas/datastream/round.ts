import type { Line, Matrix } from '../../executions/matrix/expand';
import { pinnedInput } from '../../executions/matrix/pinned';
import { earlierTimes, FIRST_START_MS, type Start, slotAt, startsAt } from '../../executions/matrix/schedule';

/** A start, and when this planner makes it. */
export interface Planned {
  readonly start: Start;
  readonly at: Date;
}

/** What one invocation of the planner has to do: the jobs of one line at one scheduled time, and what was missed before. */
export interface Round {
  /** The line's jobs of the scheduled time, in their slots. */
  readonly due: readonly Planned[];
  /** The line's jobs of earlier scheduled times that a catch-up may start, the newest time first. */
  readonly earlier: readonly Start[];
  /** @param missing those of `earlier` that were not started. @returns them in slots after those of the whole minute */
  readonly catchUp: (missing: readonly Start[]) => readonly Planned[];
}

/**
 * Plans a round. It is pure. The planners of one minute do not know of each other; each comes to slots that no other
 * has, because all of them order the same jobs in the same way:
 *
 * - The k-th job of the minute starts at its slot, `60 + k / starts_per_second` seconds after the scheduled time.
 * - After the last slot of the minute, the lines take turns with what they have missed.
 * - A planner that is called late shifts all of its slots by its delay, so that it keeps the pace.
 *
 * @param line one of the matrix
 * @param scheduled the schedule's time, a full minute
 * @param now when the planner was called
 * @param notBefore scheduled times before this one are not caught up; default: the line's `catch_up_h` alone decides
 */
export function planRound(matrix: Matrix, line: Line, scheduled: Date, now: Date, notBefore?: Date): Round {
  const ofMinute = startsAt(matrix, scheduled);
  const delay = Math.max(0, now.getTime() - scheduled.getTime() - FIRST_START_MS);
  const slot = (place: number) => new Date(slotAt(matrix, scheduled, place).getTime() + delay);
  const lines = [...new Set(ofMinute.map((start) => start.line))];
  const turn = Math.max(lines.indexOf(line), 0);
  return {
    due: ofMinute.filter((start) => start.line === line).map((start) => ({ start, at: slot(start.slot) })),
    earlier: earlierTimes(line, scheduled)
      .filter((time) => notBefore === undefined || time >= notBefore)
      .flatMap((time) => startsAt(matrix, time).filter((start) => start.line === line)),
    catchUp: (missing) =>
      missing.map((start, index) => ({ start, at: slot(ofMinute.length + index * Math.max(lines.length, 1) + turn) })),
  };
}

/** A start that is later than this after its slot may no longer find its day by the clock. */
const LATE_MS = 60_000;

/**
 * The input of a start that is made now: the job's execution file as it is, or with the dates of its cycle where the
 * start is late, or in another hour (UTC) than scheduled: the start function takes the day of a cycle by the hour.
 *
 * @throws Error for a late start whose execution file has errors
 */
export function inputOf(start: Start, now: Date): Readonly<Record<string, unknown>> {
  const onTime = now.getTime() <= start.at.getTime() + LATE_MS && sameHour(now, start.scheduled);
  return onTime ? start.job.input : pinnedInput(start);
}

const sameHour = (a: Date, b: Date) => a.toISOString().slice(0, 13) === b.toISOString().slice(0, 13);
