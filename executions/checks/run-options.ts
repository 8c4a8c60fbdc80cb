import type { Problems } from '../../files/problems';
import { isRecord, list, member, record } from '../../files/values';
import type { Execution } from '../model';
import { readRetryBackoff } from '../retry-backoff';
import { DEFAULT_TIMEOUT_S } from '../shape';

/** `run_options` as one model for all spellings of a file. */
export interface RunOptions
  extends Pick<
    Execution,
    'timeout_s' | 'n_retries_allowed' | 'ii_cheapo' | 'ii_instance_types' | 'retry_backoff' | 'instance_end'
  > {
  /** False: no check. True: the object is derived. Otherwise: the object that the file names. */
  readonly check: boolean | { readonly bucket: unknown; readonly prefix: unknown };
  /** The key under which the file asks for the check. */
  readonly checkKey: 'ii_check_s3' | 'check_s3';
  /** Whether the file has this key. */
  readonly asksForCheck: boolean;
}

/** A job whose `timeout_s` is below this may be over before its instance is ready. */
const BOOT_ALLOWANCE_S = 120;

/** Reads run_options. The structure check reports wrong types. */
export function readRunOptions(value: unknown, problems: Problems): RunOptions {
  const options = record(value);
  sameMeaning(options, 'ii_check_s3', 'check_s3', problems);
  sameMeaning(options, 'ii_delete_volume', 'ii_detach_volume', problems);
  const checkKey = Object.hasOwn(options, 'ii_check_s3') ? 'ii_check_s3' : 'check_s3';
  const check = member(options, checkKey);
  const deleteVolumes = (member(options, 'ii_delete_volume') ?? member(options, 'ii_detach_volume')) === true;
  const stop = deleteVolumes ? 'stop-delete-volumes' : 'stop';
  const terminates = member(options, 'ii_terminate_instance') === true;
  const cheap = member(options, 'ii_cheapo') === true;
  const backoff = readRetryBackoff(options);
  if (member(options, 'ii_detach_volume') === true && member(options, 'ii_delete_volume') !== true && !terminates) {
    problems.warning(
      ['run_options', 'ii_detach_volume'],
      'Upstream only detached the volumes in 2024; since then, and here, they are deleted: write false to keep them.',
      true,
    );
  }
  if (cheap && !terminates) {
    problems.error(
      ['run_options', 'ii_cheapo'],
      'EC2 cannot stop a one-time spot instance: add "ii_terminate_instance": true, or write false here.',
      true,
    );
  }
  return {
    timeout_s: count(options, 'timeout_s', DEFAULT_TIMEOUT_S, problems),
    n_retries_allowed: count(options, 'n_retries_allowed', 0, problems),
    ii_cheapo: cheap,
    ...instanceTypes(options),
    ...(backoff && { retry_backoff: backoff }),
    instance_end: terminates ? 'terminate' : stop,
    check: isRecord(check) ? { bucket: member(check, 'bucket'), prefix: member(check, 'prefix') } : check === true,
    checkKey,
    asksForCheck: check !== undefined,
  };
}

function instanceTypes(options: Readonly<Record<string, unknown>>): Pick<RunOptions, 'ii_instance_types'> {
  const types = list(member(options, 'ii_instance_types')).filter((type) => typeof type === 'string');
  return types.length > 0 ? { ii_instance_types: types } : {};
}

function sameMeaning(options: Readonly<Record<string, unknown>>, key: string, old: string, problems: Problems): void {
  const [value, oldValue] = [member(options, key), member(options, old)];
  if (value === undefined || oldValue === undefined) return;
  if (JSON.stringify(value) === JSON.stringify(oldValue)) return;
  problems.error(
    ['run_options', old],
    `This is an older spelling of ${key}, with another value: leave one of them out.`,
    oldValue,
  );
}

/** A number of run_options, or the default if the value is missing or has a problem. */
export function count(
  options: Readonly<Record<string, unknown>>,
  key: string,
  fallback: number,
  problems: Problems,
  parent: readonly string[] = ['run_options'],
): number {
  const path = [...parent, key];
  const value = member(options, key);
  if (value === undefined || problems.hasProblemAt(path)) return fallback;
  const number = Number(value);
  if (key === 'timeout_s' && number < BOOT_ALLOWANCE_S) {
    problems.warning(
      path,
      'This counts from the launch, and an instance takes about a minute to be ready: write more.',
      value,
    );
  }
  if (typeof value === 'string')
    problems.warning(path, `Write ${number} without quotes; it is read as that number.`, value);
  return number;
}
