import { checkMatrix } from '../../executions/matrix/check';
import { expandMatrix, type Line, type Matrix, type MatrixSources } from '../../executions/matrix/expand';
import type { Problem } from '../../files/problems';

type Json = Record<string, unknown>;

/** A template with a value of each kind, whose filled text is an execution file. */
export const TEMPLATE = `{
  "commands": ["run --place \${place} --hour \${init} --processes \${nprocs} $\${HOME}"],
  "run_options": { "ii_terminate_instance": true, "ii_check_s3": false, "timeout_s": \${timeout_s} },
  "instance_parameters": { "ImageId": "\${ami_id}", "InstanceType": "\${instance_type}" }
}`;

export const TEMPLATES: MatrixSources['templates'] = { 'job.tpl': TEMPLATE };

/** A line with two cycles. */
export const line = (changes: Json = {}): Json => ({ cycles: ['00', '12'], lag: '1:30', ...changes });

/** A stream with one line and two places. */
export const stream = (changes: Json = {}): Json => ({
  template: 'job.tpl',
  name: 'job_${run_type_l}_${place}_${init}',
  each: { place: ['a', 'b'] },
  lines: { short: line() },
  ...changes,
});

/** A matrix without a problem: one stream, `flow`, with one line, `short`, of four jobs. */
export const matrixFile = (changes: Json = {}): Json => ({
  matrix: 'test',
  vars: { ami_id: 'ami-0123456789abcdef0', instance_type: 'm8g.xlarge', timeout_s: 600 },
  streams: { flow: stream() },
  ...changes,
});

/** The same with another stream. */
export const withStream = (changes: Json, rest: Json = {}) =>
  matrixFile({ streams: { flow: stream(changes) }, ...rest });

/** The same with another line. */
export const withLine = (changes: Json, rest: Json = {}) => withStream({ lines: { short: line(changes) }, ...rest });

/** A matrix that must have no problem. */
export function expanded(file: unknown, sources: Partial<MatrixSources> = {}): Matrix {
  const { matrix, problems } = expandMatrix(file, { templates: TEMPLATES, ...sources });
  if (!matrix || problems.length > 0) throw new Error(JSON.stringify(problems, null, 2));
  return matrix;
}

/** The only line of a matrix that must have no problem. */
export function onlyLine(file: unknown, sources: Partial<MatrixSources> = {}): Line {
  const [first, second] = expanded(file, sources).lines;
  if (!first || second) throw new Error('The matrix has not one line.');
  return first;
}

/** What is wrong in a matrix. */
export const problemsOf = (file: unknown, sources: Partial<MatrixSources> = {}): readonly Problem[] =>
  checkMatrix(file, { templates: TEMPLATES, ...sources }).problems;
