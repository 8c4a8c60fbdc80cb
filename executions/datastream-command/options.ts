import type { Problems } from '../../files/problems';
import { isRecord, member, text } from '../../files/values';
import { placeholderInValue } from '../checks/placeholders';
import { bucketProblem, trimPrefix } from '../s3-names';
import { DATASTREAM_FOLDER, type DatastreamOptions } from './command';

const ROOT = 'datastream_command_options';

/** S3's safe characters for keys (S3 User Guide) and those that stand in paths: nothing that a shell reads. */
const PREFIX = /^[A-Za-z0-9/_.][A-Za-z0-9/_.:=+@,~-]*$/;
const PATH_OR_URL = /^(?:(?:s3|https?|ftp):\/\/)?[A-Za-z0-9/_.][A-Za-z0-9/_.:=+@,~%?&-]*$/;

interface Rule {
  readonly allowed: RegExp;
  readonly write: string;
}

const RULES = {
  forcing_source: { allowed: /^[A-Za-z0-9_]+$/, write: 'letters, digits and _, for example "NWM_RETRO_V3"' },
  hydrofabric_version: { allowed: /^v?\d+(\.\d+)*$/, write: 'a version, for example "2.2"' },
  subset_id: {
    allowed: /^(?:[A-Za-z0-9]|-(?=\d))[A-Za-z0-9_.,:+-]*$/,
    write: 'an identifier, for example "Gages-09106150"',
  },
  realization: { allowed: PATH_OR_URL, write: 'a path on the instance or a URL' },
  geopackage: { allowed: PATH_OR_URL, write: 'a path on the instance or a URL' },
  'ngen-forcings': { allowed: PATH_OR_URL, write: 'a path on the instance or a URL' },
  s3_prefix: { allowed: PREFIX, write: 'a prefix of letters, digits and /_.:=+@,~-' },
  object_prefix: { allowed: PREFIX, write: 'a prefix of letters, digits and /_.:=+@,~-' },
} as const satisfies Record<string, Rule>;

type RuledKey = keyof typeof RULES;

/**
 * Checks `datastream_command_options` and reads what the command is built from.
 *
 * @returns undefined when an option is wrong or one that the command needs is missing
 */
export function readDatastreamOptions(value: unknown, problems: Problems): DatastreamOptions | undefined {
  if (!isRecord(value)) return undefined;
  const read = (key: RuledKey) => checked(value, key, RULES[key], problems);
  const nprocs = processes(value, problems);
  const start_time = time(value, 'start_time', problems);
  const end_time = time(value, 'end_time', problems);
  checkOrder(start_time, end_time, problems);
  const options = {
    end_time,
    subset_id: read('subset_id'),
    subset_id_type: text(member(value, 'subset_id_type')),
    hydrofabric_version: read('hydrofabric_version'),
    realization: read('realization'),
    geopackage: read('geopackage'),
    ngen_forcings: read('ngen-forcings'),
    ...output(value, problems),
  };
  const forcing_source = read('forcing_source');
  reportMissing(value, problems);
  if (start_time === undefined || nprocs === undefined || forcing_source === undefined) return undefined;
  return { start_time, nprocs, forcing_source, ...defined(options) };
}

function reportMissing(options: Readonly<Record<string, unknown>>, problems: Problems): void {
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

function checked(
  options: Readonly<Record<string, unknown>>,
  key: RuledKey,
  rule: Rule,
  problems: Problems,
): string | undefined {
  const value = member(options, key);
  if (typeof value !== 'string') return undefined;
  // Upstream pasted values unquoted, so files name the working directory by a command; here no value runs.
  const path = value.replace(/^(?:\$\(pwd\)|\$PWD|\$\{PWD\})(?=\/)/, DATASTREAM_FOLDER);
  const usable = rule.allowed === PATH_OR_URL ? path : value;
  if (rule.allowed.test(usable)) {
    const placeholder = placeholderInValue(usable);
    if (placeholder !== undefined) {
      const message = `${JSON.stringify(placeholder)} looks like a placeholder: write ${rule.write}.`;
      problems.placeholder('warning', [ROOT, key], message, value);
    }
    return usable;
  }
  problems.error([ROOT, key], complaint(value, rule.write), value);
  return undefined;
}

function complaint(value: string, write: string): string {
  if (value === '') return `This is empty: write ${write}, or leave it out.`;
  const placeholder = placeholderInValue(value);
  if (placeholder !== undefined) return `${JSON.stringify(placeholder)} is a placeholder: write ${write}.`;
  if (value.startsWith('~/')) return `"~" is not expanded here: write /home/ec2-user${value.slice(1, 60)}.`;
  return `This is not possible here: write ${write}; nothing in it is run or expanded.`;
}

function processes(options: Readonly<Record<string, unknown>>, problems: Problems): string | undefined {
  const value = member(options, 'nprocs');
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const written = String(value);
  if (/^[1-9]\d{0,3}$/.test(written)) return written;
  problems.error([ROOT, 'nprocs'], 'Write how many processes the job may use, a whole number of at least 1.', value);
  return undefined;
}

function time(
  options: Readonly<Record<string, unknown>>,
  key: 'start_time' | 'end_time',
  problems: Problems,
): string | undefined {
  const value = member(options, key);
  if (typeof value !== 'string') return undefined;
  if (value === 'DAILY' && key === 'start_time') return value;
  if (timestamp(value) !== undefined) return value;
  const daily = key === 'start_time' ? ', or DAILY' : '';
  problems.error([ROOT, key], `Write a time in UTC as YYYYMMDDHHMM, for example "202406100100"${daily}.`, value);
  return undefined;
}

function checkOrder(start: string | undefined, end: string | undefined, problems: Problems): void {
  const [from, to] = [timestamp(start ?? ''), timestamp(end ?? '')];
  if (from === undefined || to === undefined || to > from) return;
  problems.error([ROOT, 'end_time'], `This is not after start_time: write a time later than ${start}.`, end);
}

/** Milliseconds of a `YYYYMMDDHHMM` that the calendar has; undefined for any other text. */
function timestamp(value: string): number | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(value);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute] = parts.map(Number);
  const at = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute));
  const written = at.toISOString().replace(/\D/g, '').slice(0, 12);
  return written === value ? at.getTime() : undefined;
}

function output(
  options: Readonly<Record<string, unknown>>,
  problems: Problems,
): { s3_bucket?: string; s3_prefix?: string } {
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
  const prefix = checked(options, key, RULES[key], problems);
  if (written !== undefined && old !== undefined) checked(options, 'object_prefix', RULES.object_prefix, problems);
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
