import * as z from 'zod';
import { placeholderInValue } from './checks/placeholders';
import { DATASTREAM_FOLDER } from './datastream-command/command';
import { DEFAULT_WAIT_S, LONGEST_WAIT_S, MOST_INPUTS, SHORTEST_WAIT_S } from './input-uris';
import { BACKOFF } from './retry-backoff';
import { instanceParametersShape } from './run-instances';
import { BUCKET_NAME } from './s3-names';
import { LONGEST_EXECUTION_SECONDS } from './ssm-limits';

/** Seconds until the job is cancelled if the file has no `timeout_s` (upstream's default). */
export const DEFAULT_TIMEOUT_S = 3600;

/** The shortest `timeout_s`: AWS-RunShellScript needs some seconds to start. Upstream's shortest is 1200. */
export const SHORTEST_TIMEOUT_S = 30;

/** More attempts than this would only repeat the same failure. */
export const MOST_RETRIES = 10;

/** The identifier types that hfsubset knows (`-t`). */
export const SUBSET_ID_TYPES = ['comid', 'hl', 'hl_uri', 'id', 'nldi', 'nldi_feature', 'poi_id', 'xy'] as const;

const WHOLE_NUMBER = 'Write a whole number, without quotes.';
const TRUE_OR_FALSE = 'Write true or false, without quotes.';

const text = (description: string, rest: { pattern?: string; examples?: string[] } = {}) =>
  z
    .string()
    .meta({ description, ...rest })
    .optional();

const flag = (description: string, fallback: boolean) =>
  z.boolean({ error: TRUE_OR_FALSE }).meta({ description, default: fallback }).optional();

/** A number of run_options. Some generators of execution files write numbers as strings. */
const count = (description: string, fallback: number, [minimum, maximum]: readonly [number, number], limit = '') =>
  z
    .union([z.number().meta({ type: 'integer', minimum, maximum }), z.string().meta({ pattern: '^[0-9]+$' })], {
      error: WHOLE_NUMBER,
    })
    .refine((value) => isDigits(value) && Number(value) >= minimum && Number(value) <= maximum, {
      error: ({ input }) =>
        typeof input === 'string' && !isDigits(input)
          ? WHOLE_NUMBER
          : `Write a whole number from ${minimum} to ${maximum}${limit}.`,
    })
    .meta({ description, default: fallback })
    .optional();

const isDigits = (value: unknown) => /^\s*\d+\s*$/.test(String(value));

/** A number that need not be whole. */
const amount = (description: string) =>
  z
    .number({ error: 'Write a number of at least 0, without quotes.' })
    .nonnegative({ error: 'Write a number of at least 0, without quotes.' })
    .meta({ description })
    .optional();

const checkObject = z.strictObject({
  bucket: text('The bucket of the object.', { pattern: BUCKET_NAME.source }),
  prefix: text('The whole key of the object, in spite of its name. May hold DAILY.'),
});

const checkS3 = (description: string) =>
  z
    .union([z.boolean(), checkObject], {
      error: 'Write true, false, or the object as {"bucket": "...", "prefix": "the whole key"}.',
    })
    .meta({ description, default: false })
    .optional();

const URIS = 'Write the inputs as a list of URIs, ["s3://BUCKET/KEY", "https://HOST/PATH"].';

/** The inputs of `ii_wait_inputs`. */
export const waitInputs = z.strictObject({
  wait_s: count(
    `Seconds from the execution’s start for which missing inputs are waited for, ${SHORTEST_WAIT_S} to ${LONGEST_WAIT_S}. Default ${DEFAULT_WAIT_S}.`,
    DEFAULT_WAIT_S,
    [SHORTEST_WAIT_S, LONGEST_WAIT_S],
  ),
  uris: z.array(z.string(), { error: URIS }).meta({
    description: `The inputs, as s3://BUCKET/KEY or https://HOST/PATH. May hold DAILY, DATE and ranges such as {001..018}; at most ${MOST_INPUTS} objects.`,
    examples: [['s3://my-bucket/nwm.DAILY/forcing.f{001..018}.nc']],
  }),
});

