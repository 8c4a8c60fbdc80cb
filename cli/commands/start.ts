import { STARTS_PER_SECOND } from '../../executions/submission/items';
import { realClock } from '../../local/clock';
import { RECORD_NAME } from '../../local/records';
import type { DeployedExecutions } from '../aws/executions';
import { USUAL_REGION } from '../estimate';
import { readExecutionFile } from '../execution-file';
import { type Following, follow } from '../following';
import { defaultName, impossibleName, nameTaken } from '../job-name';
import { estimateText, exceeds, REFUSED_BY_LIMIT } from '../max-cost';
import { OWN_REGION } from '../options';
import { problemLines } from '../output/problem-lines';
import { type Output, wrap } from '../output/wrap';
import { pinnedInput } from '../pinned-input';
import { again, type WhereOptions, withDeployed } from '../where';
import { type LocalJob, runJob } from './run';
import { checkFile } from './validate';

export interface StartOptions extends WhereOptions, Following {
  /** The execution's name; for one file alone. Default: the file's name and the time. */
  readonly name?: string;
  /** The day that DATE and DAILY mean, YYYYMMDD. Default: the day of the start. */
  readonly date?: string;
  /** Follow the executions to their end. */
  readonly wait?: boolean;
  /** With `local`: leave the instances' folders. */
  readonly keep?: boolean;
  /** Find what is wrong, and start nothing. */
  readonly dryRun?: boolean;
  /** Dollars. Start nothing where the first attempts may cost more. Default: no limit. */
  readonly maxCost?: number;
}

/**
 * Starts an execution of each file; on the embedded cloud, runs one after the other.
 *
 * @returns the exit code: 0; 1 with any error in a file, where nothing is started, and when a job failed that was waited
 * for; 2 where a file cannot be read or a name is not possible; 4 where they may cost more than `maxCost`; 3, 5 and 130 as
 * of `follow` and `withExecutions`
 */
export async function start(
  files: readonly string[],
  options: StartOptions,
  out: NodeJS.WriteStream,
  err: NodeJS.WriteStream,
): Promise<number> {
  const refuse = (sentence: string) => {
    err.write(wrap(`${sentence}\n`, err));
    return 2;
  };
  if (options.name !== undefined && files.length > 1) {
    return refuse(`--name is for one file, and these are ${files.length}: leave it out, or start them one by one.`);
  }
  if (options.keep && !options.local)
    return refuse('--keep is for --local. On AWS, "ii_terminate_instance": false in the file keeps the instance.');
  if (options.name !== undefined && !RECORD_NAME.test(options.name)) return refuse(impossibleName(options.name));
  const jobs: LocalJob[] = [];
  const unread: string[] = [];
  for (const file of files) {
    const content = readExecutionFile(file);
    if ('error' in content) {
      unread.push(content.error);
      continue;
    }
    for (const line of content.repeated) err.write(wrap(`${line}\n`, err));
    const at = options.date === undefined ? undefined : endOf(options.date);
    const input = at === undefined ? content.value : pinnedInput(content.value, at);
    const name = options.name ?? defaultName(file, realClock.now());
    jobs.push({ name, mayNumber: options.name === undefined, input, label: file });
  }
  if (unread.length > 0) return refuse([...unread, 'Nothing was started.'].join('\n'));
  return startJobs(jobs, options, out, err);
}

/** The last second of a day: DATE and DAILY are this day then, whatever the cycle. */
const endOf = (day: string) => new Date(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}T23:59:59Z`);

/** Starts jobs; with an error in one of them none is started. @returns the exit code, as of `start` */
export async function startJobs(
  jobs: readonly LocalJob[],
  options: Omit<StartOptions, 'name' | 'date'>,
  out: NodeJS.WriteStream,
  err: NodeJS.WriteStream,
): Promise<number> {
  if (options.local && options.timeout !== undefined) {
    const sentence =
      '--timeout is for a deployed state machine: a local execution ends with this command, and at its timeout_s.';
    err.write(wrap(`${sentence} Nothing was started.\n`, err));
    return 2;
  }
  if (!usable(jobs, options, err)) {
    err.write('Nothing was started.\n');
    return 1;
  }
  const { maxCost } = options;
  if (maxCost !== undefined && (options.local || options.dryRun)) {
    if (exceeds(maxCost, jobs, regionAsked(options), err)) return REFUSED_BY_LIMIT;
  }
  if (options.dryRun) {
    for (const { name } of jobs) out.write(`would start ${name}\n`);
    return 0;
  }
  if (!options.local) {
    return withDeployed(options, err, async (executions) => {
      if (exceeds(maxCost, jobs, executions.region, err)) return REFUSED_BY_LIMIT;
      const { started, code } = await startAll(jobs, options, executions, out, err);
      if (code !== 0 || !options.wait) return code;
      return follow(started, options, executions, out, err);
    });
  }
  let worst = 0;
  for (const job of jobs) {
    if (jobs.length > 1) out.write(`${job.name}\n`);
    const code = await runJob(job, options, out, err);
    if (code === 130) return code;
    worst = Math.max(worst, code);
  }
  return worst;
}

/** Says what is wrong with the files; a local run says that itself where there is one file. */
function usable(
  jobs: readonly LocalJob[],
  { local, dryRun }: Pick<StartOptions, 'local' | 'dryRun'>,
  err: Output,
): boolean {
  const checked = jobs.map(({ label, input }) => ({ label, problems: checkFile(input).problems }));
  const hasErrors = checked.some(({ problems }) => problems.some(({ severity }) => severity === 'error'));
  // Warnings of a local run come with the run.
  if (local && !dryRun && !hasErrors) return true;
  for (const { label, problems } of checked) {
    if (problems.length > 0) err.write(`${label}:\n`);
    for (const problem of problems) err.write(problemLines(problem, err));
  }
  return !hasErrors;
}

/** The region of files that name none, without asking AWS. */
function regionAsked({ local, arn }: WhereOptions): string {
  if (local) return USUAL_REGION;
  const { deployed } = require('../aws/deployment') as typeof import('../aws/deployment');
  const machine = deployed(arn);
  return 'region' in machine ? machine.region : (OWN_REGION ?? USUAL_REGION);
}

/** Starts at EC2's pace. @returns the names that were started; code 2 where a name is taken */
async function startAll(
  jobs: readonly LocalJob[],
  options: WhereOptions,
  executions: DeployedExecutions,
  out: Output,
  err: Output,
): Promise<{ readonly started: readonly string[]; readonly code: number }> {
  const started: string[] = [];
  let code = 0;
  for (const [index, job] of jobs.entries()) {
    if (index > 0) await realClock.sleep(1000 / STARTS_PER_SECOND);
    let name = job.name;
    // A second start with the same file is answered as the first one while that runs (Step Functions API, StartExecution).
    const isTaken = !job.mayNumber && (await executions.find(name)) !== undefined;
    let isStarted = !isTaken && (await executions.start(name, job.input));
    for (let number = 2; !isStarted && job.mayNumber; number++) {
      name = `${job.name}-${number}`;
      isStarted = await executions.start(name, job.input);
    }
    if (isStarted) {
      started.push(name);
      const estimate = estimateText(job, executions.region);
      out.write(`started ${name}${estimate === undefined ? '' : `   ${estimate}`}\n`);
    } else {
      err.write(wrap(`${nameTaken(name)}\n`, err));
      code = 2;
    }
  }
  const [first] = started;
  if (first !== undefined) err.write(`See datastream status ${first}${again(options)}\n`);
  return { started, code };
}
