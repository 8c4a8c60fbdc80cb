import { parseExecution } from '../parse';
import { type Matrix, minuteOf } from './expand';

const DAY_MINUTES = 1440;

/**
 * How long a healthy matrix may go without a success, in hours: from the start of a round until the first job of a later
 * one must have ended, at the longest of a day. A job must have ended `timeout_s` after its launch. Attempts after the
 * first one, and the wait for a gate, do not count.
 */
export function longestSilenceHours(matrix: Matrix): number {
  /** The rounds' minutes of the day, each with the minute by which its first success must have come. */
  const rounds = new Map<number, number>();
  for (const line of matrix.lines) {
    for (const cycle of line.cycles) {
      const [hour = 0, minute = 0] = minuteOf(line, cycle).split(':').map(Number);
      const start = hour * 60 + minute;
      const timeouts = line.jobs
        .filter((job) => job.cycle === cycle)
        .map(({ input }) => (parseExecution(input).execution?.timeout_s ?? 0) / 60);
      // The first slot of a round is a minute after its time.
      const end = start + 1 + Math.min(...timeouts);
      rounds.set(start, Math.min(rounds.get(start) ?? end, end));
    }
  }
  const today = [...rounds];
  const all = [...today, ...today.map(([start, end]) => [start + DAY_MINUTES, end + DAY_MINUTES] as const)];
  const silences = today.map(([from]) =>
    Math.min(...all.filter(([start]) => start > from).map(([, end]) => end - from)),
  );
  return Math.max(0, ...silences) / 60;
}
