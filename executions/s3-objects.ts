import { assigns, bucketOption, type CommandOption, callsDatastream, prefixOption } from './command-options';
import type { DatastreamOptions } from './commands';
import type { Faults } from './faults';
import type { S3Location, S3Object } from './model';
import { placeholderInValue } from './placeholders';
import type { RunOptions } from './run-options';
import { bucketProblem, joinKey, keyProblem, trimPrefix } from './s3-names';
import { member } from './values';

type File = Readonly<Record<string, unknown>>;

/** The first dialect's object: `bucket` and `obj_key` beside the commands, and no run_options. */
export function readSeedObject(file: File, faults: Faults): S3Object | undefined {
  const present = ['bucket', 'obj_key'].filter((key) => file[key] !== undefined);
  if (file.run_options !== undefined) {
    for (const key of present) {
      faults.warning(
        [key],
        'This is ignored beside run_options: name the object there, as "ii_check_s3": {"bucket": "...", "prefix": "..."}.',
        file[key],
      );
    }
    return undefined;
  }
  if (present.length === 0) return undefined;
  const otherwise = ', or leave bucket and obj_key out';
  const object = readObject(file.bucket, file.obj_key, [['bucket'], ['obj_key']], otherwise, faults);
  return object && { ...object, key: object.key.replace(BARE_DATE, '${DATE}') };
}

/** Only in this dialect the bare word is a date; from here on it is written as commands write it. */
const BARE_DATE = /(?<![A-Za-z${])DATE(?![A-Za-z])/g;

/** The first dialect writes to the folder of the object that it checks. */
export function seedOutput(object: S3Object | undefined): S3Location | undefined {
  const end = object?.key.lastIndexOf('/') ?? -1;
  return object && end > 0 ? { bucket: object.bucket, prefix: trimPrefix(object.key.slice(0, end)) } : undefined;
}

function readObject(
  bucket: unknown,
  key: unknown,
  [bucketPath, keyPath]: readonly [readonly string[], readonly string[]],
  otherwise: string,
  faults: Faults,
): S3Object | undefined {
  if (bucket === undefined)
    faults.error(bucketPath, `"${bucketPath.at(-1)}" is missing: write the bucket of the object to check${otherwise}.`);
  if (key === undefined)
    faults.error(keyPath, `"${keyPath.at(-1)}" is missing: write the key of the object to check${otherwise}.`);
  if (typeof bucket === 'string') reportName(bucket, bucketProblem(bucket), bucketPath, otherwise, faults);
  if (typeof key === 'string') reportName(key, keyProblem(key), keyPath, otherwise, faults);
  return typeof bucket === 'string' && typeof key === 'string' ? { bucket, key } : undefined;
}

function reportName(
  value: string,
  problem: string | undefined,
  path: readonly string[],
  otherwise: string,
  faults: Faults,
): void {
  const placeholder = placeholderInValue(value);
  if (placeholder !== undefined)
    faults.error(
      path,
      `${JSON.stringify(placeholder)} is a placeholder: write the name that is meant${otherwise}.`,
      value,
    );
  else if (value === '')
    faults.error(
      path,
      `This is empty: write the ${path.at(-1) === 'bucket' ? "bucket's name" : 'whole key of the object'}${otherwise}.`,
      value,
    );
  else if (problem !== undefined) faults.error(path, problem, value);
}

/** Where the job writes: as the options say, else as the commands' last S3 options say. */
export function outputOf(
  file: File,
  datastream: DatastreamOptions | undefined,
  commands: readonly string[],
  faults: Faults,
): S3Location | undefined {
  if (file.datastream_command_options !== undefined) {
    const { s3_bucket: bucket, s3_prefix: prefix } = datastream ?? {};
    return bucket !== undefined && prefix !== undefined ? { bucket, prefix } : undefined;
  }
  const [bucket, prefix] = [bucketOption(commands), prefixOption(commands)];
  if (bucket && isFixed(bucket, commands)) {
    const problem = bucketProblem(bucket.value);
    if (problem !== undefined)
      faults.error(['commands', bucket.command], `The S3 bucket is not possible. ${problem}`, bucket.value);
  }
  if (!bucket || !prefix || !isFixed(bucket, commands) || !isFixed(prefix, commands)) return undefined;
  return { bucket: bucket.value, prefix: trimPrefix(prefix.value) };
}

/** Whether the value is known before the commands run: it holds no shell variable but those that are replaced here. */
function isFixed(option: CommandOption, commands: readonly string[]): boolean {
  const ours = ['DATE', 'INSTANCE_TYPE'].filter((name) => !assigns(commands, name));
  const rest = ours.reduce(
    (value, name) => value.replaceAll(`\${${name}}`, '').replaceAll(`$${name}`, ''),
    option.value,
  );
  return !/[$`]/.test(rest);
}

/** The object that run_options ask for: named, or derived from where the job writes. */
export function objectToCheck(
  file: File,
  run: RunOptions,
  output: S3Location | undefined,
  commands: readonly string[],
  faults: Faults,
): S3Object | undefined {
  if (run.check === false) return undefined;
  const path = ['run_options', run.checkKey];
  if (run.check !== true) {
    const { bucket, prefix } = run.check;
    return readObject(
      bucket,
      prefix,
      [
        [...path, 'bucket'],
        [...path, 'prefix'],
      ],
      `, or write "${run.checkKey}": false`,
      faults,
    );
  }
  const options = file.datastream_command_options !== undefined;
  if (!output) {
    if (options ? member(file.datastream_command_options, 's3_bucket') === undefined : commands.length > 0) {
      faults.error(path, underivable(options, commands), true);
    }
    return undefined;
  }
  const name =
    options || commands.some(callsDatastream) ? 'ngen-run.tar.gz' : 'metadata/forcings_metadata/metadata.csv';
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
