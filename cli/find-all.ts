import type { Execution, Executions, Listed } from './executions';

/** How many executions are asked for at once: Step Functions' rates are the account's. */
const ASKED_AT_ONCE = 8;

/** Finds executions with all that is known of them, in the order of the list. */
export async function findAll(
  listed: readonly Pick<Listed, 'name'>[],
  executions: Pick<Executions, 'find'>,
): Promise<Execution[]> {
  const found = new Map<string, Execution | undefined>();
  const left = listed.values();
  const ask = async () => {
    for (const { name } of left) found.set(name, await executions.find(name));
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return listed.flatMap(({ name }) => found.get(name) ?? []);
}