/** `run_options`, since August 2024. */
export const runOptionsShape = z
  .looseObject({
    ii_terminate_instance: flag('Whether the instance is terminated at the end; else it is stopped.', false),
    ii_delete_volume: flag(
      'Whether the volumes of a stopped instance are deleted. Spelt ii_detach_volume until 2024.',
      false,
    ),
    ii_detach_volume: flag('The spelling of ii_delete_volume in 2024.', false),
    ii_check_s3: checkS3(
      'Whether an object in S3 must exist, newer than the attempt, for the job to succeed: false; true for the one that ' +
        'the command’s S3 prefix implies (merkdir.file, or metadata/forcings_metadata/metadata.csv for forcings); ' +
        'or the object itself.',
    ),
    check_s3: checkS3('The spelling of ii_check_s3 in August 2024.'),
    ii_wait_inputs: z
      .union([z.boolean(), waitInputs], {
        error: 'Write true, false, or the inputs as {"uris": ["s3://BUCKET/KEY"]}.',
      })
      .meta({
        description:
          'Whether nothing is launched before the job’s inputs exist: false; true for the objects that the commands name by ' +
          '-F, -t or an S3 URI with DAILY; or the inputs themselves.',
        default: false,
      })
      .optional(),
    timeout_s: count(
      `Seconds from an attempt’s start until the job is cancelled, ${SHORTEST_TIMEOUT_S} to ${LONGEST_EXECUTION_SECONDS}. Default ${DEFAULT_TIMEOUT_S}.`,
      DEFAULT_TIMEOUT_S,
      [SHORTEST_TIMEOUT_S, LONGEST_EXECUTION_SECONDS],
      ' (SSM cancels a command after 48 hours)',
    ),
    n_retries_allowed: count(`Further attempts after a failed one, 0 to ${MOST_RETRIES}. Default 0.`, 0, [
      0,
      MOST_RETRIES,
    ]),
    ii_cheapo: flag('Whether to use spot instances; the last of several attempts is on-demand.', false),
    ii_instance_types: z
      .array(z.string())
      .meta({
        description:
          'Instance types to try, in this order, where EC2 has no capacity for InstanceType; of its architecture.',
        examples: [['m8g.2xlarge', 'c8g.2xlarge']],
      })
      .optional(),
    retry_backoff_base_s: amount(
      `Seconds before the second attempt: further ones wait base x rate^(attempt - 2), at most retry_backoff_max_s. Default ${BACKOFF.base_s} where another retry_backoff option is given, else none.`,
    ),
    retry_backoff_max_s: amount(`The longest such wait, in seconds. Default ${BACKOFF.max_s}.`),
    retry_backoff_rate: amount(`By what each wait is longer than the one before it. Default ${BACKOFF.rate}.`),
  })
  .meta({ description: 'How the job is run.' });

/**
 * Replaces the shell's working directory in a path by DATASTREAM_FOLDER. Upstream inserts paths without quotes, so
 * files write `$(pwd)` or `$PWD`. Here no value is run.
 */
export function inFolder(path: string): string {
  return path.replace(/^(?:\$\(pwd\)|\$PWD|\$\{PWD\})(?=\/)/, DATASTREAM_FOLDER);
}

/** What to write as an option: the end of a message. */
export const WRITE_OPTION: Readonly<Record<string, string>> = {
  forcing_source: 'letters, digits and _, for example "NWM_RETRO_V3"',
  hydrofabric_version: 'a version, for example "2.2"',
  subset_id: 'an identifier, for example "Gages-09106150"',
  realization: 'a path on the instance or a URL',
  geopackage: 'a path on the instance or a URL',
  'ngen-forcings': 'a path on the instance or a URL',
  s3_prefix: 'a prefix of letters, digits and /_.:=+@,~-',
  object_prefix: 'a prefix of letters, digits and /_.:=+@,~-',
};

/** The message for a value with characters that an option does not allow, such as those special to a shell. */
const wordError = (key: string) => ({
  error: ({ input }: { readonly input?: unknown }) => complaint(String(input), WRITE_OPTION[key] ?? ''),
});
const option = (key: string, allowed: RegExp, description: string, examples?: string[]) =>
  z
    .string()
    .regex(allowed, wordError(key))
    .meta({ description, ...(examples && { examples }) })
    .optional();

function complaint(value: string, write: string): string {
  if (value === '') return `This is empty: write ${write}, or leave it out.`;
  const placeholder = placeholderInValue(value);
  if (placeholder !== undefined) return `${JSON.stringify(placeholder)} is a placeholder: write ${write}.`;
  if (value.startsWith('~/')) return `"~" is not expanded here: write /home/ec2-user${value.slice(1, 60)}.`;
  return `This is not possible here: write ${write}; nothing in it is run or expanded.`;
}

/** S3's safe characters for keys (S3 User Guide) and characters of paths. None is special to a shell. */
const PREFIX = /^[A-Za-z0-9/_.][A-Za-z0-9/_.:=+@,~-]*$/;
/** The same and the characters of URLs. Values are quoted before a shell reads them. */
const PATH_OR_URL = /^(?:(?:s3|https?|ftp):\/\/)?[A-Za-z0-9/_.][A-Za-z0-9/_.:=+@,~%?&-]*$/;
const pathOrUrl = (key: string, description: string) =>
  z
    .string()
    .refine((value) => PATH_OR_URL.test(inFolder(value)), wordError(key))
    .meta({ description })
    .optional();

