import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { ErrorName } from './errors';
import { type Ec2, findInstances, type Identified, isDead, lossOf, registeredToken, tagOf } from './instance';
import { invocation, LAG_MS, LOOKS, type Outcome, outcomeOf, outcomeSoon, type Sfn, type Ssm, settle } from './outcome';
import { Tag } from './tags';

const RelayEvent = z.discriminatedUnion('detail-type', [
  z.object({
    'detail-type': z.literal('EC2 Command Invocation Status-change Notification'),
    detail: z.object({ 'command-id': z.string(), 'instance-id': z.string(), status: z.string() }),
  }),
  z.object({
    'detail-type': z.literal('EC2 Instance State-change Notification'),
    detail: z.object({ 'instance-id': z.string(), state: z.string() }),
  }),
  z.object({
    'detail-type': z.literal('EC2 Spot Instance Interruption Warning'),
    detail: z.object({ 'instance-id': z.string() }),
  }),
]);
type RelayEvent = z.infer<typeof RelayEvent>;

export interface RelayClients {
  readonly ec2: Ec2;
  readonly ssm: Ssm;
  readonly sfn: Sfn;
  readonly clock: Clock;
  readonly stateMachineArn: string;
}

/**
 * Ends the waiting EC2Poller when EC2 or SSM sends an event about the job's instance.
 * Events may come late, twice, out of order or never. So the relay always looks at the command itself first.
 * A token for which no task waits any more changes nothing.
 */
export async function relay(event: RelayEvent, clients: RelayClients, log: Log): Promise<void> {
  let tried: string | undefined;
  for (let round = 1; ; round++) {
    const [instance] = await findInstances(clients.ec2, {
      'instance-id': [event.detail['instance-id']],
      [`tag:${Tag.stateMachine}`]: [clients.stateMachineArn],
    });
    if (!instance) return;
    log.appendKeys({ execution: tagOf(instance, Tag.execution), attempt: Number(tagOf(instance, Tag.attempt)) });
    const token = registeredToken(instance);
    const commandId = tagOf(instance, Tag.command);
    const announced = 'command-id' in event.detail ? event.detail['command-id'] : undefined;
    // The event is about another command on the job's instance, such as one of Patch Manager.
    if (announced && commandId && announced !== commandId) return;
    if (token && commandId && token !== tried) {
      const outcome = await outcomeOfEvent(event, instance, commandId, clients);
      if (!outcome) return;
      const settled = await settle(clients.sfn, token, outcome);
      log.info('event relayed', { detail_type: event['detail-type'], instance_id: instance.InstanceId, settled });
      if (settled) return;
    } else if (token) {
      // No task waits for this token, and there is no newer token.
      return;
    }
    // If a command ends at once, its event may come before EC2 shows the token that EC2Poller has just written.
    if (!announced || round === LOOKS) return;
    tried = token;
    await clients.clock.sleep(2 * LAG_MS);
  }
}

async function outcomeOfEvent(
  event: RelayEvent,
  instance: Identified,
  commandId: string,
  { ssm, clock }: RelayClients,
): Promise<Outcome | undefined> {
  const instanceId = instance.InstanceId;
  const timeout = tagOf(instance, Tag.timeout);
  const told = outcomeOf(await invocation(ssm, instanceId, commandId), timeout);
  if (told) return told;
  // A late event must not end the job of an instance that still runs or runs again.
  if ('state' in event.detail && !isDead(instance)) return undefined;
  const later = await outcomeSoon(ssm, clock, instanceId, commandId, timeout);
  if (later) return later;
  switch (event['detail-type']) {
    case 'EC2 Command Invocation Status-change Notification':
      // The command has ended. The event's status is used if GetCommandInvocation still does not show the end.
      return outcomeOf({ $metadata: {}, CommandId: commandId, StatusDetails: event.detail.status }, timeout);
    case 'EC2 Instance State-change Notification':
      return lossOf(instance, 'the job did');
    case 'EC2 Spot Instance Interruption Warning':
      return {
        error: ErrorName.SpotInterrupted,
        cause: `EC2 takes spot instance ${instanceId} back before the job has ended.`,
      };
  }
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createRelay = (clients: RelayClients, log?: Log) =>
  createHandler('relay', RelayEvent, (event, lines) => relay(event, clients, lines), log);

export const handler = lazily(() =>
  createRelay({
    ec2: new EC2Client(CLIENT),
    ssm: new SSMClient(CLIENT),
    sfn: new SFNClient(CLIENT),
    clock: systemClock,
    stateMachineArn: environment('STATE_MACHINE_ARN'),
  }),
);
