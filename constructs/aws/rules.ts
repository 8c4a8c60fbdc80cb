import { Token } from 'cdktf';
import { REGION } from '../../executions/region';

/** What AWS accepts as a value: checked at synthesis where the value is known, by Terraform's plan where it is not. */
export interface Rule {
  /** A regular expression that means the same in JavaScript and in Terraform (RE2). */
  readonly pattern: string;
  /** What to write, to follow "write ...". */
  readonly write: string;
}

const iamName = (length: number): Rule => ({
  pattern: `^[A-Za-z0-9_+=,.@-]{1,${length}}$`,
  write: `1 to ${length} letters, digits and _+=,.@- (IAM's names)`,
});

/** One rule for each kind of value; lengths and characters are those of the services' API references. */
export const RULES = {
  region: {
    pattern: REGION.source,
    write: "a region's code such as us-east-1 or us-gov-west-1",
  },
  stateMachine: {
    // Step Functions takes more characters, but cannot log a state machine that has them in its name.
    pattern: '^[A-Za-z0-9_-]{1,80}$',
    write: '1 to 80 letters, digits, hyphens and underscores (the state machine names that can be logged)',
  },
  lambda: {
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    write: '1 to 64 letters, digits, hyphens and underscores (Lambda function names)',
  },
  role: iamName(64),
  policy: iamName(128),
  profile: iamName(128),
  prefix: {
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    write: '1 to 64 letters, digits, hyphens and underscores',
  },
  bucket: {
    pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    write:
      'the name of a bucket, without s3:// and without a path: 3 to 63 lower-case letters, digits, dots and hyphens',
  },
  vpc: { pattern: '^vpc-[0-9a-f]{8,17}$', write: 'the ID of a VPC such as vpc-0123456789abcdef0' },
  subnet: { pattern: '^subnet-[0-9a-f]{8,17}$', write: 'IDs of subnets such as subnet-0123456789abcdef0' },
  amiParameter: {
    // With a slash even outside of a hierarchy, where SSM takes both: the ARN is the same.
    pattern: '^(/[A-Za-z0-9_.-]+){1,15}$',
    write:
      "an SSM parameter's name, beginning with a slash, such as /datastream/ami: up to 15 levels of letters, digits and _.-",
  },
  permissionsBoundary: {
    pattern: '^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/.+$',
    write: 'the ARN of a managed policy such as arn:aws:iam::123456789012:policy/boundary',
  },
} as const satisfies Record<string, Rule>;

/**
 * There service principals have other names (ec2.amazonaws.com.cn, for some services the same with a region), and so have
 * endpoints: a deployment would fail halfway, or its roles would trust nobody.
 */
export const NOT_IN_CHINA = 'choose a region outside of China (cn-), whose service principals differ';

/** The retentions that CloudWatch Logs accepts, in days (API reference, PutRetentionPolicy). */
export const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/**
 * Refuses a value that AWS would refuse during the deployment. Terraform's variables pass: their own validation,
 * made from the same rules, looks at them.
 *
 * @throws Error that names the property, shows the value and says what to write
 */
export function check(property: string, value: string | undefined, rule: Rule): void {
  if (!value || Token.isUnresolved(value) || new RegExp(rule.pattern).test(value)) return;
  throw new Error(`${property} is ${JSON.stringify(value)}: write ${rule.write}.`);
}

/**
 * The same for each value of a list.
 *
 * @throws Error that names the property, shows the value and says what to write
 */
export function checkEach(property: string, values: readonly string[] = [], rule: Rule): void {
  // Not an element of it: cdktf stands one placeholder in for a list that is not known.
  if (Token.isUnresolved(values)) return;
  for (const [index, value] of values.entries()) check(`${property}[${index}]`, value, rule);
}

/**
 * The same for a retention.
 *
 * @throws Error that names the property, shows the value and says what to write
 */
export function checkLogRetention(property: string, days: number | undefined): void {
  if (days === undefined || Token.isUnresolved(days) || LOG_RETENTION_DAYS.some((allowed) => allowed === days)) return;
  throw new Error(
    `${property} is ${days}: write one of ${LOG_RETENTION_DAYS.join(', ')} (what CloudWatch Logs accepts).`,
  );
}
