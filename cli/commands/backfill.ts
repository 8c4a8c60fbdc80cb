import { type Start, startsOfDay } from '../../executions/matrix/schedule';
import { notStarted, startJob } from '../../lambdas/datastream/planner';
import { systemClock } from '../../lambdas/runtime/clock';
import { awsSentence } from '../../packer/aws-errors';
import { type Deployed, deployed } from '../aws/deployment';
import { type MatrixOptions, usableMatrix } from '../matrix-file';
import { count } from '../output/summary';
import { unknownName } from '../output/unknown-name';
import { type Output, wrap } from '../output/wrap';

export interface BackfillOptions extends MatrixOptions {
  /** The state machine; default: DATASTREAM_ARN, then Terraform's state in this folder. */
  readonly arn?: string;
  readonly stream: string;
  /** The line of that stream; default: all. */
  readonly line?: string;
  /** The first and the last day of the cycles in UTC, YYYYMMDD. */
  readonly from: string;
  readonly to: string;
  /** Print what would be started, and start nothing. */
  readonly dryRun?: boolean;
}

const DAY_MS = 86_400_000;
/** Step Functions knows the names of executions for so long. */
const KNOWN_MS = 90 * DAY_MS;
/** What was scheduled less than this ago is its planner's. */
const PLANNER_MS = 900_000;

/**
 * Starts the jobs of some days that were not started, with the dates of their cycles, at the pace of the matrix.
 *
 * @returns the exit code: 0, 1 with any error in the matrix or a job that was not started, 2 for days or a stream that are
 * not possible and when a file cannot be read, 5 when AWS cannot be asked
 */
export async function backfill(file: string, options: BackfillOptions, out: Output, err: Output): Promise<number> {
  const say = (sentence: string, code: number) => {
    err.write(wrap(`${sentence}\n`, err));
    return code;
  };
  const machine = deployed(options.arn);
  if ('error' in machine) return say(machine.error, 2);
  const matrix = await usableMatrix(file, { ...options, region: machine.region }, err);
  if (typeof matrix === 'number') return matrix;
  const now = systemClock.now();
  const wrong = wrongDays(options, now) ?? wrongNames(matrix.lines, options);
  if (wrong !== undefined) return say(`${file}: ${wrong}`, 2);

  const starts = daysOf(options)
    .flatMap((day) => startsOfDay(matrix, day))
    .filter(({ line }) => line.stream === options.stream && (options.line ?? line.line) === line.line)
    .filter(({ scheduled }) => scheduled.getTime() + PLANNER_MS < now.getTime());
  try {
    const missing = await notStarted(starts, { sfn: machine.sfn, stateMachineArn: machine.arn });
    out.write(`${count(starts.length, 'job')} of these days, ${missing.length} not started\n`);
    for (const { name } of missing) out.write(`${options.dryRun ? 'would start' : 'will start'} ${name}\n`);
    if (options.dryRun || missing.length === 0) return 0;
    return await startAll(missing, 1000 / matrix.startsPerSecond, machine, out, err);
  } catch (error) {
    return say(awsSentence(error, machine.region), 5);
  }
}

async function startAll(
  missing: readonly Start[],
  pauseMs: number,
  { sfn, arn, region }: Deployed,
  out: Output,
  err: Output,
): Promise<number> {
  let started = 0;
  let failed = 0;
  for (const [index, start] of missing.entries()) {
    if (index > 0) await systemClock.sleep(pauseMs);
    try {
      if (await startJob(start, { sfn, clock: systemClock, stateMachineArn: arn })) started++;
    } catch (error) {
      failed++;
      err.write(wrap(`${start.name}: ${awsSentence(error, region)}\n`, err));
    }
  }
  out.write(`${count(started, 'job')} started${failed > 0 ? `, ${failed} not` : ''}\n`);
  return failed > 0 ? 1 : 0;
}

const midnight = (day: string) => Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`);

function daysOf({ from, to }: BackfillOptions): string[] {
  const days = Math.round((midnight(to) - midnight(from)) / DAY_MS) + 1;
  return Array.from({ length: days }, (_, day) =>
    new Date(midnight(from) + day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', ''),
  );
}

function wrongDays({ from, to }: BackfillOptions, now: Date): string | undefined {
  if (from > to) return `--from ${from} is after --to ${to}: write the earlier day first.`;
  if (midnight(from) < now.getTime() - KNOWN_MS) {
    return `--from ${from} is more than 90 days ago, and Step Functions does not know which jobs were started then: write a later day.`;
  }
  return undefined;
}

function wrongNames(
  lines: readonly { readonly stream: string; readonly line: string }[],
  { stream, line }: BackfillOptions,
): string | undefined {
  const streams = [...new Set(lines.map((each) => each.stream))];
  if (!streams.includes(stream)) return unknownName('stream', stream, streams);
  const own = lines.filter((each) => each.stream === stream).map((each) => each.line);
  return line === undefined || own.includes(line) ? undefined : unknownName('line', line, own);
}