/** Milliseconds of a valid date in the form `YYYYMMDDHHMM`; undefined for any other text. */
export function timestamp(value: string): number | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(value);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute] = parts.map(Number);
  const at = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute));
  const written = at.toISOString().replace(/\D/g, '').slice(0, 12);
  return written === value ? at.getTime() : undefined;
}

const time = (otherwise: readonly string[], description: string, examples: string[]) =>
  z
    .string()
    .refine((value) => otherwise.includes(value) || timestamp(value) !== undefined, {
      error: `Write a time in UTC as YYYYMMDDHHMM, for example "202406100100"${otherwise.map((word) => `, or ${word}`).join('')}.`,
    })
    .meta({ description, examples })
    .optional();

const PROCESSES = { error: 'Write how many processes the job may use, a whole number of at least 1.' };

/** `datastream_command_options`, since August 2024: the datastream script's arguments by name. */
export const datastreamOptionsShape = z
  .looseObject({
    start_time: time(['DAILY'], 'First time step, YYYYMMDDHHMM in UTC, or DAILY.', ['202406100100', 'DAILY']),
    end_time: time([], 'Last time step, YYYYMMDDHHMM in UTC; may be left out beside DAILY.', ['202406110000']),
    forcing_source: option('forcing_source', /^[A-Za-z0-9_]+$/, 'Where the forcings come from.', [
      'NWM_RETRO_V3',
      'NWM_V3_SHORT_RANGE_00',
      'NWM_V3_MEDIUM_RANGE_00_1',
    ]),
    realization: pathOrUrl(
      'realization',
      'NextGen realization file: a path on the instance or a URL. Without it no -R is passed.',
    ),
    nprocs: z
      .union([z.number().meta({ type: 'integer', minimum: 1 }), z.string().meta({ pattern: '^[1-9][0-9]*$' })], {
        error: WHOLE_NUMBER,
      })
      .refine((value) => /^[1-9]\d{0,3}$/.test(String(value)), PROCESSES)
      .meta({ description: 'How many processes the job may use, at least 1.' })
      .optional(),
    subset_id_type: z
      .enum(SUBSET_ID_TYPES)
      .meta({ description: 'Kind of subset_id, as hfsubset names it.' })
      .optional(),
    subset_id: option(
      'subset_id',
      /^(?:[A-Za-z0-9]|-(?=\d))[A-Za-z0-9_.,:+-]*$/,
      'Identifier of the place to simulate.',
      ['Gages-09106150'],
    ),
    hydrofabric_version: option('hydrofabric_version', /^v?[0-9]+([.][0-9]+)*$/, 'Version of the hydrofabric.', [
      '2.2',
    ]),
    s3_bucket: text('Bucket for the output. Needs s3_prefix.', { pattern: BUCKET_NAME.source }),
    s3_prefix: option(
      's3_prefix',
      PREFIX,
      'Prefix of the output in the bucket; may hold DAILY. Spelt object_prefix in 2024.',
    ),
    object_prefix: option('object_prefix', PREFIX, 'The spelling of s3_prefix in 2024.'),
    geopackage: pathOrUrl(
      'geopackage',
      'Geopackage of the place: a path on the instance or a URL; then subset_id may be left out.',
    ),
    'ngen-forcings': pathOrUrl('ngen-forcings', 'NextGen forcings: a path on the instance or a URL; may hold DAILY.'),
  })
  .meta({ description: 'The datastream script’s arguments, in place of commands.' });

/** The shape of a whole execution file, in every dialect. */
export const executionFileShape = z.looseObject({
  $schema: text('Location of this schema, for editors.'),
  commands: z
    .array(z.string())
    .meta({ description: 'Shell commands, run by root in order; the first one that fails ends the job.' })
    .optional(),
  datastream_command_options: datastreamOptionsShape.optional(),
  run_options: runOptionsShape.optional(),
  instance_parameters: instanceParametersShape,
  region: text('AWS region; it must be the state machine’s. Default: the state machine’s.', {
    examples: ['us-east-1'],
  }),
  bucket: text('Since 2024: bucket of the object that must exist after the job.', {
    pattern: BUCKET_NAME.source,
  }),
  obj_key: text('Since 2024: key of the object that must exist after the job. May hold DATE.'),
});

/** Keys of a state machine's state. A file saved from an earlier run may have them. */
export const RUN_STATE_KEYS: ReadonlySet<string> = new Set([
  't0',
  'retry_attempt',
  'command_id',
  'ii_pass',
  'ii_s3_object_checked',
  'volume_id',
  'failedInput',
  'wait_seconds',
  'statusCode',
  'duration',
  'auto_retry_count',
  'error',
  // This project's own record of a run.
  'datastream_run',
]);
