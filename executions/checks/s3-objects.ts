import type { Problems } from '../../files/problems';
import { member } from '../../files/values';
import type { DatastreamOptions } from '../datastream-command/command';
import { assigns, bucketOption, callsDatastream, prefixOption } from '../datastream-command/command-options';
import type { S3Location, S3Object } from '../model';
import { bucketProblem, joinKey, keyProblem, trimPrefix } from '../s3-names';
import { placeholderInValue } from './placeholders';
import type { RunOptions } from './run-options';

type File = Readonly<Record<string, unknown>>;

/** The object of the top-level `bucket` and `obj_key`, in the first dialect or beside run_options. */
export function readTopLevelObject(file: File, run: RunOptions, problems: Problems): S3Object | undefined {
  const present = ['bucket', 'obj_key'].filter((key) => file[key] !== undefined);
  if (present.length === 0) return undefined;
  const ignored = (why: string) => {
    for (const key of present) problems.warning([key], why, file[key]);
    return undefined;
  };
  if (file.run_options !== undefined) {
    if (run.check === false && run.asksForCheck) {
      return ignored(`This is not checked, since run_options say "${run.checkKey}": false: leave one of them out.`);
    }
    // A template may leave both as empty strings. Beside run_options they ask for no check.
    if (present.every((key) => file[key] === '')) return ignored('This is empty and names no object: leave it out.');
    if (file.obj_key === undefined) return ignored('This names no object without an "obj_key": leave it out.');
  }
  const otherwise = ', or leave bucket and obj_key out';
  const object = readObject(file.bucket, file.obj_key, [['bucket'], ['obj_key']], otherwise, problems);
  return object && { ...object, key: object.key.replace(BARE_DATE, '${DATE}') };
}

/** Only in `obj_key` is the bare word DATE a date. The parser writes it as `${DATE}`, as commands do. */
export const BARE_DATE = /(?<![A-Za-z${])DATE(?![A-Za-z])/g;

/** The output of a job whose commands do not name one: the folder of the object to check. */
export function folderOf(object: S3Object | undefined): S3Location | undefined {
  if (!object) return undefined;
  const end = object.key.lastIndexOf('/');
  return { bucket: object.bucket, prefix: trimPrefix(object.key.slice(0, Math.max(end, 0))) };
}

function readObject(
  bucket: unknown,
  key: unknown,
  [bucketPath, keyPath]: readonly [readonly string[], readonly string[]],
  otherwise: string,
  problems: Problems,
): S3Object | undefined {
  if (bucket === undefined)
    problems.error(
      bucketPath,
      `"${bucketPath.at(-1)}" is missing: write the bucket of the object to check${otherwise}.`,
    );
  if (key === undefined)
    problems.error(keyPath, `"${keyPath.at(-1)}" is missing: write the key of the object to check${otherwise}.`);
  if (typeof bucket === 'string') reportName(bucket, bucketProblem(bucket), bucketPath, otherwise, problems);
  if (typeof key === 'string') reportName(key, keyProblem(key), keyPath, otherwise, problems);
  return typeof bucket === 'string' && typeof key === 'string' ? { bucket, key } : undefined;
}

function reportName(
  value: string,
  problem: string | undefined,
  path: readonly string[],
  otherwise: string,
  problems: Problems,
): void {
  const placeholder = placeholderInValue(value);
  if (placeholder !== undefined) {
    // A key may have any characters, a bucket's name may not: there a placeholder is certain.
    const severity = path.at(-1) === 'bucket' ? 'error' : 'warning';
    const is = severity === 'error' ? 'is' : 'looks like';
    const message = `${JSON.stringify(placeholder)} ${is} a placeholder: write the name that is meant${otherwise}.`;
    problems.placeholder(severity, path, message, value);
  } else if (value === '')
    problems.error(
      path,
      `This is empty: write the ${path.at(-1) === 'bucket' ? "bucket's name" : 'whole key of the object'}${otherwise}.`,
      value,
    );
  else if (problem !== undefined) problems.error(path, problem, value);
}

/** Where the job writes: from datastream_command_options, else from the commands' last S3 options. */
export function outputOf(
  file: File,
  datastream: DatastreamOptions | undefined,
  commands: readonly string[],
  problems: Problems,
): S3Location | undefined {
  if (file.datastream_command_options !== undefined) {
    const { s3_bucket: bucket, s3_prefix: prefix } = datastream ?? {};
    return bucket !== undefined && prefix !== undefined ? { bucket, prefix } : undefined;
  }
  const [bucket, prefix] = [bucketOption(commands), prefixOption(commands)];
  if (bucket && isFixed(bucket.value, commands)) {
    const problem = bucketProblem(bucket.value);
    if (problem !== undefined)
      problems.error(['commands', bucket.command], `The S3 bucket is not possible. ${problem}`, bucket.value);
  }
  if (!bucket || !prefix || !isFixed(bucket.value, commands) || !isFixed(prefix.value, commands)) return undefined;
  return { bucket: bucket.value, prefix: trimPrefix(prefix.value) };
}

/** Whether the value is known before the commands run: then it has only shell variables that this project replaces. */
export function isFixed(value: string, commands: readonly string[]): boolean {
  const ours = ['DATE', 'INSTANCE_TYPE'].filter((name) => !assigns(commands, name));
  const rest = ours.reduce((text, name) => text.replaceAll(`\${${name}}`, '').replaceAll(`$${name}`, ''), value);
  return !/[$`]/.test(rest);
}

/**
 * The object to check: named by run_options or at the top level, or derived from the job's output.
 * Two different objects are an error, because only one could be verified.
 */
export function objectToCheck(
  file: File,
  run: RunOptions,
  output: S3Location | undefined,
  commands: readonly string[],
  problems: Problems,
): S3Object | undefined {
  const named = readTopLevelObject(file, run, problems);
  const path = ['run_options', run.checkKey];
  const asked =
    run.check === true
      ? derivedObject(file, output, commands)
      : run.check === false
        ? undefined
        : objectOfOptions(run, path, problems);
  if (run.check === true && !asked && !named) {
    const options = file.datastream_command_options !== undefined;
    if (options ? member(file.datastream_command_options, 's3_bucket') === undefined : commands.length > 0) {
      problems.error(path, underivable(options, commands), true);
    }
  }
  if (asked && named && (asked.bucket !== named.bucket || asked.key !== named.key)) {
    problems.error(
      ['obj_key'],
      `This is another object than that of ${path.join('.')}, s3://${asked.bucket}/${asked.key}: leave one of them out.`,
      file.obj_key,
    );
  }
  return asked ?? named;
}

