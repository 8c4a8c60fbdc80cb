import type * as z from 'zod';
import { nearest } from '../../files/nearest';
import type { Path, Problems } from '../../files/problems';
import { isRecord, member, record } from '../../files/values';
import { type MatrixFile, matrixShape } from './shape';

type Issue = z.core.$ZodIssue;

/**
 * Reports wrong types and unknown keys.
 *
 * @returns the matrix; where something is wrong in a line or a stream, without that line or stream, so that the rest of
 *   the matrix is checked as well. Undefined where nothing can be read.
 */
export function checkStructure(file: unknown, problems: Problems): MatrixFile | undefined {
  if (!isRecord(file)) {
    problems.error([], 'A matrix is one JSON object: write { ... }.', file);
    return undefined;
  }
  reportEmpty(file, problems);
  const { data, error } = matrixShape.safeParse(file);
  if (data) return data;
  const wrong = error.issues.flatMap((issue) => report(issue, [], file, problems));
  const rest = wrong.reduce<unknown>((value, path) => {
    // Its name means nothing to the rest.
    return path[0] === 'matrix' ? { ...record(value), matrix: 'unnamed' } : without(value, placeOf(path));
  }, file);
  return matrixShape.safeParse(rest).data;
}

/** A matrix without jobs is none that its user means. */
function reportEmpty(file: Readonly<Record<string, unknown>>, problems: Problems): void {
  const isEmpty = (value: unknown) => isRecord(value) && Object.keys(value).length === 0;
  if (isEmpty(file.streams)) problems.error(['streams'], 'This is empty: write at least one stream.', file.streams);
  for (const [name, stream] of Object.entries(record(file.streams))) {
    const lines = member(stream, 'lines');
    const path = ['streams', name, 'lines'];
    if (isEmpty(lines)) problems.error(path, 'This is empty: write at least one line.', lines);
  }
}

/**
 * The line or the stream that a problem stands in, or the key of the whole file on which nothing else depends; undefined
 * for other places.
 */
function placeOf(path: Path): Path | undefined {
  if (path[0] === 'starts_per_second' || path[0] === '$schema') return path;
  if (path[0] !== 'streams') return path.length === 1 && isUnknown(path[0]) ? path : undefined;
  if (path[2] === 'lines' && path.length > 3) return path.slice(0, 4);
  return path.length > 1 ? path.slice(0, 2) : undefined;
}

/** Whether a key of the file's top level is no key of a matrix, and none misspelt, which something else would miss. */
function isUnknown(key: string | number | undefined): boolean {
  const known = Object.keys(matrixShape.shape);
  return !known.includes(String(key)) && nearest(String(key), known) === undefined;
}

/** The value without what stands at a path. */
function without(value: unknown, path: Path | undefined): unknown {
  if (path === undefined) return undefined;
  const [step = '', ...further] = path;
  if (!isRecord(value) || !Object.hasOwn(value, step)) return value;
  if (further.length > 0) return { ...value, [step]: without(value[step], further) };
  const { [step]: _, ...rest } = value;
  return rest;
}

/** Reports an issue of the shape. @returns where it has found something wrong */
function report(issue: Issue, base: Path, file: unknown, problems: Problems): Path[] {
  const path: Path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  const found = path.reduce<unknown>(
    (value, step) => (Array.isArray(value) ? value[Number(step)] : member(value, String(step))),
    file,
  );
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      problems.error([...path, key], unknownKey(key, path), member(found, key));
      return [...path, key];
    });
  }
  if (issue.code === 'invalid_key') {
    problems.error(path, issue.issues[0]?.message ?? issue.message);
    return [path];
  }
  if (issue.code === 'invalid_union') {
    // Of the options whose own type matched, the one with the fewest problems was meant.
    const [within = []] = issue.errors
      .filter((issues) => issues.every((each) => each.path.length > 0 || each.code === 'unrecognized_keys'))
      .sort((a, b) => a.length - b.length);
    const isMeant = !isRecord(found) || hasOwnKey(found);
    if (within.length > 0 && isMeant) return within.flatMap((each) => report(each, path, file, problems));
  }
  problems.error(path, sentence(issue, path, found), found);
  return [path];
}

/** Whether an object has a key of an option: without one, none of the options was meant. */
const hasOwnKey = (value: Readonly<Record<string, unknown>>) =>
  ['by', 'join', 'uris', 'wait_s'].some((key) => Object.hasOwn(value, key));

/** The shape's own message, if it has one. zod's own messages begin with "Invalid". */
function sentence(issue: Issue, path: Path, found: unknown): string {
  if (issue.code === 'invalid_type' && found === undefined) {
    return `${JSON.stringify(path.at(-1) ?? '$')} is missing: a matrix needs it here.`;
  }
  if (!issue.message.startsWith('Invalid')) return issue.message;
  return issue.code === 'invalid_type' && (issue.expected === 'object' || issue.expected === 'record')
    ? 'Write an object in { }.'
    : 'Write a text in quotes.';
}

function unknownKey(key: string, path: Path): string {
  const known = keysAt(path);
  const meant = nearest(key, known);
  if (meant !== undefined) return `This key is unknown: write ${JSON.stringify(meant)} if that is meant.`;
  return `This key is unknown: leave it out. Known here: ${known.join(', ')}.`;
}

function keysAt(path: Path): string[] {
  const streams = matrixShape.shape.streams.valueType;
  if (path.length === 0) return Object.keys(matrixShape.shape);
  if (path.length === 2) return Object.keys(streams.shape);
  if (path.length === 4 && path[2] === 'lines') return Object.keys(streams.shape.lines.valueType.shape);
  return path.at(-1) === 'gate' ? ['wait_s', 'uris'] : ['join'];
}
