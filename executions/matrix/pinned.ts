import { asFile } from '../as-file';
import { resolveDates } from '../datastream-command/dates';
import { parseExecution } from '../parse';
import type { Start } from './schedule';

/**
 * `-s DAILY` of a datastream script and `--start_date DAILY` of the configuration script, with or without quotes; or any
 * other DAILY.
 */
const DAILY =
  /(?<![\w-])(?<option>-s|--start_date)[=\s]+(\\?['"]?)DAILY\2(?![A-Za-z0-9])|(?<![A-Za-z0-9])DAILY(?![A-Za-z0-9])/g;

/** The option that fixes the day of each, in datastreamcli 2616514. */
const END: Readonly<Record<string, string>> = { '-s': '-e', '--start_date': '--end_date' };

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
  const resolved = resolveDates(execution, scheduled);
  return asFile({ ...resolved, commands: resolved.commands.map((command) => fixed(command, day)) });
}

function fixed(command: string, day: string): string {
  return command.replace(DAILY, (found: string, ...rest: unknown[]) => {
    const { option } = rest.at(-1) as { readonly option?: string };
    if (option === undefined) return day;
    const end = END[option] ?? '';
    const after = command.slice(Number(rest.at(-3)) + found.length);
    return new RegExp(`^\\s+${end}[=\\s]`).test(after) ? found : `${found} ${end} ${day}0100`;
  });
}
