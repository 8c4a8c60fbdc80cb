import { EC2Client } from '@aws-sdk/client-ec2';
import type * as z from 'zod';
import type { RetryBackoff } from '../../executions/model';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { type EndedInstance, endInstances } from './end-instances';
import { DatastreamError, ErrorName, mayRetry } from './errors';
import { type Ec2, findInstances, type Identified, tagOf } from './instance';
import { withCommandText } from './script';
import { type CaughtError, CauseOfFunction, type EarlierError, machineEvent, StopperState } from './state';
import { Tag } from './tags';

const StopperEvent = machineEvent(StopperState);

export interface StopperClients {
  readonly ec2: Ec2;
  readonly stateMachineArn: string;
  readonly clock: Clock;
}

/** An instance that an attempt has launched. */
export interface Launched {
  readonly attempt: number;
  readonly instance_id: string;
  /** Its instance type. */
  readonly type: string;
  readonly market: 'spot' | 'on-demand';
  /** Its Availability Zone; absent where EC2 does not say. */
  readonly zone?: string;
  /** When it was launched, ISO 8601; absent in records of earlier deployments. */
  readonly launched_at?: string;
  /** From its launch to its end, as EC2Stopper saw it: an instance that ended by itself counts until it was noticed. */
  readonly seconds: number;
}

/** What is of interest of an execution that has ended, whatever its outcome. Submissions make their results of it. */
export interface Summary {
  readonly attempts: number;
  /** Of all attempts. */
  readonly launches: readonly Launched[];
  /** The object that was verified; null where there is none. */
  readonly object: unknown;
}

/** The state machine decides by this result. It is also the output of an execution that succeeds. */
export interface StopperResult {
  readonly [member: string]: unknown;
  readonly attempt: number;
  readonly instances: readonly { readonly instance_id: string; readonly state: string }[];
  /** Present when no other attempt follows; on failure it is in the input of the machine's last state alone. */
  readonly summary?: Summary;
  /** The job's error, with its Cause as a sentence; absent when the job succeeded. */
  readonly error?: z.infer<typeof CaughtError>;
  /** Present when another attempt follows. `wait_s`: seconds that the machine waits first, if the file has a wait. */
  readonly next?: { readonly attempt: number; readonly errors: readonly EarlierError[]; readonly wait_s?: number };
}

/**
 * EC2Stopper: ends every instance of this attempt and of earlier attempts, then says whether another attempt follows.
 * It finds instances by their tags alone, so it does not depend on the results of earlier states. It does not end the
 * instances of a later attempt. If a call's reply was lost, the call may still run after its retry has succeeded and
 * the next attempt has begun.
 *
 * @throws InstanceNotGone until EC2 reports that the instances are gone; the state's Retry calls again
 */
export async function stop(
  { execution, state }: z.infer<typeof StopperEvent>,
  { ec2, stateMachineArn, clock }: StopperClients,
  log: Log,
): Promise<StopperResult> {
  const found = await findInstances(ec2, {
    [`tag:${Tag.stateMachine}`]: [stateMachineArn],
    [`tag:${Tag.execution}`]: [execution],
  });
  const its = found.filter((instance) => !(Number(tagOf(instance, Tag.attempt)) > state.attempt));
  const now = clock.now();
  const { ended, failures } = await endInstances(ec2, its);
  log.info('instances ended', { instances: ended });
  if (failures.length > 0) throw failures[0];
  const left = ended.filter((instance) => !instance.gone);
  if (left.length > 0) {
    const list = left.map((instance) => `${instance.instance_id} (${instance.state})`).join(', ');
    throw new DatastreamError(ErrorName.InstanceNotGone, `Still there: ${list}.`);
  }
  return conclude(
    state,
    ended,
    its.filter((instance) => Number(tagOf(instance, Tag.attempt)) === state.attempt).map((each) => launched(each, now)),
  );
}

