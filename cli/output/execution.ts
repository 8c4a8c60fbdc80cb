import type { Execution, ExecutionRow, InstanceOf } from '../executions';
import { coloured } from './color';
import { dollars } from './dollars';
import { duration } from './standing';
import { table } from './table';
import { visible } from './visible';
import { type Output, wrap } from './wrap';

/** The row of a list: `MM-DD HH:MM` in UTC. */
const started = (row: ExecutionRow) => row.started_at.slice(5, 16).replace('T', ' ');

/** Narrowest columns: what is cut to less says nothing. */
const NARROWEST_ERROR = 12;
const NARROWEST_NAME = 16;

/** Executions as a table, as wide as the terminal at most; elsewhere nothing is cut. */
export function executionTable(rows: readonly ExecutionRow[], out: Output, now: Date): string {
  const cells = rows.map((row) => {
    const seconds = row.seconds ?? (now.getTime() - Date.parse(row.started_at)) / 1000;
    return [row.status, row.name, started(row), duration(seconds), row.error ?? ''] as const;
  });
  const head = ['STATUS', 'NAME', 'STARTED UTC', 'TIME', 'ERROR'] as const;
  const all = [head, ...cells];
  const most = (column: number) => Math.max(...all.map((row) => row[column]?.length ?? 0));
  let [name, error] = [most(1), most(4)];
  if (out.isTTY && out.columns) {
    const rest = out.columns - 1 - most(0) - most(2) - most(3) - 8;
    error = Math.min(error, Math.max(NARROWEST_ERROR, rest - name));
    name = Math.min(name, Math.max(NARROWEST_NAME, rest - error));
  }
  const lines = table(all.map((row) => [row[0], cut(row[1], name), row[2], row[3], cut(row[4], error)])).split('\n');
  return lines
    .map((line, index) => {
      const status = cells[index - 1]?.[0];
      return status === undefined || status === 'NOT_STARTED'
        ? line
        : coloured(status, out, status) + line.slice(status.length);
    })
    .join('\n');
}

/** Keeps both ends of a name: what differs is mostly the end. */
function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - end)}…${text.slice(text.length - end)}`;
}

/** How an execution stands, in a few lines. */
export function executionLines(
  execution: Execution,
  row: ExecutionRow,
  instances: readonly InstanceOf[],
  { attempts, next }: { readonly attempts: boolean; readonly next: string | undefined },
  out: Output,
  now: Date,
): string {
  const { status, error, cause, state, startedAt, endedAt, facts } = execution;
  const seconds = ((endedAt ?? now).getTime() - startedAt.getTime()) / 1000;
  const first = [
    coloured(status, out),
    status === 'RUNNING' ? (state ?? 'starting') : error,
    [
      `${status === 'RUNNING' ? 'for' : 'after'} ${duration(seconds)}`,
      ...(row.attempts !== null && (facts.attempts ?? 1) > 1 ? [`attempt ${row.attempts} of ${facts.attempts}`] : []),
      ...(row.dollars === null ? [] : [dollars(row.dollars)]),
    ].join(', '),
  ];
  const lines = [first.filter(Boolean).join('  ')];
  const add = (name: string, text: string) => lines.push(wrap(`  ${name.padEnd(11)}${text}`, out));
  add('execution', execution.name);
  add('started', `${row.started_at.slice(0, 19)}Z`);
  if (cause)
    lines.push(
      ...visible(cause)
        .trimEnd()
        .split('\n')
        .map((line) => wrap(`  ${line}`, out)),
    );
  if (attempts) {
    for (const each of facts.errors) {
      add(`attempt ${each.attempt}`, `${each.Error}: ${visible(each.Cause).split('\n')[0]}`);
      for (const { instance_id, type, market, zone, seconds: ran } of each.launches ?? []) {
        add('', [instance_id, type, market, zone, `${ran} s`].filter(Boolean).join(' '));
      }
    }
  }
  if (row.dollars_unknown !== undefined && facts.summary) add('cost', row.dollars_unknown);
  if (row.object) add('object', row.object);
  for (const { instance_id, state: its, attempt } of instances) {
    add('instance', `${instance_id} ${its}${(facts.attempts ?? 1) > 1 ? `, attempt ${attempt}` : ''}`);
  }
  // A command is not wrapped: users copy it.
  if (next) lines.push(`  ${'next'.padEnd(11)}${next}`);
  return `${lines.join('\n')}\n`;
}
