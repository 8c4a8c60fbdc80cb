import { realClock } from '../local/clock';
import { type Execution, type Executions, rowOf } from './executions';
import { SIGNALS } from './local-place';
import { coloured } from './output/color';
import { duration } from './output/standing';
import { type Output, wrap } from './output/wrap';
import { again, type WhereOptions } from './where';

export interface Following {
  /** Seconds between two looks. */
  readonly every: number;
  /** Seconds until it is given up; the executions go on. Default: never. */
  readonly timeout?: number;
  /** A row of JSON for each change. */
  readonly json?: boolean;
}

/**
 * Looks again and again.
 *
 * @param look returns an exit code where there is nothing more to wait for
 * @param left says what still runs
 * @returns that code; 3 at the time-out, 130 after Ctrl-C
 */
export async function lookUntil(
  { every, timeout }: Pick<Following, 'every' | 'timeout'>,
  look: () => Promise<number | undefined>,
  left: () => string,
  err: Output,
): Promise<number> {
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const until = timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeout * 1000;
  try {
    for (;;) {
      const code = await look();
      if (code !== undefined) return code;
      const time = until - Date.now();
      if (time <= 0 || interrupted.signal.aborted) {
        err.write(wrap(`Still running: ${left()}\n`, err));
        return interrupted.signal.aborted ? 130 : 3;
      }
      await realClock.sleep(Math.min(every * 1000, time), interrupted.signal);
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/**
 * Prints each change of executions until all have ended.
 *
 * @returns the exit code: 0 all succeeded, 1 some did not, 3 some still run at the time-out, 130 after Ctrl-C; the
 * executions go on then
 */
export async function follow(
  names: readonly string[],
  { json, ...times }: Following & Partial<WhereOptions>,
  executions: Executions,
  out: Output,
  err: Output,
): Promise<number> {
  const shown = new Map<string, string>();
  const running = new Set(names);
  let failed = false;
  const look = async () => {
    for (const name of running) {
      const execution = await executions.find(name);
      if (!execution) continue;
      const change = changeOf(execution);
      if (shown.get(name) !== change) {
        shown.set(name, change);
        out.write(json ? `${JSON.stringify(rowOfChange(execution, executions))}\n` : line(execution, names, out));
      }
      if (execution.status === 'RUNNING') continue;
      running.delete(name);
      failed ||= execution.status !== 'SUCCEEDED';
    }
    return running.size > 0 ? undefined : failed ? 1 : 0;
  };
  const left = () => {
    const those = [...running].slice(0, 3).join(', ');
    const more = running.size > 3 ? ` and ${running.size - 3} others` : '';
    const where = `${[...running][0]}${again(times)}`;
    return `${those}${more}. See 'datastream status ${where}', or stop with 'datastream cancel ${where}'.`;
  };
  return lookUntil(times, look, left, err);
}

const changeOf = ({ status, state, facts }: Execution) => [status, state, facts.attempt].join(' ');

function rowOfChange(execution: Execution, { region }: Executions) {
  return { ...rowOf(execution, region), state: execution.state ?? null };
}

function line(
  { name, status, state, error, startedAt, endedAt, facts }: Execution,
  names: readonly string[],
  out: Output,
) {
  const now = new Date();
  const time = duration(((endedAt ?? now).getTime() - startedAt.getTime()) / 1000);
  const attempt = (facts.attempts ?? 1) > 1 ? `attempt ${facts.attempt} of ${facts.attempts}` : undefined;
  const how = status === 'RUNNING' ? (state ?? 'starting') : [coloured(status, out), error].filter(Boolean).join(' ');
  const parts = [now.toISOString().slice(11, 19), names.length > 1 ? name : undefined, how, attempt, time];
  return wrap(`${parts.filter(Boolean).join('  ')}\n`, out);
}
