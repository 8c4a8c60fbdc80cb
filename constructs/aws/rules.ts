import { inspect } from 'node:util';
import { Token } from 'cdktf';
import { REGION } from '../../executions/region';

/** What AWS accepts as a value. Synthesis checks a known value, Terraform's plan an unknown one. */
export interface Rule {
  /** A regular expression that means the same in JavaScript and in Terraform (RE2). */
  readonly pattern: string;
  /** What to write. Messages put it after "write". */
  readonly write: string;
}

const iamName = (length: number): Rule => ({
  pattern: `^[A-Za-z0-9_+=,.@-]{1,${length}}$`,
  write: `1 to ${length} letters, digits and _+=,.@- (IAM's names)`,
});

/** One rule for each kind of value. Lengths and characters are from the services' API references. */
export const RULES = {
  region: {
    pattern: REGION.source,
    write: "a region's code such as us-east-1 or us-gov-west-1",
  },
  stateMachine: {
    // Step Functions accepts more characters, but cannot log a state machine whose name has them.
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
  securityGroup: { pattern: '^sg-[0-9a-f]{8,17}$', write: 'the ID of a security group such as sg-0123456789abcdef0' },
  cidr: {
    pattern: '^([0-9]{1,3}[.]){3}[0-9]{1,3}/(1[6-9]|2[0-2])$',
    write: 'an IPv4 range from /16 to /22 such as 10.0.0.0/16 (VPCs, with room for eight subnets)',
  },
  batchName: {
    pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$',
    write: '1 to 128 letters, digits, hyphens and underscores that begin with a letter or digit (AWS Batch names)',
  },
  amiParameter: {
    // The slash is required even outside a hierarchy, where SSM accepts names with and without it: the ARN is the same.
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
 * In China, service principals have other names (ec2.amazonaws.com.cn, some with a region), and endpoints differ too. A
 * deployment would fail halfway, or its roles would trust nobody.
 */
export const NOT_IN_CHINA = 'choose a region outside of China (cn-), whose service principals differ';

/** The retentions that CloudWatch Logs accepts, in days (API reference, PutRetentionPolicy). */
export const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** A check of a construct's property. It throws an Error if the value is not allowed. */
export type Check = (property: string, value: unknown) => void;

/**
 * Text that matches a rule. Terraform variables pass: their own validation, made from the same rules, checks them.
 * Undefined and an empty string pass: they count as unset.
 */
export function text({ pattern, write }: Rule): Check {
  return (property, value) => {
    if (isLeftOut(value) || (typeof value === 'string' && new RegExp(pattern).test(value))) return;
    refuse(property, value, write);
  };
}

/** Text that must be given. */
export function requiredText(rule: Rule): Check {
  return (property, value) => {
    if (!value) refuse(property, value, rule.write);
    text(rule)(property, value);
  };
}

/** A list of texts that each match the rule. */
export function texts(rule: Rule): Check {
  return (property, value) => {
    // Ask for the list, not for its elements: cdktf represents an unknown list by one placeholder.
    if (isLeftOut(value)) return;
    if (!Array.isArray(value)) refuse(property, value, `a list of ${rule.write}`);
    for (const [index, each] of value.entries()) requiredText(rule)(`${property}[${index}]`, each);
  };
}

/** A whole number. @param write what to write, after the limits */
export function whole(least: number, most: number, write: string): Check {
  return (property, value) => {
    if (isLeftOut(value)) return;
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return;
    refuse(property, value, `a whole number from ${least} to ${most} (${write})`);
  };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Check {
  return (property, value) => {
    if (isLeftOut(value) || words.some((word) => word === value)) return;
    refuse(property, value, words.length === 2 ? words.join(' or ') : `one of ${words.join(', ')}`);
  };
}

/** `true` or `false`. */
export const flag: Check = (property, value) => {
  if (!isLeftOut(value) && typeof value !== 'boolean') refuse(property, value, 'true or false');
};

/** A property whose value another construct or the compiler checks. */
export const unchecked: Check = () => {};

/** A property that must be given, whatever it is. */
export const required: Check = (property, value) => {
  if (value === undefined || value === null || value === '') refuse(property, value, 'a value');
};

/** A retention in days that CloudWatch Logs accepts. */
export const logRetention: Check = (property, value) => {
  if (value === undefined || Token.isUnresolved(value) || LOG_RETENTION_DAYS.some((days) => days === value)) return;
  refuse(property, value, `one of ${LOG_RETENTION_DAYS.join(', ')} (what CloudWatch Logs accepts)`);
};

/** Tags: an object of strings. */
export const tagSet: Check = (property, value) => {
  if (isLeftOut(value)) return;
  const write = 'an object of strings such as { Team: "hydrology" }';
  if (typeof value !== 'object' || Array.isArray(value)) refuse(property, value, write);
  for (const [key, each] of Object.entries(value)) {
    if (typeof each !== 'string') refuse(`${property}.${key}`, each, 'a string');
  }
};

/**
 * Refuses values that AWS would refuse during the deployment, and properties that the construct does not have. A
 * JavaScript user has no compiler that checks them.
 *
 * @param construct the construct's name, for the error
 * @throws Error that names each such property, shows the value and says what to write: a line each
 */
export function checkProps(construct: string, props: unknown, checks: Readonly<Record<string, Check>>): void {
  if (typeof props !== 'object' || props === null)
    refuse(`props of ${construct}`, props, 'an object of its properties');
  const unknown = Object.keys(props).filter((property) => !Object.hasOwn(checks, property));
  const problems = [
    ...unknown.map(
      (property) => `${construct} has no property ${property}: choose from ${Object.keys(checks).join(', ')}.`,
    ),
    ...valueProblems(props as Readonly<Record<string, unknown>>, checks),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** A message for each value that is not allowed. */
export function valueProblems(
  values: Readonly<Record<string, unknown>>,
  checks: Readonly<Record<string, Check>>,
): string[] {
  return problemsOf(
    Object.entries(checks).map(
      ([property, check]) =>
        () =>
          check(property, values[property]),
    ),
  );
}

/**
 * Runs every check.
 *
 * @param of what the checks are of; it begins each line. Default: nothing
 * @throws Error with a line for each problem
 */
export function checkAll(checks: readonly (() => void)[], of = ''): void {
  const problems = problemsOf(checks);
  if (problems.length > 0) throw new Error(problems.map((problem) => `${of}${problem}`).join('\n'));
}

/** A message for each problem that the checks throw. */
function problemsOf(checks: readonly (() => void)[]): string[] {
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      // A fault of this product has a class of its own, and keeps its stack.
      if ((error as Error).constructor !== Error) throw error;
      return (error as Error).message.split('\n');
    }
  });
}

function isLeftOut(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || value === '' || Token.isUnresolved(value);
}

function refuse(property: string, value: unknown, write: string): never {
  const found = typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 1, breakLength: Infinity });
  throw new Error(`${property} is ${found}: write ${write}.`);
}
