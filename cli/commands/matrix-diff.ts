import { differences } from '../../executions/matrix/compare';
import type { Matrix } from '../../executions/matrix/expand';
import { type MatrixOptions, usableMatrix } from '../matrix-file';
import { count } from '../output/summary';
import type { Output } from '../output/wrap';

/**
 * Prints what a change of a matrix means, for a comment on a pull request.
 *
 * @returns the exit code: 0 whether anything differs or not, 1 with any error in a matrix, 2 when a file cannot be read
 */
export async function diffMatrixFiles(
  before: string,
  after: string,
  options: MatrixOptions,
  out: Output,
  err: Output,
): Promise<number> {
  const old = await usableMatrix(before, options, err);
  const current = await usableMatrix(after, options, err);
  if (typeof old === 'number' || typeof current === 'number') {
    return Math.max(...[old, current].filter((each) => typeof each === 'number'));
  }
  const texts = differences(old, current);
  const [were, are] = [jobsOf(old), jobsOf(current)];
  const jobs = were === are ? `${count(are, 'job')} a day` : `${count(were, 'job')} a day become ${count(are, 'job')}`;
  out.write(texts.length === 0 ? `${jobs}: nothing differs\n` : `${jobs}\n`);
  for (const text of texts) out.write(`- ${text}\n`);
  return 0;
}

function jobsOf({ lines }: Matrix): number {
  return lines.reduce((sum, { jobs }) => sum + jobs.length, 0);
}
