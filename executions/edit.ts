import { parseJson } from '../files/json';
import { nearest } from '../files/nearest';
import { formatPath, type Path, shorten } from '../files/problems';
import { isRecord, list, member, record } from '../files/values';
import { executionSchema, type JsonSchema } from './schema';

/** One change of an execution file. `value` is the text to write at the path; without it the path is removed. */
export interface Edit {
  readonly path: Path;
  readonly value?: string;
}

type Result<T> = T | { readonly error: string };

/** One step of a path: `.key`, `[0]` or `["a key"]`. Other characters in a key need the quotes. */
const STEP = /\.?([^.[\]="\s]+)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]/y;

/**
 * Reads PATH=VALUE, such as `instance_parameters.SecurityGroupIds[0]=sg-...`. A path has the form that problems use,
 * with or without `$.`. The value is everything after the first `=` and may be empty.
 *
 * @returns the change, or one sentence that says what to write
 */
export function parseSet(text: string): Result<Edit> {
  const { path, rest } = parsePath(text);
  if (path.length > 0 && rest.startsWith('=')) return { path, value: rest.slice(1) };
  return {
    error: `${shorten(text)} is no PATH=VALUE: write for example instance_parameters.KeyName=my-key or 'commands[0]=ls'.`,
  };
}

/**
 * Reads the PATH of a value to remove.
 *
 * @returns the change, or one sentence that says what to write
 */
export function parseUnset(text: string): Result<Edit> {
  const { path, rest } = parsePath(text);
  if (path.length > 0 && rest === '') return { path };
  return {
    error: `${shorten(text)} is no PATH: write for example instance_parameters.KeyName or 'commands[0]'.`,
  };
}

/** The steps at the beginning of the text, and the rest of the text. */
function parsePath(text: string): { path: Path; rest: string } {
  const path: (string | number)[] = [];
  let at = /^\$(?=[.[])/.test(text) ? 1 : 0;
  while (at < text.length) {
    STEP.lastIndex = at;
    const [whole, key, index, quoted] = STEP.exec(text) ?? [];
    const afterKey = path.length > 0 && key !== undefined && !whole?.startsWith('.');
    const name = quoted === undefined ? key : unquote(quoted);
    if (whole === undefined || afterKey || (name === undefined && index === undefined)) break;
    path.push(name ?? Number(index));
    at += whole.length;
  }
  return { path, rest: text.slice(at) };
}

function unquote(quoted: string): string | undefined {
  const parsed = parseJson(quoted);
  return 'value' in parsed ? String(parsed.value) : undefined;
}

/**
 * Makes one change in a copy of the file. It creates missing objects and lists on the path. It does not check whether
 * the file may have this value: the parser does.
 *
 * @param file the file's content, parsed from JSON
 * @returns the copy, or one sentence that says why the path leads nowhere or the value is no JSON
 */
export function applyEdit(file: unknown, { path, value }: Edit): Result<{ readonly file: unknown }> {
  const copy: unknown = structuredClone(file);
  let holder = copy;
  for (const [depth, step] of path.entries()) {
    const above = path.slice(0, depth);
    const last = depth === path.length - 1;
    const misfit = misfitOf(holder, step, above);
    if (misfit !== undefined) return { error: misfit };
    const there = valueAt(holder, step);
    if (value === undefined) {
      if (there === undefined) return { error: nothingThere(holder, step, above) };
      if (last) remove(holder, step);
    } else if (last) {
      const typed = typedValue(value, path, there);
      if ('error' in typed) return typed;
      put(holder, step, typed.value);
    } else if (there === undefined) {
      put(holder, step, typeof path[depth + 1] === 'number' ? [] : {});
    }
    holder = valueAt(holder, step);
  }
  return { file: copy };
}

/** Whether an execution file can have a value at this path. */
export function isKnownPath(path: Path): boolean {
  return schemasAt(path).length > 0;
}

/** Why the step is not possible from here. */
function misfitOf(holder: unknown, step: string | number, above: Path): string | undefined {
  const place = above.length === 0 ? 'The file' : formatPath(above);
  if (typeof step === 'string') {
    if (isRecord(holder)) return undefined;
    if (Array.isArray(holder)) return `${place} is a list: write an index, such as ${formatPath([...above, 0])}.`;
    return `${place} is ${shorten(holder)} and has no ${JSON.stringify(step)}: set it as a whole, as JSON, or unset it first.`;
  }
  if (isRecord(holder)) return `${place} is an object, not a list: write a key in place of [${step}].`;
  if (!Array.isArray(holder)) return `${place} is ${shorten(holder)}, not a list: leave [${step}] out.`;
  if (step <= holder.length) return undefined;
  const entries = holder.length === 1 ? '1 entry' : `${holder.length} entries`;
  return `${place} has ${entries}: [${step}] is beyond the next free index, [${holder.length}].`;
}

function nothingThere(holder: unknown, step: string | number, above: Path): string {
  const meant = typeof step === 'string' ? nearest(step, Object.keys(record(holder))) : undefined;
  const write = meant === undefined ? 'check the path' : `write ${formatPath([...above, meant])} if that is meant`;
  return `There is nothing at ${formatPath([...above, step])} to remove: ${write}.`;
}

function valueAt(holder: unknown, step: string | number): unknown {
  return typeof step === 'number' ? list(holder)[step] : member(holder, step);
}

function put(holder: unknown, step: string | number, value: unknown): void {
  // An assignment to the key "__proto__" would set no member.
  Object.defineProperty(holder, step, { value, writable: true, enumerable: true, configurable: true });
}

function remove(holder: unknown, step: string | number): void {
  if (Array.isArray(holder)) holder.splice(Number(step), 1);
  else delete (holder as Record<string, unknown>)[step];
}

/**
 * The value is a string if the schema wants a string, or if the path is unknown and its old value is a string: a key
 * pair named 123 is no number. Otherwise the value is JSON. A text that is no JSON becomes a string, and the parser
 * says what is wanted. It is an error if the schema wants a list or an object and the text begins like one.
 */
function typedValue(text: string, path: Path, there: unknown): Result<{ readonly value: unknown }> {
  const types = schemasAt(path)
    .flatMap(alternatives)
    .flatMap(({ type }) => (typeof type === 'string' ? [type] : []));
  const onlyString = types.length === 0 ? typeof there === 'string' : types.every((type) => type === 'string');
  if (onlyString) return { value: text };
  const parsed = parseJson(text);
  if ('error' in parsed) {
    const structure = types.some((type) => type === 'array' || type === 'object') && /^\s*[[{]/.test(text);
    if (!structure) return { value: text };
    const { line, column, message } = parsed.error;
    return { error: `The value of ${formatPath(path)} is no JSON (line ${line}, column ${column}): ${message}` };
  }
  const otherwise = types.includes('string') && !types.includes(typeName(parsed.value));
  return { value: typeof parsed.value === 'string' || otherwise ? text : parsed.value };
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** The schemas of a path; empty if the path is unknown. */
function schemasAt(path: Path): readonly JsonSchema[] {
  return path.reduce<readonly JsonSchema[]>(
    (schemas, step) =>
      schemas
        .flatMap(alternatives)
        .map((schema) => (typeof step === 'number' ? schema.items : member(schema.properties, step)))
        .filter(isRecord),
    [executionSchema()],
  );
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return [schema, ...list(schema.anyOf).filter(isRecord)];
}
