import { collectProblems, type Problems } from '../../files/problems';
import { utf8Bytes } from '../../files/values';
import { collectFindings } from '../matrix/findings';
import type { ParseOptions } from '../model';
import { LARGEST_FILE_BYTES, parseExecution } from '../parse';

/** A job that is to be submitted. */
export interface SubmittedJob {
  /** The name of its execution. */
  readonly name: string;
  /** Its execution file. */
  readonly input: unknown;
  /** Where it is from, for messages: a file, perhaps with a line. */
  readonly source: string;
  /** The line and the place of a matrix that it is of. */
  readonly group?: string;
}

/** An item of a submission, as its machine reads it. */
export interface Item {
  readonly name: string;
  /** Seconds that the machine waits before the start. */
  readonly slot_s: number;
  readonly input: unknown;
}

/** Longest name of a job: `_r99` for a later submission of it fits, within the 80 characters of an execution's name. */
export const LONGEST_JOB_NAME = 76;

/**
 * Most jobs of a submission: as many child executions as a Map Run runs at once (Step Functions, Service quotas), and as
 * many as the function that writes their results can hold.
 */
export const MOST_JOBS = 10_000;

/** Bytes of all items, for the same function. */
const MOST_BYTES = 100_000_000;

/**
 * Bytes of one execution file. The result of a nested execution holds its input and its output, in which the file is
 * again, and Step Functions takes no larger result than 262,144.
 */
export const LARGEST_ITEM_BYTES = Math.floor(LARGEST_FILE_BYTES / 2);

/** Starts a second: RunInstances takes 2 a second of an account, and refills so many (EC2 API, Request throttling). */
export const STARTS_PER_SECOND = 1.5;

/** Step Functions takes more; CloudWatch Logs takes these. */
const NAME = /^[A-Za-z0-9_-]+$/;

/**
 * Finds everything that keeps jobs from being submitted, in their execution files and between them. The same problem at
 * the same place of several jobs is told once. The path of a problem begins with the source.
 */
export function checkJobs(jobs: readonly SubmittedJob[], options: ParseOptions, problems: Problems): void {
  if (jobs.length === 0) problems.error([], 'There are no jobs: name a file with some.');
  if (jobs.length > MOST_JOBS) {
    problems.error([], `These are ${jobs.length} jobs: at most ${MOST_JOBS} are possible; make several submissions.`);
  }
  const findings = collectFindings(problems);
  const seen = new Map<string, SubmittedJob>();
  const objects = new Map<string, string>();
  let bytes = 0;
  for (const job of jobs) {
    const { name, input } = job;
    const tell = (severity: 'error' | 'warning', kind: string, message: string, found?: unknown) =>
      findings.ofJob(severity, [], kind, `${name} (${job.source})`, (told) => `${told}: ${message}`, found);
    const first = seen.get(name);
    if (first)
      tell(
        'error',
        `twice ${name}`,
        `the job of ${first.source} has this name too: give each a name of its own.`,
        name,
      );
    else seen.set(name, job);
    if (!NAME.test(name))
      tell('error', `name ${name}`, 'this name is not possible: write letters, digits, _ and - alone.', name);
    if (name.length > LONGEST_JOB_NAME) {
      tell(
        'error',
        `length ${name}`,
        `the name has ${name.length} characters: write at most ${LONGEST_JOB_NAME}.`,
        name,
      );
    }
    const size = utf8Bytes(JSON.stringify(input) ?? '');
    bytes += size;
    if (size > LARGEST_ITEM_BYTES && size <= LARGEST_FILE_BYTES) {
      const message = `the execution file has ${size} bytes: at most ${LARGEST_ITEM_BYTES} are possible in a submission; move long scripts into the AMI or into S3.`;
      tell('error', 'size', message);
    }
    const { execution, problems: ofFile } = parseExecution(input, options);
    const object = execution?.check_object;
    if (object) {
      const url = `s3://${object.bucket}/${object.key}`;
      const other = objects.get(url);
      if (other === undefined) objects.set(url, name);
      else {
        const message = `the job ${other} checks the same object, so each of them can succeed by the other's: give each an object of its own.`;
        tell('warning', `object ${url}`, message, url);
      }
    }
    for (const problem of ofFile) {
      const { severity, path, found, message } = problem;
      const told = `${path}: ${message}${found === undefined ? '' : ` Found: ${found}`}`;
      // Of one file each; of one template, the same sentence about a thousand jobs is one.
      tell(severity, `${path} ${message}`, told);
    }
  }
  findings.end();
  if (bytes > MOST_BYTES) {
    problems.error(
      [],
      `All execution files together have ${bytes} bytes: at most ${MOST_BYTES} are possible; make several submissions.`,
    );
  }
}

/** The problems of jobs, on their own. */
export function problemsOfJobs(jobs: readonly SubmittedJob[], options: ParseOptions = {}) {
  const problems = collectProblems();
  checkJobs(jobs, options, problems);
  return problems.inFileOrder(undefined);
}

/**
 * The items of jobs. The first ones, which would all start at once, start one after the other; all later ones start when
 * an earlier one has ended.
 *
 * @param concurrency how many jobs run at once
 */
export function itemsOf(jobs: readonly Pick<SubmittedJob, 'name' | 'input'>[], concurrency: number): Item[] {
  return jobs.map(({ name, input }, index) => ({
    name,
    slot_s: index < concurrency ? Math.floor(index / STARTS_PER_SECOND) : 0,
    input,
  }));
}

/** The name of a job in its next submission: `_r2` for the second, `_r3` for the third. */
export function nextName(name: string): string {
  return `${firstName(name)}_r${runOf(name) + 1}`;
}

const AGAIN = /^(.*)_r(\d{1,2})$/;

/** The name of a job's first run. */
export function firstName(name: string): string {
  return AGAIN.exec(name)?.[1] ?? name;
}

/** Which run of its job a name stands for, from 1. */
export function runOf(name: string): number {
  return Number(AGAIN.exec(name)?.[2] ?? 1);
}

/** The last of a job's runs, as their names count them; undefined where there is none. */
export function lastRun<T extends { readonly name: string }>(runs: readonly T[]): T | undefined {
  return runs.reduce<T | undefined>((a, b) => (a && runOf(a.name) > runOf(b.name) ? a : b), undefined);
}
