import type { ResultRow } from '../../lambdas/datastream/result-row';
import type { Standing } from '../aws/submissions';
import { dollars } from './dollars';
import { count } from './summary';
import { type Output, wrap } from './wrap';

/** One line: how many jobs of a submission have ended, failed, run and wait. */
export function standingLine(id: string, { status, startedAt, endedAt, run }: Standing, now: Date): string {
  const time = duration(((endedAt ?? now).getTime() - startedAt.getTime()) / 1000);
  if (!run) return `${id}  ${status === 'RUNNING' ? 'starting' : status}  ${time}`;
  const { total, succeeded, failed, running, pending, concurrency } = run;
  const number = (value: number) => value.toLocaleString('en-US');
  const parts = [
    `${number(succeeded + failed)} of ${count(total, 'job')} ended`,
    ...(failed > 0 ? [`${number(failed)} failed`] : []),
    ...(running > 0 ? [`${number(running)} running (at most ${number(concurrency)})`] : []),
    ...(pending > 0 ? [`${number(pending)} waiting`] : []),
  ];
  return `${id}  ${parts.join(', ')}  ${time}`;
}

/** `48s`, `12m03s`, `5h07m` */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours}h${two(minutes)}m`;
  return minutes > 0 ? `${minutes}m${two(whole % 60)}s` : `${whole}s`;
}

/** A line that changes: on a terminal it is written over, elsewhere each change is a line. */
export function changingLine(out: Output): { show(text: string, what?: string): void; end(): void } {
  const live = out.isTTY && process.env.TERM !== 'dumb';
  let shown = '';
  return {
    show(text, what = text.replace(/ {2}\S+$/, '')) {
      // The time alone is no change.
      const told = live ? text : what;
      if (told === shown) return;
      shown = told;
      out.write(live ? `\r\x1b[2K${text.slice(0, (out.columns ?? 80) - 1)}` : `${text}\n`);
    },
    end() {
      if (live && shown) out.write('\n');
      shown = '';
    },
  };
}

/** How many jobs that did not succeed are listed. */
const LISTED = 10;

/** What became of the jobs, in a few lines. */
export function printResults(rows: readonly ResultRow[], out: Output): void {
  const bad = rows.filter(({ status }) => status !== 'SUCCEEDED');
  const row = (name: string, text: string) => out.write(wrap(`  ${name.padEnd(12)}${text}\n`, out));
  for (const { status, name, error, cause } of bad.slice(0, LISTED)) {
    const why = [error, cause?.split('\n')[0]].filter(Boolean).join(': ');
    row(status, `${name}${why ? `  ${why}` : ''}`);
  }
  if (bad.length > LISTED) row('', `and ${count(bad.length - LISTED, 'other')}`);
  const known = rows.flatMap(({ dollars }) => dollars ?? []);
  const unknown = rows.length - known.length;
  const sum = known.reduce((total, dollars) => total + dollars, 0);
  const without = unknown > 0 ? `, without ${count(unknown, 'job')} whose price is not known` : '';
  row('cost', `${known.length === 0 && unknown > 0 ? '-' : `${dollars(sum)} at list prices`}${without}`);
}
