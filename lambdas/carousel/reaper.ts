import { BatchClient, ListJobsCommand } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { type Carousel, deploymentOf, jobsLedger } from './deployment';
import { executionRuns } from './execution';
import { LIVE } from './follower';
import { describeJobs, type JobClients, terminate } from './jobs';
import { KEYS } from './ledger';
import { settle } from './settle';
import { Tag } from './tags';
import { turnOf } from './turn';

export type ReaperClients = JobClients & Pick<Carousel, 'sfn'>;

/** An execution's end, or the schedule's empty event. Either only says when to look. */
const ReaperEvent = z.looseObject({});

/**
 * Ends what an execution has left that was stopped or has failed without its report: terminates its jobs by their tags,
 * returns its requests, and lets the next turn run. It asks Step Functions before it ends anything.
 */
export async function reap(_event: unknown, clients: ReaperClients, log: Log): Promise<void> {
  const { batch, deployment } = clients;
  const ledger = jobsLedger(clients);
  const running = new Map<string, boolean>();
  const ended = async (execution: string): Promise<boolean> => {
    const known = running.get(execution) ?? (await executionRuns(execution, clients));
    running.set(execution, known);
    return !known;
  };

  const lock = await ledger.get(KEYS.running);
  if (lock && (await ended(String(lock.execution)))) {
    const row = await ledger.get(KEYS.turn(String(lock.turn)));
    if (row && row.execution === lock.execution) {
      await settle(turnOf(row), 'The turn was stopped.', clients);
      log.warn('settled a turn whose execution no longer runs', { turn: lock.turn });
    } else await ledger.remove(KEYS.running, 'execution', String(lock.execution));
  }
  const ids: string[] = [];
  for (const jobStatus of LIVE) {
    let nextToken: string | undefined;
    do {
      const page = await batch.send(new ListJobsCommand({ jobQueue: deployment.queue, jobStatus, nextToken }));
      ids.push(...(page.jobSummaryList ?? []).flatMap(({ jobId }) => jobId ?? []));
      nextToken = page.nextToken;
    } while (nextToken);
  }
  for (const { jobId, tags = {} } of await describeJobs(batch, ids)) {
    const execution = tags[Tag.execution];
    // The queue is for other jobs too: those of the console, and the indexer's.
    if (jobId === undefined || execution === undefined || tags[Tag.stateMachine] !== deployment.stateMachineArn)
      continue;
    if (!(await ended(execution))) continue;
    await terminate(batch, jobId, 'Its turn no longer runs.');
    log.warn('ended a job whose turn no longer runs', { job_id: jobId, execution });
  }
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createReaper = (clients: ReaperClients, log?: Log) =>
  createHandler('reaper', ReaperEvent, (event, lines) => reap(event, clients, lines), log);

export const handler = lazily(() =>
  createReaper({
    dynamo: new DynamoDBClient(CLIENT),
    s3: new S3Client(CLIENT),
    batch: new BatchClient(CLIENT),
    sfn: new SFNClient(CLIENT),
    clock: systemClock,
    deployment: deploymentOf(environment('DEPLOYMENT')),
  }),
);
