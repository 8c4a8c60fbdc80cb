import { type Day, type PlayedJob, playDay } from '../../local/day';
import { playRounds } from '../../local/rounds';
import { grouped } from '../grouped';
import { type MatrixOptions, usableMatrix } from '../matrix-file';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';

export interface PlayOptions extends MatrixOptions {
  /** The first day in UTC, YYYYMMDD; schedules fire from its midnight on. */
  readonly from: string;
  readonly hours: number;
  /** Seconds that the commands of a job run. */
  readonly jobSeconds: number;
  /** Play schedules and planner alone: no state machine, no function, no limit of AWS. */
  readonly roundsOnly?: boolean;
  /** Print one JSON document. */
  readonly json?: boolean;
}

/**
 * Plays hours of a matrix in virtual time, and prints what was started when, and with which outcome.
 *
 * @returns the exit code: 0, 1 with any error in the matrix or a job that did not succeed, 2 when a file cannot be read
 */
export async function playMatrixFile(file: string, options: PlayOptions, out: Output, err: Output): Promise<number> {
  const matrix = await usableMatrix(file, options, err);
  if (typeof matrix === 'number') return matrix;
  const { from, hours, jobSeconds } = options;
  const midnight = new Date(`${from.slice(0, 4)}-${from.slice(4, 6)}-${from.slice(6)}T00:00:00Z`);
  const play = options.roundsOnly ? playRounds : playDay;
  const day = await play(matrix, { from: midnight, hours, jobSeconds });
  if (options.json) out.write(`${JSON.stringify(documentOf(day), null, 2)}\n`);
  else {
    const throttled = grouped(day.throttled, ({ at }) => hourOf(at));
    const hourly = [...grouped(day.jobs, ({ start }) => hourOf(start.scheduled))].map(([hour, jobs]) => {
      const { size, outcomes } = cells(jobs);
      return [hour, ...size, String(throttled.get(hour)?.length ?? 0), outcomes];
    });
    const lines = [...grouped(day.jobs, lineOf)].map(([line, jobs]) => {
      const { size, outcomes } = cells(jobs);
      return [line, ...size, outcomes];
    });
    out.write(`${table([['HOUR', ...SIZE, 'THROTTLED', 'OUTCOMES'], ...hourly])}\n`);
    out.write(`${table([['LINE', ...SIZE, 'OUTCOMES'], ...lines])}\n`);
    out.write(wrap(`${sentences(day).join('\n')}\n`, out));
  }
  return day.jobs.every(({ outcome }) => outcome === 'SUCCEEDED' || outcome === 'STARTED') ? 0 : 1;
}

const SIZE = ['JOBS', 'LAUNCHED', 'LAST'];

const hourOf = (at: Date) => `${at.toISOString().slice(0, 13)}Z`;
const lineOf = ({ start: { line } }: PlayedJob) => `${line.stream}/${line.line}`;

function cells(jobs: readonly PlayedJob[]) {
  const { launched, last_launch_s, outcomes } = figuresOf(jobs);
  const last = last_launch_s === null ? '' : `${Math.round(last_launch_s)} s`;
  const texts = Object.entries(outcomes).map(([outcome, number]) => `${number} ${outcome}`);
  return { size: [String(jobs.length), String(launched), last], outcomes: texts.join(', ') };
}

function figuresOf(jobs: readonly PlayedJob[]) {
  const after = jobs.flatMap(({ launchedAfter }) => (launchedAfter === undefined ? [] : [launchedAfter]));
  const outcomes: Record<string, number> = {};
  for (const { outcome } of jobs) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return {
    jobs: jobs.length,
    launched: after.length,
    last_launch_s: after.length === 0 ? null : after.reduce((a, b) => Math.max(a, b)),
    outcomes,
  };
}

function documentOf(day: Day) {
  const { requests, gbSeconds, dollars } = day.planner;
  return {
    ...figuresOf(day.jobs),
    throttled: byOperation(day),
    unexpected: day.unexpected,
    dead_letters: day.deadLetters,
    planner: { calls: requests, gb_seconds: gbSeconds, dollars },
    played: day.jobs.map(({ start, launchedAfter, outcome }) => ({
      name: start.name,
      stream: start.line.stream,
      line: start.line.line,
      scheduled: start.scheduled.toISOString(),
      launched_after_s: launchedAfter ?? null,
      outcome,
    })),
  };
}

const byOperation = ({ throttled }: Day) =>
  Object.fromEntries(
    [...grouped(throttled, ({ operation }) => operation)].map(([name, calls]) => [name, calls.length]),
  );

function sentences(day: Day): string[] {
  const { last_launch_s } = figuresOf(day.jobs);
  const operations = Object.entries(byOperation(day)).map(([operation, calls]) => `${calls} ${operation}`);
  const { requests, gbSeconds, dollars } = day.planner;
  const last = last_launch_s === null ? '' : `; the last launch ${Math.round(last_launch_s)} s after its schedule`;
  return [
    `${count(day.jobs.length, 'job')}, ${count(day.throttled.length, 'throttled call')}${operations.length > 0 ? ` (${operations.join(', ')})` : ''}${last}`,
    `the planner: ${count(requests, 'call')}, ${Math.round(gbSeconds).toLocaleString('en-US')} GB-s, $${dollars.toFixed(4)}`,
    ...(day.deadLetters > 0 ? [`${count(day.deadLetters, 'round')} failed at every try`] : []),
    ...(day.unexpected.length > 0 ? [`not of these hours: ${day.unexpected.join(', ')}`] : []),
  ];
}
