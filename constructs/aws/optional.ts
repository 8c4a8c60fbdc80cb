import { Fn, type IResolvable, Op, ref, type TerraformResource, Token } from 'cdktf';

/**
 * A property may be a Terraform variable, whose value is unknown at synthesis. An empty string then means "unset".
 * These functions decide in TypeScript if the value is known, and in Terraform if it is not.
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

/** Whether something is deployed: `true`, or where only Terraform knows it the number 0 or 1. */
export type When = true | { readonly count: number };

/** When a value is set. @returns undefined where synthesis knows that it is not */
export function ifSet(value: string | undefined): When | undefined {
  if (!value) return undefined;
  // Neither `value == ""` nor a conditional with a zero: see `isSet`.
  return Token.isUnresolved(value) ? { count: Token.asNumber(Fn.min([1, Fn.lengthOf(value)])) } : true;
}

/** When one of two is. */
export function either(a: When | undefined, b: When | undefined): When | undefined {
  if (!a || !b) return a ?? b;
  return a === true || b === true ? true : { count: Token.asNumber(Fn.max([a.count, b.count])) };
}

/** When both of two are. */
export function both(a: When | undefined, b: When | undefined): When | undefined {
  if (!a || !b) return undefined;
  if (a === true) return b;
  return b === true ? a : { count: Token.asNumber(Fn.min([a.count, b.count])) };
}

/** When a number of dollars, days or jobs is more than zero. */
export function ifPositive(value: number | undefined): When | undefined {
  if (!value) return undefined;
  return Token.isUnresolved(value) ? { count: Token.asNumber(Fn.min([1, Fn.ceil(value)])) } : true;
}

/** When a value is this word of letters. @returns undefined where synthesis knows that it is another */
export function ifEqual(value: string, word: string): When | undefined {
  if (!Token.isUnresolved(value)) return value === word || undefined;
  // Not `value == word ? 1 : 0`: see `isSet`.
  return { count: Token.asNumber(Fn.lengthOf(Fn.regexall(`^${word}$`, value))) };
}

/**
 * A resource that Terraform deploys only then. To be called before anything refers to its attributes: those of a
 * resource with a count are its first instance's, which cdktf leaves to its caller.
 */
export function only<Resource extends TerraformResource>(resource: Resource, when: When | undefined = true): Resource {
  if (when === true) return resource;
  resource.count = when.count;
  resource.interpolationForAttribute = (attribute) => instances(resource, `[0].${attribute}`);
  return resource;
}

/**
 * An attribute of a resource that Terraform may not deploy, or an empty string. It is not null: cdktf-cli 0.21 crashes on
 * an output that is null.
 */
export function orEmpty(resource: TerraformResource, attribute: string): string {
  if (resource.count === undefined) return resource.getStringAttribute(attribute);
  return Fn.join('', Token.asList(instances(resource, `[*].${attribute}`)));
}

function instances({ terraformResourceType, friendlyUniqueId, cdktfStack }: TerraformResource, of: string) {
  return ref(`${terraformResourceType}.${friendlyUniqueId}${of}`, cdktfStack);
}
