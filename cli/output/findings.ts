import { paint } from './color';
import { count } from './summary';
import { type Output, wrap } from './wrap';

/** `unknown`: it could not be looked at; the text says why. */
export type Severity = 'ok' | 'warn' | 'fail' | 'unknown';

/** What a check has found. */
export interface Finding {
  /** The check's name, one word. */
  readonly check: string;
  readonly severity: Severity;
  /** One sentence. */
  readonly text: string;
  /** The command that mends it. */
  readonly mend?: string;
}

const SHOWN: Readonly<Record<Severity, string>> = { ok: 'ok', warn: 'warn', fail: 'FAIL', unknown: 'unknown' };
/** SGR codes: green, yellow, red, cyan. */
const COLOURS: Readonly<Record<Severity, number>> = { ok: 32, warn: 33, fail: 31, unknown: 36 };

/** Widths of the two columns before the text. */
const SEVERITY = 9;
const CHECK = 14;

/** Prints findings in their order, then how many there are of each kind. */
export function printFindings(findings: readonly Finding[], out: Output): void {
  const indent = ' '.repeat(SEVERITY + CHECK);
  for (const [index, { check, severity, text, mend }] of findings.entries()) {
    const shown = SHOWN[severity];
    const narrow = { isTTY: out.isTTY === true, columns: (out.columns ?? 0) - indent.length };
    const lines = wrap(text, narrow).split('\n').join(`\n${indent}`);
    out.write(
      `${paint(COLOURS[severity], shown, out)}${' '.repeat(SEVERITY - shown.length)}${check.padEnd(CHECK)}${lines}\n`,
    );
    // A command is not wrapped: users copy it. One that mends several things stands below the last of them.
    if (mend !== undefined && mend !== findings[index + 1]?.mend) out.write(`    ${mend}\n`);
  }
  const number = (severity: Severity) => findings.filter((each) => each.severity === severity).length;
  const parts = [`${number('ok')} ok`];
  if (number('warn') > 0) parts.push(count(number('warn'), 'warning'));
  if (number('fail') > 0) parts.push(`${number('fail')} FAIL`);
  if (number('unknown') > 0) parts.push(`${number('unknown')} unknown`);
  out.write(`${parts.join(', ')}\n`);
}
