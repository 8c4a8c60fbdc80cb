import type { ParseOptions } from '../executions/model';
import { parseExecution } from '../executions/parse';
import { faultLines, readExecutionFile } from './execution-file';

interface Output {
  write(text: string): unknown;
}

/**
 * Prints every fault of every file.
 *
 * @param options what is known beyond the files
 * @returns the exit code: 0, 1 with any error, 2 when a file cannot be read or is not JSON
 */
export function validate(files: readonly string[], options: ParseOptions, out: Output): number {
  let exitCode = 0;
  for (const file of files) {
    const content = readExecutionFile(file);
    if ('error' in content) {
      out.write(`${content.error}\n`);
      exitCode = 2;
      continue;
    }
    for (const line of content.repeated) out.write(`${line}\n`);
    const { faults } = parseExecution(content.value, options);
    const errors = faults.filter((fault) => fault.severity === 'error').length;
    out.write(`${file}: ${summary(errors, faults.length - errors)}\n`);
    for (const fault of faults) out.write(faultLines(fault));
    if (errors > 0) exitCode = Math.max(exitCode, 1);
  }
  return exitCode;
}

function summary(errors: number, warnings: number): string {
  if (errors + warnings === 0) return 'valid';
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  return `${errors === 0 ? 'valid, ' : `${count(errors, 'error')}, `}${count(warnings, 'warning')}`;
}
