import { Fn, type IResolvable, Op, Token } from 'cdktf';

/**
 * A property may be a Terraform variable, whose value is unknown at synthesis. An empty string then means "unset".
 * These four functions decide in TypeScript if the value is known, and in Terraform if it is not.
 */

/**
 * Whether the value is set: neither undefined nor empty. A Terraform expression if the value is unknown at synthesis.
 */
export function isSet(value: string | readonly string[] | undefined): boolean | IResolvable {
  if (!value || value.length === 0) return false;
  // Not `value == ""` or `length > 0`: cdktf 0.21 writes an empty string or a zero in an expression as `undefined`.
  return !Token.isUnresolved(value) || Op.gte(Fn.lengthOf(value), 1);
}

/** `then` if the value is set, `otherwise` if it is undefined or empty. */
export function whenSet(value: string | undefined, then: string, otherwise: string): string {
  const set = isSet(value);
  if (typeof set === 'boolean') return set ? then : otherwise;
  return Token.asString(Fn.conditional(set, then, otherwise));
}

/** The value, or the fallback if it is undefined or empty. */
export function orElse(value: string | undefined, fallback: string): string {
  return whenSet(value, value ?? '', fallback);
}

/** The value, or Terraform's null (the provider's default) if it is undefined or empty. */
export function orNull(value: string | undefined): string | undefined {
  return value && Token.isUnresolved(value)
    ? whenSet(value, value, Token.asString(Token.nullValue()))
    : value || undefined;
}
