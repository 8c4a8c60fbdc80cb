import { BatchClient, ListJobsCommand, SubmitJobCommand } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { byBytes, restore, statesOf, verify } from './archive';
import { isArchived } from './cost';
import { type Carousel, deploymentOf, eachOf, filesLedger, jobsLedger } from './deployment';
import { ErrorName } from './errors';
import { describeJobs, finishJob, recordEnd, submitOnce } from './jobs';
import { hashOf, KEYS, type Row, yearMonthOf } from './ledger';
import { attributesOf } from './query';
import { Tag } from './tags';
import { fileOf, jobOf, OPEN_JOBS, type Turn, type TurnFile, type TurnJob, TurnState, turnEvent, turnOf } from './turn';

export type FollowerClients = Carousel;

const Look = turnEvent().extend({ token: z.string(), state: TurnState });
const S3Event = z.object({
  source: z.literal('aws.s3'),
  detail: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
});
const BatchEvent = z.object({ source: z.literal('aws.batch'), detail: z.object({ jobId: z.string() }) });
const FollowerEvent = z.union([Look, S3Event, BatchEvent]);

/** SubmitJob allows 50 calls a second; a call takes about 80 ms, and other calls are between. */
const AT_ONCE = 10;
/** A copy of an unfinished job that expires within this time is extended. */
const SOON_MS = 24 * 3_600_000;
/** Indexing jobs at once: each takes messages until the queue is empty. */
const INDEXERS = 2;

/**
 * Follow: one function for the looks of the machine and for the events of S3 and AWS Batch. Events are fast and may be
 * lost, doubled or late, so it looks before it believes any; a look finds what no event has told.
 */
export async function follow(event: z.infer<typeof FollowerEvent>, clients: FollowerClients, log: Log): Promise<void> {
  if ('token' in event) {
    const ledger = jobsLedger(clients);
    // The token is written first: what ends after this look finds it.
    const row = await ledger.update(
      KEYS.turn(event.state.turn),
      { token: event.token },
      { execution: event.execution },
    );
    if (row) await look(turnOf(row), clients, log);
    return;
  }
  if (event.source === 'aws.s3') await onFile(event.detail.bucket.name, event.detail.object.key, clients, log);
  else await onJob(event.detail.jobId, clients, log);
}

async function runningTurn(clients: FollowerClients, id?: string): Promise<Turn | undefined> {
  const ledger = jobsLedger(clients);
  const turn = id ?? (await ledger.get(KEYS.running))?.turn;
  const row = turn === undefined ? undefined : await ledger.get(KEYS.turn(String(turn)));
  return row?.state === 'RUNNING' ? turnOf(row) : undefined;
}

async function onFile(bucket: string, key: string, clients: FollowerClients, log: Log): Promise<void> {
  if (bucket !== clients.deployment.archiveBucket) return;
  const turn = await runningTurn(clients);
  const row = turn && (await jobsLedger(clients).get(KEYS.turnFile(turn.turn, key)));
  if (!turn || !row) return;
  const jobs: TurnJob[] = [];
  const file = await lookAtFile(turn, fileOf(row), clients);
  for (const job of file.jobs) {
    const found = await jobsLedger(clients).get(KEYS.turnJob(turn.turn, job));
    if (found) jobs.push(jobOf(found));
  }
  await act(turn, [file], jobs, clients, false);
  await endIfDone(turn, clients, log);
}

async function onJob(jobId: string, clients: FollowerClients, log: Log): Promise<void> {
  const [detail] = await describeJobs(clients.batch, [jobId]);
  const { [Tag.turn]: turnId, [Tag.job]: jobKey } = detail?.tags ?? {};
  if (!detail || turnId === undefined || jobKey === undefined) return;
  const turn = await runningTurn(clients, turnId);
  const row = turn && (await jobsLedger(clients).get(KEYS.turnJob(turnId, jobKey)));
  // A job that is not recorded yet is the claim's: a look finds it by its name.
  if (!turn || row?.job_id !== jobId) return;
  const job = jobOf(row);
  const lives = () => inputLives(turn, job, clients);
  await recordEnd(turn, job, detail, lives, clients);
  await endIfDone(turn, clients, log);
}

