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
import { History } from './history';
import { awsError, type Caller, type Service } from './service';

/** How long an instance takes from state to state, in milliseconds. */
export interface Lifecycle {
  /** pending to running. */
  readonly running: number;
  /** running to SSM Online. */
  readonly online: number;
  /** shutting-down to terminated, stopping to stopped. */
  readonly ended: number;
  /** The reason why EC2 terminates every instance at its launch, such as `Client.InternalError`. Default: none. */
  readonly failure?: string;
}

/** An instance, with the data that the API does not show. */
export interface EmbeddedInstance {
  readonly api: Instance & { InstanceId: string; State: { Name: InstanceStateName }; Tags: Tag[] };
  readonly input: RunInstancesCommandInput;
  /** Whether the SSM agent is Online. */
  online: boolean;
  /** Aborted when the instance stops running, for any reason. A reboot sets a new controller. */
  running: AbortController;
  /** When it was terminated, in milliseconds. */
  terminatedAt?: number;
  /** Called when the SSM agent is Online again after a reboot. */
  onReboot?: () => void;
  readonly history: History<Pick<EmbeddedInstance, 'api' | 'online'>>;
}

/** EC2 shows a terminated instance for about an hour (EC2 User Guide, Terminate Amazon EC2 instances). */
const SHOWN_MS = 3_600_000;
const BY_USER = 'Client.UserInitiatedShutdown';
const LIVE: readonly string[] = ['pending', 'running', 'stopping', 'stopped'];

/** The parts of EC2 that the functions use: instances with a life cycle, tags, volumes, client tokens and reboots. */
export class EmbeddedEc2 {
  readonly instances = new Map<string, EmbeddedInstance>();
  readonly #volumes = new Map<string, Volume & { VolumeId: string }>();
  readonly #volumeHistory: History<Volume[]>;

  constructor(
    private readonly clock: LocalClock,
    private readonly emit: Emit,
    private readonly lifecycle: Lifecycle,
    private readonly service: Service,
  ) {
    this.#volumeHistory = new History(clock, () => [...this.#volumes.values()]);
    service
      .on(RunInstancesCommand, (input) => this.#run(input))
      .on(DescribeInstancesCommand, ({ Filters }, lag) => ({
        Reservations: this.#asked(Filters)
          .filter(({ terminatedAt }) => !terminatedAt || this.clock.now().getTime() - terminatedAt < SHOWN_MS + lag)
          .flatMap(({ history }) => history.read(lag) ?? [])
          .filter(({ api }) => matches(Filters, facts(api), api.Tags))
          .map(({ api }) => ({ Instances: [structuredClone(api)] })),
      }))
      .on(DescribeImagesCommand, ({ ImageIds = [] }) => ({
        Images: ImageIds.map((ImageId) => {
          // DescribeImages resolves no SSM parameter; RunInstances does.
          if (!AMI_ID.test(ImageId)) throw awsError('InvalidAMIID.Malformed', `Invalid id: "${ImageId}"`);
          return { ImageId, RootDeviceName: '/dev/xvda', State: 'available' as const };
        }),
      }))
      .on(CreateTagsCommand, ({ Resources = [], Tags = [] }, lag) => {
        for (const id of Resources) {
          const instance = this.#instance(id, lag);
          tag(instance.api.Tags, Tags);
          instance.history.record();
        }
        return {};
      })
      .on(TerminateInstancesCommand, ({ InstanceIds = [] }, lag) => ({
        TerminatingInstances: InstanceIds.map((id) => this.#change(this.#instance(id, lag), 'terminate', BY_USER)),
      }))
      .on(StopInstancesCommand, ({ InstanceIds = [] }, lag) => ({
        StoppingInstances: InstanceIds.map((id) => this.#change(this.#instance(id, lag), 'stop', BY_USER)),
      }))
      .on(DescribeVolumesCommand, ({ Filters }, lag) => ({
        Volumes: structuredClone(
          (this.#volumeHistory.read(lag) ?? []).filter((volume) => matches(Filters, {}, volume.Tags ?? [])),
        ),
      }))
      .on(DetachVolumeCommand, ({ VolumeId = '' }) => {
        const volume = this.#volume(VolumeId);
        if (volume.State !== 'in-use') throw awsError('IncorrectState', `Volume '${VolumeId}' is not attached.`);
        volume.State = 'available';
        this.#volumeHistory.record();
        return volume;
      })
      .on(DeleteVolumeCommand, ({ VolumeId = '' }) => {
        if (this.#volume(VolumeId).State === 'in-use') throw awsError('VolumeInUse', `Volume ${VolumeId} is attached.`);
        this.#volumes.delete(VolumeId);
        this.#volumeHistory.record();
        return {};
      });
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<EC2Client, 'send'> {
    return this.service.client(caller) as Pick<EC2Client, 'send'>;
  }

  /** The IDs of the volumes that still exist. */
  get volumes(): string[] {
    return [...this.#volumes.keys()];
  }

  /** Ends an instance from outside, as EC2 or its own operating system does. */
  end(id: string, how: 'terminate' | 'stop', reason: string): void {
    const instance = this.#instance(id);
    if (LIVE.includes(instance.api.State.Name)) this.#change(instance, how, reason);
  }

  /** Restarts the operating system. EC2 shows no change. The SSM agent is not Online until the system has booted. */
  reboot(id: string): void {
    const instance = this.#instance(id);
    if (instance.api.State.Name !== 'running') return;
    instance.running.abort();
    instance.running = new AbortController();
    instance.online = false;
    this.#comeOnline(instance);
  }

  /** Warns of a spot interruption and interrupts after two minutes (EC2 User Guide, Spot interruption notices). */
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
      if (earlier.api.State.Name === 'terminated') {
        throw awsError('IdempotentInstanceTerminated', `The instance of this client token is terminated.`);
      }
      if (JSON.stringify(earlier.input) === JSON.stringify(input)) return { Instances: [structuredClone(earlier.api)] };
      throw awsError('IdempotentParameterMismatch', 'The client token is already used with other parameters.');
    }
    const InstanceId = `i-${randomBytes(9).toString('hex').slice(0, 17)}`;
    const tagsOf = (type: string) =>
      (input.TagSpecifications ?? []).filter((each) => each.ResourceType === type).flatMap((each) => each.Tags ?? []);
    const instance = this.#create({
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
    });
    for (const mapping of input.BlockDeviceMappings ?? []) {
      const VolumeId = `vol-${randomBytes(9).toString('hex').slice(0, 17)}`;
      const Attachments = [{ InstanceId, DeleteOnTermination: mapping.Ebs?.DeleteOnTermination }];
      this.#volumes.set(VolumeId, { VolumeId, State: 'in-use', Tags: tagsOf('volume'), Attachments });
    }
    this.#volumeHistory.record();
    this.#announce(instance);
    this.#after(this.lifecycle.running, () => {
      if (instance.api.State.Name !== 'pending') return;
      if (this.lifecycle.failure) {
        this.#change(instance, 'terminate', this.lifecycle.failure);
        return;
      }
      instance.api.State = { Name: 'running' };
      this.#announce(instance);
      this.#comeOnline(instance);
    });
    this.#armDeadMansSwitch(instance);
    return { Instances: [structuredClone(instance.api)] };
  }

  /** With 0 ms the action runs at once, not in a timer. So the caller sees its effect when the reply arrives. */
  #after(milliseconds: number, action: () => void): void {
    if (milliseconds === 0) action();
    else this.clock.after(milliseconds, action);
  }

