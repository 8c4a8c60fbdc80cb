import { EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { DescribeExecutionCommand, type ExecutionStatus, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { type EndedInstance, endInstances } from './end-instances';
import { type Ec2, findInstances, type Identified, tagOf } from './instance';
import type { Sfn } from './outcome';
import { Tag } from './tags';

/** EventBridge's event of an execution's end, or the schedule's empty event, which is for all executions. */
const ReaperEvent = z.union([
  z.object({ detail: z.object({ executionArn: z.string(), status: z.string() }) }),
  z.looseObject({}).transform(() => ({ detail: undefined })),
]);

export interface ReaperClients {
  readonly ec2: Ec2;
  readonly sfn: Sfn;
  readonly clock: Clock;
  readonly stateMachineArn: string;
}

/**
 * Ends every instance of this state machine whose execution no longer runs. The event and the list of running
 * executions only say where to look. Before the reaper ends an instance, it always asks Step Functions for the
 * execution itself. If this call fails, the reaper does not assume "not running". The answer ExecutionDoesNotExist is
 * no such failure.
 *
 * @returns what was ended
 * @throws the first error, after all other instances have been dealt with: the failure is seen and the call is retried
 */
export async function reap(
  { detail }: z.infer<typeof ReaperEvent>,
  { ec2, sfn, clock, stateMachineArn }: ReaperClients,
  log: Log,
): Promise<EndedInstance[]> {
  const instances = await findInstances(ec2, {
    [`tag:${Tag.stateMachine}`]: [stateMachineArn],
    'instance-state-name': ['pending', 'running', 'stopping', 'stopped'],
    ...(detail && { [`tag:${Tag.execution}`]: [detail.executionArn] }),
  });
  const ended: EndedInstance[] = [];
  const failures: unknown[] = [];
  const executions = byExecution(instances.filter((instance) => hasWork(instance, clock.now())));
  const running = detail || executions.size === 0 ? new Set() : await runningExecutions(sfn, stateMachineArn, log);
  for (const [execution, its] of executions) {
    if (running.has(execution)) continue;
    log.appendKeys({ execution, attempt: Number(tagOf(its[0] ?? {}, Tag.attempt)) });
    try {
      const { status, stopDate } = await describe(sfn, execution);
      if (!status || status === 'RUNNING' || status === 'PENDING_REDRIVE') continue;
      const left = await endInstances(
        ec2,
        its.filter((instance) =>
          status === NONE ? isForgotten(instance, clock.now()) : !startedAgain(instance, stopDate),
        ),
      );
      for (const one of left.ended) log.warn('ended an instance whose execution no longer runs', { status, ...one });
      ended.push(...left.ended);
      if (left.failures.length > 0) throw left.failures[0];
    } catch (error) {
      log.error('left as it is until the next round', { error_name: (error as Error).name });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return ended;
}

/** The status of an execution that Step Functions does not know. */
const NONE = 'none';

/**
 * Step Functions deletes an execution after 90 days. It deletes all executions of a state machine with the machine,
 * even if a new machine gets the same name.
 */
async function describe(
  sfn: Sfn,
  executionArn: string,
): Promise<{ readonly status?: ExecutionStatus | typeof NONE; readonly stopDate?: Date }> {
  try {
    return await sfn.send(new DescribeExecutionCommand({ executionArn }));
  } catch (error) {
    if ((error as Error).name !== 'ExecutionDoesNotExist') throw error;
    return { status: NONE };
  }
}

/**
 * One call lists a thousand executions; DescribeExecution allows 15 calls a second. Thousands of running executions
 * must not use up the time for the few whose instances must be ended. The list may be out of date (Step Functions API,
 * ListExecutions): an execution that has just ended is found in the next round. Without a list, each execution is
 * described.
 */
async function runningExecutions(sfn: Sfn, stateMachineArn: string, log: Log): Promise<Set<string | undefined>> {
  const running = new Set<string | undefined>();
  try {
    let nextToken: string | undefined;
    do {
      const page = await sfn.send(
        new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING', maxResults: 1000, nextToken }),
      );
      for (const { executionArn } of page.executions ?? []) running.add(executionArn);
      nextToken = page.nextToken;
    } while (nextToken);
  } catch (error) {
    log.warn('no list of the executions that run', { error_name: (error as Error).name });
  }
  return running;
}

function byExecution(instances: readonly Identified[]): Map<string, Identified[]> {
  const groups = new Map<string, Identified[]>();
  for (const instance of instances) {
    const execution = tagOf(instance, Tag.execution) ?? '';
    groups.set(execution, [...(groups.get(execution) ?? []), instance]);
  }
  return groups;
}

/** The reaper ignores a stopped instance a day after its deadline. It never ignores a running instance. */
const DAY_MS = 86_400_000;

function hasWork(instance: Instance, now: Date): boolean {
  const stopped = ['stopping', 'stopped'].includes(instance.State?.Name ?? '');
  const deadline = (instance.LaunchTime?.getTime() ?? Number.NaN) + Number(tagOf(instance, Tag.timeout)) * 1000;
  return !(stopped && (tagOf(instance, Tag.end) === 'stop' || now.getTime() > deadline + DAY_MS));
}

/** A function may still launch an instance when its execution ends. It has finished long before this time. */
const LATE_LAUNCH_MS = 300_000;

/** A user may start an instance again by hand if its file keeps it. EC2 sets a new LaunchTime at every start. */
function startedAgain(instance: Instance, executionEnd: Date | undefined): boolean {
  if (tagOf(instance, Tag.end) === 'terminate' || !executionEnd || !instance.LaunchTime) return false;
  return instance.LaunchTime.getTime() > executionEnd.getTime() + LATE_LAUNCH_MS;
}

/**
 * Whether the reaper ends an instance whose execution does not exist: nothing else would end it. A young instance is
 * excluded, because DescribeExecution is eventually consistent. An instance that its file keeps is excluded, because
 * a user may have started it again by hand.
 */
function isForgotten(instance: Instance, now: Date): boolean {
  const age = now.getTime() - (instance.LaunchTime?.getTime() ?? Number.NaN);
  return age > LATE_LAUNCH_MS && tagOf(instance, Tag.end) !== 'stop';
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createReaper = (clients: ReaperClients, log?: Log) =>
  createHandler('reaper', ReaperEvent, (event, lines) => reap(event, clients, lines), log);

export const handler = lazily(() =>
  createReaper({
    ec2: new EC2Client(CLIENT),
    sfn: new SFNClient(CLIENT),
    clock: systemClock,
    stateMachineArn: environment('STATE_MACHINE_ARN'),
  }),
);
