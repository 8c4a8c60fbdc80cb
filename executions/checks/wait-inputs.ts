import type { Problems } from '../../files/problems';
import { isRecord, list, member, record, text } from '../../files/values';
import { dailyIsLeft } from '../datastream-command/dates';
import { derivedInputs } from '../datastream-command/derived-inputs';
import { countOf, DAILY_MARGIN_S, DEFAULT_WAIT_S, LONGEST_WAIT_S, MOST_INPUTS, uriProblem } from '../input-uris';
import type { Execution, S3Location, S3Object } from '../model';
import { placeholderInValue } from './placeholders';
import { count } from './run-options';
import { BARE_DATE, isFixed } from './s3-objects';

const PATH = ['run_options', 'ii_wait_inputs'] as const;

/**
 * Reads `ii_wait_inputs`. The structure check reports wrong types.
 *
 * @param written what the job writes, which is none of its inputs
 */
export function readWaitInputs(
  options: unknown,
  commands: readonly string[],
  written: { readonly output?: S3Location; readonly object?: S3Object },
  problems: Problems,
): Execution['ii_wait_inputs'] {
  const value = member(options, PATH[1]);
  if (value === true) {
    const uris = derivedInputs(commands, written, (uri) => isFixed(uri, commands));
    if (uris.length > 0) return { wait_s: DEFAULT_WAIT_S, uris };
    if (commands.length === 0) return undefined;
    problems.error(
      PATH,
      'No command says which objects it reads, by -F, -t or an S3 URI with DAILY: list them as {"uris": ["s3://..."]}, or write false.',
      true,
    );
  }
  if (!isRecord(value)) return undefined;
  const wait_s = count(record(value), 'wait_s', DEFAULT_WAIT_S, problems, PATH);
  const most = LONGEST_WAIT_S - DAILY_MARGIN_S;
  if (wait_s > most && dailyIsLeft(commands)) {
    problems.error(
      [...PATH, 'wait_s'],
      `The commands read DAILY on the instance, where its day changes after 24 hours: write at most ${most}.`,
      wait_s,
    );
  }
  return { wait_s, uris: readUris(member(value, 'uris'), problems) };
}

function readUris(value: unknown, problems: Problems): string[] {
  const path = [...PATH, 'uris'];
  const given = list(value);
  if (Array.isArray(value) && given.length === 0) {
    problems.error(path, 'This list is empty: write at least one URI, or leave ii_wait_inputs out.', value);
  }
  const uris = given.map((uri) => text(uri) ?? '');
  given.forEach((uri, index) => {
    if (typeof uri === 'string') checkUri(uri, [...path, index], problems);
  });
  const inputs = uris.reduce((sum, uri) => sum + Math.max(countOf(uri), 1), 0);
  if (inputs > MOST_INPUTS) {
    problems.error(path, `These are ${inputs} objects: at most ${MOST_INPUTS} can be waited for; list fewer.`);
  }
  // As in 2024's obj_key.
  return uris.map((uri) => uri.replace(BARE_DATE, '${DATE}'));
}

function checkUri(uri: string, path: readonly (string | number)[], problems: Problems): void {
  const placeholder = placeholderInValue(uri);
  if (placeholder !== undefined) {
    const message = `${JSON.stringify(placeholder)} is a placeholder: write the URI that is meant.`;
    problems.placeholder('error', path, message, uri);
    return;
  }
  const problem = uriProblem(uri);
  if (problem !== undefined) problems.error(path, problem, uri);
}
