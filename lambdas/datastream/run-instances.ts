import type {
  _InstanceType,
  BlockDeviceMapping,
  ResourceType,
  RunInstancesCommandInput,
  TagSpecification,
} from '@aws-sdk/client-ec2';
import { rootMappings } from '../../executions/checks/root-device';
import type { Execution, InstanceParameters } from '../../executions/model';
import { attemptHash } from './instance';
import { Tag } from './tags';
import { userData } from './user-data';

/** What the deployment gives to every instance whose file does not say otherwise. */
export interface LaunchDefaults {
  readonly stateMachineArn: string;
  readonly securityGroupId: string;
  readonly instanceProfileName: string;
  /** Subnets to try one after the other; empty: EC2 takes the default VPC's. */
  readonly subnetIds: readonly string[];
}

/** What EC2 is asked for at a time: an instance type in a market and a subnet. */
export interface Place {
  readonly instanceType: string;
  readonly market: 'spot' | 'on-demand';
  /** One of the deployment's; absent: EC2 chooses. */
  readonly subnetId?: string;
}

/** One launch: of which attempt of which execution, and in which place. */
export interface Launch extends Place {
  readonly execution: string;
  readonly attempt: number;
  /** How many launches of the attempt EC2 has refused before. */
  readonly turn: number;
  /** From the launch until the job is cancelled. */
  readonly timeoutSeconds: number;
  readonly rootDeviceName?: string;
}

/** RunInstances makes these; each carries the tags by which IAM lets the functions touch it, and no other. */
const TAGGED = ['instance', 'volume', 'network-interface'] as const;

/** The ClientToken by which EC2 recognises a launch that it has already carried out; the same place has another in each round. */
export function clientToken({
  execution,
  attempt,
  turn,
  market,
  subnetId,
}: Pick<Launch, 'execution' | 'attempt' | 'turn' | 'market' | 'subnetId'>): string {
  return attemptHash(execution, attempt, turn, market, subnetId ?? '');
}

/**
 * RunInstances' parameters for an attempt. The same launch gives the same parameters at any time: EC2 refuses a
 * ClientToken that comes back with others (IdempotentParameterMismatch), even one whose launch it had refused.
 */
export function runInstancesInput(job: Execution, launch: Launch, defaults: LaunchDefaults): RunInstancesCommandInput {
  const { InstanceMarketOptions, UserData, InstanceType, ...file } = job.instance_parameters;
  const spot = launch.market === 'spot';
  return {
    ...network(file, launch, defaults),
    IamInstanceProfile: { Name: defaults.instanceProfileName },
    ...file,
    // EC2 may have newer types than its SDK.
    InstanceType: InstanceType as _InstanceType,
    MinCount: 1,
    MaxCount: 1,
    ClientToken: clientToken(launch),
    // A job that keeps its instance keeps it at the dead-man's switch too, and no other does.
    InstanceInitiatedShutdownBehavior: job.instance_end === 'terminate' ? 'terminate' : 'stop',
    // Two hops: containers on the instance ask the metadata service for the instance's credentials too.
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, ...file.MetadataOptions },
    BlockDeviceMappings: volumes(job.instance_parameters, launch.rootDeviceName),
    ...marketOptions(InstanceMarketOptions, spot),
    // What a template protects could not be ended; spot instances cannot be protected.
    ...(file.LaunchTemplate && !spot && { DisableApiTermination: false, DisableApiStop: false }),
    UserData: userData(launch.timeoutSeconds, UserData),
    TagSpecifications: tagSpecifications(job, launch, defaults, spot),
  };
}

/** No MaxPrice: EC2's default is the on-demand price, which is upstream's cap. */
const SPOT = {
  MarketType: 'spot',
  SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' },
} as const;

/** The file's spot options give way in an on-demand attempt; capacity blocks and the like are what the file asks for. */
function marketOptions(
  file: InstanceParameters['InstanceMarketOptions'],
  spot: boolean,
): Pick<RunInstancesCommandInput, 'InstanceMarketOptions'> {
  if (spot) return { InstanceMarketOptions: file?.MarketType === 'spot' ? file : SPOT };
  return file && file.MarketType !== 'spot' ? { InstanceMarketOptions: file } : {};
}

