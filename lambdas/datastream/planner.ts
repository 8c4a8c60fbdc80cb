import { ListExecutionsCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import type { Matrix } from '../../executions/matrix/expand';
import type { Start } from '../../executions/matrix/schedule';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { isThrottled, NamedError, named, TRANSIENT_ERRORS } from '../runtime/errors';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { type Budget, deployedBudget } from './budget';
import { deployedMatrix } from './deployed-matrix';
import type { Sfn } from './outcome';
import { inputOf, type Planned, planRound } from './round';

/** What a schedule sends. Its shape outlives deployments: Terraform does not change the input of a schedule that exists. */
const PlannerEvent = z.object({
  stream: z.string(),
  line: z.string(),
  /** `<aws.scheduler.scheduled-time>` */
  scheduled: z.iso.datetime().transform((text) => new Date(text)),
  /** Earlier scheduled times are not caught up: the line was paused then. */
  not_before: z.iso
    .datetime()
    .transform((text) => new Date(text))
    .optional(),
});

export interface PlannerClients {
  readonly sfn: Sfn;
  readonly clock: Clock;
  readonly stateMachineArn: string;
  readonly matrix: Matrix;
  /** When the schedules were created: what was scheduled before was never theirs. Default: no such time. */
  readonly since?: Date;
  /** Default: jobs may cost what they cost. */
  readonly budget?: Budget;
}

/** What a round has done. */
export interface RoundResult {
  /** Jobs of the scheduled time that are started. */
  readonly started: number;
  /** Jobs of it that had been started before. */
  readonly existed: number;
  /** Jobs of earlier times that are started now. */
  readonly caught_up: number;
  /** Jobs of the scheduled time that the daily budget has no room for. */
  readonly refused: number;
}

/** It ends before Lambda's time-out of 900 s: what is left is the next round's. */
const LONGEST_MS = 840_000;

const MINUTE_MS = 60_000;

/**
 * Starts the jobs of one line at one scheduled time, each in its slot, then what the line has missed in its last
 * `catch_up_h` hours. An execution's name is the job's and its cycle's day. Step Functions starts a name once in 90 days,
 * so a schedule that fires twice, late or after a lost reply starts no job twice.
 *
 * Which earlier jobs were started is read from one list of the newest executions. The list only saves calls: an
 * execution that it lacks is not started a second time either.
 *
 * A round that the daily budget has no room for is refused as a whole: it ends without an error, so that nobody repeats it,
 * and no later round catches it up. The log's line `over the daily budget` is what its alarm counts.
 *
 * @throws InvalidRound for a line that the matrix does not have; the first error of a job that could not be started,
 * after all others: Lambda repeats the round twice, and the line's next round catches up
 */
export async function plan(
  { stream, line: name, scheduled, not_before }: z.infer<typeof PlannerEvent>,
  clients: PlannerClients,
  log: Log,
): Promise<RoundResult> {
  const { matrix, clock } = clients;
  const begun = clock.now();
  const minute = new Date(Math.floor(scheduled.getTime() / MINUTE_MS) * MINUTE_MS);
  log.appendKeys({ stream, line: name, scheduled: minute.toISOString() });
  const line = matrix.lines.find((each) => each.stream === stream && each.line === name);
  if (!line) {
    const lines = matrix.lines.map((each) => `${each.stream}/${each.line}`).join(', ');
    throw new NamedError(
      'InvalidRound',
      `The matrix ${matrix.name} has no line ${stream}/${name}: deploy again, so that its schedule is deleted, or send one of ${lines}.`,
    );
  }
  const round = planRound(matrix, line, minute, begun, latest(not_before, clients.since));
  if (round.due.length === 0) log.warn('no cycle starts at this time');
  const decision = clients.budget?.(line, minute);
  const due = decision?.allowed === false ? [] : round.due;
  const refused = round.due.length - due.length;
  if (refused > 0) log.error('over the daily budget', { refused, ...decision });
  const earlier = round.earlier.filter(({ scheduled }) => clients.budget?.(line, scheduled).allowed !== false);

  const failures: unknown[] = [];
  const make = async ({ start, at }: Planned): Promise<boolean> => {
    await clock.sleep(at.getTime() - clock.now().getTime());
    try {
      return await startJob(start, clients);
    } catch (error) {
      const failure = named(error);
      log.error('a job is not started', { name: start.name, error_name: failure.name, error: failure.message });
      failures.push(failure);
      return false;
    }
  };

  let started = 0;
  for (const planned of due) if (await make(planned)) started++;
  const existed = due.length - started - failures.length;

  let caught_up = 0;
  const missing = await notStarted(earlier, clients).catch((error: Error) => {
    // Without a list all count as not started: StartExecution decides.
    log.warn('no list of the executions', { error_name: error.name });
    return earlier;
  });
  const plans = round.catchUp(missing);
  const inTime = plans.filter(({ at }) => at.getTime() < begun.getTime() + LONGEST_MS);
  for (const planned of inTime) {
    if (!(await make(planned))) continue;
    caught_up++;
    log.warn('an earlier job is started', { name: planned.start.name });
  }
  if (inTime.length < plans.length) log.warn('left to the next round', { jobs: plans.length - inTime.length });
  log.info('round', { started, existed, caught_up, refused, failed: failures.length });
  if (failures.length > 0) throw failures[0];
  return { started, existed, caught_up, refused };
}

function latest(...times: readonly (Date | undefined)[]): Date | undefined {
  return times.reduce((a, b) => (a && b ? (a > b ? a : b) : (a ?? b)), undefined);
}

/** Seconds to wait before a call is repeated that AWS has throttled or failed. */
const REPEATS_S = [1, 2, 4, 8] as const;

/**
 * Starts a job, with the dates of its cycle where it is late. A call that AWS throttles or fails is repeated.
 *
 * @returns whether the job is started by this call, or runs by an earlier one with the same input
 * @throws AWS's error for another failure, or after the last repeat
 */
export async function startJob(
  start: Start,
  { sfn, clock, stateMachineArn }: Pick<PlannerClients, 'sfn' | 'clock' | 'stateMachineArn'>,
): Promise<boolean> {
  for (let repeat = 0; ; repeat++) {
    try {
      const input = JSON.stringify(inputOf(start, clock.now()));
      await sfn.send(new StartExecutionCommand({ stateMachineArn, name: start.name, input }));
      return true;
    } catch (error) {
      const failure = named(error);
      if (failure.name === 'ExecutionAlreadyExists') return false;
      const seconds = REPEATS_S[repeat];
      if (seconds === undefined || !isTransient(failure)) throw failure;
      await clock.sleep(seconds * 1000);
    }
  }
}

const isTransient = (error: Error) =>
  isThrottled(error) || (TRANSIENT_ERRORS as readonly string[]).includes(error.name);

/** Executions in a page: as many as ListExecutions gives (Step Functions API). */
const PAGE = 1000;

/**
 * The starts whose execution is not among those that began since. ListExecutions gives the newest first, so one call
 * tells of a thousand jobs; to ask for each would be a call for each job and round.
 *
 * @throws AWS's error
 */
export async function notStarted(
  starts: readonly Start[],
  { sfn, stateMachineArn }: Pick<PlannerClients, 'sfn' | 'stateMachineArn'>,
): Promise<Start[]> {
  if (starts.length === 0) return [];
  const oldest = starts.reduce((time, { scheduled }) => Math.min(time, scheduled.getTime()), Number.POSITIVE_INFINITY);
  const known = new Set<string | undefined>();
  let nextToken: string | undefined;
  do {
    const page = await sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: PAGE, nextToken }));
    for (const { name } of page.executions ?? []) known.add(name);
    const last = page.executions?.at(-1)?.startDate?.getTime() ?? 0;
    nextToken = last < oldest ? undefined : page.nextToken;
  } while (nextToken);
  return starts.filter(({ name }) => !known.has(name));
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createPlanner = (clients: PlannerClients, log?: Log) =>
  createHandler('planner', PlannerEvent, (event, lines) => plan(event, clients, lines), log);

export const handler = lazily(() => {
  const stateMachineArn = environment('STATE_MACHINE_ARN');
  const matrix = deployedMatrix();
  const budget = deployedBudget(process.env.DAILY_BUDGET_USD, matrix, stateMachineArn);
  return createPlanner({
    sfn: new SFNClient(CLIENT),
    clock: systemClock,
    stateMachineArn,
    matrix,
    since: new Date(environment('SCHEDULES_SINCE')),
    ...(budget && { budget }),
  });
});
