import type { Problem } from '../../files/problems';
import { readTextFile } from '../../files/text-file';
import { type ParsedPipelines, parsePipelines } from '../../pipelines/parse';
import { checkRepository } from '../../pipelines/repository';
import { problemLines } from '../output/problem-lines';
import { count, summary } from '../output/summary';
import { type Output, wrap } from '../output/wrap';

export interface ValidateOptions {
  /** The branch to deploy, a part of every name. */
  readonly branch: string;
  /** A checkout of the pipelines' repository; default: none, and the file alone is checked. */
  readonly repo?: string;
}

/**
 * Prints every problem of a `pipelines_config.yml`; and what it deploys, where it has no error.
 *
 * @returns the exit code: 0, 1 with any error, 2 when the file cannot be read
 */
export function validatePipelines(file: string, options: ValidateOptions, out: Output): number {
  const checked = checkPipelinesFile(file, options);
  if ('error' in checked) {
    out.write(wrap(`${checked.error}\n`, out));
    return 2;
  }
  const { config, problems } = checked;
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  out.write(`${file}: ${summary(errors, problems.length - errors)}\n`);
  for (const problem of problems) out.write(problemLines(withLine(problem), out));
  if (errors > 0 || !config) return 1;
  const configs = config.pipelines.reduce((sum, { configs: each }) => sum + each.length, 0);
  out.write(wrap(`${count(config.pipelines.length, 'pipeline')} with ${count(configs, 'function')}\n`, out));
  return 0;
}

export interface CheckedPipelines extends Omit<ParsedPipelines, 'problems'> {
  /** The file's, by line, then the repository's. */
  readonly problems: readonly (Problem & { readonly line?: number })[];
}

/** Every problem of a file, and of the repository if one is named. */
export function checkPipelinesFile(
  file: string,
  { branch, repo }: Pick<ValidateOptions, 'branch' | 'repo'>,
): { readonly error: string } | CheckedPipelines {
  const read = readTextFile(file);
  if ('error' in read) return read;
  const parsed = parsePipelines(read.text, branch);
  if (repo === undefined) return parsed;
  return { ...parsed, problems: [...parsed.problems, ...checkRepository(parsed, repo)] };
}

/** The problem, with its line before its path. */
export function withLine({ line, ...problem }: CheckedPipelines['problems'][number]): Problem {
  return line === undefined ? problem : { ...problem, path: `line ${line}: ${problem.path}` };
}
