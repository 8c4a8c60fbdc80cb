import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expandMatrix, type Matrix, type MatrixSources } from '../../executions/matrix/expand';
import { overridesOf } from '../../executions/matrix/overrides';
import { NamedError } from '../runtime/errors';
import { environment } from '../runtime/handler';
import { MATRIX_FILE } from './schedule-input';

/**
 * The matrix that the deployment has put beside the code, with the values that its variables have.
 * @throws InvalidMatrix with every error: a value of the deployment is none that the matrix can have
 */
export function deployedMatrix(): Matrix {
  const file = readFileSync(join(__dirname, MATRIX_FILE), 'utf8');
  const { value, templates } = JSON.parse(file) as { value: unknown } & MatrixSources;
  const overrides = overridesOf(JSON.parse(environment('MATRIX_VALUES')));
  const { matrix, problems } = expandMatrix(value, { templates, overrides });
  if (matrix) return matrix;
  const errors = problems.filter(({ severity }) => severity === 'error');
  throw new NamedError('InvalidMatrix', errors.map(({ path, message }) => `${path}: ${message}`).join('\n'));
}
