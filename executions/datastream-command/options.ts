import type { Problems } from '../../files/problems';
import { isRecord, member, text } from '../../files/values';
import { placeholderInValue } from '../checks/placeholders';
import { bucketProblem, trimPrefix } from '../s3-names';
import { inFolder, timestamp, WRITE_OPTION } from '../shape';
import type { DatastreamOptions } from './command';

const ROOT = 'datastream_command_options';

type Options = Readonly<Record<string, unknown>>;

/**
 * Reads the options that the command is built from. The structure check has already reported each wrong option.
 *
 * @returns undefined if an option is wrong, or if an option that the command needs is missing
 */
export function readDatastreamOptions(value: unknown, problems: Problems): DatastreamOptions | undefined {
  if (!isRecord(value)) return undefined;
  const read = (key: string) => usable(value, key, problems);
  const [start_time, end_time] = [read('start_time'), read('end_time')];
  checkOrder(start_time, end_time, problems);
  const options = {
    end_time,
    subset_id: read('subset_id'),
    subset_id_type: read('subset_id_type'),
    hydrofabric_version: read('hydrofabric_version'),
    realization: read('realization'),
    geopackage: read('geopackage'),
    ngen_forcings: read('ngen-forcings'),
    ...output(value, problems),
  };
  const [forcing_source, nprocs] = [read('forcing_source'), read('nprocs')];
  reportMissing(value, problems);
  if (start_time === undefined || nprocs === undefined || forcing_source === undefined) return undefined;
  return { start_time, nprocs, forcing_source, ...defined(options) };
}

/** An option's text; undefined if the option has a problem. */
function usable(options: Options, key: string, problems: Problems): string | undefined {
  const value = member(options, key);
  if ((typeof value !== 'string' && typeof value !== 'number') || problems.hasProblemAt([ROOT, key])) return undefined;
  const path = inFolder(String(value));
  const write = WRITE_OPTION[key];
  const placeholder = write === undefined ? undefined : placeholderInValue(path);
  if (placeholder !== undefined) {
    const message = `${JSON.stringify(placeholder)} looks like a placeholder: write ${write}.`;
    problems.placeholder('warning', [ROOT, key], message, value);
  }
  return path;
}

function reportMissing(options: Options, problems: Problems): void {
  const place = Object.hasOwn(options, 'geopackage') ? [] : ['subset_id_type', 'subset_id', 'hydrofabric_version'];
  const end = member(options, 'start_time') === 'DAILY' ? [] : ['end_time'];
  for (const key of ['start_time', ...end, 'forcing_source', 'nprocs', ...place]) {
    if (Object.hasOwn(options, key)) continue;
    const hint = place.includes(key) ? ', or give a "geopackage"' : '';
    problems.error([ROOT, key], `${JSON.stringify(key)} is missing: the command needs it${hint}.`);
  }
  const [id, type] = [Object.hasOwn(options, 'subset_id'), Object.hasOwn(options, 'subset_id_type')];
  if (place.length > 0 || id === type) return;
  const lacking = id ? 'subset_id_type' : 'subset_id';
  problems.error([ROOT, lacking], `"${lacking}" is missing: subset_id and subset_id_type belong together.`);
}

function checkOrder(start: string | undefined, end: string | undefined, problems: Problems): void {
  const [from, to] = [timestamp(start ?? ''), timestamp(end ?? '')];
  if (from === undefined || to === undefined || to > from) return;
  problems.error([ROOT, 'end_time'], `This is not after start_time: write a time later than ${start}.`, end);
}

function output(options: Options, problems: Problems): { s3_bucket?: string; s3_prefix?: string } {
  const bucket = text(member(options, 's3_bucket'));
  const written = text(member(options, 's3_prefix'));
  const old = text(member(options, 'object_prefix'));
  if (written !== undefined && old !== undefined && trimPrefix(written) !== trimPrefix(old)) {
    problems.error(
      [ROOT, 'object_prefix'],
      'This is an older spelling of s3_prefix, with another value: leave one of them out.',
      old,
    );
  }
  const key = written === undefined ? 'object_prefix' : 's3_prefix';
  const prefix = usable(options, key, problems);
  const problem = bucket === undefined ? undefined : bucketProblem(bucket);
  if (problem !== undefined) problems.error([ROOT, 's3_bucket'], problem, bucket);
  if (bucket !== undefined && written === undefined && old === undefined) {
    problems.error([ROOT, 's3_prefix'], '"s3_prefix" is missing: write the prefix of the output in the bucket.');
  }
  if (bucket === undefined && (written ?? old) !== undefined && !Object.hasOwn(options, 's3_bucket')) {
    problems.error(
      [ROOT, 's3_bucket'],
      '"s3_bucket" is missing: write the bucket that the output goes to, or leave the prefix out.',
    );
  }
  return { s3_bucket: bucket, s3_prefix: prefix === undefined ? undefined : trimPrefix(prefix) };
}

/** The members that have a value. */
function defined<T extends Record<string, string | undefined>>(options: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  };
}
