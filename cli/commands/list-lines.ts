import { cyclesBetween } from '../../executions/matrix/names';
import { type ExecutionRow, type Executions, rowOf } from '../executions';
import { findAll } from '../find-all';
import { type CycleStanding, type LinesOptions, linesOf, standingsOf } from '../lines';
import { duration } from '../output/standing';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';
import { again, type WhereOptions, withExecutions } from '../where';

export interface ListLinesOptions extends WhereOptions, LinesOptions {
  /** Cycles that were due in the last so many milliseconds; default: a day. */
  readonly since?: number;
  /** Print the jobs that should have started and have no execution. */
  readonly missing?: boolean;
  readonly json?: boolean;
}

const DAY_MS = 86_400_000;

/**
 * Prints how the jobs of a matrix stand, a row for each cycle of each line, the newest first; or the jobs that are missing.
 *
 * @returns the exit code: 0, also where jobs failed or are missing; 1 and 2 as of `linesOf`, 2 and 5 as of `withExecutions`
 */
export function listLines(options: ListLinesOptions, now: Date, out: Output, err: Output): Promise<number> {
  return withExecutions(options, err, async (executions) => {
    const read = await linesOf(options, executions.region, err);
    if (typeof read === 'number') return read;
    const cycles = cyclesBetween(read.matrix, new Date(now.getTime() - (options.since ?? DAY_MS)), now);
    const standings = standingsOf(cycles, await executionsSince(cycles, executions), now);
    if (options.missing) showMissing(standings, read.file, options, out);
    else await showLines(standings, executions, options.json === true, out);
    return 0;
  });
}

/** All executions that began when the first of the cycles was due, or later. */
export async function executionsSince(cycles: readonly { readonly scheduled: Date }[], executions: Executions) {
  if (cycles.length === 0) return [];
  const since = new Date(Math.min(...cycles.map(({ scheduled }) => scheduled.getTime())));
  return executions.list({ since, limit: Number.POSITIVE_INFINITY });
}

async function showLines(
  standings: readonly CycleStanding[],
  executions: Executions,
  json: boolean,
  out: Output,
): Promise<void> {
  const found = await findAll(
    standings.flatMap(({ runs }) => runs),
    executions,
  );
  const rowOfName = new Map(found.map((each) => [each.name, rowOf(each, executions.region)]));
  const rows = standings.map((standing) => ({
    ...lineRow(standing),
    ...costOf(standing.runs.flatMap(({ name }) => rowOfName.get(name) ?? [])),
  }));
  if (json) {
    out.write(`${JSON.stringify({ lines: rows }, null, 2)}\n`);
    return;
  }
  if (rows.length === 0) {
    out.write('No cycle of these lines was due in that time.\n');
    return;
  }
  const several = new Set(rows.map(({ stream }) => stream)).size > 1;
  const cells = rows.map((row) => [
    row.cycle,
    several ? `${row.stream}/${row.line}` : row.line,
    ...[row.jobs, row.ok, row.failed, row.running, row.missing].map((number) => number.toLocaleString('en-US')),
    row.p50_seconds === null ? '-' : duration(row.p50_seconds),
    row.dollars === null ? '-' : `$${row.dollars.toFixed(2)}${row.dollars_unknown > 0 ? '+' : ''}`,
  ]);
  const head = ['CYCLE', 'LINE', 'JOBS', 'OK', 'FAIL', 'RUN', 'MISS', 'P50', 'COST'];
  out.write(table([head, ...cells], [2, 3, 4, 5, 6, 7, 8]));
}

/** A cycle of a line as JSON. */
export function lineRow({ cycle, ok, failed, running, starting, missing }: CycleStanding) {
  const seconds = ok.flatMap(({ startedAt, endedAt }) =>
    endedAt ? [Math.round((endedAt.getTime() - startedAt.getTime()) / 1000)] : [],
  );
  return {
    stream: cycle.line.stream,
    line: cycle.line.line,
    cycle: cycle.cycle,
    scheduled_at: cycle.scheduled.toISOString(),
    jobs: cycle.starts.length,
    ok: ok.length,
    failed: failed.length,
    running: running.length,
    starting: starting.length,
    missing: missing.length,
    p50_seconds: seconds.sort((a, b) => a - b)[Math.floor((seconds.length - 1) / 2)] ?? null,
  };
}

/** The sum of the prices that are known; of how many runs there is none. */
function costOf(rows: readonly ExecutionRow[]) {
  const known = rows.flatMap(({ dollars }) => dollars ?? []);
  const sum = known.reduce((total, dollars) => total + dollars, 0);
  return {
    dollars: known.length === 0 ? null : Number(sum.toFixed(6)),
    dollars_unknown: rows.length - known.length,
  };
}

function showMissing(standings: readonly CycleStanding[], file: string, options: ListLinesOptions, out: Output): void {
  const missing = standings.flatMap(({ cycle, missing: names }) =>
    names.map((name) => ({
      name,
      stream: cycle.line.stream,
      line: cycle.line.line,
      cycle: cycle.cycle,
      scheduled_at: cycle.scheduled.toISOString(),
    })),
  );
  if (options.json) {
    out.write(`${JSON.stringify({ missing }, null, 2)}\n`);
    return;
  }
  for (const { name } of missing) out.write(`${name}\n`);
  if (missing.length === 0) {
    out.write('No job is missing.\n');
    return;
  }
  const lines = [...new Set(missing.map(({ stream, line }) => `${stream}/${line}`))];
  const start = options.local ? '.' : `; ${lines.length === 1 ? 'this starts' : 'these start'} what their days miss:`;
  out.write(wrap(`${count(missing.length, 'job')} missing${start}\n`, out));
  if (options.local) return;
  for (const each of lines) {
    const its = missing.filter(({ stream, line }) => `${stream}/${line}` === each);
    const days = its.map(({ cycle }) => cycle.slice(0, 8)).sort();
    const [stream, line] = each.split('/');
    const tfvars = options.tfvars === undefined ? '' : ` --tfvars ${options.tfvars}`;
    out.write(
      `  datastream backfill ${file} --stream ${stream} --line ${line} --from ${days[0]} --to ${days.at(-1)}${tfvars}${again(options)}\n`,
    );
  }
}
