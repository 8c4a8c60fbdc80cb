import { createInterface } from 'node:readline/promises';
import { cycleName, readNames } from '../../executions/matrix/names';
import type { Execution, Executions } from '../executions';
import { type LinesOptions, linesOf } from '../lines';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';
import { type WhereOptions, withExecutions } from '../where';
import { findOrSay } from './status';

export interface CancelOptions extends WhereOptions, LinesOptions {
  /** The jobs of this cycle alone, `YYYYMMDDTHH`. */
  readonly cycle?: string;
  /** Do not ask. */
  readonly yes?: boolean;
}

/**
 * Stops executions that run; their instances end. All names are looked up first: a wrong one stops nothing. Those of a
 * stream are counted, and a person is asked.
 *
 * @returns the exit code: 0, also for one that has ended before; 1 where the answer is no; 2 where one of them is not known
 * and where nobody can be asked; 5 where AWS cannot be asked
 */
export function cancel(
  names: readonly string[],
  options: CancelOptions,
  out: Output,
  err: Output,
  input: NodeJS.ReadStream = process.stdin,
): Promise<number> {
  const refuse = (sentence: string) => {
    err.write(wrap(`${sentence}\n`, err));
    return 2;
  };
  const { stream, line, cycle } = options;
  if (names.length > 0 && (stream ?? line ?? cycle) !== undefined) {
    return Promise.resolve(refuse('--stream finds the executions itself: leave the names out.'));
  }
  if (names.length === 0 && stream === undefined) {
    return Promise.resolve(refuse('Name the executions to stop, or write --stream.'));
  }
  return withExecutions(options, err, async (executions) => {
    if (stream === undefined) return stopNamed(names, options, executions, out, err);
    const read = await linesOf(options, executions.region, err);
    if (typeof read === 'number') return read;
    const named = readNames(read.matrix);
    const running = await executions.list({ status: 'RUNNING', limit: Number.MAX_SAFE_INTEGER });
    const those = running.filter(({ name }) => {
      const job = named(name);
      return job && (cycle ?? cycleName(job.day, job.job.cycle)) === cycleName(job.day, job.job.cycle);
    });
    if (those.length === 0) {
      out.write('No execution of these jobs runs.\n');
      return 0;
    }
    const will = `${count(those.length, 'execution')} will be stopped.`;
    if (!options.yes) {
      if (!input.isTTY || !out.isTTY) return refuse(`${will} Nobody can be asked here: write --yes.`);
      const question = createInterface({ input, output: process.stdout });
      const answer = await question.question(`${will} Proceed? [y/N] `);
      question.close();
      if (!/^y(es)?$/i.test(answer.trim())) {
        err.write('Nothing was stopped.\n');
        return 1;
      }
    }
    for (const each of those) {
      await executions.stop(each);
      out.write(`${each.name}: stopped; its instance ends\n`);
    }
    out.write(`${count(those.length, 'execution')} stopped\n`);
    return 0;
  });
}

async function stopNamed(
  names: readonly string[],
  options: WhereOptions,
  executions: Executions,
  out: Output,
  err: Output,
): Promise<number> {
  const found: Execution[] = [];
  for (const name of names) {
    const execution = await findOrSay(executions, name, options, err);
    if (execution) found.push(execution);
  }
  if (found.length < names.length) {
    err.write('Nothing was stopped.\n');
    return 2;
  }
  let stopped = 0;
  for (const execution of found) {
    const { name, status } = execution;
    if (status !== 'RUNNING') {
      out.write(wrap(`${name}: it has ended (${status}), so that there is nothing to stop\n`, out));
      continue;
    }
    await executions.stop(execution);
    out.write(wrap(`${name}: stopped; its instance ends\n`, out));
    stopped++;
  }
  if (found.length > 1) out.write(`${count(stopped, 'execution')} stopped\n`);
  return 0;
}
