import type { Execution } from '../executions';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';
import { type WhereOptions, withExecutions } from '../where';
import { findOrSay } from './status';

/**
 * Stops executions that run; their instances end. All names are looked up first: a wrong one stops nothing.
 *
 * @returns the exit code: 0, also for one that has ended before; 2 where one of them is not known, 5 where AWS cannot be
 * asked
 */
export function cancel(names: readonly string[], options: WhereOptions, out: Output, err: Output): Promise<number> {
  return withExecutions(options, err, async (executions) => {
    const found: Execution[] = [];
    for (const name of names) {
      const execution = await findOrSay(executions, name, err);
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
  });
}
