import { type Following, follow } from '../following';
import type { Output } from '../output/wrap';
import { type WhereOptions, withExecutions } from '../where';
import { findOrSay } from './status';

/** Prints each change of an execution, without a name the youngest, until its end. @returns the exit code, as of `follow` */
export function watch(
  name: string | undefined,
  options: WhereOptions & Following,
  out: Output,
  err: Output,
): Promise<number> {
  return withExecutions(options, err, async (executions) => {
    const execution = await findOrSay(executions, name, options, err);
    return execution ? follow([execution.name], options, executions, out, err) : 2;
  });
}