  #create(without: Omit<EmbeddedInstance, 'history'>): EmbeddedInstance {
    const instance: EmbeddedInstance = { ...without, history: new History(this.clock, () => view(instance)) };
    this.instances.set(instance.api.InstanceId, instance);
    return instance;
  }

  /** The instances of the filter `instance-id`, or all without it. */
  #asked(filters: readonly Filter[] = []): EmbeddedInstance[] {
    const ids = filters.find(({ Name }) => Name === 'instance-id')?.Values;
    if (ids) return ids.flatMap((id) => this.instances.get(id) ?? []);
    return [...this.instances.values()];
  }

  #comeOnline(instance: EmbeddedInstance): void {
    const { running } = instance;
    this.#after(this.lifecycle.online, () => {
      if (running.signal.aborted) return;
      instance.online = true;
      instance.history.record();
      instance.onReboot?.();
      instance.onReboot = undefined;
    });
  }

  /** Powers the instance off after some seconds, as the user data's script does after an instance's first boot. */
  #armDeadMansSwitch({ api, input }: EmbeddedInstance): void {
    const seconds = /--on-active=(\d+)/.exec(Buffer.from(input.UserData ?? '', 'base64').toString())?.[1];
    if (!seconds) return;
    const how = input.InstanceInitiatedShutdownBehavior === 'terminate' ? 'terminate' : 'stop';
    this.clock.after(Number(seconds) * 1000, () => {
      this.end(api.InstanceId, how, 'Client.InstanceInitiatedShutdown');
    });
  }

  #change(instance: EmbeddedInstance, how: 'terminate' | 'stop', reason: string) {
    const id = instance.api.InstanceId;
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
      if (final !== 'terminated') return;
      instance.terminatedAt = this.clock.now().getTime();
      this.#releaseVolumes(id);
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
    this.#volumeHistory.record();
  }

  #announce({ api, history }: EmbeddedInstance): void {
    history.record();
    this.emit('aws.ec2', 'EC2 Instance State-change Notification', {
      'instance-id': api.InstanceId,
      state: api.State.Name,
    });
  }

  /** A call soon after RunInstances may not find the new instance yet (EC2 API, eventual consistency). */
  #instance(id: string, lag = 0): EmbeddedInstance {
    const instance = this.instances.get(id);
    if (!instance?.history.read(lag))
      throw awsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    return instance;
  }

  #volume(id: string): Volume & { VolumeId: string } {
    const volume = this.#volumes.get(id);
    if (!volume) throw awsError('InvalidVolume.NotFound', `The volume '${id}' does not exist.`);
    return volume;
  }
}

function view({ api, online }: EmbeddedInstance): Pick<EmbeddedInstance, 'api' | 'online'> {
  return { api, online };
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
