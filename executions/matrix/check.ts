import { collectProblems, type Problem } from '../../files/problems';
import type { ParseOptions } from '../model';
import { parseExecution } from '../parse';
import { expand, type Matrix, type MatrixSources } from './expand';
import { collectFindings } from './findings';

/**
 * Expands a matrix and reads the execution file of each job, so that nothing is deployed that a state machine would
 * refuse.
 *
 * @param file the matrix, parsed from JSON
 * @param options facts that are not in the execution files
 * @returns the matrix, absent with any error
 */
export function checkMatrix(
  file: unknown,
  sources: MatrixSources,
  options: ParseOptions = {},
): { readonly matrix?: Matrix; readonly problems: readonly Problem[] } {
  const problems = collectProblems();
  const matrix = expand(file, sources, problems);
  const findings = collectFindings(problems);
  for (const { stream, line, pin, jobs } of matrix?.lines ?? []) {
    const path = ['streams', stream, 'lines', line];
    for (const { name, input } of jobs) {
      for (const problem of parseExecution(input, options).problems) {
        const { severity, path: within, found } = problem;
        const message = (told: string) =>
          `${told}: ${within}: ${problem.message}${found === undefined ? '' : ` Found: ${found}`}`;
        findings.ofJob(severity, path, `${within} ${problem.message}`, name, message);
      }
      const finds = pin.length === 0 ? dayIn(input.commands) : undefined;
      if (finds === undefined) continue;
      const message = (told: string) =>
        `${told}: the command finds the day when it runs, so a catch-up would run another day: add this to pin.`;
      findings.ofJob('warning', path, `day ${finds}`, name, message, finds);
    }
  }
  findings.end();
  const found = problems.inFileOrder(file);
  return matrix && !problems.hasErrors() ? { matrix, problems: found } : { problems: found };
}

/** A command substitution whose result is a day and nothing finer. */
function dayIn(commands: unknown): string | undefined {
  if (!Array.isArray(commands)) return undefined;
  return commands
    .map((each) => /\$\(date\b[^()]*\+\S?%Y-?%m-?%d['"\\]*\)/.exec(String(each))?.[0])
    .find((each) => each);
}
