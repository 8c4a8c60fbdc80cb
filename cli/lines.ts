import type { Matrix } from '../executions/matrix/expand';
import type { CycleOfLine } from '../executions/matrix/names';
import { firstName, lastRun } from '../executions/submission/items';
import type { Listed } from './executions';
import { deployedMatrixFile, type MatrixOptions, usableMatrix } from './matrix-file';
import { unknownName } from './output/unknown-name';
import { type Output, wrap } from './output/wrap';

/** Which lines of a matrix a command is about. */
export interface LinesOptions extends Pick<MatrixOptions, 'tfvars'> {
  /** The matrix; default: the one that cdktf.json names. */
  readonly matrix?: string;
  readonly stream?: string;
  readonly line?: string;
}

/** What was scheduled less than this ago is its planner's: Lambda's time-out. */
const PLANNER_MS = 900_000;

/**
 * Reads the matrix, and keeps of it the lines that are meant.
 *
 * @returns the lines, and the file; or the exit code: 1 with any error in it, 2 where it is not known or cannot be read and
 * for a stream or a line that it does not have
 */
export async function linesOf(
  { matrix: named, tfvars, stream, line }: LinesOptions,
  region: string,
  err: Output,
): Promise<{ readonly matrix: Matrix; readonly file: string } | 1 | 2> {
  const say = (sentence: string) => {
    err.write(wrap(`${sentence}\n`, err));
    return 2 as const;
  };
  const file = named ?? deployedMatrixFile();
  if (file === undefined) {
    return say(
      'Which matrix is deployed is not known: write --matrix FILE, or run this in the folder whose cdktf.json names it.',
    );
  }
  const matrix = await usableMatrix(file, { ...(tfvars !== undefined && { tfvars }), region }, err);
  if (typeof matrix === 'number') return matrix;
  const streams = [...new Set(matrix.lines.map((each) => each.stream))];
  if (stream !== undefined && !streams.includes(stream)) {
    return say(`${file}: ${unknownName('stream', stream, streams)}`);
  }
  const ofStream = matrix.lines.filter((each) => (stream ?? each.stream) === each.stream);
  const lines = ofStream.filter((each) => (line ?? each.line) === each.line);
  if (lines.length === 0) {
    return say(`${file}: ${unknownName('line', line ?? '', [...new Set(ofStream.map((each) => each.line))])}`);
  }
  return { matrix: { ...matrix, lines }, file };
}

/** How the jobs of a cycle stand. A later run, `_r2`, stands for its job. */
export interface CycleStanding {
  readonly cycle: CycleOfLine;
  readonly ok: readonly Listed[];
  readonly failed: readonly Listed[];
  readonly running: readonly Listed[];
  /** Names of jobs that the planner starts now, and of those that it should have started. */
  readonly starting: readonly string[];
  readonly missing: readonly string[];
  /** Every run of every job. */
  readonly runs: readonly Listed[];
}

/** Sorts executions by the cycles of their jobs. */
export function standingsOf(
  cycles: readonly CycleOfLine[],
  listed: readonly Listed[],
  now: Date,
): readonly CycleStanding[] {
  const runsOf = new Map<string, Listed[]>();
  for (const each of listed) {
    const job = firstName(each.name);
    runsOf.set(job, [...(runsOf.get(job) ?? []), each]);
  }
  return cycles.map((cycle) => {
    const standing = {
      cycle,
      ok: [] as Listed[],
      failed: [] as Listed[],
      running: [] as Listed[],
      starting: [] as string[],
      missing: [] as string[],
      runs: [] as Listed[],
    };
    const isPlanners = now.getTime() - cycle.scheduled.getTime() < PLANNER_MS;
    for (const { name } of cycle.starts) {
      const runs = runsOf.get(name) ?? [];
      const last = lastRun(runs);
      standing.runs.push(...runs);
      if (!last) (isPlanners ? standing.starting : standing.missing).push(name);
      else if (last.status === 'RUNNING') standing.running.push(last);
      else (last.status === 'SUCCEEDED' ? standing.ok : standing.failed).push(last);
    }
    return standing;
  });
}
