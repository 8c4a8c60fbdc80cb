import { applyEdit, type Edit } from '../../executions/edit';
import { firstName, nextName } from '../../executions/submission/items';
import { RECORD_NAME } from '../../local/records';
import type { Execution, Executions, Listed } from '../executions';
import type { Following } from '../following';
import { impossibleName } from '../job-name';
import { type Output, wrap } from '../output/wrap';
import { pinnedInput } from '../pinned-input';
import { STATUSES } from '../statuses';
import { again, type WhereOptions, withExecutions } from '../where';
import type { LocalJob } from './run';
import { startJobs } from './start';
import { findOrSay } from './status';

export interface RetryOptions extends WhereOptions, Following {
  /** Those of the last `since` milliseconds that failed and have not succeeded since. */
  readonly failed?: boolean;
  readonly since?: number;
  /** Changes of the execution files. */
  readonly edits: readonly Edit[];
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  /** Dollars, as of `start`. */
  readonly maxCost?: number;
}

const DAY_MS = 86_400_000;

/**
 * Starts executions again that have ended, as `<name>_r2`, `_r3` and so on, with the dates of their first start.
 *
 * @returns the exit code: 0; 1 with an error in a changed file and when a job failed that was waited for; 2 where an
 * execution is not known or still runs; 3, 4, 5 and 130 as of `start`
 */
export async function retry(
  names: readonly string[],
  options: RetryOptions,
  out: NodeJS.WriteStream,
  err: NodeJS.WriteStream,
): Promise<number> {
  const refuse = (sentence: string) => {
    err.write(wrap(`${sentence}\n`, err));
    return 2;
  };
  if (options.failed && names.length > 0) return refuse('--failed finds the executions itself: leave the names out.');
  if (!options.failed && options.since !== undefined) return refuse('--since is for --failed: write both, or names.');
  if (!options.failed && names.length === 0 && !options.local) {
    return refuse('Name the executions to start again, or write --failed.');
  }
  const jobs: LocalJob[] = [];
  const code = await withExecutions(options, err, async (executions) => {
    const found = options.failed
      ? await failedOnes(executions, options.since ?? DAY_MS, out)
      : await namedOnes(executions, names, options, err);
    if (!found) return 2;
    for (const execution of found) {
      const job = await jobOf(execution, options.edits, executions);
      if ('error' in job) return refuse(`${execution.name}: ${job.error}`);
      jobs.push(job);
    }
    return 0;
  });
  if (code !== 0 || jobs.length === 0) return code;
  return startJobs(jobs, options, out, err);
}

async function namedOnes(
  executions: Executions,
  names: readonly string[],
  options: WhereOptions,
  err: Output,
): Promise<Execution[] | undefined> {
  const found: Execution[] = [];
  let isRefused = false;
  for (const name of names.length > 0 ? names : [undefined]) {
    const execution = await findOrSay(executions, name, options, err);
    if (execution?.status === 'RUNNING') {
      err.write(
        wrap(
          `${execution.name} still runs: wait for its end, or stop it by 'datastream cancel ${execution.name}${again(options)}'.\n`,
          err,
        ),
      );
    }
    if (execution && execution.status !== 'RUNNING') found.push(execution);
    else isRefused = true;
  }
  if (isRefused) err.write('Nothing was started.\n');
  return isRefused ? undefined : found;
}

/** The last of each execution and its retries, where that one failed. Those that were stopped were stopped by somebody. */
async function failedOnes(executions: Executions, since: number, out: Output): Promise<Execution[]> {
  const listed = await executions.list({ since: new Date(Date.now() - since), limit: Number.MAX_SAFE_INTEGER });
  const isFailed = ({ status }: Listed) => status === 'FAILED' || status === 'TIMED_OUT';
  const last = new Map<string, Listed>();
  // The youngest come first.
  for (const each of listed) if (!last.has(firstName(each.name))) last.set(firstName(each.name), each);
  const failed = new Set(listed.filter(isFailed).map(({ name }) => firstName(name)));
  const left = [...last.values()].filter(isFailed);
  const parts = STATUSES.flatMap((status) => {
    const number = [...failed].filter((name) => last.get(name)?.status === status).length;
    const how = { SUCCEEDED: 'since succeeded', RUNNING: 'run again', ABORTED: 'since stopped' }[status as 'RUNNING'];
    return how !== undefined && number > 0 ? [`${number} ${how}`] : [];
  });
  out.write(wrap(`${[`${failed.size} failed`, ...parts, `${left.length} to start again`].join(', ')}\n`, out));
  const found: Execution[] = [];
  for (const { name } of left) {
    const execution = await executions.find(name);
    if (execution) found.push(execution);
  }
  return found;
}

/** The next start of an execution: with its dates and the changes, under the first name that is free. */
async function jobOf(
  { name: old, input: file, startedAt }: Execution,
  edits: readonly Edit[],
  executions: Executions,
): Promise<LocalJob | { readonly error: string }> {
  let input = pinnedInput(file, startedAt);
  for (const edit of edits) {
    const edited = applyEdit(input, edit);
    if ('error' in edited) return edited;
    input = edited.file;
  }
  let name = nextName(old);
  while (await executions.find(name)) name = nextName(name);
  if (!RECORD_NAME.test(name)) return { error: impossibleName(name) };
  return { name, input, label: `${old} as ${name}` };
}
