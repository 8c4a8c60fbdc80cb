import { createHash } from 'node:crypto';
import type { PipelinesConfig } from './model';

/** The longest name of a Lambda function and of an EventBridge rule (API references). */
const LONGEST = 64;

/** The longest name of an S3 bucket (S3 User Guide). */
const LONGEST_BUCKET = 63;

/** What EventBridge's rule of a Cron pipeline adds to its function's name. */
export const CRON_SUFFIX = '-cron-rule';

/** The longest name of a Cron pipeline's function: its rule's name is longer. */
export const longestFunctionName = (trigger: unknown): number =>
  trigger === 'Cron' ? LONGEST - CRON_SUFFIX.length : LONGEST;

/** What every name of a branch's deployment begins with: aws-template's own. */
export function baseName(repository: string, branch: string): string {
  return `${repository}-${branch}`;
}

/** The function of one config of one pipeline. */
export function functionName(base: string, pipeline: string, config: string): string {
  return `${base}-lambda-${pipeline}-${config}`;
}

/** The rule that calls the function. An S3 pipeline's is named as its function: aws-template has no rule for it. */
export function ruleName(name: string, trigger: 'S3' | 'Cron'): string {
  return trigger === 'Cron' ? `${name}${CRON_SUFFIX}` : name;
}

/** The tag of a pipeline's image. */
export function imageTag(pipeline: string, branch: string): string {
  return `${pipeline}-${branch}`;
}

/**
 * Buckets of a branch's deployment. Their names need the account: bucket names are one for all accounts. A base that
 * cannot be part of a bucket's name as it is, or is too long, gets a hash, by which two stay two.
 */
export function ownBuckets(base: string, accountId: string): { readonly artifacts: string; readonly records: string } {
  const end = (suffix: string) => `-${accountId}-${suffix}`;
  const longest = LONGEST_BUCKET - end('artifacts').length;
  const plain = base.toLowerCase().replace(/[^a-z0-9-]+/g, '-');
  const hash = `-${createHash('sha256').update(base).digest('hex').slice(0, 6)}`;
  const begin = plain === base && base.length <= longest ? base : `${plain.slice(0, longest - hash.length)}${hash}`;
  return { artifacts: `${begin}${end('artifacts')}`, records: `${begin}${end('records')}` };
}

/** What is wrong with a branch as a part of these names; undefined if nothing is. */
export function branchProblem(branch: unknown): string | undefined {
  if (typeof branch === 'string' && /^[A-Za-z0-9_-]+$/.test(branch)) return undefined;
  return 'its name is part of the names of functions and rules: write letters, digits, - and _';
}

/** What is wrong with the name of a branch's image repository; undefined if nothing is. */
export function baseProblem(base: string): string | undefined {
  if (/^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/.test(base) && base.length >= 2 && base.length <= 256) return undefined;
  return 'the image repository in ECR has this name: write lower case letters, digits and single . _ - between them';
}

/** The name of the stack with the buckets. */
export function dataStackName({ inputBucketName }: Pick<PipelinesConfig, 'inputBucketName'>): string {
  return `tsdat-data-${inputBucketName.replace(/\./g, '-')}`;
}
