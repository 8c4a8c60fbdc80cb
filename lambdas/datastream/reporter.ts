import { type ExecutionListItem, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import * as z from 'zod';
import { type Line, type Matrix, minutesOf } from '../../executions/matrix/expand';
import { startsAt } from '../../executions/matrix/schedule';
import { firstName } from '../../executions/submission/items';
import { CLIENT } from '../runtime/clients';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { type Budget, deployedBudget } from './budget';
import { deployedMatrix } from './deployed-matrix';
import type { Sfn } from './outcome';
import { type ResultRow, rowOf } from './result-row';

/** EventBridge's event of a rule's schedule: `time` is the scheduled one. */
const ReporterEvent = z.object({ time: z.iso.datetime().transform((text) => new Date(text)) });

export interface ReporterClients {
  readonly sfn: Sfn;
  readonly sns: Pick<SNSClient, 'send'>;
  readonly stateMachineArn: string;
  /** Gets the messages. Default: there are none. */
  readonly topicArn?: string;
  /** Default: every job is one outside of the matrix. */
  readonly matrix?: Matrix;
  /** Whether the metrics of the matrix's streams are written. */
  readonly metrics: boolean;
  /** Default: none. What it refuses is not expected. */
  readonly budget?: Budget;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A job that is not started so long after its scheduled time is missing: a round ends before, its two repeats too. */
const GRACE_MS = HOUR_MS;

/** Executions that began earlier are not looked at: the longest attempt takes two days. */
const LOOK_BACK_MS = 72 * HOUR_MS;

/** Executions in a page: as many as ListExecutions gives (Step Functions API). */
const PAGE = 1000;

/** How many jobs Step Functions is asked for at once: its rates are the account's (Service quotas, DescribeExecution). */
const ASKED_AT_ONCE = 8;

/** Failed jobs of a message that are named with their error. */
const NAMED_JOBS = 3;

/** Values that CloudWatch takes of a metric in one line (CloudWatch User Guide, embedded metric format). */
const LONGEST_VALUES = 100;

/** An execution that has ended. */
interface Ended {
  readonly name: string;
  readonly status: string;
  readonly stopDate: Date;
}

/** What the reporter has found in an hour. */
export interface HourReport {
  readonly failed: number;
  readonly messages: number;
  /** Names of jobs that were not started. */
  readonly missing: readonly string[];
}

/**
 * Reports an hour, the one before the event's time. It keeps no state: what belongs to the hour is decided by the times
 * that Step Functions has kept, so that each job is told in one hour alone.
 *
 * - Messages: one for each line with jobs that ended FAILED or TIMED_OUT in this hour, and one for all other jobs that
 *   did. Jobs that were stopped by hand are not told.
 * - Metrics, in CloudWatch's embedded format, for each stream: Expected and Missing of the jobs that were scheduled an
 *   hour before this hour; Succeeded, Failed, LeadMinutes and Dollars of those that ended in it.
 *
 * @throws AWS's error; Lambda calls again, and a message may then come twice
 */
export async function report(
  { time }: z.infer<typeof ReporterEvent>,
  clients: ReporterClients,
  log: Log,
): Promise<HourReport> {
  const { matrix, metrics, stateMachineArn, topicArn } = clients;
  const since = new Date(time.getTime() - HOUR_MS);
  const executions = await executionsSince(new Date(time.getTime() - LOOK_BACK_MS), clients);
  const ended = executions.flatMap(({ name = '', status = '', stopDate }): Ended[] =>
    stopDate && stopDate >= since && stopDate < time ? [{ name, status, stopDate }] : [],
  );
  const failed = ended.filter(({ status }) => status === 'FAILED' || status === 'TIMED_OUT');
  const lines = linesByName(matrix);
  const region = stateMachineArn.split(':')[3] ?? '';
  const ask = (name: string) => rowOf(name, new Date(0), region, clients);

  let messages = 0;
  if (topicArn) {
    const groups = new Map<Line | undefined, Ended[]>();
    for (const job of failed) {
      const line = lines.get(jobOf(job.name));
      groups.set(line, [...(groups.get(line) ?? []), job]);
    }
    for (const [line, jobs] of groups) {
      const rows: ResultRow[] = [];
      for (const { name } of jobs.slice(0, NAMED_JOBS)) rows.push(await ask(name));
      await clients.sns.send(
        new PublishCommand({ TopicArn: topicArn, ...messageOf(stateMachineArn, line, jobs, rows, since) }),
      );
      messages++;
    }
  }

  let missing: string[] = [];
  if (matrix && metrics) {
    const known = new Set(executions.map(({ name = '' }) => name));
    const from = new Date(since.getTime() - GRACE_MS);
    const due = startsBetween(matrix, from, since).filter(
      ({ line, scheduled }) => clients.budget?.(line, scheduled).allowed !== false,
    );
    const absent = due.filter(({ name }) => !known.has(name));
    missing = absent.map(({ name }) => name);
    for (const name of missing) log.warn('a job is missing', { name });
    const ofMatrix = ended.filter(({ name }) => lines.has(jobOf(name)));
    const dollars = await dollarsOf(
      ofMatrix.map(({ name }) => name),
      ask,
    );
    const machine = stateMachineArn.split(':').at(-1) ?? '';
    for (const stream of new Set(matrix.lines.map((line) => line.stream))) {
      const its = ofMatrix.filter(({ name }) => lines.get(jobOf(name))?.stream === stream);
      const succeeded = its.filter(({ status }) => status === 'SUCCEEDED');
      const leads = succeeded.map(({ name, stopDate }) => leadMinutes(name, stopDate, lines));
      writeMetrics(log, time, { machine, stream }, [
        ['Expected', 'Count', due.filter(({ line }) => line.stream === stream).length],
        ['Succeeded', 'Count', succeeded.length],
        ['Failed', 'Count', its.filter(({ status }) => status === 'FAILED' || status === 'TIMED_OUT').length],
        ['Missing', 'Count', absent.filter(({ line }) => line.stream === stream).length],
        ...(leads.length > 0 ? [['LeadMinutes', 'None', leads.slice(0, LONGEST_VALUES)] as const] : []),
        ['Dollars', 'None', its.reduce((sum, { name }) => sum + (dollars.get(name) ?? 0), 0)],
      ]);
    }
    // The alarm's: of all streams together.
    writeMetrics(log, time, { machine }, [['Missing', 'Count', missing.length]]);
  }
  return { failed: failed.length, messages, missing };
}

/** Every execution that began since, the newest first. */
async function executionsSince(
  since: Date,
  { sfn, stateMachineArn }: Pick<ReporterClients, 'sfn' | 'stateMachineArn'>,
): Promise<ExecutionListItem[]> {
  const executions: ExecutionListItem[] = [];
  let nextToken: string | undefined;
  do {
    const page = await sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: PAGE, nextToken }));
    executions.push(...(page.executions ?? []));
    const last = executions.at(-1)?.startDate;
    nextToken = last && last >= since ? page.nextToken : undefined;
  } while (nextToken);
  return executions;
}

