import { tagOf } from '../../lambdas/datastream/instance';
import { Tag } from '../../lambdas/datastream/tags';
import type { EmbeddedCloud } from '../../local/cloud';
import type { ExecutionEnd } from '../../local/machine';

/** The results of an execution. */
export interface Evidence {
  readonly file: unknown;
  readonly end: ExecutionEnd;
  /** The cloud after the time that the reaper needs, also for volumes. */
  readonly cloud: EmbeddedCloud;
  /** The instances that are running one reaper period after the end. */
  readonly running: readonly string[];
  /** The script's runs with their exit codes. A run that was cut off has no code. */
  readonly runs: readonly { readonly instanceId: string; readonly code?: number }[];
  /** The object's date; absent if it does not exist. */
  readonly objectDate?: Date;
  /** AWS has refused access to the object, so the check is inconclusive. */
  readonly refused?: boolean;
  /** Inputs of the file's gate that did not exist when a launch was asked for. */
  readonly launchedWithout?: readonly string[];
  /** The execution did not end by itself within the longest time that it may take. */
  readonly endless?: boolean;
  /** The end of the execution without faults; present if the faults must not change it. */
  readonly undisturbed?: Pick<ExecutionEnd, 'status' | 'error'>;
}

/** The orchestration's invariants, as `docs/faults.md` numbers them. */
export const INVARIANTS = {
  1: 'at most one instance per execution and attempt',
  2: 'one reaper period after the end no instance runs, and none is left that the file does not keep',
  3: 'SUCCEEDED exactly when the commands exited 0 and the object was verified to be new',
  4: 'the commands run at most once per attempt',
  5: 'every execution ends',
  6: 'no failed poll, late or second event changes the outcome',
  7: 'nothing is launched before every input exists that the file waits for',
} as const;
export type Invariant = keyof typeof INVARIANTS;

/** An invariant that does not hold, with the observation. */
export interface Broken {
  readonly invariant: Invariant;
  readonly sentence: string;
}

/**
 * The longest time that an execution may take, in seconds: `timeout_s` and half an hour for each attempt, and the wait
 * for its inputs.
 */
export function longest(file: unknown): number {
  const { timeout_s, n_retries_allowed, ii_wait_inputs } = optionsOf(file);
  const { wait_s = ii_wait_inputs ? 43_200 : 0 } = (ii_wait_inputs ?? {}) as { wait_s?: number };
  return ((Number(timeout_s) || 3600) + 1800) * ((Number(n_retries_allowed) || 0) + 1) + wait_s;
}

/** The invariants that an execution has broken. The cloud's own state shows them, not the functions' results. */
export function brokenInvariants(evidence: Evidence): Broken[] {
  const { file, end, cloud, running, runs, objectDate, refused, endless, undisturbed, launchedWithout = [] } = evidence;
  const broken: Broken[] = [];
  const hold = (invariant: Invariant, holds: boolean, sentence: string) => {
    if (!holds) broken.push({ invariant, sentence });
  };
  const instances = [...cloud.ec2.instances.values()]
    .map(({ api }) => api)
    .filter((instance) => tagOf(instance, Tag.execution) === end.arn);
  const attemptOf = new Map(instances.map((instance) => [instance.InstanceId, tagOf(instance, Tag.attempt)]));

  // A second instance is an error even if the first one has ended.
  const attempts = [...attemptOf.values()];
  hold(1, new Set(attempts).size === attempts.length, `instances of attempts ${attempts.join(', ')}`);

  const still = running.filter((id) => attemptOf.has(id));
  hold(2, still.length === 0, `${still.length} still running`);
  const states = instances.map(({ State }) => State.Name);
  const { terminate, deleteVolumes } = endAskedFor(file);
  // If EC2 itself ends an instance, it terminates it. The execution file does not change this.
  const asked = (instance: (typeof instances)[number]) =>
    terminate || instance.StateReason?.Code?.startsWith('Server.') ? 'terminated' : 'stopped';
  hold(
    2,
    instances.every((instance) => instance.State.Name === asked(instance)),
    `left ${states.join(', ')}`,
  );
  const { volumes } = cloud.ec2;
  const kept = !deleteVolumes && states.includes('stopped');
  hold(2, volumes.length > 0 === kept, `${volumes.length} volumes left of instances ${states.join(', ')}`);

  const its = runs.filter(({ instanceId }) => attemptOf.has(instanceId));
  const began = instances.at(-1)?.LaunchTime ?? end.endedAt;
  // S3's dates are whole seconds, and the instance is launched within the attempt's first second.
  const fresh = objectDate !== undefined && objectDate.getTime() >= began.getTime() - 1000;
  const last = instances.at(-1)?.InstanceId;
  const code = its.filter(({ instanceId }) => instanceId === last).at(-1)?.code;
  const didIt = code === 0 && (!asksForObject(file) || fresh);
  const seen = `${end.status}${end.error ? ` (${end.error})` : ''}, ${code === undefined ? 'the commands did not end' : `exit code ${code}`}, object ${fresh ? 'fresh' : 'not fresh'}`;
  hold(3, end.status !== 'SUCCEEDED' || didIt, seen);
  hold(3, end.status !== 'FAILED' || !didIt || refused === true, seen);

  const ran = its.map(({ instanceId }) => attemptOf.get(instanceId));
  hold(4, new Set(ran).size === ran.length, `runs in attempts ${ran.join(', ')}`);

  const seconds = (end.endedAt.getTime() - end.startedAt.getTime()) / 1000;
  hold(5, !endless && seconds < longest(file), `not ended after ${Math.round(seconds)} s`);
  hold(5, end.transitions < 1000, `${end.transitions} transitions`);

  if (undisturbed) {
    const same = end.status === undisturbed.status && end.error === undisturbed.error;
    hold(6, same, `${end.status} ${end.error ?? ''} instead of ${undisturbed.status} ${undisturbed.error ?? ''}`);
  }
  hold(7, launchedWithout.length === 0, `launched without ${launchedWithout.join(', ')}`);
  return broken;
}

function optionsOf(file: unknown): Readonly<Record<string, unknown>> {
  return (file as { run_options?: Record<string, unknown> }).run_options ?? {};
}

/** Reads the file without the functions' code, since that code is under test. */
function endAskedFor(file: unknown): { readonly terminate: boolean; readonly deleteVolumes: boolean } {
  const { ii_terminate_instance, ii_delete_volume, ii_detach_volume } = optionsOf(file);
  const terminate = ii_terminate_instance === true;
  return { terminate, deleteVolumes: terminate || (ii_delete_volume ?? ii_detach_volume) === true };
}

/** The files of 2024 have the object at the top level. */
function asksForObject(file: unknown): boolean {
  return Boolean(optionsOf(file).ii_check_s3 ?? (file as { obj_key?: unknown }).obj_key);
}
