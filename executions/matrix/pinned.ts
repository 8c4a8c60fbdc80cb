import { asFile } from '../as-file';
import { pinDates } from '../datastream-command/pin-dates';
import { parseExecution } from '../parse';
import type { Start } from './schedule';

/**
 * A job's execution file with the dates that it has when it starts on time, for a start on another day: a catch-up, a
 * backfill, a retry.
 *
 * - The line's `pin`: each of its texts in the commands becomes the cycle's day.
 * - `DATE` and `DAILY`, also of the gate: what the start function makes of them at the scheduled time.
 * - What that function leaves to the scripts: `-s DAILY` and `--start_date DAILY` stay, and the end that fixes the day is
 *   added, `-e <day>0100` or `--end_date <day>0100`; every other `DAILY` becomes the cycle's day.
 *
 * @throws Error for an execution file that has errors; `checkMatrix` finds those
 */
export function pinnedInput({ name, line, job, day, scheduled }: Start): Readonly<Record<string, unknown>> {
  const commands = job.input.commands;
  const pinned = Array.isArray(commands)
    ? {
        ...job.input,
        commands: commands.map((each) => line.pin.reduce((text, pin) => text.replaceAll(pin, day), each)),
      }
    : job.input;
  const { execution, problems } = parseExecution(pinned);
  if (!execution) throw new Error(`${name}: ${problems.find(({ severity }) => severity === 'error')?.message}`);
  return asFile(pinDates(execution, scheduled, day));
}
