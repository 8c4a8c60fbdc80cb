import { DescribeExecutionCommand, GetExecutionHistoryCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { record } from '../../files/values';
import { PRICE_LIST, type PriceList } from '../../prices/instances';
import { besideOf, jobCost } from '../../prices/jobs';
import type { Summary } from './stopper';

/** How a job of a submission stands. Beside Step Functions' own: it was never started. */
export type JobStatus = 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'RUNNING' | 'NOT_STARTED';

/** One job in a submission's results.json. What is not known is null. */
export interface ResultRow {
  readonly name: string;
  readonly status: JobStatus;
  /** The error's name. */
  readonly error: string | null;
  /** The error's Cause, at most 1,000 characters of it. */
  readonly cause: string | null;
  readonly attempts: number | null;
  /** Type and market of the last instance. */
  readonly type: string | null;
  readonly market: 'spot' | 'on-demand' | null;
  /** From the start of the execution to its end. */
  readonly seconds: number | null;
  /** What it has cost at list prices: `jobCost` of prices/jobs.ts. */
  readonly dollars: number | null;
  /** Why `dollars` is null. */
  readonly dollars_unknown?: string;
  /** The verified object, `s3://...`. */
  readonly object: string | null;
}

/** Characters kept of a Cause. */
const CAUSE_KEPT = 1000;

/** The row of a job that has no execution. */
export function notStarted(name: string): ResultRow {
  const nothing = { error: null, cause: null, attempts: null, type: null, market: null, seconds: null, object: null };
  return { name, status: 'NOT_STARTED', ...nothing, dollars: 0 };
}

/** What asks Step Functions for jobs. */
export interface JobClients {
  readonly sfn: Pick<SFNClient, 'send'>;
  /** The machine whose executions are the jobs. */
  readonly stateMachineArn: string;
}

/**
 * Asks Step Functions for a job by its name.
 *
 * @param since an execution of this name that began earlier is another job's
 */
export async function rowOf(name: string, since: Date, region: string, clients: JobClients): Promise<ResultRow> {
  const { sfn, stateMachineArn } = clients;
  const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  const known = await sfn.send(new DescribeExecutionCommand({ executionArn })).catch((error: Error) => {
    if (error.name === 'ExecutionDoesNotExist') return undefined;
    throw error;
  });
  if (!known) return notStarted(name);
  const { status = 'RUNNING', startDate = since, stopDate, input, output, error, cause } = known;
  if (startDate < since) {
    const taken = `The execution ${name} began before this submission: give the job another name.`;
    return { ...notStarted(name), status: 'FAILED', error: 'NameTaken', cause: taken };
  }
  const told = { name, status: status as JobStatus, input: JSON.parse(input ?? '{}'), error, cause };
  const summary = output
    ? (JSON.parse(output) as { summary?: Summary }).summary
    : status === 'FAILED'
      ? await summaryOfFailed(executionArn, clients)
      : undefined;
  return row(told, startDate, stopDate, summary, region);
}

/**
 * The summary that EC2Stopper left to the machine's Fail state: an execution that fails has no output. The last event is
 * the execution's end, the one before it that state's.
 */
async function summaryOfFailed(executionArn: string, { sfn }: JobClients): Promise<Summary | undefined> {
  const { events = [] } = await sfn.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 2, includeExecutionData: true }),
  );
  const input = events.find(({ type }) => type === 'FailStateEntered')?.stateEnteredEventDetails?.input;
  return input === undefined ? undefined : (JSON.parse(input) as { summary?: Summary }).summary;
}

/** What Step Functions knows of a job. */
interface Told {
  readonly name: string;
  readonly status: JobStatus;
  /** The execution file. */
  readonly input: unknown;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** The row of a job. @param summary EC2Stopper's; absent while it runs, and where it was stopped */
export function row(
  { name, status, input, error, cause }: Told,
  startedAt: Date,
  endedAt: Date | undefined,
  summary: Summary | undefined,
  region: string,
  prices: PriceList = PRICE_LIST,
): ResultRow {
  const { bucket, key } = (summary?.object ?? {}) as { bucket?: string; key?: string };
  const last = summary?.launches.at(-1);
  return {
    name,
    status,
    error: error ?? null,
    cause: cause?.slice(0, CAUSE_KEPT) ?? null,
    attempts: summary?.attempts ?? null,
    type: last?.type ?? null,
    market: last?.market ?? null,
    seconds: endedAt ? Math.round((endedAt.getTime() - startedAt.getTime()) / 1000) : null,
    ...price(summary, input, region, prices),
    object: key === undefined ? null : `s3://${bucket}/${key}`,
  };
}

function price(
  summary: Summary | undefined,
  input: unknown,
  region: string,
  prices: PriceList,
): Pick<ResultRow, 'dollars' | 'dollars_unknown'> {
  if (!summary) return { dollars: null, dollars_unknown: 'The instances of this job are not known.' };
  const { attempts, launches } = summary;
  const cost = jobCost({ region, attempts, launches, ...besideOf(record(input).instance_parameters) }, prices);
  return 'unknown' in cost
    ? { dollars: null, dollars_unknown: cost.unknown }
    : { dollars: Number(cost.total.toFixed(6)) };
}
