import { createHash, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { failure, StatesError } from './errors';
import { need, type Scope } from './paths';

/** Of an array that States.ArrayRange makes (Step Functions Developer Guide, Intrinsic functions). */
const LONGEST_RANGE = 1000;
/** Characters that States.Base64Encode, Base64Decode and Hash take (same page). */
const LONGEST_TEXT = 10_000;
const ALGORITHMS: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

type Arguments = readonly unknown[];

/** Step Functions rounds a number that is not whole, a half upwards, as Java does. */
const whole = (value: unknown): number => {
  if (typeof value !== 'number') throw new Error(`${JSON.stringify(value)} is no number`);
  return Math.round(value);
};
const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new Error(`${JSON.stringify(value)} is no string`);
  return value;
};
const shortText = (value: unknown): string => {
  if (text(value).length > LONGEST_TEXT) throw new Error(`the string is longer than ${LONGEST_TEXT} characters`);
  return text(value);
};
const list = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) throw new Error(`${JSON.stringify(value)} is no array`);
  return value;
};
const object = (value: unknown): object => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${JSON.stringify(value)} is no object`);
  }
  return value;
};

/** Step Functions writes an array or an object in a string as Java does: `[1, a]` and `{key=value}`. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(asText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, each]) => `${key}=${asText(each)}`)
    .join(', ')}}`;
}

