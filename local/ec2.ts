import { randomBytes } from 'node:crypto';
import {
  CreateTagsCommand,
  DeleteVolumeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  type EC2Client,
  type Filter,
  type Instance,
  type InstanceStateName,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StopInstancesCommand,
  type Tag,
  TerminateInstancesCommand,
  type Volume,
} from '@aws-sdk/client-ec2';
import { AMI_ID } from '../executions/run-instances';
import type { LocalClock } from './clock';
import type { Emit } from './events';
import { awsError, type Service } from './service';

/** How long an instance takes from state to state, in milliseconds. */
export interface Lifecycle {
  /** pending to running. */
  readonly running: number;
  /** running to SSM Online. */
  readonly online: number;
  /** shutting-down to terminated, stopping to stopped. */
  readonly ended: number;
}

/** An instance with what the API does not show. */
export interface EmbeddedInstance {
  readonly api: Instance & { InstanceId: string; State: { Name: InstanceStateName }; Tags: Tag[] };
  readonly input: RunInstancesCommandInput;
  /** The SSM agent answers. */
  online: boolean;
  /** Aborted when the instance stops running, for whatever reason. */
  readonly running: AbortController;
}

const LIVE: readonly string[] = ['pending', 'running', 'stopping', 'stopped'];

/** EC2 as far as the functions use it: instances with a life cycle, tags, volumes, client tokens, a power switch. */
export class EmbeddedEc2 {
  readonly instances = new Map<string, EmbeddedInstance>();
  readonly #volumes = new Map<string, Volume & { VolumeId: string }>();
  readonly client: Pick<EC2Client, 'send'>;

