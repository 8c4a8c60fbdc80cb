import type { Problem } from '../../files/problems';

/** A problem as lines for a person. */
export function problemLines({ severity, path, found, message }: Problem): string {
  return `  ${severity.padEnd(7)}  ${path}\n           ${message}${found === undefined ? '' : `\n           found: ${found}`}\n`;
}
