import { startsOfDay } from '../../executions/matrix/schedule';
import { type MatrixOptions, usableMatrix } from '../matrix-file';
import { unknownName } from '../output/unknown-name';
import { type Output, wrap } from '../output/wrap';

export interface ExpandOptions extends MatrixOptions {
  /** The cycles' day in UTC, YYYYMMDD. */
  readonly date: string;
  /** The stream whose jobs are wanted; all without it. */
  readonly stream?: string;
}

/**
 * Prints one JSON object a line and job of a day, in the order of their starts.
 *
 * @returns the exit code: 0, 1 with any error in the matrix, 2 when a file cannot be read or the stream is unknown
 */
export async function expandMatrixFile(
  file: string,
  options: ExpandOptions,
  out: Output,
  err: Output,
): Promise<number> {
  const matrix = await usableMatrix(file, options, err);
  if (typeof matrix === 'number') return matrix;
  const streams = [...new Set(matrix.lines.map(({ stream }) => stream))];
  const wanted = options.stream;
  if (wanted !== undefined && !streams.includes(wanted)) {
    err.write(wrap(`${file}: ${unknownName('stream', wanted, streams)}\n`, err));
    return 2;
  }
  for (const { name, line, job, day, at } of startsOfDay(matrix, options.date)) {
    if (wanted !== undefined && line.stream !== wanted) continue;
    const { stream, line: ofStream } = line;
    const cycle = `${day}T${job.cycle}`;
    const starts_at = at.toISOString();
    out.write(`${JSON.stringify({ name, stream, line: ofStream, cycle, starts_at, input: job.input })}\n`);
  }
  return 0;
}
