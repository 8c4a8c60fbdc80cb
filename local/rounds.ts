import { Logger } from '@aws-lambda-powertools/logger';
import { ListExecutionsCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { FUNCTION_MEMORY_MB } from '../constructs/datastream/functions';
import type { Matrix } from '../executions/matrix/expand';
import type { Sfn } from '../lambdas/datastream/outcome';
import { createPlanner } from '../lambdas/datastream/planner';
import { costOf } from '../prices/orchestration';
import { virtualClock } from './clock';
import { type Day, type DayOptions, type PlayedJob, startsOf, unexpectedIn } from './day';
import { EmbeddedScheduler, type PlannerHost } from './scheduler';
import { awsError } from './service';

/** After the last hour a planner still starts jobs. */
const PLANNER_MS = 900_000;
const HOUR_MS = 3_600_000;
/** Executions in a page of ListExecutions. */
const PAGE = 1000;

/**
 * Plays the schedules and the planner of some hours in virtual time, without the state machine: an execution is a name
 * that was started. A year of a matrix takes seconds.
 *
 * @returns as of `playDay`; a job that was started has the outcome STARTED, and its launch is its start
 */
export async function playRounds(
  matrix: Matrix,
  { from, hours, fires }: Pick<DayOptions, 'from' | 'hours' | 'fires'>,
): Promise<Day> {
  const clock = virtualClock(from);
  const executions = new Map<string, Date>();
  const newest: { readonly name: string; readonly startDate: Date }[] = [];
  const sfn = {
    send: async (command: unknown) => {
      if (command instanceof StartExecutionCommand) {
        const { name = '' } = command.input;
        if (executions.has(name)) throw awsError('ExecutionAlreadyExists', `Execution Already Exists: '${name}'`);
        executions.set(name, clock.now());
        newest.push({ name, startDate: clock.now() });
        return {};
      }
      if (command instanceof ListExecutionsCommand) {
        const end = newest.length - Number(command.input.nextToken ?? 0);
        const page = newest.slice(Math.max(end - PAGE, 0), end).reverse();
        return { executions: page, ...(end > PAGE && { nextToken: String(newest.length - end + PAGE) }) };
      }
      throw awsError('NotImplemented', 'A round starts and lists executions alone.');
    },
  } as Sfn;
  const log = new Logger({ logLevel: 'SILENT' });
  const rounds: { readonly milliseconds: number }[] = [];
  let failed = 0;
  const planner = createPlanner({ sfn, clock, stateMachineArn: 'rounds', matrix, since: from }, log);
  const host: PlannerHost = {
    clock,
    invokeAsync: async (_name, event) => {
      const begun = clock.now().getTime();
      try {
        await planner(event);
      } catch {
        failed++;
      }
      rounds.push({ milliseconds: clock.now().getTime() - begun });
    },
  };
  new EmbeddedScheduler(host, matrix, fires).run(new Date(from.getTime() + hours * HOUR_MS));
  await clock.run(clock.sleep(hours * HOUR_MS + PLANNER_MS));
  const jobs = startsOf(matrix, from, hours).map((start): PlayedJob => {
    const at = executions.get(start.name);
    if (!at) return { start, outcome: 'MISSING' };
    return { start, launchedAfter: (at.getTime() - start.scheduled.getTime()) / 1000, outcome: 'STARTED' };
  });
  return {
    jobs,
    unexpected: unexpectedIn(executions.keys(), jobs),
    throttled: [],
    planner: costOf(0, rounds, FUNCTION_MEMORY_MB),
    deadLetters: failed,
  };
}
