import { Fn, Op, type Precondition, Token } from 'cdktf';
import { LONGEST_NAME, withSuffix } from './name-length';

/**
 * A default name: the prefix, trimmed to the length limit, and the suffix.
 *
 * @param maxLength characters that AWS allows; default 64
 */
export function derivedName(prefix: string, suffix: string, maxLength = LONGEST_NAME): string {
  if (!Token.isUnresolved(prefix)) return withSuffix(prefix, suffix, maxLength);
  return `${Fn.substr(prefix, 0, maxLength - suffix.length)}${suffix}`;
}

/**
 * Refuses two resources of the same name. AWS would take the second for the first, or refuse it during the deployment.
 * This is a precondition: only since Terraform 1.9 may a variable's validation refer to another variable.
 *
 * @param what the kind of resource, such as `functions`
 * @param names the names as given; if synthesis knows all of them, Terraform checks nothing
 * @param attributes the resources' name attributes, since cdktf warns about templates within functions
 * @throws Error if synthesis already knows all names
 */
export function differentNames(
  what: string,
  names: readonly string[],
  attributes: readonly string[],
): readonly Precondition[] {
  if (!names.some((name) => Token.isUnresolved(name))) {
    const twice = names.find((name, index) => names.indexOf(name) < index);
    if (twice === undefined) return [];
    throw new Error(`Two ${what} are called ${JSON.stringify(twice)}: give each a name of its own.`);
  }
  return [
    {
      condition: Op.eq(Fn.lengthOf(Fn.distinct([...attributes])), attributes.length),
      errorMessage: `Two ${what} have one name, among ${Fn.jsonencode([...attributes])}: give each a name of its own.`,
    },
  ];
}