/** The name of a job in its matrix, by that of its execution: without the day, and without `_r2` of a retry. */
const jobOf = (execution: string) => firstName(execution).replace(/_\d{8}$/, '');

function linesByName(matrix: Matrix | undefined): ReadonlyMap<string, Line> {
  return new Map(matrix?.lines.flatMap((line) => line.jobs.map(({ name }) => [name, line] as const)));
}

/** Every start that is scheduled from a time on, and before another. */
function startsBetween(matrix: Matrix, from: Date, until: Date) {
  const minutes = minutesOf(matrix);
  const first = Math.ceil(from.getTime() / MINUTE_MS) * MINUTE_MS;
  const times = Array.from(
    { length: Math.ceil((until.getTime() - first) / MINUTE_MS) },
    (_, minute) => new Date(first + minute * MINUTE_MS),
  );
  return times
    .filter((time) => minutes.has(time.toISOString().slice(11, 16)))
    .flatMap((time) => startsAt(matrix, time));
}

/** From a job's cycle to its success, in minutes. */
function leadMinutes(execution: string, succeeded: Date, lines: ReadonlyMap<string, Line>): number {
  const name = jobOf(execution);
  const cycle = lines.get(name)?.jobs.find((job) => job.name === name)?.cycle ?? '00';
  const day = /_(\d{4})(\d\d)(\d\d)$/.exec(firstName(execution));
  const began = Date.parse(`${day?.[1]}-${day?.[2]}-${day?.[3]}T${cycle}:00:00Z`);
  return Math.round((succeeded.getTime() - began) / MINUTE_MS);
}

