import { basename } from 'node:path';
import { placeOf } from '../executions/matrix/expand';
import { pinnedInput } from '../executions/matrix/pinned';
import { startsOfDay } from '../executions/matrix/schedule';
import { checkJobs, type SubmittedJob } from '../executions/submission/items';
import { readManifest } from '../executions/submission/manifest';
import { readJsonFile } from '../files/json-file';
import { collectProblems, type Problem, type Problems } from '../files/problems';
import { isMatrix, readExecutionFile } from './execution-file';
import { jobName } from './job-name';
import { type MatrixOptions, usableMatrix } from './matrix-file';
import type { Output } from './output/wrap';

export interface JobsOptions extends MatrixOptions {
  /** The cycles' day of a matrix, YYYYMMDD. */
  readonly date?: string;
  /** The stream of a matrix whose jobs are wanted. Default: all. */
  readonly stream?: string;
  /** What makes the names of execution files unlike those of their last submission. Default: nothing. */
  readonly suffix?: string;
}

/** Jobs that may be submitted; `label` is what to call them. */
export interface Jobs {
  readonly label: string;
  readonly jobs: readonly SubmittedJob[];
  readonly problems: readonly Problem[];
}

/**
 * Reads the jobs of a matrix, of a manifest (`.csv`) or of execution files, and finds everything that is wrong with
 * them.
 *
 * @returns the jobs; or the exit code, where all has been said: 1 with any error in a matrix, 2 for wrong options and for
 * files that cannot be read
 */
export async function readJobs(
  files: readonly string[],
  options: JobsOptions,
  err: Output,
): Promise<Jobs | { readonly error: string } | 1 | 2> {
  const [first = ''] = files;
  const isManifest = (file: string) => file.toLowerCase().endsWith('.csv');
  const matrices = files.filter(isMatrixFile);
  const alone = [...matrices, ...files.filter(isManifest)];
  if (alone.length > 0 && files.length > 1) {
    return { error: `${alone[0]} names many jobs itself: submit it alone, without other files.` };
  }
  const [matrix] = matrices;
  if (matrix === undefined) {
    const option = options.date !== undefined ? '--date' : options.stream !== undefined ? '--stream' : undefined;
    if (option) return { error: `${option} is for a matrix, and ${first} is none: leave it out.` };
  } else if (options.date === undefined)
    return { error: `${matrix} is a matrix: name the day of its cycles by --date.` };
  const problems = collectProblems();
  const jobs =
    matrix !== undefined
      ? await jobsOfMatrix(matrix, options, err)
      : isManifest(first)
        ? readManifest(first, problems)
        : jobsOfFiles(files, options.suffix, problems);
  if (!Array.isArray(jobs)) return jobs as { readonly error: string } | 1 | 2;
  if (!problems.hasErrors() || jobs.length > 0) checkJobs(jobs, options, problems);
  const label = basename(first).replace(/\.(matrix\.)?(json|csv)$/i, '');
  return { label, jobs, problems: problems.inFileOrder(undefined) };
}

/** A matrix is known by what it holds. What cannot be read is none, and is told of when it is read as a job. */
export function isMatrixFile(file: string): boolean {
  if (file.toLowerCase().endsWith('.csv')) return false;
  const read = readJsonFile(file);
  return 'value' in read && isMatrix(read.value);
}

async function jobsOfMatrix(
  file: string,
  { date = '', stream, ...options }: JobsOptions,
  err: Output,
): Promise<SubmittedJob[] | { readonly error: string } | 1 | 2> {
  const matrix = await usableMatrix(file, options, err);
  if (typeof matrix === 'number') return matrix;
  const streams = [...new Set(matrix.lines.map((line) => line.stream))];
  if (stream !== undefined && !streams.includes(stream)) {
    return { error: `${file}: no stream is called '${stream}': write one of ${streams.join(', ')}.` };
  }
  return startsOfDay(matrix, date)
    .filter(({ line }) => stream === undefined || line.stream === stream)
    .map((start) => {
      const { name, job, line } = start;
      const group = `${line.stream} ${line.line} ${placeOf(job)}`;
      return { name, input: pinnedInput(start), source: file, group };
    });
}

function jobsOfFiles(files: readonly string[], suffix: string | undefined, problems: Problems): SubmittedJob[] {
  return files.flatMap((file) => {
    const content = readExecutionFile(file);
    if ('error' in content) {
      problems.error([], content.error);
      return [];
    }
    return [{ name: jobName(file, suffix), input: content.value, source: file }];
  });
}