  constructor(
    private readonly clock: LocalClock,
    private readonly emit: Emit,
    private readonly lifecycle: Lifecycle,
    service: Service,
  ) {
    service
      .on(RunInstancesCommand, (input) => this.#run(input))
      .on(DescribeInstancesCommand, ({ Filters }) => ({
        Reservations: [...this.instances.values()]
          .filter(({ api }) => matches(Filters, facts(api), api.Tags))
          .map(({ api }) => ({ Instances: [structuredClone(api)] })),
      }))
      .on(DescribeImagesCommand, ({ ImageIds = [] }) => ({
        Images: ImageIds.map((ImageId) => {
          // Unlike RunInstances it resolves no SSM parameter.
          if (!AMI_ID.test(ImageId)) throw awsError('InvalidAMIID.Malformed', `Invalid id: "${ImageId}"`);
          return { ImageId, RootDeviceName: '/dev/xvda', State: 'available' as const };
        }),
      }))
      .on(CreateTagsCommand, ({ Resources = [], Tags = [] }) => {
        for (const id of Resources) tag(this.#instance(id).api.Tags, Tags);
        return {};
      })
      .on(TerminateInstancesCommand, ({ InstanceIds = [] }) => ({
        TerminatingInstances: InstanceIds.map((id) => this.#change(id, 'terminate', 'Client.UserInitiatedShutdown')),
      }))
      .on(StopInstancesCommand, ({ InstanceIds = [] }) => ({
        StoppingInstances: InstanceIds.map((id) => this.#change(id, 'stop', 'Client.UserInitiatedShutdown')),
      }))
      .on(DescribeVolumesCommand, ({ Filters }) => ({
        Volumes: [...this.#volumes.values()].filter((volume) => matches(Filters, {}, volume.Tags ?? [])),
      }))
      .on(DetachVolumeCommand, ({ VolumeId = '' }) => {
        const volume = this.#volume(VolumeId);
        if (volume.State !== 'in-use') throw awsError('IncorrectState', `Volume '${VolumeId}' is not attached.`);
        volume.State = 'available';
        return volume;
      })
      .on(DeleteVolumeCommand, ({ VolumeId = '' }) => {
        if (this.#volume(VolumeId).State === 'in-use') throw awsError('VolumeInUse', `Volume ${VolumeId} is attached.`);
        this.#volumes.delete(VolumeId);
        return {};
      });
    this.client = service as unknown as Pick<EC2Client, 'send'>;
  }

  /** The IDs of the volumes that still exist. */
  get volumes(): string[] {
    return [...this.#volumes.keys()];
  }

  /** Ends an instance from outside, as EC2 or its own operating system does. */
  end(id: string, how: 'terminate' | 'stop', reason: string): void {
    if (LIVE.includes(this.#instance(id).api.State.Name)) this.#change(id, how, reason);
  }

  /** EC2 takes a spot instance back: a warning, two minutes, then the end (EC2 User Guide, Spot interruption notices). */
  interrupt(id: string): void {
    this.emit('aws.ec2', 'EC2 Spot Instance Interruption Warning', {
      'instance-id': id,
      'instance-action': 'terminate',
    });
    this.clock.after(120_000, () => this.end(id, 'terminate', 'Server.SpotInstanceTermination'));
  }

  #run(input: RunInstancesCommandInput): { Instances: Instance[] } {
    for (const earlier of this.instances.values()) {
      if (!input.ClientToken || earlier.input.ClientToken !== input.ClientToken) continue;
      if (JSON.stringify(earlier.input) === JSON.stringify(input)) return { Instances: [structuredClone(earlier.api)] };
      throw awsError('IdempotentParameterMismatch', 'The client token is already used with other parameters.');
    }
    const InstanceId = `i-${randomBytes(9).toString('hex').slice(0, 17)}`;
    const tagsOf = (type: string) =>
      (input.TagSpecifications ?? []).filter((each) => each.ResourceType === type).flatMap((each) => each.Tags ?? []);
    const instance: EmbeddedInstance = {
      api: {
        InstanceId,
        ImageId: input.ImageId,
        InstanceType: input.InstanceType,
        LaunchTime: this.clock.now(),
        State: { Name: 'pending' },
        Tags: structuredClone(tagsOf('instance')),
        ...(input.InstanceMarketOptions?.MarketType === 'spot' && { InstanceLifecycle: 'spot' }),
      },
      input,
      online: false,
      running: new AbortController(),
    };
    this.instances.set(InstanceId, instance);
    for (const mapping of input.BlockDeviceMappings ?? []) {
      const VolumeId = `vol-${randomBytes(9).toString('hex').slice(0, 17)}`;
      const Attachments = [{ InstanceId, DeleteOnTermination: mapping.Ebs?.DeleteOnTermination }];
      this.#volumes.set(VolumeId, { VolumeId, State: 'in-use', Tags: tagsOf('volume'), Attachments });
    }
    this.#announce(instance);
    this.clock.after(this.lifecycle.running, () => {
      if (instance.api.State.Name !== 'pending') return;
      instance.api.State = { Name: 'running' };
      this.#announce(instance);
      this.clock.after(this.lifecycle.online, () => {
        instance.online = instance.api.State.Name === 'running';
      });
    });
    this.#armDeadMansSwitch(instance);
    return { Instances: [structuredClone(instance.api)] };
  }

  /** What the user data's shell script does on a real instance: power off at a fixed time. */
  #armDeadMansSwitch({ api, input }: EmbeddedInstance): void {
    const at = /power_off_at=(\d+)/.exec(Buffer.from(input.UserData ?? '', 'base64').toString())?.[1];
    if (!at) return;
    const how = input.InstanceInitiatedShutdownBehavior === 'terminate' ? 'terminate' : 'stop';
    this.clock.after(Number(at) * 1000 - this.clock.now().getTime(), () => {
      this.end(api.InstanceId, how, 'Client.InstanceInitiatedShutdown');
    });
  }

  #change(id: string, how: 'terminate' | 'stop', reason: string) {
    const instance = this.#instance(id);
    const before = instance.api.State.Name;
    const change = (Name: InstanceStateName) => ({
      InstanceId: id,
      PreviousState: { Name: before },
      CurrentState: { Name },
    });
    if (before === 'terminated' || before === 'shutting-down') {
      if (how === 'terminate') return change(before);
      throw awsError('IncorrectInstanceState', `Instance '${id}' is ${before}.`);
    }
    if (how === 'stop') {
      if (before === 'stopped' || before === 'stopping') return change(before);
      if (before === 'pending')
        throw awsError('IncorrectInstanceState', `Instance '${id}' is not in a state from which it can be stopped.`);
    }
    const [passing, final] =
      how === 'terminate' ? (['shutting-down', 'terminated'] as const) : (['stopping', 'stopped'] as const);
    this.#enter(instance, passing, reason);
    this.clock.after(this.lifecycle.ended, () => {
      if (instance.api.State.Name !== passing) return;
      this.#enter(instance, final, reason);
      if (final === 'terminated') this.#releaseVolumes(id);
    });
    return change(passing);
  }

  #enter(instance: EmbeddedInstance, Name: InstanceStateName, reason: string): void {
    instance.api.State = { Name };
    instance.api.StateReason = { Code: reason, Message: reason };
    instance.online = false;
    instance.running.abort();
    this.#announce(instance);
  }

  #releaseVolumes(id: string): void {
    for (const volume of [...this.#volumes.values()]) {
      const attachment = volume.Attachments?.find((each) => each.InstanceId === id);
      if (!attachment) continue;
      if (attachment.DeleteOnTermination) this.#volumes.delete(volume.VolumeId);
      else volume.State = 'available';
    }
  }

  #announce({ api }: EmbeddedInstance): void {
    this.emit('aws.ec2', 'EC2 Instance State-change Notification', {
      'instance-id': api.InstanceId,
      state: api.State.Name,
    });
  }

  #instance(id: string): EmbeddedInstance {
    const instance = this.instances.get(id);
    if (!instance) throw awsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    return instance;
  }

  #volume(id: string): Volume & { VolumeId: string } {
    const volume = this.#volumes.get(id);
    if (!volume) throw awsError('InvalidVolume.NotFound', `The volume '${id}' does not exist.`);
    return volume;
  }
}

function facts(api: EmbeddedInstance['api']): Record<string, string | undefined> {
  return { 'instance-id': api.InstanceId, 'instance-state-name': api.State.Name };
}

function matches(
  filters: readonly Filter[] = [],
  known: Record<string, string | undefined>,
  tags: readonly Tag[],
): boolean {
  return filters.every(({ Name = '', Values = [] }) => {
    if (!Name.startsWith('tag:') && !(Name in known)) {
      throw awsError('InvalidParameterValue', `The filter '${Name}' is invalid`);
    }
    const value = Name.startsWith('tag:') ? tags.find((each) => `tag:${each.Key}` === Name)?.Value : known[Name];
    return value !== undefined && Values.includes(value);
  });
}

function tag(tags: Tag[], added: readonly Tag[]): void {
  for (const { Key, Value } of added) {
    const existing = tags.find((each) => each.Key === Key);
    if (existing) existing.Value = Value;
    else tags.push({ Key, Value });
  }
}
