import type { Fault } from '../../files/faults';

/** A fault as lines for a person. */
export function faultLines({ severity, path, found, message }: Fault): string {
  return `  ${severity.padEnd(7)}  ${path}\n           ${message}${found === undefined ? '' : `\n           found: ${found}`}\n`;
}
