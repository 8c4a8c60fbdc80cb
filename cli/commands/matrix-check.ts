import { type Matrix, minutesOf } from '../../executions/matrix/expand';
import { type MatrixOptions, readMatrixFile } from '../matrix-file';
import { problemLines } from '../output/problem-lines';
import { count, summary } from '../output/summary';
import { type Output, wrap } from '../output/wrap';

/**
 * Prints every problem of a matrix; and what it starts in a day, where it has no error.
 *
 * @returns the exit code: 0, 1 with any error, 2 when a file cannot be read or is not JSON
 */
export async function checkMatrixFile(file: string, options: MatrixOptions, out: Output): Promise<number> {
  const read = await readMatrixFile(file, options);
  if ('error' in read) {
    out.write(wrap(`${read.error}\n`, out));
    return 2;
  }
  const { matrix, problems, repeated } = read;
  for (const line of repeated) out.write(wrap(`${line}\n`, out));
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  out.write(`${file}: ${summary(errors, problems.length - errors + repeated.length)}\n`);
  for (const problem of problems) out.write(problemLines(problem, out));
  if (!matrix) return 1;
  out.write(wrap(`${size(matrix)}\n`, out));
  return 0;
}

/** Jobs, lines and the minute with the most starts. */
function size(matrix: Matrix): string {
  const jobs = matrix.lines.reduce((sum, line) => sum + line.jobs.length, 0);
  const streams = new Set(matrix.lines.map(({ stream }) => stream)).size;
  const peak = [...minutesOf(matrix)].reduce((a, b) => (b[1] > a[1] ? b : a));
  const seconds = Math.ceil((peak[1] - 1) / matrix.startsPerSecond);
  return `${count(jobs, 'job')} a day in ${count(matrix.lines.length, 'line')} of ${count(streams, 'stream')}; most at ${peak[0]} UTC: ${count(peak[1], 'job')}, started within ${seconds} s`;
}