function objectOfOptions(run: RunOptions, path: readonly string[], problems: Problems): S3Object | undefined {
  if (typeof run.check === 'boolean') return undefined;
  const { bucket, prefix } = run.check;
  const paths = [
    [...path, 'bucket'],
    [...path, 'prefix'],
  ] as const;
  const object = readObject(bucket, prefix, paths, `, or write "${run.checkKey}": false`, problems);
  if (object && object.key.search(BARE_DATE) >= 0) {
    const write = 'write $DATE for the day of the start, or DAILY for the day of the forecast cycle';
    problems.error(paths[1], `Nothing replaces DATE here: ${write}.`, prefix);
  }
  return object;
}

/** The object that datastream scripts upload at their end since March 2024, else the forcing processor's object. */
function derivedObject(file: File, output: S3Location | undefined, commands: readonly string[]): S3Object | undefined {
  if (!output) return undefined;
  const datastream = file.datastream_command_options !== undefined || commands.some(callsDatastream);
  const name = datastream ? 'merkdir.file' : 'metadata/forcings_metadata/metadata.csv';
  return { bucket: output.bucket, key: joinKey(output.prefix, name) };
}

function underivable(options: boolean, commands: readonly string[]): string {
  const write = 'write {"bucket": "...", "prefix": "the whole key"} here, or false';
  if (options)
    return `Nothing says which object to check: give s3_bucket and s3_prefix in datastream_command_options, or ${write}.`;
  const named = [bucketOption(commands), prefixOption(commands)].filter((each) => each !== undefined);
  if (named.length === 2) return `The commands' S3 bucket or prefix is known only when they run: ${write}.`;
  return `Nothing says which object to check: give the commands --S3_BUCKET and --S3_PREFIX, or ${write}.`;
}