/** Where the count says that all jobs are final, a whole look decides. */
async function endIfDone(turn: Turn, clients: FollowerClients, log: Log): Promise<void> {
  const now = await runningTurn(clients, turn.turn);
  if (now && now.open <= 0) await look(now, clients, log);
}

/** Looks at everything of the turn that is open, does what can be done, and ends the wait where all is final. */
async function look(turn: Turn, clients: FollowerClients, log: Log): Promise<void> {
  const ledger = jobsLedger(clients);
  const { clock, s3, batch, deployment } = clients;
  let files = (await ledger.query(`turn#${turn.turn}`, 'file#')).map(fileOf);
  const isOpen = ({ state }: TurnJob) => (OPEN_JOBS as readonly string[]).includes(state);
  let jobs = (await ledger.query(`turn#${turn.turn}`, 'job#')).map(jobOf);
  if (clock.now().getTime() < Date.parse(turn.deadline)) {
    const pending = files.filter(({ state }) => state === 'CHOSEN' || state === 'REQUESTED');
    if (pending.length > 0) {
      const { files: states } = await statesOf(
        s3,
        deployment.archiveBucket,
        pending.map(({ key }) => key).sort(byBytes),
      );
      const listed = new Map(states.map((each) => [each.key, each]));
      const changed = new Map<string, TurnFile>();
      await eachOf(pending, AT_ONCE, async (file) => {
        // One that is still being restored needs no call of its own.
        if (listed.get(file.key)?.restoring) return;
        changed.set(file.key, await lookAtFile(turn, file, clients));
      });
      files = files.map((file) => changed.get(file.key) ?? file);
    }
    await act(turn, files, jobs.filter(isOpen), clients, true);
    jobs = (await ledger.query(`turn#${turn.turn}`, 'job#')).map(jobOf);
    const submitted = jobs.filter(({ state, job_id }) => state === 'SUBMITTED' && job_id !== undefined);
    const details = await describeJobs(
      batch,
      submitted.map(({ job_id = '' }) => job_id),
    );
    const byId = new Map(details.map((detail) => [detail.jobId, detail]));
    await eachOf(submitted, AT_ONCE, async (job) => {
      const detail = byId.get(job.job_id);
      if (detail) await recordEnd(turn, job, detail, () => inputLives(turn, job, clients), clients);
      // AWS Batch forgets a job a week after its end (User Guide, job states).
      else await finishJob(turn, job, 'FAILED', 'JobFailed: AWS Batch does not know the job any more.', clients);
    });
    await index(clients);
    jobs = (await ledger.query(`turn#${turn.turn}`, 'job#')).map(jobOf);
  }
  const open = jobs.filter(isOpen).length;
  const overdue = clock.now().getTime() >= Date.parse(turn.deadline);
  log.info('looked at the turn', { turn: turn.turn, open });
  if (open > 0 && !overdue) {
    // The count is a hint, and this is the truth, unless another function has just made a job final.
    if (open !== turn.open) await ledger.update(KEYS.turn(turn.turn), { open }, { execution: turn.execution });
    return;
  }
  const row = await ledger.get(KEYS.turn(turn.turn));
  const token = row?.token;
  if (token === undefined) return;
  try {
    await clients.sfn.send(
      new SendTaskSuccessCommand({ taskToken: String(token), output: JSON.stringify({ open, overdue }) }),
    );
  } catch (error) {
    // The token's wait is over: the next look has another one.
    if (!['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'].includes((error as Error).name)) throw error;
  }
}

