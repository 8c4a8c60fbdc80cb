import {
  DeleteVolumeCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { type Ec2, type Identified, tagOf } from './instance';
import { Tag } from './tags';

/** An instance after a call to end it. */
export interface EndedInstance {
  readonly instance_id: string;
  /** EC2's name of its state, e.g. `shutting-down`. */
  readonly state: string;
  /** Whether EC2 has done everything that the file asks for. If not, the caller tries again later. */
  readonly gone: boolean;
}

/**
 * Ends one instance as its tag says, as far as EC2 allows now: terminates it, or stops it, or stops it and deletes its
 * volumes. `shutting-down` and `stopping` count as ended: EC2 cannot undo them and no longer bills the instance.
 */
async function endInstance(ec2: Ec2, instance: Identified): Promise<EndedInstance> {
  const instance_id = instance.InstanceId;
  const end = tagOf(instance, Tag.end) ?? 'terminate';
  const state = end === 'terminate' ? await terminate(ec2, instance) : await stop(ec2, instance);
  const gone =
    ['shutting-down', 'terminated'].includes(state) ||
    (end === 'stop' && ['stopping', 'stopped'].includes(state)) ||
    (end === 'stop-delete-volumes' && state === 'stopped' && (await deleteVolumes(ec2, instance)));
  return { instance_id, state, gone };
}

/** Ends instances one by one. An error with one instance does not affect the others. */
export async function endInstances(
  ec2: Ec2,
  instances: readonly Identified[],
): Promise<{ readonly ended: readonly EndedInstance[]; readonly failures: readonly unknown[] }> {
  const ended: EndedInstance[] = [];
  const failures: unknown[] = [];
  for (const instance of instances) {
    try {
      ended.push(await endInstance(ec2, instance));
    } catch (error) {
      failures.push(error);
    }
  }
  return { ended, failures };
}

async function terminate(ec2: Ec2, instance: Identified): Promise<string> {
  const state = instance.State?.Name ?? '';
  if (state === 'shutting-down' || state === 'terminated') return state;
  const reply = await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance.InstanceId] }));
  return reply.TerminatingInstances?.[0]?.CurrentState?.Name ?? state;
}

async function stop(ec2: Ec2, instance: Identified): Promise<string> {
  const state = instance.State?.Name ?? '';
  if (state !== 'pending' && state !== 'running') return state;
  const reply = await ec2.send(new StopInstancesCommand({ InstanceIds: [instance.InstanceId] }));
  return reply.StoppingInstances?.[0]?.CurrentState?.Name ?? state;
}

/** @returns whether all volumes of the instance are deleted; a volume must be detached before it can be deleted */
async function deleteVolumes(ec2: Ec2, instance: Identified): Promise<boolean> {
  const Filters = [
    { Name: `tag:${Tag.stateMachine}`, Values: [tagOf(instance, Tag.stateMachine) ?? ''] },
    { Name: `tag:${Tag.execution}`, Values: [tagOf(instance, Tag.execution) ?? ''] },
    { Name: `tag:${Tag.attempt}`, Values: [tagOf(instance, Tag.attempt) ?? ''] },
  ];
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
  for (const { VolumeId, State } of Volumes) {
    if (State === 'in-use') await ec2.send(new DetachVolumeCommand({ VolumeId }));
    if (State === 'available') await ec2.send(new DeleteVolumeCommand({ VolumeId }));
  }
  return Volumes.every(({ State }) => State === 'available' || State === 'deleting' || State === 'deleted');
}
