import { awsSentence } from '../../packer/aws-errors';
import {
  resultsOf,
  type Standing,
  type SubmissionMachine,
  setLimit,
  standingOf,
  stopSubmission,
  submissionMachine,
  submissionsArn,
} from '../aws/submissions';
import { printResults, standingLine } from '../output/standing';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';

export interface WhereOptions {
  /** The machine's ARN. Default: DATASTREAM_SUBMISSIONS_ARN, then Terraform's output. */
  readonly arn?: string;
}

/** How often the end of a stop is looked for, in milliseconds. */
const LOOK_MS = 2_000;
/** How long it is waited for at most. */
const LONGEST_STOP_MS = 120_000;

/**
 * Acts on the machine of submissions; every error of AWS becomes one sentence.
 *
 * @returns the exit code of the action; 2 where the machine is not known, 5 where AWS cannot be asked
 */
export async function withMachine(
  { arn: given }: WhereOptions,
  err: Output,
  act: (machine: SubmissionMachine) => Promise<number>,
): Promise<number> {
  const found = submissionsArn(given);
  if ('error' in found) {
    err.write(wrap(`${found.error}\n`, err));
    return 2;
  }
  try {
    const machine = await submissionMachine(found.arn, found.region);
    if (machine) return await act(machine);
    err.write(wrap(`${found.arn} is no machine of submissions: write Terraform's output submissions_arn.\n`, err));
    return 2;
  } catch (error) {
    err.write(wrap(`${awsSentence(error, found.region)}\n`, err));
    return 5;
  }
}

async function withSubmission(
  options: WhereOptions,
  id: string,
  err: Output,
  act: (machine: SubmissionMachine, standing: Standing) => Promise<number>,
): Promise<number> {
  return withMachine(options, err, async (machine) => {
    const standing = await standingOf(machine, id);
    if (standing) return act(machine, standing);
    err.write(
      wrap(
        `There is no submission '${id}' of ${machine.arn}: write the ID that 'datastream submit' has printed.\n`,
        err,
      ),
    );
    return 2;
  });
}

/** Prints how a submission stands. @returns 0 while it runs and where all jobs succeeded, 1 where some did not */
export function submissionStatus(id: string, options: WhereOptions, out: Output, err: Output): Promise<number> {
  return withSubmission(options, id, err, async (_, standing) => {
    out.write(`${standingLine(id, standing, new Date())}\n`);
    if (standing.error) out.write(wrap(`  ${standing.error}: ${standing.cause ?? ''}\n`, out));
    const failed = standing.status !== 'RUNNING' && (standing.status !== 'SUCCEEDED' || !!standing.run?.failed);
    return failed ? 1 : 0;
  });
}

/** Changes how many jobs of a running submission run at once. @returns 0, 2 where it does not run */
export function submissionLimit(
  id: string,
  limit: number,
  options: WhereOptions,
  out: Output,
  err: Output,
): Promise<number> {
  return withSubmission(options, id, err, async (machine, { run }) => {
    if (!run?.isRunning) {
      err.write(`${id}: no job runs or waits, so that there is nothing to limit.\n`);
      return 2;
    }
    await setLimit(machine, run.arn, limit);
    const more = run.running > limit ? `; ${count(run.running, 'job')} run now and are not stopped` : '';
    out.write(
      wrap(`${id}: at most ${count(limit, 'job')} at once from now on, before ${run.concurrency}${more}\n`, out),
    );
    return 0;
  });
}

/** Stops a submission with all its jobs, and writes their results. @returns 0, 2 where it does not run */
export function submissionStop(id: string, options: WhereOptions, out: Output, err: Output): Promise<number> {
  return withSubmission(options, id, err, async (machine, { status }) => {
    if (status !== 'RUNNING') {
      err.write(`${id}: it has ended (${status}), so that there is nothing to stop.\n`);
      return 2;
    }
    await stopSubmission(machine, id);
    out.write(`${id}: stopped. Its jobs are stopped, and their instances end.\n`);
    const until = Date.now() + LONGEST_STOP_MS;
    for (;;) {
      const standing = await standingOf(machine, id);
      if (standing && standing.status !== 'RUNNING' && !standing.run?.isRunning) {
        const rows = await resultsOf(machine, id, standing);
        if (!rows.some((row) => row.status === 'RUNNING')) {
          printResults(rows, out);
          return 0;
        }
      }
      if (Date.now() > until) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    out.write(wrap(`Some jobs have not ended yet: see 'datastream submit results ${id}' in some minutes.\n`, out));
    return 0;
  });
}

/**
 * Prints the results as JSON, and what became of the jobs on standard error.
 *
 * @returns 0 where all jobs succeeded, 1 where some did not, or have not yet
 */
export function submissionResults(id: string, options: WhereOptions, out: Output, err: Output): Promise<number> {
  return withSubmission(options, id, err, async (machine, standing) => {
    const rows = await resultsOf(machine, id, standing);
    out.write(`[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
    err.write(`${standingLine(id, standing, new Date())}\n`);
    printResults(rows, err);
    return rows.every(({ status }) => status === 'SUCCEEDED') ? 0 : 1;
  });
}