/** Looks at one file, and records what it is. @returns the file as it is now */
async function lookAtFile(turn: Turn, file: TurnFile, clients: FollowerClients): Promise<TurnFile> {
  if (file.state === 'VERIFIED' || file.state === 'FAILED') return file;
  const { s3, clock, deployment } = clients;
  const ledger = jobsLedger(clients);
  const key = KEYS.turnFile(turn.turn, file.key);
  const seen = await verify(s3, deployment.archiveBucket, file, clock.now());
  const open = { state: ['CHOSEN', 'REQUESTED'] };
  if (seen.is === 'restoring') return file;
  if (seen.is === 'readable') {
    await ledger.update(
      key,
      { state: 'VERIFIED', expiry: seen.expiry, verified_at: clients.clock.now().getTime() },
      open,
    );
    await describeFile(turn, file, seen.expiry, clients);
    return { ...file, state: 'VERIFIED', ...(seen.expiry && { expiry: seen.expiry }) };
  }
  // CHOSEN: not asked for yet. Else its copy has come and expired, and no job has read it.
  if (seen.is === 'archived' && file.state === 'CHOSEN') return file;
  const error = seen.is === 'wrong' ? seen.error : `${ErrorName.InputExpired}: no copy is there, and no restore runs.`;
  await ledger.update(key, { state: 'FAILED', error }, open);
  return { ...file, state: 'FAILED', error };
}

/** Writes the file's metadata, and sends a file that has no index yet to the indexer. */
async function describeFile(
  turn: Turn,
  file: TurnFile,
  expiry: string | undefined,
  clients: FollowerClients,
): Promise<void> {
  const { sqs, deployment } = clients;
  const attributes = attributesOf(file.key);
  const { Year, Month } = attributes;
  const row = await filesLedger(clients).update(
    { FilePath: file.key },
    {
      ...attributes,
      ...(Year && Month && { YearMonth: yearMonthOf(Year, Month) }),
      Size: file.bytes,
      ETag: file.etag,
      StorageClass: file.storageClass,
      turn: turn.turn,
      expiry,
    },
  );
  if (!deployment.hsds || row?.IndexedAt !== undefined) return;
  await sqs.send(new SendMessageCommand(workMessage(deployment.archiveBucket, file, deployment.hsds)));
}

/** The message of the source's loader, for one file. The queue drops a second one of the same file and content. */
export function workMessage(
  bucket: string,
  { key, etag }: Pick<TurnFile, 'key' | 'etag'>,
  {
    endpoint,
    domain,
    workQueueUrl,
  }: { readonly endpoint: string; readonly domain: string; readonly workQueueUrl: string },
) {
  return {
    QueueUrl: workQueueUrl,
    MessageBody: JSON.stringify({ domain, hsds_endpoint: endpoint, s3_input_file: `s3://${bucket}/${key}` }),
    MessageGroupId: hashOf(key),
    MessageDeduplicationId: hashOf(`${key}\n${etag}`),
  };
}

/** Submits the jobs whose files are all there, and ends those whose files cannot be had. */
async function act(
  turn: Turn,
  files: readonly TurnFile[],
  jobs: readonly TurnJob[],
  clients: FollowerClients,
  all: boolean,
): Promise<void> {
  const filesOf = new Map<string, TurnFile[]>();
  for (const file of files) for (const job of file.jobs) filesOf.set(job, [...(filesOf.get(job) ?? []), file]);
  await eachOf(jobs, AT_ONCE, async (job) => {
    const its = filesOf.get(job.job) ?? [];
    const failed = its.find(({ state }) => state === 'FAILED');
    if (failed && (job.state === 'WAITING' || job.state === 'CLAIMED')) {
      const expired = failed.error?.startsWith(ErrorName.InputExpired);
      await finishJob(turn, job, expired ? 'RETURNED' : 'FAILED', failed.error, clients);
      return;
    }
    // One event knows one file; only a look knows all files of a job.
    if (job.run === 'all' && !all) return;
    if (its.length === 0 || its.some(({ state }) => state !== 'VERIFIED')) return;
    if (job.state !== 'SUBMITTED') {
      const known = clients.deployment.jobs[job.definition];
      if (!known) {
        await finishJob(turn, job, 'FAILED', `JobFailed: the deployment has no definition ${job.definition}.`, clients);
        return;
      }
      const lasting = known.timeoutSeconds * known.attempts * 1000;
      for (const file of its) if (!(await outlives(turn, file, lasting, clients))) return;
      await submitOnce(turn, job, clients);
    } else if (all) {
      for (const file of its) await outlives(turn, file, SOON_MS, clients);
    }
  });
}

