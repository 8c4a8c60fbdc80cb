import type * as z from 'zod';
import { nearest } from './nearest';

/** What to write where a value has the wrong type, by zod's name of the right one. */
export const WANTED_TYPES: Readonly<Record<string, string>> = {
  string: 'a string in quotes',
  number: 'a number without quotes',
  int: 'a whole number without quotes',
  boolean: 'true or false, without quotes',
  array: 'a list in [ ]',
  object: 'an object in { }',
  record: 'an object in { }',
};

/** "one of "a", "b"", with the nearest as a question where a text resembles one. */
export function wantedValues(values: readonly unknown[], found: unknown): { one: string; hint: string } {
  const texts = values.map(String);
  const meant = typeof found === 'string' ? nearest(found, texts) : undefined;
  return {
    one: `${texts.length > 1 ? 'one of ' : ''}${texts.map((each) => JSON.stringify(each)).join(', ')}`,
    hint: meant === undefined ? '' : ` Did you mean ${JSON.stringify(meant)}?`,
  };
}

/** How zod's own messages begin. */
const OF_ZOD = /^(Invalid|Too small|Too big)/;

/**
 * What is to be done about a value that a shape refuses, as the end of a sentence without its full stop: the shape's own
 * message if it has one.
 */
export function remedyOf(issue: z.core.$ZodIssue): string {
  return OF_ZOD.test(issue.message) ? `write ${wantedOf(issue)}` : issue.message;
}

function wantedOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return WANTED_TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return wantedValues(issue.values, undefined).one;
    case 'invalid_union': {
      const first = issue.errors.flatMap(([each]) => (each ? [wantedOf(each)] : []));
      return first.join(' or ') || 'another value';
    }
    case 'too_small':
      return limit(issue.origin, Number(issue.minimum), issue.inclusive === false ? 'above' : 'of at least');
    case 'too_big':
      return limit(issue.origin, Number(issue.maximum), issue.inclusive === false ? 'below' : 'of at most');
    default:
      return 'another value';
  }
}

function limit(origin: string, bound: number, how: string): string {
  const what = origin === 'array' || origin === 'set' ? 'list' : origin === 'string' ? 'string' : 'number';
  if (what === 'number') return `a number ${how} ${bound}`;
  if (how === 'of at least' && bound === 1) return `a ${what} that is not empty`;
  return `a ${what} ${how} ${bound} ${what === 'list' ? 'elements' : 'characters'}`;
}

/** What a shape refuses, as sentences with the place and the value that was found. */
export function sentencesOf({ issues }: Pick<z.ZodError, 'issues'>, value: unknown): string[] {
  return issues.flatMap((issue) => {
    const place = issue.path.map(String).join('.') || 'the input';
    if (issue.code === 'unrecognized_keys')
      return `${place} has ${issue.keys.join(', ')}, which it does not know: leave it out.`;
    if (issue.code === 'invalid_union') {
      // The option whose own type matched tells what is wrong within it.
      const within = issue.errors.find((each) => each.every(({ path, code }) => path.length > 0 || code === UNKNOWN));
      if (within && within.length > 0)
        return sentencesOf({ issues: within.map((each) => ({ ...each, path: [...issue.path, ...each.path] })) }, value);
    }
    const found = issue.path.reduce<unknown>(
      (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key as never],
      value,
    );
    return `${place} is ${found === undefined ? 'missing' : JSON.stringify(found)}: ${remedyOf(issue)}.`;
  });
}

const UNKNOWN = 'unrecognized_keys';
