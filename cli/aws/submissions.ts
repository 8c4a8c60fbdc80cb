import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
  ListMapRunsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
  UpdateMapRunCommand,
} from '@aws-sdk/client-sfn';
import { placesOf, type SubmissionInput } from '../../constructs/datastream/submission-definition';
import type { Item } from '../../executions/submission/items';
import { keysOf } from '../../executions/submission/keys';
import { WORKSPACE } from '../../files/product';
import type { ResultRow } from '../../lambdas/datastream/result-row';
import { collectResults, writeResults } from '../../lambdas/datastream/results';

/** The machine of submissions, with what asks it. */
export interface SubmissionMachine {
  readonly arn: string;
  /** The machine whose executions are the jobs. */
  readonly stateMachineArn: string;
  readonly bucket: string;
  readonly s3: Pick<S3Client, 'send'>;
  readonly sfn: Pick<SFNClient, 'send'>;
}

/** How a submission stands. */
export interface Standing {
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  readonly startedAt: Date;
  readonly endedAt?: Date;
  readonly error?: string;
  readonly cause?: string;
  /** Absent until its jobs have begun. */
  readonly run?: {
    readonly arn: string;
    /** Whether jobs still run or wait. */
    readonly isRunning: boolean;
    readonly concurrency: number;
    readonly total: number;
    readonly succeeded: number;
    /** With those that were stopped or took too long. */
    readonly failed: number;
    readonly running: number;
    readonly pending: number;
  };
}

const ARN = /^arn:aws[a-z-]*:states:([a-z0-9-]+):\d{12}:stateMachine:[A-Za-z0-9_-]+$/;

/** Where `terraform` finds the state of the deployment. */
const STACK = join(WORKSPACE, 'cdktf.out', 'stacks', 'datastream');

/**
 * The ARN of the machine: the one that is given, else DATASTREAM_SUBMISSIONS_ARN, else Terraform's output.
 *
 * @returns the ARN and its region; or in one sentence what to do
 */
export function submissionsArn(
  given: string | undefined,
): { readonly arn: string; readonly region: string } | { readonly error: string } {
  const arn = given ?? (process.env.DATASTREAM_SUBMISSIONS_ARN || terraformOutput());
  if (!arn) {
    return {
      error:
        "The machine of submissions is not known: set submissions_bucket in the tfvars and deploy, then name its output submissions_arn by --arn or DATASTREAM_SUBMISSIONS_ARN. On this computer alone, say '--local'.",
    };
  }
  const region = ARN.exec(arn)?.[1];
  if (!region) return { error: `'${arn}' is no state machine's ARN: write Terraform's output submissions_arn.` };
  return { arn, region };
}

function terraformOutput(): string | undefined {
  const { status, stdout } = spawnSync('terraform', [`-chdir=${STACK}`, 'output', '-raw', 'submissions_arn'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** A call that hangs becomes an error; throttled calls are repeated for some minutes. */
const CLIENT = {
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
  maxAttempts: 8,
} as const;

/**
 * Asks AWS for the machine.
 *
 * @returns undefined where the ARN is another machine's
 * @throws Error of the SDK
 */
export async function submissionMachine(arn: string, region: string): Promise<SubmissionMachine | undefined> {
  const sfn = new SFNClient({ ...CLIENT, region });
  // Moto and other services behind an endpoint of one's own know buckets by their path alone.
  const s3 = new S3Client({
    ...CLIENT,
    region,
    followRegionRedirects: true,
    forcePathStyle: !!process.env.AWS_ENDPOINT_URL,
  });
  const { definition = '{}' } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn: arn }));
  const places = placesOf(definition);
  return places && { arn, ...places, s3, sfn };
}

const executionArn = ({ arn }: SubmissionMachine, id: string) =>
  `${arn.replace(':stateMachine:', ':execution:')}:${id}`;