function format([template, ...values]: Arguments): string {
  let used = 0;
  const filled = text(template).replace(/\\([{}'\\])|\{\}/g, (_, escaped?: string) => {
    if (escaped !== undefined) return escaped;
    if (used === values.length) throw new Error(`there are more {} than the ${values.length} values`);
    return asText(values[used++]);
  });
  if (used < values.length) throw new Error(`there are ${values.length} values for ${used} {}`);
  return filled;
}

function range(first: number, last: number, step: number): number[] {
  const length = Math.floor((last - first) / step) + 1;
  if (step === 0) throw new Error('the step is 0');
  if (length > LONGEST_RANGE) throw new Error(`the array has more than ${LONGEST_RANGE} elements`);
  return Array.from({ length: Math.max(length, 0) }, (_, index) => first + index * step);
}

function partition(array: readonly unknown[], size: number): unknown[] {
  if (size < 1) throw new Error(`the size of a part is ${size}`);
  return Array.from({ length: Math.ceil(array.length / size) }, (_, index) =>
    array.slice(index * size, (index + 1) * size),
  );
}

function item(array: readonly unknown[], index: number): unknown {
  if (!(index in array)) throw new Error(`there is no element ${index} of ${array.length}`);
  return array[index];
}

function hash(data: unknown, algorithm: unknown): string {
  const name = ALGORITHMS[text(algorithm)];
  if (!name) throw new Error(`${algorithm} is none of ${Object.keys(ALGORITHMS).join(', ')}`);
  return createHash(name)
    .update(shortText(typeof data === 'string' ? data : JSON.stringify(data)))
    .digest('hex');
}

function merge(first: unknown, second: unknown, deep: unknown): object {
  // "Step Functions currently supports only the shallow merging mode" (same page).
  if (deep !== false) throw new Error('only the shallow mode is there: write false');
  return { ...object(first), ...object(second) };
}

/** Each character of States.StringSplit's second argument splits; two beside each other make no empty string. */
function anyOf(characters: string): RegExp {
  const codes = Array.from(characters, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
  return new RegExp(`[${codes.join('')}]`, 'u');
}

/** Takes the seed of States.MathRandom for the generator's start: the same seed gives the same number. */
function seeded(seed: unknown, random: () => number): number {
  if (seed === undefined) return random();
  return (
    createHash('md5')
      .update(String(whole(seed)))
      .digest()
      .readUInt32BE() /
    2 ** 32
  );
}

/** Each function with the least and the greatest number of its arguments. */
const FUNCTIONS: Readonly<
  Record<string, readonly [number, number, (given: Arguments, random: () => number) => unknown]>
> = {
  Format: [1, Number.POSITIVE_INFINITY, format],
  StringToJson: [1, 1, ([a]) => JSON.parse(text(a))],
  JsonToString: [1, 1, ([a]) => JSON.stringify(a)],
  Array: [0, Number.POSITIVE_INFINITY, (given) => given],
  ArrayPartition: [2, 2, ([a, b]) => partition(list(a), whole(b))],
  ArrayContains: [2, 2, ([a, b]) => list(a).some((each) => isDeepStrictEqual(each, b))],
  ArrayRange: [3, 3, ([a, b, c]) => range(whole(a), whole(b), whole(c))],
  ArrayGetItem: [2, 2, ([a, b]) => item(list(a), whole(b))],
  ArrayLength: [1, 1, ([a]) => list(a).length],
  ArrayUnique: [
    1,
    1,
    ([a]) => list(a).filter((each, at, all) => all.findIndex((one) => isDeepStrictEqual(one, each)) === at),
  ],
  Base64Encode: [1, 1, ([a]) => Buffer.from(shortText(a)).toString('base64')],
  Base64Decode: [1, 1, ([a]) => Buffer.from(shortText(a), 'base64').toString()],
  Hash: [2, 2, ([a, b]) => hash(a, b)],
  JsonMerge: [3, 3, ([a, b, c]) => merge(a, b, c)],
  MathRandom: [2, 3, ([a, b, c], random) => whole(a) + Math.floor(seeded(c, random) * (whole(b) - whole(a)))],
  MathAdd: [2, 2, ([a, b]) => whole(a) + whole(b)],
  StringSplit: [
    2,
    2,
    ([a, b]) =>
      text(a)
        .split(anyOf(text(b)))
        .filter((part) => part !== ''),
  ],
  UUID: [0, 0, () => randomUUID()],
};

/**
 * Carries out a call such as `States.Format('{}-{}', $.name, States.UUID())` (Amazon States Language, Appendix B).
 *
 * @throws States.IntrinsicFailure if it cannot be read, or a function refuses its arguments
 */
export function evaluateIntrinsic(source: string, scope: Scope): unknown {
  let at = 0;
  const refuse = (problem: string): never => {
    throw failure(StatesError.intrinsicFailure, `The function call in '${source}' failed: ${problem}.`);
  };
  const space = () => {
    while (source[at] === ' ') at++;
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const [match] = pattern.exec(source) ?? [];
    if (match !== undefined) at += match.length;
    return match;
  };

  /** @param isTemplate whether Format takes the backslashes away itself, since `\{}` is no placeholder */
  function argument(isTemplate: boolean): unknown {
    const quoted = take(/'(?:[^'\\]|\\.)*'/y)?.slice(1, -1);
    if (quoted !== undefined) return isTemplate ? quoted : quoted.replace(/\\(.)/g, '$1');
    const number = take(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (number !== undefined) return Number(number);
    const word = take(/(?:true|false|null)\b/y);
    if (word !== undefined) return JSON.parse(word);
    return source[at] === '$' ? path() : call();
  }

  /** A path ends at a comma or a closing bracket of the call; those in its own brackets and strings are its own. */
  function path(): unknown {
    const start = at;
    let depth = 0;
    for (; at < source.length; at++) {
      const character = source[at] as string;
      if (depth === 0 && /[,)\s]/.test(character)) break;
      if (/[[(]/.test(character)) depth++;
      if (/[\])]/.test(character)) depth--;
      if (/['"]/.test(character)) at = source.indexOf(character, at + 1);
      if (at === -1) refuse('a string has no end');
    }
    return need(source.slice(start, at), scope, StatesError.intrinsicFailure);
  }

  function call(): unknown {
    const name = take(/States\.\w+(?=\()/y)?.slice('States.'.length);
    if (name === undefined) return refuse(`'${source.slice(at)}' is no value, path or function`);
    const [least, most, carryOut] = FUNCTIONS[name] ?? refuse(`there is no function States.${name}`);
    at++;
    const given: unknown[] = [];
    space();
    while (source[at] !== ')') {
      if (given.length > 0 && take(/,\s*/y) === undefined)
        refuse(`a comma or ) is missing before '${source.slice(at)}'`);
      given.push(argument(name === 'Format' && given.length === 0));
      space();
    }
    at++;
    if (given.length < least || given.length > most) {
      refuse(`States.${name} takes ${least === most ? least : `${least} or more`} arguments, not ${given.length}`);
    }
    try {
      return carryOut(given, scope.random);
    } catch (error) {
      return refuse(`States.${name}: ${(error as Error).message}`);
    }
  }

  const value = call();
  if (at < source.length) refuse(`'${source.slice(at)}' follows it`);
  return value;
}
