import { BUCKET_NAME } from './s3-names';

/** An option's value ends at white space, at a quote, or at a backslash before a quote. */
const VALUE = String.raw`[=\s'"\\]+([^\s'"\\]+)`;
const LONG_BUCKET = new RegExp(String.raw`(?<![\w-])--s3_bucket${VALUE}`, 'gi');
const LONG_PREFIX = new RegExp(String.raw`(?<![\w-])--s3_prefix${VALUE}`, 'gi');
const LONG_SOURCE = new RegExp(String.raw`(?<![\w-])--forcing_source${VALUE}`, 'gi');
const SHORT_BUCKET = new RegExp(String.raw`(?<![\w-])-S${VALUE}`, 'g');
const SHORT_PREFIX = new RegExp(String.raw`(?<![\w-])-o${VALUE}`, 'g');
const SHORT_SOURCE = new RegExp(String.raw`(?<![\w-])-C${VALUE}`, 'g');
const FORCING_FILE = new RegExp(String.raw`(?<![\w-])(?:-F|--NGEN_FORCINGS)${VALUE}`, 'g');

/** `scripts/datastream`, `scripts/routing_only_datastream` and the like, and 2024's `stream.sh`. */
const DATASTREAM_CALL = /(?:^|[\s'"/;&|(])(?:scripts\/(?:\w+[-_])?datastream|stream\.sh)(?=[\s'"\\;&|)]|$)/;

/** An option's value, and in which command it stands. */
export interface CommandOption {
  readonly value: string;
  readonly command: number;
}

/** Whether the command calls one of the datastream scripts, which leave `ngen-run.tar.gz` below their S3 prefix. */
export function callsDatastream(command: string): boolean {
  return DATASTREAM_CALL.test(command);
}

/**
 * The S3 bucket that the commands name last: `--S3_BUCKET` in any case, or a datastream script's `-S`.
 * In 2024 `-S` was the folder where a bucket is mounted: that is no bucket's name and does not count.
 */
export function bucketOption(commands: readonly string[]): CommandOption | undefined {
  return last(commands, (command) => [
    ...matches(command, LONG_BUCKET),
    ...(namesBucketShortly(command) ? matches(command, SHORT_BUCKET) : []),
  ]);
}

/** The S3 prefix that the commands name last: `--S3_PREFIX` in any case, or a datastream script's `-o` beside a bucket. */
export function prefixOption(commands: readonly string[]): CommandOption | undefined {
  return last(commands, prefixesIn);
}

/** Every S3 prefix that a command names. */
export function prefixesIn(command: string): string[] {
  const namesBucket =
    namesBucketShortly(command) || (callsDatastream(command) && matches(command, LONG_BUCKET).length > 0);
  return [...matches(command, LONG_PREFIX), ...(namesBucket ? matches(command, SHORT_PREFIX) : [])];
}

/** The forcing source that the commands name last: `--FORCING_SOURCE` in any case, or a datastream script's `-C`. */
export function sourceOption(commands: readonly string[]): CommandOption | undefined {
  return last(commands, (command) => [
    ...matches(command, LONG_SOURCE),
    ...(callsDatastream(command) ? matches(command, SHORT_SOURCE) : []),
  ]);
}

/** Every forcing file that a command names with `-F`. */
export function forcingFilesIn(command: string): string[] {
  return matches(command, FORCING_FILE);
}

/** Whether one of the commands sets the shell variable itself. `docker run -e NAME=...` sets it elsewhere. */
export function assigns(commands: readonly string[], variable: string): boolean {
  const assignment = new RegExp(
    String.raw`(?<![\w$-])(?<!(?:-e|--env)[ =]["']?)${variable}=|\b(?:read|for)\s+(?:-\w+\s+)*${variable}\b`,
  );
  return commands.some((command) => assignment.test(command));
}

function namesBucketShortly(command: string): boolean {
  return callsDatastream(command) && matches(command, SHORT_BUCKET).some((value) => BUCKET_NAME.test(value));
}

function matches(command: string, pattern: RegExp): string[] {
  return [...command.matchAll(pattern)].map((match) => match[1] ?? '');
}

function last(commands: readonly string[], find: (command: string) => readonly string[]): CommandOption | undefined {
  return commands.flatMap((command, index) => find(command).map((value) => ({ value, command: index }))).at(-1);
}