/** Uploads the items, then starts the submission: what fails before has started nothing. */
export async function startSubmission(
  machine: SubmissionMachine,
  input: SubmissionInput,
  items: readonly Item[],
): Promise<void> {
  const { s3, sfn, bucket: Bucket, arn: stateMachineArn } = machine;
  const Body = JSON.stringify(items);
  const ContentType = 'application/json';
  await s3.send(new PutObjectCommand({ Bucket, Key: keysOf(input.id).items, Body, ContentType }));
  await sfn.send(new StartExecutionCommand({ stateMachineArn, name: input.id, input: JSON.stringify(input) }));
}

/** @returns undefined where there is no such submission */
export async function standingOf(machine: SubmissionMachine, id: string): Promise<Standing | undefined> {
  const { sfn } = machine;
  const arn = executionArn(machine, id);
  const known = await sfn.send(new DescribeExecutionCommand({ executionArn: arn })).catch((error: Error) => {
    if (error.name === 'ExecutionDoesNotExist') return undefined;
    throw error;
  });
  if (!known) return undefined;
  const { mapRuns: [first] = [] } = await sfn.send(new ListMapRunsCommand({ executionArn: arn }));
  const run = first && (await sfn.send(new DescribeMapRunCommand({ mapRunArn: first.mapRunArn })));
  const { status = 'RUNNING', startDate = new Date(), stopDate, error, cause } = known;
  const counts = run?.itemCounts;
  return {
    status: status as Standing['status'],
    startedAt: startDate,
    ...(stopDate && { endedAt: stopDate }),
    ...(error !== undefined && { error }),
    ...(cause !== undefined && { cause }),
    ...(run &&
      counts && {
        run: {
          arn: run.mapRunArn ?? '',
          isRunning: run.status === 'RUNNING',
          concurrency: run.maxConcurrency ?? 0,
          total: counts.total ?? 0,
          succeeded: counts.succeeded ?? 0,
          failed: (counts.failed ?? 0) + (counts.timedOut ?? 0) + (counts.aborted ?? 0),
          running: counts.running ?? 0,
          pending: counts.pending ?? 0,
        },
      }),
  };
}

/** Changes how many jobs run at once; what runs already goes on. */
export async function setLimit({ sfn }: SubmissionMachine, mapRunArn: string, maxConcurrency: number): Promise<void> {
  await sfn.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency }));
}

/** Stops the submission, with its jobs. */
export async function stopSubmission(machine: SubmissionMachine, id: string): Promise<void> {
  await machine.sfn.send(new StopExecutionCommand({ executionArn: executionArn(machine, id) }));
}

/** The items of a submission. */
export async function itemsIn(machine: SubmissionMachine, id: string): Promise<Item[]> {
  return JSON.parse((await objectIn(machine, keysOf(id).items)) ?? '[]') as Item[];
}

/**
 * The results of a submission: those that its machine has written, else they are collected here; and, where it has ended
 * and no job runs any more, written.
 */
export async function resultsOf(
  machine: SubmissionMachine,
  id: string,
  { status, startedAt }: Standing,
): Promise<ResultRow[]> {
  const rows = status === 'RUNNING' ? undefined : await writtenResults(machine, id);
  if (rows && !rows.some((row) => row.status === 'RUNNING')) return rows;
  const collected = await collectResults({ id, started_at: startedAt.toISOString() }, machine);
  if (status !== 'RUNNING' && !collected.some((row) => row.status === 'RUNNING')) {
    await writeResults(id, collected, machine);
  }
  return collected;
}

/** The results as they are in S3; undefined where none have been written. */
export async function writtenResults(machine: SubmissionMachine, id: string): Promise<ResultRow[] | undefined> {
  const written = await objectIn(machine, keysOf(id).results);
  return written === undefined ? undefined : (JSON.parse(written) as ResultRow[]);
}

async function objectIn({ s3, bucket }: SubmissionMachine, Key: string): Promise<string | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return await Body?.transformToString();
  } catch (error) {
    if ((error as Error).name === 'NoSuchKey') return undefined;
    throw error;
  }
}
