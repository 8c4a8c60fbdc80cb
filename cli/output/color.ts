import type { Status } from '../statuses';
import type { Output } from './wrap';

/** SGR codes: green, red, yellow, cyan. */
const CODES: Readonly<Record<Status, number>> = { SUCCEEDED: 32, FAILED: 31, TIMED_OUT: 31, ABORTED: 33, RUNNING: 36 };

/** Colours a status on a terminal. */
export function coloured(status: Status, out: Pick<Output, 'isTTY'>, text: string = status): string {
  return paint(CODES[status], text, out);
}

/** Colours a text on a terminal, unless NO_COLOR is set (no-color.org). @param code of SGR */
export function paint(code: number, text: string, out: Pick<Output, 'isTTY'>): string {
  if (!out.isTTY || process.env.NO_COLOR || process.env.TERM === 'dumb') return text;
  return `\x1b[${code}m${text}\x1b[0m`;
}
