import { checkMatrix } from '../../executions/matrix/check';
import type { Matrix } from '../../executions/matrix/expand';
import { loadMatrix } from '../../executions/matrix/load';
import { overridableNames } from '../../executions/matrix/overrides';
import { SettingsError } from '../aws/settings-error';

/** A matrix with what it needs. */
export interface MatrixSource {
  /** The matrix, parsed from JSON. */
  readonly value: unknown;
  /** The templates' texts by the name that the matrix gives them. */
  readonly templates: Readonly<Record<string, string>>;
}

/**
 * The file that the context of cdktf.json names as `matrix`; undefined where it names none.
 * @throws SettingsError for a value that is no path
 */
export function matrixOf(context: unknown): string | undefined {
  if (context === undefined || (typeof context === 'string' && context !== '')) return context;
  throw new SettingsError(
    `context.matrix of cdktf.json is ${JSON.stringify(context)}: write the path of a matrix, or leave it out for no schedules.`,
  );
}

/**
 * Reads a matrix file and its templates.
 *
 * @param file relative to the working directory
 * @throws SettingsError when the matrix or a template cannot be read
 */
export function readMatrix(file: string): MatrixSource {
  const loaded = loadMatrix(file);
  if ('error' in loaded) throw new SettingsError(loaded.error);
  const entries = Object.entries(loaded.templates);
  const errors = entries.flatMap(([, template]) =>
    typeof template === 'string' ? [] : [`${file}: ${template.error}`],
  );
  if (errors.length > 0) throw new SettingsError(errors.join('\n'));
  return { value: loaded.value, templates: Object.fromEntries(entries) as MatrixSource['templates'] };
}

/**
 * Expands a matrix and reads every job's execution file.
 *
 * @param values names of the deployment's values; each must be a variable's or `<stream>_ami_id`
 * @throws SettingsError with every error, a line each
 */
export function checkedMatrix({ value, templates }: MatrixSource, values: readonly string[] = []): Matrix {
  const { matrix, problems } = checkMatrix(value, { templates });
  const known = overridableNames(value);
  const unknown = values
    .filter((name) => !known.includes(name))
    .map((name) => `The matrix takes no value ${name}: choose from ${known.join(', ')}.`);
  const errors = problems
    .filter(({ severity }) => severity === 'error')
    .map(({ path, message, found }) => `${path}: ${message}${found === undefined ? '' : ` Found: ${found}`}`);
  if (!matrix || unknown.length > 0) throw new SettingsError([...errors, ...unknown].join('\n'));
  return matrix;
}
