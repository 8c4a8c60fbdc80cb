import type { Problem } from '../../files/problems';
import { type Output, wrap } from './wrap';

/** A problem as lines for a person. */
export function problemLines({ severity, path, found, message }: Problem, out: Output): string {
  const lines = `  ${severity.padEnd(7)}  ${path}\n           ${message}${found === undefined ? '' : `\n           found: ${found}`}\n`;
  return wrap(lines, out);
}
