import { readFileSync } from 'node:fs';
import { checkMatrix } from '../executions/matrix/check';
import type { Matrix } from '../executions/matrix/expand';
import { loadMatrix } from '../executions/matrix/load';
import { type Overrides, overridesOf } from '../executions/matrix/overrides';
import type { ParseOptions } from '../executions/model';
import type { Problem } from '../files/problems';
import { record, text } from '../files/values';
import { problemLines } from './output/problem-lines';
import { type Output, wrap } from './output/wrap';

/** What each command that reads a matrix takes. */
export interface MatrixOptions extends Pick<ParseOptions, 'region'> {
  /** The tfvars whose values take the place of the matrix's variables. */
  readonly tfvars?: string;
}

/** A matrix file as read and checked; or in one sentence why it cannot be read. */
export type CheckedMatrix =
  | { readonly matrix?: Matrix; readonly problems: readonly Problem[]; readonly repeated: readonly string[] }
  | { readonly error: string };

/** Reads a matrix, its templates and the tfvars, and finds every problem. */
export async function readMatrixFile(file: string, { tfvars, region }: MatrixOptions): Promise<CheckedMatrix> {
  let overrides: Overrides = {};
  try {
    if (tfvars !== undefined) {
      // Loaded when it is asked for: reading HCL takes a moment.
      const { readHclFile } = require('../files/hcl') as typeof import('../files/hcl');
      overrides = overridesOf(await readHclFile(tfvars));
    }
  } catch (error) {
    return { error: (error as Error).message };
  }
  const loaded = loadMatrix(file);
  if ('error' in loaded) return loaded;
  const { value, templates } = loaded;
  const repeated = loaded.repeated.map(({ line, column, message }) => `${file}:${line}:${column}: warning: ${message}`);
  return { ...checkMatrix(value, { templates, overrides }, { ...(region !== undefined && { region }) }), repeated };
}

/**
 * Reads a matrix for a command that needs one without errors; else says why it cannot go on.
 *
 * @returns the matrix; or the exit code, 1 with any error, 2 when it cannot be read
 */
export async function usableMatrix(file: string, options: MatrixOptions, err: Output): Promise<Matrix | 1 | 2> {
  const read = await readMatrixFile(file, options);
  if ('error' in read) {
    err.write(wrap(`${read.error}\n`, err));
    return 2;
  }
  if (read.matrix) return read.matrix;
  err.write(wrap(`${file}: this matrix has errors:\n`, err));
  for (const problem of read.problems.filter(({ severity }) => severity === 'error')) {
    err.write(problemLines(problem, err));
  }
  return 1;
}

/** The matrix that is deployed from this folder: what the context of cdktf.json names; undefined where it names none. */
export function deployedMatrixFile(): string | undefined {
  try {
    return text(record(record(JSON.parse(readFileSync('cdktf.json', 'utf8'))).context).matrix);
  } catch {
    // There is no such file, or it is no JSON, which cdktf says at the next deployment.
    return undefined;
  }
}
