import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { CancelCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { ErrorName } from './errors';
import { deathOf, type Ec2, findInstance, isDead, registerToken } from './instance';
import { invocation, type Outcome, outcomeOf, type Sfn, type Ssm, settle } from './outcome';
import { type Clock, createHandler, type Log, lazily, systemClock } from './runtime';
import { CommandedState, machineEvent } from './state';

const PollerEvent = machineEvent(CommandedState).extend({ token: z.string() });

export interface PollerClients {
  readonly ec2: Ec2;
  readonly ssm: Ssm;
  readonly sfn: Sfn;
  readonly clock: Clock;
}

/**
 * EC2Poller: leaves the task token on the instance for the relay, then looks once itself. In this order there is
 * no gap: what ends before the token stands is seen here, what ends after it is seen by the relay.
 * While the job runs it returns, and the state waits for the token.
 */
export async function poll(
  { state, token }: z.infer<typeof PollerEvent>,
  clients: PollerClients,
  log: Log,
): Promise<void> {
  const registered = await register(clients.ec2, state, token);
  const outcome = registered ? await look(state, clients) : gone(state);
  if (!outcome) return;
  const settled = await settle(clients.sfn, token, outcome);
  log.info('the job has ended', { instance_id: state.instance_id, command_id: state.command_id, settled });
}

/** @returns false when EC2 has forgotten the instance, as it does about an hour after its end */
async function register(ec2: Ec2, state: CommandedState, token: string): Promise<boolean> {
  try {
    await registerToken(ec2, state.instance_id, state.command_id, token);
    return true;
  } catch (error) {
    if ((error as Error).name === 'InvalidInstanceID.NotFound') return false;
    throw error;
  }
}

async function look(state: CommandedState, { ec2, ssm, clock }: PollerClients): Promise<Outcome | undefined> {
  const outcome = outcomeOf(await invocation(ssm, state.instance_id, state.command_id));
  if (outcome) return outcome;
  const instance = await findInstance(ec2, state.instance_id);
  if (instance && isDead(instance)) {
    return {
      error: ErrorName.InstanceLost,
      cause: `Instance ${state.instance_id} ended before the job did: ${deathOf(instance)}.`,
    };
  }
  if (clock.now() < new Date(state.deadline)) return undefined;
  await ssm.send(new CancelCommandCommand({ CommandId: state.command_id, InstanceIds: [state.instance_id] }));
  return {
    error: ErrorName.JobTimedOut,
    cause: `The job ran longer than timeout_s (${state.job.timeout_s} s) and was cancelled.`,
  };
}

function gone(state: CommandedState): Outcome {
  return {
    error: ErrorName.InstanceLost,
    cause: `Instance ${state.instance_id} no longer exists: it was terminated from outside before the job ended.`,
  };
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createPoller = (clients: PollerClients, log?: Log) =>
  createHandler('poller', PollerEvent, (event, lines) => poll(event, clients, lines), log);

export const handler = lazily(() =>
  createPoller({ ec2: new EC2Client({}), ssm: new SSMClient({}), sfn: new SFNClient({}), clock: systemClock }),
);
