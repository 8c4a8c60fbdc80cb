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

/** The deployment's values for every instance whose file does not set them. */
export interface LaunchDefaults {
  readonly stateMachineArn: string;
  readonly securityGroupId: string;
  readonly instanceProfileName: string;
  /** Subnets to try one after the other; empty: EC2 takes the default VPC's. */
  readonly subnetIds: readonly string[];
}

/** The request of one launch: an instance type, a market and a subnet. */
export interface Place {
  readonly instanceType: string;
  readonly market: 'spot' | 'on-demand';
  /** One of the deployment's; absent: EC2 chooses. */
  readonly subnetId?: string;
}

/** One launch: its execution, its attempt and its place. */
export interface Launch extends Place {
  readonly execution: string;
  readonly attempt: number;
  /** How many launches of the attempt EC2 has refused before. */
  readonly turn: number;
  /** From the launch until the job is cancelled. */
  readonly timeoutSeconds: number;
  readonly rootDeviceName?: string;
}

/** RunInstances creates these. The functions' IAM policy allows changes only to resources with these tags. */
const TAGGED = ['instance', 'volume', 'network-interface'] as const;

/** EC2 recognises a repeated launch by its ClientToken. The same place has a different token in each round. */
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
 * RunInstances' parameters for an attempt. The same launch gives the same parameters at any time. EC2 refuses a known
 * ClientToken with other parameters (IdempotentParameterMismatch), even if EC2 had refused the first launch.
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
    // The dead-man's switch shuts the instance down. If the file keeps the instance, the shutdown only stops it.
    InstanceInitiatedShutdownBehavior: job.instance_end === 'terminate' ? 'terminate' : 'stop',
    // Two hops: containers on the instance ask the metadata service for the instance's credentials too.
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, ...file.MetadataOptions },
    BlockDeviceMappings: volumes(job.instance_parameters, launch.rootDeviceName),
    ...marketOptions(InstanceMarketOptions, spot),
    // A launch template may switch on termination protection: the functions could not end such an instance. EC2 has no
    // such protection for spot instances.
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

/** An on-demand attempt ignores the file's spot options. Other market types, such as capacity blocks, are kept. */
function marketOptions(
  file: InstanceParameters['InstanceMarketOptions'],
  spot: boolean,
): Pick<RunInstancesCommandInput, 'InstanceMarketOptions'> {
  if (spot) return { InstanceMarketOptions: file?.MarketType === 'spot' ? file : SPOT };
  return file && file.MarketType !== 'spot' ? { InstanceMarketOptions: file } : {};
}

/** The deployment's subnet and security group, unless the file has its own network: EC2 refuses both together. */
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

/** Whether the file, or its launch template, decides where the instance is launched. */
function placesItself(file: InstanceParameters): boolean {
  const { SubnetId, NetworkInterfaces, LaunchTemplate, SecurityGroups, Placement } = file;
  const zone = Placement?.AvailabilityZone || Placement?.AvailabilityZoneId;
  return Boolean(SubnetId || NetworkInterfaces || LaunchTemplate || SecurityGroups || zone);
}

/**
 * All volumes, the root volume too, are encrypted and deleted with the instance unless the file says otherwise. If the
 * file names the root device as another image does, its options apply to this image's root device.
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
