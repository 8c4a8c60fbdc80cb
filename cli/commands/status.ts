import { nearest } from '../../files/nearest';
import { type Execution, type Executions, rowOf } from '../executions';
import { executionLines } from '../output/execution';
import { type Output, wrap } from '../output/wrap';
import { again, type WhereOptions, withExecutions } from '../where';

export interface StatusOptions extends WhereOptions {
  /** Print how the earlier attempts ended. */
  readonly attempts?: boolean;
  readonly json?: boolean;
}

/**
 * Prints how an execution stands, without a name the youngest.
 *
 * @returns the exit code: 0 while it runs and when it succeeded, 1 when it did not, 2 where there is none of this name, 5
 * where AWS cannot be asked
 */
export function status(name: string | undefined, options: StatusOptions, out: Output, err: Output): Promise<number> {
  return withExecutions(options, err, async (executions) => {
    const execution = await findOrSay(executions, name, options, err);
    if (!execution) return 2;
    const row = rowOf(execution, executions.region);
    const instances = await executions.instances(execution);
    if (options.json) out.write(`${JSON.stringify(document(execution, row, instances), null, 2)}\n`);
    else {
      const next = { attempts: options.attempts === true, next: nextCommand(execution, options) };
      out.write(executionLines(execution, row, instances, next, out, new Date()));
    }
    return codeOf(execution);
  });
}

/** The row with what a list does not have. */
function document(
  { state, facts }: Execution,
  row: ReturnType<typeof rowOf>,
  instances: Awaited<ReturnType<Executions['instances']>>,
) {
  const earlier_attempts = facts.errors.map(({ attempt, Error: error, Cause: cause, launches = [] }) => ({
    attempt,
    error,
    cause,
    launches,
  }));
  return { ...row, state: state ?? null, attempts_allowed: facts.attempts ?? null, instances, earlier_attempts };
}

function nextCommand({ name, status: its }: Execution, options: StatusOptions): string | undefined {
  if (its === 'SUCCEEDED') return undefined;
  return `datastream ${its === 'RUNNING' ? 'watch' : 'retry'} ${name}${again(options)}`;
}

/** 1 for an execution that has ended and did not succeed. */
export function codeOf({ status: its }: Pick<Execution, 'status'>): 0 | 1 {
  return its === 'RUNNING' || its === 'SUCCEEDED' ? 0 : 1;
}

/** How many of the youngest executions a name is compared with. */
const COMPARED = 100;

/** Finds an execution, without a name the youngest; else says that there is none, and which may be meant. */
export async function findOrSay(
  executions: Executions,
  name: string | undefined,
  where: WhereOptions,
  err: Output,
): Promise<Execution | undefined> {
  const found = name === undefined ? undefined : await executions.find(name);
  if (found) return found;
  const known = (await executions.list({ limit: name === undefined ? 1 : COMPARED })).map((each) => each.name);
  const [youngest] = known;
  if (name === undefined && youngest !== undefined) return executions.find(youngest);
  err.write(wrap(`${nothing(name, known, again(where))}\n`, err));
  return undefined;
}

function nothing(name: string | undefined, known: readonly string[], where: string): string {
  if (name === undefined) return `There are no executions yet: start one by 'datastream start FILE${where}'.`;
  const meant = nearest(name, known);
  const write = meant === undefined ? `see 'datastream list${where}'` : `write ${meant} if that is meant`;
  return `No execution is called '${name}': ${write}.`;
}