function launched(instance: Identified, now: Date): Launched {
  const zone = instance.Placement?.AvailabilityZone;
  return {
    attempt: Number(tagOf(instance, Tag.attempt)),
    instance_id: instance.InstanceId,
    type: instance.InstanceType ?? '',
    market: instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
    ...(zone && { zone }),
    ...(instance.LaunchTime && { launched_at: instance.LaunchTime.toISOString() }),
    seconds: Math.round((now.getTime() - (instance.LaunchTime ?? now).getTime()) / 1000),
  };
}

function conclude(state: StopperState, ended: readonly EndedInstance[], launches: readonly Launched[]): StopperResult {
  const { attempt, attempts, errors, commands, backoff, succeeded, error: _error, input: _input, ...rest } = state;
  const instances = ended.map(({ instance_id, state: name }) => ({ instance_id, state: name }));
  // If EC2StarterFromAMI failed, the state is the execution's input: it is not repeated in the output.
  const told = { ...(commands ? rest : {}), attempt, attempts, errors, instances };
  // An older deployment's state has none of earlier attempts.
  const earlier = errors.flatMap((each) => (each.launches ?? []) as readonly Launched[]);
  const summary = (object: unknown): Summary => ({ attempts: attempt, launches: [...earlier, ...launches], object });
  if (succeeded && !state.error) return { ...told, summary: summary(state.object ?? null) };
  // SUCCEEDED needs a result: the absence of an error is not enough.
  const error = state.error ?? { Error: ErrorName.OutcomeUnknown, Cause: 'The commands have left no result.' };
  const cause = sentence(error.Cause, commands) || error.Error;
  if (attempt < attempts && mayRetry(error.Error)) {
    return {
      ...told,
      next: {
        attempt: attempt + 1,
        errors: [
          ...errors,
          {
            attempt,
            Error: error.Error,
            Cause: cause.slice(0, EARLIER_CAUSE_KEPT),
            ...(launches.length > 0 && { launches: [...launches] }),
          },
        ],
        ...waitBefore(attempt + 1, backoff),
      },
    };
  }
  return {
    ...told,
    summary: summary(null),
    error: { Error: error.Error, Cause: withHistory(cause, attempt, attempts, errors) },
  };
}

/** Longest wait of a Wait state (Amazon States Language; Step Functions, Wait). */
const LONGEST_WAIT_S = 99_999_999;

/** Upstream's wait: min(max, base x rate^(retry - 1)). There is no wait if the file has none. */
function waitBefore(attempt: number, backoff: RetryBackoff | undefined): { wait_s?: number } {
  if (!backoff) return {};
  const wait_s = Math.round(Math.min(backoff.max_s, backoff.base_s * backoff.rate ** (attempt - 2), LONGEST_WAIT_S));
  return wait_s > 0 ? { wait_s } : {};
}

/** Step Functions passes on a function's error as JSON with a trace; the user needs only the message. */
function sentence(cause: string, commands: readonly string[] = []): string {
  const { errorMessage, command } = CauseOfFunction.safeParse(cause).data ?? { errorMessage: cause };
  const text = command === undefined ? undefined : commands[command - 1];
  return text === undefined ? errorMessage : withCommandText(errorMessage, text);
}

/** Characters kept of each earlier attempt's Cause. There are at most ten, in a state of at most 256 KB. */
const EARLIER_CAUSE_KEPT = 500;
/** A Cause holds 32,768 characters (Step Functions, Fail state). */
const CAUSE_KEPT = 16_000;

function withHistory(cause: string, attempt: number, attempts: number, errors: readonly EarlierError[]): string {
  const text = cause.slice(0, CAUSE_KEPT);
  if (attempts === 1) return text;
  const earlier = errors.map((each) => `\nAttempt ${each.attempt}: ${each.Error}: ${each.Cause}`);
  return `${text}\n(attempt ${attempt} of ${attempts})${earlier.join('')}`;
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createStopper = (clients: StopperClients, log?: Log) =>
  createHandler('stopper', StopperEvent, (event, lines) => stop(event, clients, lines), log);

export const handler = lazily(() =>
  createStopper({ ec2: new EC2Client(CLIENT), stateMachineArn: environment('STATE_MACHINE_ARN'), clock: systemClock }),
);
