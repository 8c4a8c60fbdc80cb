import { rowOf } from '../executions';
import { findAll } from '../find-all';
import { executionTable } from '../output/execution';
import type { Output } from '../output/wrap';
import type { Status } from '../statuses';
import { type WhereOptions, withExecutions } from '../where';

export interface ListOptions extends WhereOptions {
  /** Executions of this status alone. */
  readonly status?: Status;
  /** Executions that were started in the last so many milliseconds; default: all. */
  readonly since?: number;
  /** At most so many, the youngest. */
  readonly limit: number;
  readonly json?: boolean;
}

/** Prints executions, the youngest first. @returns the exit code: 0, 2 and 5 as `withExecutions` */
export function list(options: ListOptions, out: Output, err: Output): Promise<number> {
  return withExecutions(options, err, async (executions) => {
    const now = new Date();
    const { status, since, limit } = options;
    const listed = await executions.list({
      limit,
      ...(status && { status }),
      ...(since !== undefined && { since: new Date(now.getTime() - since) }),
    });
    const rows = (await findAll(listed, executions)).map((each) => rowOf(each, executions.region));
    if (options.json) out.write(`${JSON.stringify({ executions: rows }, null, 2)}\n`);
    else if (rows.length === 0) out.write(`No executions${status || since !== undefined ? ' of this kind' : ''}.\n`);
    else out.write(executionTable(rows, out, now));
    return 0;
  });
}
