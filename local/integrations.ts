import {
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  type StartQueryExecutionCommandInput,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { SubmitJobCommand, type SubmitJobCommandInput, TerminateJobCommand } from '@aws-sdk/client-batch';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { EmbeddedAthena } from './athena';
import type { EmbeddedBatch } from './batch';
import type { EmbeddedGlue } from './glue';
import type { EmbeddedS3 } from './s3';
import type { EmbeddedSfn } from './sfn';
import { failure, StatesError } from './states/errors';
import type { Call } from './states/integrations';

type Members = Readonly<Record<string, unknown>>;

/** Their members are the user's: they are no members of the API, whose case differs. */
const MAPS = ['Parameters', 'Tags', 'parameters', 'tags'];

/** Members in another case, at every level: state machines write them in Pascal case. */
function inCase(value: unknown, of: (letter: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => inCase(each, of));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      of(name.charAt(0)) + name.slice(1),
      MAPS.includes(name) ? member : inCase(member, of),
    ]),
  );
}

const pascal = (value: unknown) => inCase(value, (letter) => letter.toUpperCase()) as Members;
const camel = (value: unknown) => inCase(value, (letter) => letter.toLowerCase()) as Members;

/** An error of a service as a state machine names it (Step Functions Developer Guide, Handling errors). */
const named =
  (service: string) =>
  ({ name, message }: Error): never => {
    throw failure(`${service}.${name}`, message);
  };

/** What came of a job that was waited for. Nobody waits any more after a stop: what runs is then ended. */
async function awaited<Result>(signal: AbortSignal, ended: Promise<Result>, end: () => unknown): Promise<Result> {
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    return await ended;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** `batch:submitJob`. With `.sync` it waits for the end, and terminates the job if nobody waits any more. */
export function integrateBatch(sfn: EmbeddedSfn, batch: EmbeddedBatch): void {
  sfn.integrate('batch:submitJob', async ({ parameters, pattern, signal }: Call) => {
    const client = batch.client();
    const input = camel(parameters) as unknown as SubmitJobCommandInput;
    const submitted = await client.send(new SubmitJobCommand(input)).catch(named('Batch'));
    const { jobId = '' } = submitted;
    if (!pattern.startsWith('.sync')) return pascal(submitted);
    const end = () => {
      const reason = 'The execution no longer waits for this job.';
      // A fault here is no one's any more: Step Functions tries once, best effort.
      client.send(new TerminateJobCommand({ jobId, reason })).catch(() => {});
    };
    const job = await awaited(signal, batch.untilEnded(jobId), end);
    const told = JSON.parse(JSON.stringify(pascal(job))) as Members;
    if (job?.status !== 'SUCCEEDED') throw failure(StatesError.taskFailed, JSON.stringify(told));
    return told;
  });
}

/** `athena:startQueryExecution`, with `.sync` also; `athena:getQueryResults`. */
export function integrateAthena(sfn: EmbeddedSfn, athena: EmbeddedAthena): void {
  const client = athena.client();
  sfn.integrate('athena:startQueryExecution', async ({ parameters, pattern, signal }: Call) => {
    const input = parameters as unknown as StartQueryExecutionCommandInput;
    const { QueryExecutionId = '' } = await client.send(new StartQueryExecutionCommand(input)).catch(named('Athena'));
    if (!pattern.startsWith('.sync')) return { QueryExecutionId };
    const end = () => {
      client.send(new StopQueryExecutionCommand({ QueryExecutionId })).catch(() => {});
    };
    const query = await awaited(signal, athena.untilEnded(QueryExecutionId), end);
    const told = JSON.parse(JSON.stringify({ QueryExecution: query })) as Members;
    if (query.Status?.State !== 'SUCCEEDED') throw failure(StatesError.taskFailed, JSON.stringify(told));
    return told;
  });
  sfn.integrate('athena:getQueryResults', async ({ parameters: { QueryExecutionId, MaxResults } }: Call) => {
    const input = {
      QueryExecutionId: String(QueryExecutionId),
      ...(MaxResults !== undefined && { MaxResults: Number(MaxResults) }),
    };
    const { ResultSet, NextToken } = await client.send(new GetQueryResultsCommand(input)).catch(named('Athena'));
    return { ResultSet, ...(NextToken !== undefined && { NextToken }) };
  });
}

const GLUE_OPERATIONS = [
  'startCrawler',
  'updateCrawler',
  'getCrawler',
  'getTable',
  'createTable',
  'batchDeleteTable',
] as const;

/** Glue's crawlers and tables, as integrations of AWS's SDK. */
export function integrateGlue(sfn: EmbeddedSfn, glue: EmbeddedGlue): void {
  for (const operation of GLUE_OPERATIONS) {
    sfn.integrate(`aws-sdk:glue:${operation}`, ({ parameters }: Call) =>
      glue[operation](parameters).catch(named('Glue')),
    );
  }
}

/** `s3:PutObject`, as an integration of AWS's SDK: a body that is no text is written as JSON. */
export function integrateS3(sfn: EmbeddedSfn, s3: EmbeddedS3): void {
  sfn.integrate('aws-sdk:s3:headObject', async ({ parameters: { Bucket, Key } }: Call) => {
    const command = new HeadObjectCommand({ Bucket: String(Bucket), Key: String(Key) });
    const { ContentLength } = await s3.client().send(command).catch(named('S3'));
    return { ContentLength };
  });
  sfn.integrate('aws-sdk:s3:putObject', async ({ parameters: { Bucket, Key, Body } }: Call) => {
    const text = typeof Body === 'string' ? Body : JSON.stringify(Body);
    const command = new PutObjectCommand({ Bucket: String(Bucket), Key: String(Key), Body: text });
    const { ETag } = await s3.client().send(command).catch(named('S3'));
    return { ...(ETag !== undefined && { ETag }) };
  });
}
