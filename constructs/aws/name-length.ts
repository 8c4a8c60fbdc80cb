/** The maximum length of the names of Lambda functions, IAM roles, EventBridge rules and schedules (API references). */
export const LONGEST_NAME = 64;

/** The prefix, trimmed to the length limit, and the suffix. */
export function withSuffix(prefix: string, suffix: string, maxLength = LONGEST_NAME): string {
  return `${prefix.slice(0, maxLength - suffix.length)}${suffix}`;
}
