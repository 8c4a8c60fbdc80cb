import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { CancelCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { named } from '../runtime/errors';
import { createHandler, type Log, lazily } from '../runtime/handler';
import { DatastreamError, ErrorName } from './errors';
import { type Ec2, findInstance, isDead, lossOf, registerToken } from './instance';
import { invocation, type Outcome, outcomeOf, outcomeSoon, ranTooLong, type Sfn, type Ssm, settle } from './outcome';
import { CommandedState, machineEvent } from './state';
import { GRACE_SECONDS } from './user-data';

/**
 * EC2 may not show a new instance in every answer (EC2 API, eventual consistency). EC2 shows a terminated instance for
 * about an hour.
 */
const NEW_MS = 600_000;

const PollerEvent = machineEvent(CommandedState).extend({ token: z.string() });

export interface PollerClients {
  readonly ec2: Ec2;
  readonly ssm: Ssm;
  readonly sfn: Sfn;
  readonly clock: Clock;
}

/**
 * The job fails if AWS's answers are still errors this long after its deadline. By then SSM has ended the commands, and
 * the instance has shut itself down.
 */
const OVERDUE_MS = GRACE_SECONDS * 1000;

/**
 * EC2Poller: writes the task token on the instance for the relay, then looks at the job once. This order leaves no gap:
 * EC2Poller sees a job that ended before the token was written, the relay sees a job that ends after it.
 * If the job still runs, the function returns, and the state waits for the token.
 *
 * @throws AWS's error, for the state's Retry; long after the deadline JobTimedOut, which the state does not retry
 */
export async function poll(
  { state, token }: z.infer<typeof PollerEvent>,
  clients: PollerClients,
  log: Log,
): Promise<void> {
  const deadline = new Date(state.deadline);
  try {
    const registered = await register(clients.ec2, state, token);
    const seen = await look(state, clients, registered);
    const overdue = !seen && clients.clock.now() >= deadline;
    const outcome = overdue ? timedOut(state) : seen;
    if (outcome) {
      const settled = await settle(clients.sfn, token, outcome);
      log.info('the job has ended', { instance_id: state.instance_id, command_id: state.command_id, settled });
      // The command is cancelled after the report. Otherwise the relay could report the cancellation first.
      if (overdue) await cancel(clients.ssm, state);
    } else if (registered instanceof Error) {
      throw registered;
    }
  } catch (error) {
    if (clients.clock.now().getTime() < deadline.getTime() + OVERDUE_MS) throw error;
    const why = named(error).message;
    throw new DatastreamError(
      ErrorName.JobTimedOut,
      `run_options.timeout_s (${state.job.timeout_s} s) is over, and AWS did not let the job be looked at: ${why}`,
      { cause: error },
    );
  }
}

/** @returns true, or the error if the token could not be written; the job may have ended in this case too */
async function register(ec2: Ec2, state: CommandedState, token: string): Promise<true | Error> {
  try {
    await registerToken(ec2, state.instance_id, state.command_id, token);
    return true;
  } catch (error) {
    return error as Error;
  }
}

async function look(
  state: CommandedState,
  { ec2, ssm, clock }: PollerClients,
  registered: true | Error,
): Promise<Outcome | undefined> {
  const { timeout_s } = state.job;
  const outcome = outcomeOf(await invocation(ssm, state.instance_id, state.command_id), timeout_s);
  if (outcome) return outcome;
  const instance = await findInstance(ec2, state.instance_id);
  if (instance && isDead(instance)) {
    const later = await outcomeSoon(ssm, clock, state.instance_id, state.command_id, timeout_s);
    return later ?? lossOf(instance, 'the job did');
  }
  // Two calls do not know the instance: DescribeInstances and CreateTags.
  const isNew = clock.now().getTime() < Date.parse(state.started_at) + NEW_MS;
  if (!instance && !isNew && registered !== true && registered.name === 'InvalidInstanceID.NotFound') {
    return { error: ErrorName.InstanceLost, cause: `Instance ${state.instance_id} no longer exists.` };
  }
  return undefined;
}

function timedOut(state: CommandedState): Outcome {
  return { error: ErrorName.JobTimedOut, cause: ranTooLong(state.job.timeout_s) };
}

async function cancel(ssm: Ssm, state: CommandedState): Promise<void> {
  await ssm.send(new CancelCommandCommand({ CommandId: state.command_id, InstanceIds: [state.instance_id] }));
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createPoller = (clients: PollerClients, log?: Log) =>
  createHandler('poller', PollerEvent, (event, lines) => poll(event, clients, lines), log);

export const handler = lazily(() =>
  createPoller({
    ec2: new EC2Client(CLIENT),
    ssm: new SSMClient(CLIENT),
    sfn: new SFNClient(CLIENT),
    clock: systemClock,
  }),
);
