import { Fn, Token } from 'cdktf';

/** The longest name of a Lambda function, an IAM role, an EventBridge rule, a schedule (their API references). */
export const LONGEST_NAME = 64;

/**
 * A name for what nobody named: the prefix, trimmed so that the length limit holds, and the suffix.
 *
 * @param maxLength characters that AWS allows; default 64
 */
export function derivedName(prefix: string, suffix: string, maxLength = LONGEST_NAME): string {
  const room = maxLength - suffix.length;
  return `${Token.isUnresolved(prefix) ? Fn.substr(prefix, 0, room) : prefix.slice(0, room)}${suffix}`;
}