/** Whether a copy lives so long; extends it if not. A copy that is gone returns its jobs. */
async function outlives(turn: Turn, file: TurnFile, milliseconds: number, clients: FollowerClients): Promise<boolean> {
  const { clock, s3, deployment } = clients;
  const until = clock.now().getTime() + milliseconds;
  if (!isArchived(file) || file.expiry === undefined || Date.parse(file.expiry) > until) return true;
  const days = Math.max(turn.days, Math.ceil(milliseconds / 86_400_000) + 1);
  const answer =
    Date.parse(file.expiry) > clock.now().getTime()
      ? await restore(s3, deployment.archiveBucket, file, turn.tier, days)
      : 'missing';
  const ledger = jobsLedger(clients);
  const key = KEYS.turnFile(turn.turn, file.key);
  if (answer !== 'extended') {
    // Its copy expired in the meantime. Another restore would not be within the budget.
    await ledger.update(
      key,
      { state: 'FAILED', error: `${ErrorName.InputExpired}: the copy has expired.` },
      { state: 'VERIFIED' },
    );
    return false;
  }
  const seen = await verify(s3, deployment.archiveBucket, file, clock.now());
  if (seen.is !== 'readable') return false;
  await ledger.update(key, { expiry: seen.expiry }, { state: 'VERIFIED' });
  return true;
}

/** Whether the file of a job that failed can still be read. */
async function inputLives(turn: Turn, job: TurnJob, clients: FollowerClients): Promise<boolean> {
  if (job.run === 'all') return true;
  const row = await jobsLedger(clients).get(KEYS.turnFile(turn.turn, job.input));
  if (!row) return true;
  const seen = await verify(clients.s3, clients.deployment.archiveBucket, fileOf(row), clients.clock.now());
  return seen.is === 'readable';
}

/** The states of a job that has not ended. */
export const LIVE = ['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING'] as const;

/** Keeps up to two indexing jobs while there is work for them. */
async function index({ batch, sqs, deployment }: FollowerClients): Promise<void> {
  if (!deployment.hsds) return;
  const { definition, workQueueUrl } = deployment.hsds;
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: workQueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  const waiting = Number(Attributes?.ApproximateNumberOfMessages ?? 0);
  if (waiting === 0) return;
  const live: Row[] = [];
  for (const jobStatus of LIVE) {
    const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ jobQueue: deployment.queue, jobStatus }));
    live.push(...jobSummaryList.flatMap(({ jobName = '' }) => (jobName === definition ? [{ jobName }] : [])));
  }
  for (let count = live.length; count < Math.min(INDEXERS, waiting); count++) {
    await batch.send(
      new SubmitJobCommand({ jobName: definition, jobQueue: deployment.queue, jobDefinition: definition }),
    );
  }
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createFollower = (clients: FollowerClients, log?: Log) =>
  createHandler('follower', FollowerEvent, (event, lines) => follow(event, clients, lines), log);

export const handler = lazily(() =>
  createFollower({
    dynamo: new DynamoDBClient(CLIENT),
    s3: new S3Client(CLIENT),
    // One attempt: SubmitJob has no client token, and a call whose reply was lost has been carried out.
    batch: new BatchClient({ ...CLIENT, maxAttempts: 1 }),
    sfn: new SFNClient(CLIENT),
    sqs: new SQSClient(CLIENT),
    clock: systemClock,
    deployment: deploymentOf(environment('DEPLOYMENT')),
  }),
);
