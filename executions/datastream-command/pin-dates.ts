import type { Execution } from '../model';
import { dailyAt, resolveDates } from './dates';

/**
 * `-s DAILY` of a datastream script and `--start_date DAILY` of the configuration script, with or without quotes; or any
 * other DAILY.
 */
const DAILY =
  /(?<![\w-])(?<option>-s|--start_date)[=\s]+(\\?['"]?)DAILY\2(?![A-Za-z0-9])|(?<![A-Za-z0-9])DAILY(?![A-Za-z0-9])/g;

/** The option that fixes the day of each, in datastreamcli 2616514. */
const END: Readonly<Record<string, string>> = { '-s': '-e', '--start_date': '--end_date' };

/**
 * Gives an execution the dates that it has when it starts at a time, so that a start on another day has the same.
 *
 * - `DATE` and `DAILY`, also of the gate: what the start function makes of them at that time.
 * - What that function leaves to the scripts: `-s DAILY` and `--start_date DAILY` stay, and the end that fixes the day is
 *   added, `-e <day>0100` or `--end_date <day>0100`; every other `DAILY` becomes the cycle's day.
 *
 * @param day the cycle's day, YYYYMMDD; default: that of DAILY at the time
 */
export function pinDates(execution: Execution, at: Date, day = dailyAt(execution, at)): Execution {
  const resolved = resolveDates(execution, at);
  return { ...resolved, commands: resolved.commands.map((command) => fixed(command, day)) };
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
