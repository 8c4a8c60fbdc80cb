import { JSONPath } from 'jsonpath-plus';
import { failure, StatesError } from './errors';
import { evaluateIntrinsic } from './intrinsics';

/** What a path or an intrinsic function reads. */
export interface Scope {
  /** `$` */
  readonly data: unknown;
  /** `$$`: the context object */
  readonly context: unknown;
  /** A number from 0 up to 1, for States.MathRandom. */
  readonly random: () => number;
}

type Segment = string | number;
type Container = Readonly<Record<Segment, unknown>>;

/** One segment of a Reference Path: `.name`, `['name']` or `[0]`. */
const SEGMENT = /\.([^.[\]()*@,:?'"\s]+)|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[(-?\d+)\]/y;

/**
 * The segments of a Reference Path, which names one node (Amazon States Language, Reference Paths).
 *
 * @returns undefined if the path is another one, which can name many nodes
 */
export function segmentsOf(path: string): Segment[] | undefined {
  const segments: Segment[] = [];
  SEGMENT.lastIndex = path.startsWith('$$') ? 2 : 1;
  while (SEGMENT.lastIndex < path.length) {
    const match = SEGMENT.exec(path);
    if (!match) return undefined;
    const [, name, single, double, index] = match;
    const quoted = single ?? double;
    if (index !== undefined) segments.push(Number(index));
    else segments.push(quoted === undefined ? String(name) : quoted.replace(/\\(.)/g, '$1'));
  }
  return segments;
}

function child(node: unknown, segment: Segment): { readonly value: unknown } | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  if (Array.isArray(node)) {
    if (typeof segment !== 'number') return undefined;
    const index = segment < 0 ? node.length + segment : segment;
    return index in node ? { value: node[index] } : undefined;
  }
  return Object.hasOwn(node, segment) ? { value: (node as Container)[segment] } : undefined;
}

/**
 * Reads a path. A path that can name many nodes gives an array of those that are there, as AWS's does.
 *
 * @returns undefined if the path names one node, and it is not there
 * @throws States.Runtime if it is no path
 */
export function read(path: string, { data, context }: Scope): { readonly value: unknown } | undefined {
  const root = path.startsWith('$$') ? context : data;
  const segments = segmentsOf(path);
  if (segments) {
    let node: { readonly value: unknown } | undefined = { value: root };
    for (const segment of segments) node = node && child(node.value, segment);
    return node;
  }
  try {
    // `safe`: the library's own evaluator of filters, and no eval.
    const value = JSONPath({ path: path.replace(/^\$\$/, '$'), json: root as object, wrap: true, eval: 'safe' });
    return { value };
  } catch (error) {
    throw failure(StatesError.runtime, `Invalid path '${path}': ${(error as Error).message}`);
  }
}

/** Reads a path that must name something. @throws `error`, by default States.Runtime, if it does not */
export function need(path: string, scope: Scope, error: string = StatesError.runtime): unknown {
  const found = read(path, scope);
  if (!found) throw failure(error, `Invalid path '${path}': it names nothing in ${excerpt(scope.data)}`);
  return found.value;
}

/** InputPath, OutputPath and ItemsPath. `null` stands for an empty object. */
export function filter(path: string | null | undefined, scope: Scope): unknown {
  if (path === null) return {};
  return path === undefined || path === '$' ? scope.data : need(path, scope);
}

/** A path, a path into the context, or an intrinsic function: the value of a field whose name ends in `.$`. */
export function evaluate(expression: string, scope: Scope, error: string = StatesError.parameterPathFailure): unknown {
  if (!expression.startsWith('$')) return evaluateIntrinsic(expression, scope);
  return need(expression, scope, error);
}

/** Fills in a Payload Template: Parameters, ItemSelector and ResultSelector. */
export function fill(template: unknown, scope: Scope): unknown {
  if (Array.isArray(template)) return template.map((each) => fill(each, scope));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) => {
      if (!key.endsWith('.$')) return [key, fill(value, scope)];
      if (typeof value === 'string') return [key.slice(0, -2), evaluate(value, scope)];
      throw failure(StatesError.runtime, `The value of '${key}' is no path: ${excerpt(value)}`);
    }),
  );
}

/**
 * ResultPath: puts a value into a copy of the data.
 *
 * @param path default: the value takes the place of the data; `null`: the value is discarded
 * @throws States.ResultPathMatchFailure if the path leads through something that is no object, or beside an array
 */
export function place(data: unknown, path: string | null | undefined, value: unknown): unknown {
  if (path === null) return data;
  const segments = segmentsOf(path ?? '$');
  if (!segments) throw failure(StatesError.runtime, `ResultPath '${path}' is no Reference Path.`);
  const put = (node: unknown, [segment, ...rest]: readonly Segment[]): unknown => {
    if (segment === undefined) return value;
    if (Array.isArray(node) && typeof segment === 'number' && segment >= 0 && segment < node.length) {
      return node.with(segment, put(node[segment], rest));
    }
    if (typeof node !== 'object' || node === null || Array.isArray(node) || typeof segment === 'number') {
      throw failure(
        StatesError.resultPathMatchFailure,
        `Unable to apply step "${segment}" to input ${excerpt(node)}, for ResultPath '${path}'`,
      );
    }
    return { ...node, [segment]: put(child(node, segment)?.value ?? {}, rest) };
  };
  return put(data, segments);
}

/** A value in an error's Cause, which must not grow without end. */
export function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