/** What jobs have cost, by their names. A cost that is not known is left out. */
async function dollarsOf(
  names: readonly string[],
  ask: (name: string) => Promise<ResultRow>,
): Promise<ReadonlyMap<string, number>> {
  const dollars = new Map<string, number>();
  const asking = names.values();
  const work = async () => {
    for (const name of asking) {
      const row = await ask(name);
      if (row.dollars !== null) dollars.set(name, row.dollars);
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, work));
  return dollars;
}

type Metric = readonly [name: string, unit: 'Count' | 'None', value: number | readonly number[]];

/** Writes metrics as a line of the log: CloudWatch's embedded metric format. */
function writeMetrics(
  log: Log,
  time: Date,
  dimensions: Readonly<Record<string, string>>,
  metrics: readonly Metric[],
): void {
  const directive = {
    Namespace: 'Datastream',
    Dimensions: [Object.keys(dimensions)],
    Metrics: metrics.map(([Name, Unit]) => ({ Name, Unit })),
  };
  log.info('metrics', {
    _aws: { Timestamp: time.getTime(), CloudWatchMetrics: [directive] },
    ...dimensions,
    ...Object.fromEntries(metrics.map(([name, , value]) => [name, value])),
  });
}

/** SNS takes so many characters of a subject (SNS API, Publish). */
const LONGEST_SUBJECT = 99;

/** The message about a line's failed jobs, in the order in which they were told. */
function messageOf(
  stateMachineArn: string,
  line: Line | undefined,
  jobs: readonly Ended[],
  rows: readonly ResultRow[],
  since: Date,
): { readonly Subject: string; readonly Message: string } {
  const machine = stateMachineArn.split(':').at(-1);
  const of = line ? `${line.stream}/${line.line}` : 'no line of the matrix';
  const count = jobs.length === 1 ? '1 job' : `${jobs.length} jobs`;
  const told = rows.flatMap(({ name, error, cause }) => [
    '',
    `${name}: ${error ?? 'TIMED_OUT'}`,
    ...(cause ? [`  ${cause.split('\n')[0]}`] : []),
    `  datastream logs ${name} --arn ${stateMachineArn}`,
  ]);
  const others = jobs.slice(rows.length).map(({ name }) => name);
  return {
    Subject: `${machine}: ${count} failed, ${of}`.slice(0, LONGEST_SUBJECT),
    Message: [
      `${count} of ${of} failed in the hour from ${since.toISOString().slice(0, 16)}Z on.`,
      ...told,
      ...(others.length > 0 ? ['', `Also failed: ${others.slice(0, 100).join(', ')}`] : []),
      ...(others.length > 100 ? [`and ${others.length - 100} more`] : []),
      '',
      `Start them again: datastream retry --failed --since 2h --arn ${stateMachineArn}`,
    ].join('\n'),
  };
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createReporter = (clients: ReporterClients, log?: Log) =>
  createHandler('reporter', ReporterEvent, (event, lines) => report(event, clients, lines), log);

export const handler = lazily(() => {
  const topicArn = environment('TOPIC_ARN');
  const stateMachineArn = environment('STATE_MACHINE_ARN');
  const matrix = process.env.MATRIX_VALUES === undefined ? undefined : deployedMatrix();
  const budget = matrix && deployedBudget(process.env.DAILY_BUDGET_USD, matrix, stateMachineArn);
  return createReporter({
    // An hour may have many jobs to ask for, and the rates are the account's.
    sfn: new SFNClient({ ...CLIENT, maxAttempts: 10 }),
    sns: new SNSClient(CLIENT),
    stateMachineArn,
    ...(topicArn && { topicArn }),
    ...(matrix && { matrix }),
    ...(budget && { budget }),
    metrics: environment('METRICS') === 'on',
  });
});
