import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkJobs, itemsOf, nextName, type SubmittedJob } from '../../executions/submission/items';
import { keysOf } from '../../executions/submission/keys';
import { type DiskError, diskSentence } from '../../files/disk';
import { collectProblems, type Problem } from '../../files/problems';
import { realClock } from '../../local/clock';
import { AT_ONCE, EmbeddedCloud, SUBMISSIONS_BUCKET } from '../../local/cloud';
import { bashShell } from '../../local/shell';
import {
  itemsIn,
  resultsOf,
  type SubmissionMachine,
  standingOf,
  startSubmission,
  stopSubmission,
  submissionsArn,
  writtenResults,
} from '../aws/submissions';
import { USUAL_REGION } from '../estimate';
import { stamp } from '../job-name';
import { localPlace, SIGNALS } from '../local-place';
import { exceeds, REFUSED_BY_LIMIT } from '../max-cost';
import { changingLine, printResults, standingLine } from '../output/standing';
import { count, summary } from '../output/summary';
import { type Output, wrap } from '../output/wrap';
import { type JobsOptions, readJobs } from '../submission-jobs';
import { type WhereOptions, withMachine } from './submission';

export interface SubmitOptions extends Omit<JobsOptions, 'suffix' | 'region'>, WhereOptions {
  /** How many jobs run at once. */
  readonly concurrency: number;
  /** Percentage of jobs that may fail before no more are started. */
  readonly tolerate: number;
  /** Find what is wrong, and submit nothing. */
  readonly dryRun?: boolean;
  /** Dollars. Submit nothing where the first attempts may cost more. Default: no limit. */
  readonly maxCost?: number;
  /** The ID of an earlier submission whose jobs that did not succeed are submitted again. */
  readonly resume?: string;
  /** On the embedded cloud, in this folder. */
  readonly local?: boolean;
  readonly folder: string;
}

/** How often a submission is looked at, in milliseconds: on AWS, and here. */
const LOOK_MS = 5_000;
const LOOK_LOCALLY_MS = 250;

/**
 * Submits many jobs and follows them to their end.
 *
 * @returns the exit code: 0 all succeeded, 1 some did not or something is wrong with a job, 2 wrong options, 4 it may cost more than `maxCost`, 5 AWS cannot be asked, 130 after Ctrl-C
 */
export async function submit(
  files: readonly string[],
  options: SubmitOptions,
  out: Output,
  err: Output,
): Promise<number> {
  const refuse = (sentence: string) => {
    err.write(wrap(`${sentence}\n`, err));
    return 2;
  };
  if ((files.length === 0) === (options.resume === undefined)) {
    return refuse('Name a matrix, a manifest or execution files, or an earlier submission by --resume ID.');
  }
  if (options.local) return submitLocally(files, options, out, err);
  const found = submissionsArn(options.arn);
  const region = 'region' in found ? found.region : undefined;
  // What is wrong with the files is told first, without AWS.
  const ready = files.length > 0 ? await prepare(files, options, { region }, out, err) : undefined;
  if (typeof ready === 'number') return ready;
  if (ready && options.dryRun) return 0;
  return withMachine(options, err, async (machine) => {
    const jobs = ready ?? (await prepare(files, options, { region, machine }, out, err));
    if (typeof jobs === 'number') return jobs;
    return options.dryRun ? 0 : run(machine, jobs, options, out, err);
  });
}

interface Ready {
  readonly id: string;
  readonly jobs: readonly SubmittedJob[];
  /** In a few words. */
  readonly how: string;
}

/** The jobs, where nothing is wrong; else says what is. @returns the exit code where there is nothing to submit */
async function prepare(
  files: readonly string[],
  options: SubmitOptions,
  { region, machine }: { readonly region?: string | undefined; readonly machine?: SubmissionMachine },
  out: Output,
  err: Output,
): Promise<Ready | number> {
  const suffix = stamp(new Date());
  const read =
    machine && options.resume !== undefined
      ? await jobsLeft(machine, options.resume)
      : await readJobs(files, { ...options, suffix, ...(region && { region }) }, err);
  if (typeof read === 'number') return read;
  if ('error' in read) {
    err.write(wrap(`${read.error}\n`, err));
    return 2;
  }
  if ('nothing' in read) {
    out.write(`${read.nothing}\n`);
    return 0;
  }
  const { jobs, label, problems } = read;
  const errors = problems.filter(({ severity }) => severity === 'error');
  for (const problem of problems) err.write(line(problem, err));
  if (errors.length > 0) {
    err.write(`${label}: ${summary(errors.length, problems.length - errors.length)}. Nothing was submitted.\n`);
    return 1;
  }
  if (exceeds(options.maxCost, jobs, region ?? USUAL_REGION, err)) return REFUSED_BY_LIMIT;
  const { concurrency, tolerate } = options;
  const tolerated = Math.floor((jobs.length * tolerate) / 100);
  const how = `${count(jobs.length, 'job')}, at most ${concurrency} at once, ${tolerated || 'none'} may fail (${tolerate} %)`;
  if (options.dryRun) {
    for (const { name, source } of jobs) out.write(`${name}  ${source}\n`);
    out.write(`${how}. Nothing was submitted (--dry-run).\n`);
  }
  const id = `${label.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 40)}-${suffix}-${randomBytes(2).toString('hex')}`;
  return { id, jobs, how };
}

function line({ severity, message, found }: Problem, out: Output): string {
  const lines = message.split('\n').join('\n           ');
  return wrap(`  ${severity.padEnd(7)}  ${lines}${found === undefined ? '' : `\n           found: ${found}`}\n`, out);
}

/** Step Functions' error of a Map Run with too many failures (Developer Guide, Map state). */
const TOO_MANY_FAILED = 'States.ExceedToleratedFailureThreshold';

