import type { Rule } from './definition';
import { failure, StatesError } from './errors';
import { need, read, type Scope } from './paths';

const IS: Readonly<Record<string, (value: unknown) => boolean>> = {
  IsNull: (value) => value === null,
  IsNumeric: (value) => typeof value === 'number',
  IsString: (value) => typeof value === 'string',
  IsBoolean: (value) => typeof value === 'boolean',
  IsTimestamp: (value) => timestamp(value) !== undefined,
};

const TYPES: Readonly<Record<string, (value: unknown) => number | string | boolean | undefined>> = {
  String: (value) => (typeof value === 'string' ? value : undefined),
  Numeric: (value) => (typeof value === 'number' ? value : undefined),
  Boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  Timestamp: timestamp,
};

type Comparable = number | string | boolean;
const ORDER: Readonly<Record<string, (one: Comparable, other: Comparable) => boolean>> = {
  Equals: (one, other) => one === other,
  LessThan: (one, other) => one < other,
  GreaterThan: (one, other) => one > other,
  LessThanEquals: (one, other) => one <= other,
  GreaterThanEquals: (one, other) => one >= other,
};

const COMPARISON = /^(String|Numeric|Boolean|Timestamp)(Equals|(?:Less|Greater)Than(?:Equals)?)(Path)?$/;

/**
 * RFC 3339 in the profile of ISO 8601, with capital T and Z (Amazon States Language, Timestamps).
 *
 * @returns milliseconds since 1970; undefined if the value is no timestamp
 */
export function timestamp(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(value)) return undefined;
  const milliseconds = Date.parse(value);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

/** Whether a Choice Rule holds. A comparison of two types is false (Amazon States Language, Choice State). */
export function holds(rule: Rule, scope: Scope): boolean {
  const { And, Or, Not, Variable, Next: _next, Comment: _comment, ...comparison } = rule;
  if (Array.isArray(And)) return And.every((each: Rule) => holds(each, scope));
  if (Array.isArray(Or)) return Or.some((each: Rule) => holds(each, scope));
  if (Not !== undefined) return !holds(Not as Rule, scope);

  const [[operator = '', operand] = []] = Object.entries(comparison);
  const path = String(Variable);
  if (operator === 'IsPresent') return (read(path, scope) !== undefined) === operand;
  const value = need(path, scope);
  const is = IS[operator];
  if (is) return is(value) === operand;
  if (operator === 'StringMatches') return typeof value === 'string' && wildcard(String(operand)).test(value);

  const [, type = '', order = '', isPath] = COMPARISON.exec(operator) ?? [];
  const [read_, compare] = [TYPES[type], ORDER[order]];
  if (!read_ || !compare) throw failure(StatesError.runtime, `There is no comparison '${operator}'.`);
  const [one, other] = [read_(value), read_(isPath ? need(String(operand), scope) : operand)];
  return one !== undefined && other !== undefined && compare(one, other);
}

/** `*` stands for any characters; `\*` and `\\` for the character itself. */
function wildcard(pattern: string): RegExp {
  const parts = pattern.match(/\\[*\\]|./gs) ?? [];
  const source = parts.map((part) => (part === '*' ? '.*' : part.slice(-1).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')));
  return new RegExp(`^${source.join('')}$`, 's');
}
