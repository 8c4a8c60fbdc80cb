import { type Job, type Line, type Matrix, minutesOf } from '../../executions/matrix/expand';
import { startsAt } from '../../executions/matrix/schedule';
import { parseExecution } from '../../executions/parse';
import { PRICE_LIST, type PriceList } from '../../prices/instances';
import { besideOf, jobCost } from '../../prices/jobs';

/** Whether a round may start under a daily budget. */
export interface BudgetDecision {
  readonly allowed: boolean;
  /** The most that the round's first attempts cost; undefined where a price is not known. */
  readonly dollars?: number;
  /** The same of the day's rounds before it that may start. */
  readonly before: number;
  /** What is not known, in one sentence. */
  readonly unknown?: string;
}

/** Decides on the round of a line at a scheduled time. */
export type Budget = (line: Line, scheduled: Date) => BudgetDecision;

const DAY_MS = 86_400_000;

/**
 * The budget of a day in UTC. Its sum is no counter that planners would share, and that a repeated or killed round would
 * falsify: every planner comes to it from the matrix alone. The day's rounds are taken in the order of their times, and at
 * one time in the order of the matrix. A round counts if what it can cost fits into what is left; else it is refused as a
 * whole, and does not count. A paused line counts as if it ran.
 *
 * A job is taken at the most that its first attempt costs: on-demand, for all of its `timeout_s`.
 *
 * @param dollars what the jobs of a day may cost
 * @param region the region of files that name none
 */
export function budgetOf(matrix: Matrix, dollars: number, region: string, prices: PriceList = PRICE_LIST): Budget {
  const decisions = new Map<string, BudgetDecision>();
  const key = (line: Line, time: string) => `${line.stream}/${line.line} ${time}`;
  let before = 0;
  // Every day has the same rounds: a matrix's schedules are daily.
  for (const time of [...minutesOf(matrix).keys()].sort()) {
    const starts = startsAt(matrix, new Date(Date.parse(`1970-01-01T${time}:00Z`) + DAY_MS));
    for (const line of new Set(starts.map((start) => start.line))) {
      const costs = starts.filter((start) => start.line === line).map(({ job }) => mostOf(job, region, prices));
      const unknown = costs.find((cost) => typeof cost === 'string');
      if (typeof unknown === 'string') {
        decisions.set(key(line, time), { allowed: false, before, unknown });
        continue;
      }
      const sum = costs.reduce<number>((total, cost) => total + Number(cost), 0);
      const allowed = before + sum <= dollars;
      decisions.set(key(line, time), { allowed, dollars: sum, before });
      if (allowed) before += sum;
    }
  }
  // A time at which the line has no cycle has no jobs to refuse.
  return (line, scheduled) =>
    decisions.get(key(line, scheduled.toISOString().slice(11, 16))) ?? { allowed: true, dollars: 0, before };
}

/** The most that a job's first attempt costs, in dollars; or which price is not known. */
function mostOf({ input }: Job, region: string, list: PriceList): number | string {
  const { execution } = parseExecution(input);
  if (!execution) return 'A job of the round has an execution file with errors.';
  const { instance_parameters: parameters, timeout_s } = execution;
  const instance = { type: parameters.InstanceType ?? '', market: 'on-demand', seconds: timeout_s } as const;
  const use = { region: execution.region ?? region, attempts: 1, launches: [instance], ...besideOf(parameters) };
  const cost = jobCost(use, list);
  return 'unknown' in cost ? `${cost.unknown} Then deploy again.` : cost.total;
}

/** The budget that a deployment's variable sets; undefined for none, which is 0 or empty. */
export function deployedBudget(value: string | undefined, matrix: Matrix, stateMachineArn: string): Budget | undefined {
  const dollars = Number(value ?? 0);
  return dollars > 0 ? budgetOf(matrix, dollars, stateMachineArn.split(':')[3] ?? '') : undefined;
}
