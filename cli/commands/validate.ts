import type { ParseOptions, ParseResult } from '../../executions/model';
import { parseExecution } from '../../executions/parse';
import { member } from '../../files/values';
import { syntaxProblems } from '../../local/syntax';
import { readExecutionFile } from '../execution-file';
import { problemLines } from '../output/problem-lines';
import { summary } from '../output/summary';
import { type Output, wrap } from '../output/wrap';

/**
 * Prints every problem of every file.
 *
 * @param options facts that the files do not contain, such as the region
 * @returns the exit code: 0, 1 if a file has an error, 2 if a file cannot be read or is not JSON
 */
export function validate(files: readonly string[], options: ParseOptions, out: Output): number {
  let exitCode = 0;
  for (const file of files) {
    const content = readExecutionFile(file);
    if ('error' in content) {
      out.write(wrap(`${content.error}\n`, out));
      exitCode = 2;
      continue;
    }
    for (const line of content.repeated) out.write(wrap(`${line}\n`, out));
    const { problems } = checkFile(content.value, options);
    const errors = problems.filter((problem) => problem.severity === 'error').length;
    out.write(`${file}: ${summary(errors, problems.length - errors + content.repeated.length)}\n`);
    for (const problem of problems) out.write(problemLines(problem, out));
    if (errors > 0) exitCode = Math.max(exitCode, 1);
  }
  return exitCode;
}

/** All problems of an execution file that can be found on this computer: the parser's and the shell's. */
export function checkFile(value: unknown, options: ParseOptions = {}): ParseResult {
  const { execution, problems } = parseExecution(value, options);
  const written = member(value, 'commands');
  const own = Array.isArray(written) && written.every((each) => typeof each === 'string') ? (written as string[]) : [];
  // This project quotes the options itself, so the shell cannot find an error in them.
  const commands = member(value, 'datastream_command_options') === undefined ? (execution?.commands ?? own) : [];
  return { execution, problems: [...problems, ...(commands.length > 0 ? syntaxProblems(commands) : [])] };
}
