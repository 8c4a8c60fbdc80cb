import {
  DescribeJobsCommand,
  type JobDetail,
  ListJobsCommand,
  SubmitJobCommand,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { refsOf } from '../runtime/batch-command';
import { isThrottled } from '../runtime/errors';
import { type Batch, type Carousel, jobsLedger } from './deployment';
import { ErrorName } from './errors';
import { hashOf, KEYS } from './ledger';
import { Tag } from './tags';
import { type JobState, jobOf, OPEN_JOBS, type Turn, type TurnJob } from './turn';

export type JobClients = Pick<Carousel, 'dynamo' | 's3' | 'batch' | 'clock' | 'deployment'>;

/** A function that claimed a job this long ago has ended: Lambda ends each after 15 minutes at most. */
const CLAIM_MS = 16 * 60_000;

/** DescribeJobs takes no more (API reference). */
const DESCRIBED = 100;

/** The name of a job in AWS Batch, the same each time: 128 characters at most. */
export function jobName(turn: string, { job, attempt }: Pick<TurnJob, 'job' | 'attempt'>): string {
  return `carousel-${hashOf(turn)}-${job}-${attempt}`;
}

/**
 * Submits a job once. SubmitJob has no client token, so a conditional write claims the job first. A claim whose function
 * ended is taken over later, and then the job's name tells whether it was submitted.
 */
export async function submitOnce(turn: Turn, job: TurnJob, clients: JobClients): Promise<void> {
  const { batch, clock, deployment } = clients;
  const ledger = jobsLedger(clients);
  const key = KEYS.turnJob(turn.turn, job.job);
  const now = clock.now().getTime();
  const claim = `${now}-${Math.random().toString(36).slice(2)}`;
  const stale = job.state === 'CLAIMED';
  if (stale && now - (job.claimed_at ?? now) < CLAIM_MS) return;
  const when = stale ? { state: 'CLAIMED', claim: String((job as { claim?: string }).claim) } : { state: 'WAITING' };
  const claimed = await ledger.update(key, { state: 'CLAIMED', claim, claimed_at: now }, when);
  if (!claimed) return;
  const current = jobOf(claimed);
  const name = jobName(turn.turn, current);
  let jobId = stale ? await jobCalled(batch, deployment.queue, name) : undefined;
  if (jobId === undefined) {
    try {
      ({ jobId } = await batch.send(new SubmitJobCommand(submission(turn, current, name, clients))));
    } catch (error) {
      if (isThrottled(error)) {
        await ledger.update(key, { state: 'WAITING', claim: undefined }, { state: 'CLAIMED', claim });
        throw error;
      }
      // Batch will refuse it again. After any other error it may have been submitted: the claim stays.
      if ((error as Error).name !== 'ClientException') throw error;
      await finishJob(turn, current, 'FAILED', `SubmitJob: ${(error as Error).message}`, clients);
      return;
    }
  }
  const recorded = await ledger.update(
    key,
    { state: 'SUBMITTED', job_id: jobId, submitted_at: clock.now().getTime() },
    { state: 'CLAIMED', claim },
  );
  // The turn was stopped in the meantime, or another function took the claim over and has found this job by its name.
  if (recorded || jobId === undefined) return;
  const seen = await ledger.get(key);
  if (seen?.job_id !== jobId) await terminate(batch, jobId, 'The turn no longer wants this job.');
}

function submission(turn: Turn, job: TurnJob, name: string, { deployment }: JobClients) {
  const known = deployment.jobs[job.definition];
  const refs = refsOf(known?.command ?? []);
  const output = `s3://${deployment.outputBucket}/${job.output}`;
  const input = job.run === 'all' ? job.input : `s3://${deployment.archiveBucket}/${job.input}`;
  const given = { s3_input_file: input, manifest: input, output };
  const asked = JSON.parse(job.parameters) as Record<string, string>;
  const parameters = { ...asked, ...Object.fromEntries(Object.entries(given).filter(([ref]) => refs.includes(ref))) };
  return {
    jobName: name,
    jobQueue: deployment.queue,
    jobDefinition: job.definition,
    parameters,
    // An image whose command has no Ref::output is told here where its object goes.
    containerOverrides: {
      environment: [
        { name: 'CAROUSEL_INPUT', value: input },
        { name: 'CAROUSEL_OUTPUT', value: output },
      ],
    },
    tags: {
      [Tag.stateMachine]: deployment.stateMachineArn,
      [Tag.execution]: turn.execution,
      [Tag.turn]: turn.turn,
      [Tag.job]: job.job,
    },
    propagateTags: true,
  };
}

async function jobCalled(batch: Batch, jobQueue: string, name: string): Promise<string | undefined> {
  const { jobSummaryList = [] } = await batch.send(
    new ListJobsCommand({ jobQueue, filters: [{ name: 'JOB_NAME', values: [name] }] }),
  );
  return jobSummaryList[0]?.jobId;
}

export async function terminate(batch: Batch, jobId: string, reason: string): Promise<void> {
  await batch.send(new TerminateJobCommand({ jobId, reason }));
}

/** What AWS Batch knows of some jobs. */
export async function describeJobs(batch: Batch, ids: readonly string[]): Promise<JobDetail[]> {
  const found: JobDetail[] = [];
  for (let at = 0; at < ids.length; at += DESCRIBED) {
    const { jobs = [] } = await batch.send(new DescribeJobsCommand({ jobs: ids.slice(at, at + DESCRIBED) }));
    found.push(...jobs);
  }
  return found;
}

/**
 * Records that a job of AWS Batch has ended, if it has. A job that succeeded must have written its object since it began.
 *
 * @param inputLives whether its file could still be read
 */
export async function recordEnd(
  turn: Turn,
  job: TurnJob,
  detail: JobDetail,
  inputLives: () => Promise<boolean>,
  clients: JobClients,
): Promise<void> {
  // Each attempt on a host that was taken was paid for, too.
  const attempts = detail.attempts?.length ? detail.attempts : [detail];
  const seconds = Math.round(
    attempts.reduce((sum, { startedAt, stoppedAt = 0 }) => sum + stoppedAt - (startedAt ?? stoppedAt), 0) / 1000,
  );
  if (detail.status === 'SUCCEEDED') {
    const problem = await outputProblem(job, detail, clients);
    await finishJob(turn, job, problem ? 'FAILED' : 'SUCCEEDED', problem, clients, seconds);
  } else if (detail.status === 'FAILED') {
    const reason = detail.container?.reason ?? detail.statusReason ?? 'no reason';
    const exit = detail.container?.exitCode === undefined ? '' : `, exit code ${detail.container.exitCode}`;
    if (await inputLives()) await finishJob(turn, job, 'FAILED', `JobFailed: ${reason}${exit}.`, clients, seconds);
    else
      await finishJob(
        turn,
        job,
        'RETURNED',
        `${ErrorName.InputExpired}: the copy expired under the job.`,
        clients,
        seconds,
      );
  }
}

async function outputProblem(
  job: TurnJob,
  detail: JobDetail,
  { s3, deployment }: JobClients,
): Promise<string | undefined> {
  const { outputBucket } = deployment;
  const address = `s3://${outputBucket}/${job.output}`;
  try {
    const { LastModified } = await s3.send(new HeadObjectCommand({ Bucket: outputBucket, Key: job.output }));
    // S3's dates are whole seconds.
    const began = Math.floor((detail.startedAt ?? detail.createdAt ?? 0) / 1000) * 1000;
    if (LastModified && LastModified.getTime() >= began) return undefined;
    return `${ErrorName.OutputMissing}: ${address} is older than the job.`;
  } catch (error) {
    if (!['NotFound', 'NoSuchKey'].includes((error as Error).name)) throw error;
    return `${ErrorName.OutputMissing}: the job succeeded, but did not write ${address}.`;
  }
}

/** Makes a job final, once. @returns how many jobs of the turn are open, where this call made it final */
export async function finishJob(
  turn: Turn,
  { job }: Pick<TurnJob, 'job'>,
  state: Extract<JobState, 'SUCCEEDED' | 'FAILED' | 'RETURNED'>,
  error: string | undefined,
  clients: Pick<JobClients, 'dynamo' | 'deployment'>,
  seconds?: number,
): Promise<boolean> {
  const ledger = jobsLedger(clients);
  const key = KEYS.turnJob(turn.turn, job);
  const ended = await ledger.update(
    key,
    { state, error, ...(seconds !== undefined && { seconds }) },
    { state: OPEN_JOBS },
  );
  if (!ended) return false;
  await ledger.update(KEYS.turn(turn.turn), {}, {}, { open: -1 });
  return true;
}
