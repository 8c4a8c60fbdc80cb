import { Fn, Op, type Precondition, Token } from 'cdktf';
import { LONGEST_NAME, withSuffix } from './name-length';

/**
 * A name for what nobody named: the prefix, trimmed so that the length limit holds, and the suffix.
 *
 * @param maxLength characters that AWS allows; default 64
 */
export function derivedName(prefix: string, suffix: string, maxLength = LONGEST_NAME): string {
  if (!Token.isUnresolved(prefix)) return withSuffix(prefix, suffix, maxLength);
  return `${Fn.substr(prefix, 0, maxLength - suffix.length)}${suffix}`;
}

/**
 * AWS would take the second of two things of one name for the first, or refuse it in the middle of the deployment.
 * A precondition, for a variable's validation may refer to another variable only since Terraform 1.9.
 *
 * @param what they are, such as `functions`
 * @param names as they were given; where synthesis knows all of them, nothing is left to Terraform
 * @param attributes the names as the resources have them: cdktf warns of templates within functions
 * @throws Error where synthesis knows all of them already
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
