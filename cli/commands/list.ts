import { type Executions, type Listed, rowOf } from '../executions';
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

/** How many executions are asked for at once: Step Functions' rates are the account's. */
const ASKED_AT_ONCE = 8;

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
    const rows = await rowsOf(listed, executions);
    if (options.json) out.write(`${JSON.stringify({ executions: rows }, null, 2)}\n`);
    else if (rows.length === 0) out.write(`No executions${status || since !== undefined ? ' of this kind' : ''}.\n`);
    else out.write(executionTable(rows, out, now));
    return 0;
  });
}

/** All that is known of executions. */
export async function rowsOf(listed: readonly Listed[], executions: Executions) {
  const found = new Map<string, Awaited<ReturnType<Executions['find']>>>();
  const left = listed.values();
  const ask = async () => {
    for (const { name } of left) found.set(name, await executions.find(name));
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return listed.flatMap(({ name }) => {
    const execution = found.get(name);
    return execution ? [rowOf(execution, executions.region)] : [];
  });
}
