import type { Fault } from '../../files/faults';
import { type Output, wrap } from './wrap';

/** A fault as lines for a person. */
export function faultLines({ severity, path, found, message }: Fault, out: Output): string {
  const lines = `  ${severity.padEnd(7)}  ${path}\n           ${message}${found === undefined ? '' : `\n           found: ${found}`}\n`;
  return wrap(lines, out);
}
