import { RULES as AWS_RULES, type Rule } from '../aws/rules';

/** What the variables and properties may hold: AWS's rules, and those of this system. */
export const RULES = {
  ...AWS_RULES,
  scheduleGroup: {
    pattern: '^[A-Za-z0-9_.-]{1,64}$',
    write: '1 to 64 letters, digits and _.- (names of schedule groups)',
  },
  ami: {
    pattern: '^(ami-[0-9a-f]{8,17}|resolve:ssm:.+)$',
    write: 'the ID of an AMI such as ami-0123456789abcdef0, or resolve:ssm: and the name of a parameter',
  },
  environmentSuffix: { pattern: '^[A-Za-z0-9_.-]{1,64}$', write: '1 to 64 letters, digits and _.-' },
  on: { pattern: '^on$', write: 'on, or leave it out' },
  email: { pattern: '^[^@ ]+@[^@ ]+[.][^@ ]+$', write: 'an address such as operator@example.org' },
  jobLogs: { pattern: '^(s3|cloudwatch|none)$', write: 's3, cloudwatch or none' },
} as const satisfies Record<string, Rule>;