/** The deployment's subnet and group, unless the file chooses a subnet or a network interface: EC2 refuses both together. */
function network(
  file: Partial<InstanceParameters>,
  launch: Launch,
  defaults: LaunchDefaults,
): Pick<RunInstancesCommandInput, 'SubnetId' | 'SecurityGroupIds'> {
  if (file.NetworkInterfaces || file.LaunchTemplate || file.SecurityGroups) return {};
  return { SecurityGroupIds: [defaults.securityGroupId], ...(launch.subnetId && { SubnetId: launch.subnetId }) };
}

/** The deployment's subnets in the order in which an attempt tries them: each attempt begins with another one. */
export function subnetsFor(
  job: Execution,
  execution: string,
  attempt: number,
  subnetIds: readonly string[],
): (string | undefined)[] {
  if (subnetIds.length === 0 || placesItself(job.instance_parameters)) return [undefined];
  const first = (Number.parseInt(attemptHash(execution).slice(0, 8), 16) + attempt - 1) % subnetIds.length;
  return [...subnetIds.slice(first), ...subnetIds.slice(0, first)];
}

/** Whether the file, or its launch template, chooses the subnet. */
function placesItself(file: InstanceParameters): boolean {
  const { SubnetId, NetworkInterfaces, LaunchTemplate, SecurityGroups, Placement } = file;
  const zone = Placement?.AvailabilityZone || Placement?.AvailabilityZoneId;
  return Boolean(SubnetId || NetworkInterfaces || LaunchTemplate || SecurityGroups || zone);
}

/**
 * Encrypted and deleted with the instance, the root volume too, where the file does not say otherwise. What the file says
 * of a root device by another image's name is said of this image's.
 */
function volumes(parameters: InstanceParameters, rootDeviceName: string | undefined): BlockDeviceMapping[] {
  const safe = { Encrypted: true, DeleteOnTermination: true };
  const mappings = parameters.BlockDeviceMappings ?? [];
  const meant = rootMappings(mappings)[0]?.DeviceName;
  const named = mappings.map((mapping) => ({
    ...mapping,
    ...(rootDeviceName !== undefined && mapping.DeviceName === meant && { DeviceName: rootDeviceName }),
    ...(mapping.Ebs && { Ebs: { ...safe, ...mapping.Ebs } }),
  }));
  const root = rootDeviceName !== undefined && !named.some((mapping) => mapping.DeviceName === rootDeviceName);
  return [...(root ? [{ DeviceName: rootDeviceName, Ebs: safe }] : []), ...named];
}

function tagSpecifications(
  job: Execution,
  launch: Launch,
  defaults: LaunchDefaults,
  spot: boolean,
): TagSpecification[] {
  const ours = {
    [Tag.stateMachine]: defaults.stateMachineArn,
    [Tag.execution]: launch.execution,
    [Tag.attempt]: String(launch.attempt),
    [Tag.timeout]: String(launch.timeoutSeconds),
    [Tag.end]: job.instance_end,
  };
  const fromFile = job.instance_parameters.TagSpecifications ?? [];
  const types = new Set<ResourceType>([
    ...TAGGED,
    ...(spot ? (['spot-instances-request'] as const) : []),
    ...fromFile.map((specification) => specification.ResourceType),
  ]);
  return [...types].map((ResourceType) => {
    const tags = new Map<string, string>();
    if (ResourceType === 'instance') tags.set('Name', launch.execution.split(':').at(-1) ?? '');
    for (const specification of fromFile) {
      if (specification.ResourceType !== ResourceType) continue;
      for (const { Key, Value } of specification.Tags) tags.set(Key, Value);
    }
    for (const [key, value] of Object.entries(ours)) tags.set(key, value);
    return { ResourceType, Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) };
  });
}