/** The jobs of a submission that did not succeed, under their next names. */
async function jobsLeft(machine: SubmissionMachine, id: string) {
  const standing = await standingOf(machine, id);
  if (standing?.status === 'RUNNING') {
    return { error: `${id} still runs: wait for its end, or stop it by 'datastream submit stop ${id}'.` };
  }
  // Step Functions forgets an execution after 90 days, and the embedded one when its process ends.
  const rows = standing ? await resultsOf(machine, id, standing) : await writtenResults(machine, id);
  if (!rows) return { error: `There is no submission '${id}': write the ID that 'datastream submit' has printed.` };
  const running = rows.filter(({ status }) => status === 'RUNNING').length;
  if (running > 0) return { error: `${count(running, 'job')} of ${id} still run: try again in a minute.` };
  const left = new Set(rows.flatMap(({ name, status }) => (status === 'SUCCEEDED' ? [] : [name])));
  if (left.size === 0) return { nothing: `${id}: all jobs succeeded, and nothing is to be done again.` };
  const items = await itemsIn(machine, id);
  const jobs = items
    .filter(({ name }) => left.has(name))
    .map(({ name, input }) => ({ name: nextName(name), input, source: id }));
  const problems = collectProblems();
  checkJobs(jobs, {}, problems);
  return { label: id.replace(/-\d{8}-\d{6}-[0-9a-f]{4}$/, ''), jobs, problems: problems.inFileOrder(undefined) };
}

/** Starts the submission and follows it. */
async function run(
  machine: SubmissionMachine,
  { id, jobs, how }: Ready,
  { concurrency, tolerate, local, arn }: SubmitOptions,
  out: Output,
  err: Output,
): Promise<number> {
  await startSubmission(machine, { id, concurrency, tolerate }, itemsOf(jobs, concurrency));
  out.write(`submission ${id}: ${how}\n`);
  const interrupted = new AbortController();
  const onSignal = () => {
    if (local && !interrupted.signal.aborted) void stopSubmission(machine, id);
    interrupted.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const view = changingLine(out);
  try {
    for (;;) {
      const standing = await standingOf(machine, id);
      if (standing) view.show(standingLine(id, standing, new Date()));
      if (standing && standing.status !== 'RUNNING') {
        view.end();
        if (standing.error === TOO_MANY_FAILED) {
          out.write(wrap('  More jobs failed than --tolerate allows, so the others were stopped.\n', out));
        } else if (standing.error) out.write(wrap(`  ${standing.error}: ${standing.cause ?? ''}\n`, out));
        if (interrupted.signal.aborted) out.write('  Ctrl-C has stopped the submission and its jobs.\n');
        const rows = await resultsOf(machine, id, standing);
        printResults(rows, out);
        out.write(`  results     s3://${machine.bucket}/${keysOf(id).results}\n`);
        const all = rows.every(({ status }) => status === 'SUCCEEDED');
        if (!all) out.write(`  again       datastream submit --resume ${id}${again(local, arn)}\n`);
        return interrupted.signal.aborted ? 130 : all ? 0 : 1;
      }
      if (interrupted.signal.aborted && !local) {
        view.end();
        err.write(
          `The submission goes on. See how it stands, or stop it with its jobs:\n  datastream submit status ${id}${again(local, arn)}\n  datastream submit stop ${id}${again(local, arn)}\n`,
        );
        return 130;
      }
      await realClock.sleep(local ? LOOK_LOCALLY_MS : LOOK_MS, local ? undefined : interrupted.signal);
    }
  } finally {
    view.end();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

const again = (local: boolean | undefined, arn: string | undefined) =>
  local ? ' --local' : arn === undefined ? '' : ` --arn ${arn}`;

/** The same machine and functions on this computer; instances are folders, and commands run for real. */
async function submitLocally(
  files: readonly string[],
  options: SubmitOptions,
  out: Output,
  err: Output,
): Promise<number> {
  const place = localPlace(options.folder);
  if ('error' in place) {
    err.write(wrap(`${place.error}\n`, err));
    return 2;
  }
  const { scratch } = place;
  let broken: string | undefined;
  const folder = resolve(options.folder);
  const onDiskError = (error: DiskError) => {
    broken ??= diskSentence(
      error.path ?? folder,
      error,
      'the submission is stopped, and could not be carried out here',
    );
    for (const execution of cloud.sfn.executions.values()) if ('stop' in execution) execution.stop();
  };
  const cloud = new EmbeddedCloud({
    folder,
    clock: realClock,
    shell: bashShell({ buckets: join(folder, 'buckets'), scratch, clock: realClock, onDiskError }),
    region: 'us-east-1',
    lifecycle: AT_ONCE,
    latency: 5,
    onDiskError,
  });
  const machine: SubmissionMachine = {
    arn: cloud.submissionsArn,
    stateMachineArn: cloud.stateMachineArn,
    bucket: SUBMISSIONS_BUCKET,
    s3: cloud.s3.client(),
    sfn: cloud.sfn.client(),
  };
  try {
    const ready = await prepare(files, options, { machine }, out, err);
    if (typeof ready === 'number') return ready;
    if (options.dryRun) return 0;
    const code = await run(machine, ready, options, out, err);
    // Long enough to see the instances off.
    await realClock.sleep(AT_ONCE.ended + 50);
    out.write(wrap(`  here        ${join(folder, 'buckets', SUBMISSIONS_BUCKET, keysOf(ready.id).results)}\n`, out));
    if (broken === undefined) return code;
    err.write(wrap(`${broken}\n`, err));
    return 2;
  } finally {
    for (const { running } of cloud.ec2.instances.values()) running.abort();
    rmSync(scratch, { recursive: true, force: true });
  }
}
