import { EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { type EndedInstance, endInstance } from './end-instances';
import { type Ec2, findInstances, Tag, tagOf } from './instance';
import type { Sfn } from './outcome';
import { createHandler, environment, type Log, lazily } from './runtime';

/** An execution's end by EventBridge, or the schedule's empty call for all executions. */
const ReaperEvent = z.union([
  z.object({ detail: z.object({ executionArn: z.string(), status: z.string() }) }),
  z.looseObject({}).transform(() => ({ detail: undefined })),
]);

export interface ReaperClients {
  readonly ec2: Ec2;
  readonly sfn: Sfn;
  readonly stateMachineArn: string;
}

/**
 * Ends every instance of this state machine whose execution no longer runs. The event only says where to look:
 * Step Functions is always asked itself, and an answer that fails is never taken for "not running".
 *
 * @returns what was ended
 * @throws the first error, after all other instances have been dealt with, so that the failure shows and is tried again
 */
export async function reap(
  { detail }: z.infer<typeof ReaperEvent>,
  { ec2, sfn, stateMachineArn }: ReaperClients,
  log: Log,
): Promise<EndedInstance[]> {
  const instances = await findInstances(ec2, {
    [`tag:${Tag.stateMachine}`]: [stateMachineArn],
    'instance-state-name': ['pending', 'running', 'stopping', 'stopped'],
    ...(detail && { [`tag:${Tag.execution}`]: [detail.executionArn] }),
  });
  const ended: EndedInstance[] = [];
  const failures: unknown[] = [];
  for (const [execution, its] of byExecution(instances.filter(hasWork))) {
    log.appendKeys({ execution, attempt: Number(tagOf(its[0] ?? {}, Tag.attempt)) });
    try {
      const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn: execution }));
      if (!status || status === 'RUNNING' || status === 'PENDING_REDRIVE') continue;
      for (const instance of its) {
        const one = await endInstance(ec2, instance);
        ended.push(one);
        log.warn('ended an instance whose execution no longer runs', { status, ...one });
      }
    } catch (error) {
      log.error('left as it is until the next round', { error_name: (error as Error).name });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return ended;
}

function byExecution(instances: readonly Instance[]): Map<string, Instance[]> {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) {
    const execution = tagOf(instance, Tag.execution) ?? '';
    groups.set(execution, [...(groups.get(execution) ?? []), instance]);
  }
  return groups;
}

/** A stopped instance that was to be stopped has nothing left to be done. */
function hasWork(instance: Instance): boolean {
  const stopped = ['stopping', 'stopped'].includes(instance.State?.Name ?? '');
  return !(stopped && tagOf(instance, Tag.end) === 'stop');
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createReaper = (clients: ReaperClients, log?: Log) =>
  createHandler('reaper', ReaperEvent, (event, lines) => reap(event, clients, lines), log);

export const handler = lazily(() =>
  createReaper({
    ec2: new EC2Client({}),
    sfn: new SFNClient({}),
    stateMachineArn: environment('STATE_MACHINE_ARN'),
  }),
);
