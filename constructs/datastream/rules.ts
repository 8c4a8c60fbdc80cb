import { RULES as AWS_RULES, type Rule } from '../aws/rules';

/** What the variables and properties may hold: AWS's rules, and those of this system. */
export const RULES = {
  ...AWS_RULES,
  jobLogs: { pattern: '^(s3|none)$', write: 's3 or none' },
} as const satisfies Record<string, Rule>;
