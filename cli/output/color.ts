import type { Status } from '../statuses';
import type { Output } from './wrap';

/** SGR codes: green, red, yellow, cyan. */
const CODES: Readonly<Record<Status, number>> = { SUCCEEDED: 32, FAILED: 31, TIMED_OUT: 31, ABORTED: 33, RUNNING: 36 };

/** Colours a status on a terminal, unless NO_COLOR is set (no-color.org). */
export function coloured(status: Status, out: Pick<Output, 'isTTY'>, text: string = status): string {
  if (!out.isTTY || process.env.NO_COLOR || process.env.TERM === 'dumb') return text;
  return `\x1b[${CODES[status]}m${text}\x1b[0m`;
}
