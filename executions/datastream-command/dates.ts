import type { Execution } from '../model';
import { assigns, forcingFilesIn, prefixesIn, sourceOption } from './command-options';
import { cycleOf, type ForcingCycle } from './forcing-source';

const HOUR_MS = 3_600_000;

/** Members of the medium range ensemble start from forcings that are 6 hours apart (upstream's Commander). */
const HOURS_BETWEEN_MEMBERS = 6;

const DATE_VARIABLE = /\$\{DATE\}|\$DATE(?![A-Za-z0-9_])/g;

/** Not in `--start_date DAILY`: the configuration script needs this word and accepts no bare date there. */
const STAND_ALONE_DAILY = /(?<![A-Za-z0-9])(?<!--start_date[=\s'"]{1,4})DAILY(?![A-Za-z0-9])/g;

/**
 * Whether the commands leave DAILY to the instance: `--start_date DAILY`, and `-s DAILY` beside a forcing source, which
 * the scripts read when they run. An end beside it fixes the day.
 */
export function dailyIsLeft(commands: readonly string[]): boolean {
  const options = sourceOption(commands) ? '-s|--start_date|--START_DATE' : '--start_date';
  const left = new RegExp(
    String.raw`(?<![\w-])(?:${options})[=\s'"\\]+DAILY(?![A-Za-z0-9])(?!['"\\]*\s+(?:-e|--end_date)[=\s])`,
  );
  return commands.some((command) => left.test(command));
}

/**
 * When DAILY becomes another day than it was at the execution's start: the next time at which it is the cycle's hour in
 * UTC, or midnight without a forcing source.
 *
 * @param at when the execution started
 */
export function dailyChangesAt(execution: Execution, at: Date): Date {
  const { hour } = cycleOf(sourceOption(execution.commands)?.value);
  const today = new Date(at);
  today.setUTCHours(hour, 0, 0, 0);
  return today > at ? today : new Date(today.getTime() + 24 * HOUR_MS);
}

/**
 * What DAILY is at a time: the day in UTC, or the day before, before the forcing source's cycle.
 *
 * @returns YYYYMMDD
 */
export function dailyAt({ commands }: Execution, at: Date): string {
  const { hour } = cycleOf(sourceOption(commands)?.value);
  return day(at.getUTCHours() < hour ? new Date(at.getTime() - 24 * HOUR_MS) : at);
}

/**
 * Replaces DATE and DAILY of an execution by dates in UTC, and `$INSTANCE_TYPE` by the instance type. The function is
 * pure. It returns a resolved execution unchanged, so that retries keep the first attempt's dates.
 *
 * - `$DATE` and `${DATE}` in the object to check, the output prefix, the inputs, tag values, and in commands that do not set
 *   the variable themselves: the day of `at`. The parser has changed the bare `DATE` of 2024's `obj_key` to `${DATE}`.
 * - `DAILY` in S3 prefixes, `-F` forcing files and inputs: the forcing source's cycle day. Before the cycle's hour this is
 *   yesterday. Without a forcing source, every stand-alone DAILY of the commands is replaced too.
 *   With a forcing source, `-s DAILY` is not replaced: the datastream script reads it.
 *
 * @param at when the execution started
 */
export function resolveDates(execution: Execution, at: Date): Execution {
  if (execution.dates) return execution;
  const today = day(at);
  const typed = replaceVariables(execution, 'INSTANCE_TYPE', execution.instance_parameters.InstanceType);
  const dated = replaceDate(typed, today);

  const source = sourceOption(dated.commands)?.value;
  const cycle = cycleOf(source);
  const cycleDay = dailyAt(dated, at);
  const resolved = replaceDaily(dated, cycleDay, source === undefined ? undefined : cycle);

  const dates = {
    ...(!same(typed, dated) && { DATE: today }),
    ...(!same(dated, resolved) && { DAILY: cycleDay }),
  };
  return Object.keys(dates).length === 0 ? resolved : { ...resolved, dates };
}

function replaceDate(execution: Execution, today: string): Execution {
  return inS3(replaceVariables(execution, 'DATE', today), (text) => text.replace(DATE_VARIABLE, today));
}

/** Replaces `$NAME` and `${NAME}`, with a backslash before them too: an inner shell does not have the variable. */
function replaceVariables(execution: Execution, name: string, value: string): Execution {
  const pattern = new RegExp(String.raw`\\?\$(?:\{${name}\}|${name}(?![A-Za-z0-9_]))`, 'g');
  const replace = (text: string) => text.replace(pattern, () => value);
  const tagged = inTags(execution, replace);
  if (assigns(execution.commands, name)) return tagged;
  return inS3({ ...tagged, commands: execution.commands.map(replace) }, replace);
}

/** Applies a change to the values of the file's tags, if it has any. */
function inTags(execution: Execution, change: (text: string) => string): Execution {
  const { TagSpecifications } = execution.instance_parameters;
  if (!TagSpecifications) return execution;
  const changed = TagSpecifications.map((specification) => ({
    ...specification,
    Tags: specification.Tags.map((tag) => ({ ...tag, Value: change(tag.Value) })),
  }));
  return {
    ...execution,
    instance_parameters: { ...execution.instance_parameters, TagSpecifications: changed },
  };
}

function replaceDaily(execution: Execution, cycleDay: string, cycle: ForcingCycle | undefined): Execution {
  const inPrefix = (text: string) => text.replaceAll('DAILY', cycleDay);
  const prefixes = prefixesIn(execution.commands).filter((prefix) => prefix.includes('DAILY'));
  const commands = execution.commands.map((command) => {
    const withFiles = forcingFilesIn(command)
      .filter((file) => file.includes('DAILY'))
      .reduce((text, file) => text.replace(file, () => forcingFile(file, cycleDay, cycle?.member ?? 1)), command);
    // Other commands may copy to the same prefix, so its text is replaced everywhere. A prefix without a slash is
    // replaced only as an option's value: the bare word would match `-s DAILY` too.
    const withPrefixes = prefixes.reduce(
      (text, prefix) =>
        prefix.includes('/')
          ? text.replaceAll(prefix, inPrefix(prefix))
          : replacePrefix(text, prefix, inPrefix(prefix)),
      withFiles,
    );
    return cycle ? withPrefixes : withPrefixes.replace(STAND_ALONE_DAILY, cycleDay);
  });
  const forcings = execution.commands.flatMap(forcingFilesIn);
  return inS3({ ...execution, commands }, inPrefix, (uri) =>
    forcings.includes(uri) ? forcingFile(uri, cycleDay, cycle?.member ?? 1) : inPrefix(uri),
  );
}

function replacePrefix(command: string, prefix: string, value: string): string {
  const before = /((?<![\w-])(?:--s3_prefix|-o)[=\s'"\\]+)([^\s'"\\]+)/gi;
  return command.replace(before, (whole, option: string, found: string) => (found === prefix ? option + value : whole));
}

/** A member's forcing file. For each member after member 1, cycle folder, `tHHz` and date are 6 hours earlier. */
function forcingFile(file: string, cycleDay: string, member: number): string {
  const folder = /\/(\d{2})\/.*?t\d{2}z/.exec(file)?.[1];
  const back = HOURS_BETWEEN_MEMBERS * Math.max(member - 1, 0);
  if (folder === undefined || back === 0) return file.replaceAll('DAILY', cycleDay);
  const cycle = Date.UTC(
    Number(cycleDay.slice(0, 4)),
    Number(cycleDay.slice(4, 6)) - 1,
    Number(cycleDay.slice(6, 8)),
    Number(folder),
  );
  const start = new Date(cycle - back * HOUR_MS);
  const hour = String(start.getUTCHours()).padStart(2, '0');
  return file
    .replace(/\/\d{2}\//, `/${hour}/`)
    .replace(/t\d{2}z/, `t${hour}z`)
    .replaceAll('DAILY', day(start));
}

/** Applies a change to the object to check, the output prefix and the inputs. @param inInput default: the same change */
function inS3(execution: Execution, change: (text: string) => string, inInput = change): Execution {
  const { check_object, output, ii_wait_inputs } = execution;
  return {
    ...execution,
    ...(check_object && { check_object: { ...check_object, key: change(check_object.key) } }),
    ...(output && { output: { ...output, prefix: change(output.prefix) } }),
    ...(ii_wait_inputs && { ii_wait_inputs: { ...ii_wait_inputs, uris: ii_wait_inputs.uris.map(inInput) } }),
  };
}

function same(a: Execution, b: Execution): boolean {
  return (
    a.commands.every((command, index) => command === b.commands[index]) &&
    a.check_object?.key === b.check_object?.key &&
    a.output?.prefix === b.output?.prefix &&
    JSON.stringify(a.ii_wait_inputs) === JSON.stringify(b.ii_wait_inputs) &&
    JSON.stringify(a.instance_parameters.TagSpecifications) === JSON.stringify(b.instance_parameters.TagSpecifications)
  );
}

/** `YYYYMMDD` in UTC. */
function day(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll('-', '');
}
