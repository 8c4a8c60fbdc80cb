/** The longest name of a Lambda function, an IAM role, an EventBridge rule, a schedule (their API references). */
export const LONGEST_NAME = 64;

/** The prefix, trimmed so that the length limit holds, and the suffix. */
export function withSuffix(prefix: string, suffix: string, maxLength = LONGEST_NAME): string {
  return `${prefix.slice(0, maxLength - suffix.length)}${suffix}`;
}
