import { Fn, type IResolvable, Op, Token } from 'cdktf';

/**
 * A property may be a Terraform variable, whose value nobody knows at synthesis. There an empty string stands for
 * "unset", so these four decide in TypeScript where the value is known and in Terraform where it is not.
 */

/** Whether the value is set: not undefined, not empty. An expression of Terraform where only that knows it. */
export function isSet(value: string | readonly string[] | undefined): boolean | IResolvable {
  if (!value || value.length === 0) return false;
  // Neither `value == ""` nor `length > 0`: cdktf 0.21 writes an empty string and a zero in an expression as `undefined`.
  return !Token.isUnresolved(value) || Op.gte(Fn.lengthOf(value), 1);
}

/** `then` where the value is set, `otherwise` where it is undefined or empty. */
export function whenSet(value: string | undefined, then: string, otherwise: string): string {
  const set = isSet(value);
  if (typeof set === 'boolean') return set ? then : otherwise;
  return Token.asString(Fn.conditional(set, then, otherwise));
}

/** The value, or the fallback where it is undefined or empty. */
export function orElse(value: string | undefined, fallback: string): string {
  return whenSet(value, value ?? '', fallback);
}

/** The value, or Terraform's null (the provider's own default) where it is undefined or empty. */
export function orNull(value: string | undefined): string | undefined {
  return value && Token.isUnresolved(value)
    ? whenSet(value, value, Token.asString(Token.nullValue()))
    : value || undefined;
}
