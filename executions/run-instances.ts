import * as z from 'zod';
import { shorten } from '../files/problems';
import { placeholderInValue } from './checks/placeholders';
import { REGION } from './region';

/**
 * RunInstances' request as EC2's API reference has it (2016-11-15), in boto3's spelling and types.
 * Strict at every level: EC2 refuses a member that it does not know.
 */

const text = (description: string) => z.string().meta({ description }).optional();
const integer = (description: string) => z.int().meta({ description }).optional();
const flag = (description: string) => z.boolean().meta({ description }).optional();
const choice = <const T extends readonly [string, ...string[]]>(values: T, description: string) =>
  z.enum(values).meta({ description }).optional();
const structure = <T extends z.core.$ZodShape>(description: string, shape: T) =>
  z.strictObject(shape).meta({ description }).optional();
const listOf = <T extends z.core.SomeType>(description: string, element: T) =>
  z.array(element).meta({ description }).optional();

/** A required string of a structure. */
const required = (name: string, write: string, description: string) =>
  z.string({ error: missing(name, write) }).meta({ description });
const missing =
  (name: string, write: string) =>
  ({ input }: { readonly input?: unknown }) =>
    input === undefined ? `${JSON.stringify(name)} is missing: ${write}.` : undefined;

/** Members that EC2 accepts and the state machine does not. The message says why. */
const refused = (why: string) =>
  z
    .never({ error: `${why}.` })
    .meta({ description: `${why}.` })
    .optional();
const only = <const T extends string | number | boolean>(value: T, why: string, description: string) =>
  z
    .literal(value, { error: `${why}.` })
    .meta({ description })
    .optional();

/** An EC2 resource ID: 8 hexadecimal digits, or 17 since 2016. */
const resourceId = (prefix: string) => new RegExp(`^${prefix}-(?:[0-9a-f]{8}|[0-9a-f]{17})$`);
export const AMI_ID = resourceId('ami');

const idOf = (prefix: string, what: string, member: string) =>
  z.string().regex(resourceId(prefix), {
    error: ({ input = '' }) =>
      `${input === '' ? 'This is empty' : `This is no ${what}${placeholderNote(input)}`}: write "${prefix}-" and 17 hexadecimal digits, or leave ${member} out.`,
  });

function placeholderNote(id: string): string {
  return placeholderInValue(id) === undefined ? '' : ' but a placeholder';
}

/** The beginning of an ImageId that names an SSM parameter. A name as SSM's GetParameters takes it follows. */
export const RESOLVE_SSM = 'resolve:ssm:';

/**
 * An ImageId that names an SSM parameter: by the parameter's name, or by the ARN of a parameter that another account
 * shares. A version or a label may follow (EC2 User Guide, "Use a Systems Manager parameter instead of an AMI ID";
 * Systems Manager User Guide, "Understanding parameter name requirements and constraints"; API reference,
 * LabelParameterVersion).
 */
const AMI_PARAMETER = new RegExp(
  [
    `^${RESOLVE_SSM}`,
    '(?:arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter(?=/))?',
    // SSM reserves these prefixes in upper and lower case, except for AWS's own public parameters.
    '(?!/?(?:[Aa][Ww][Ss](?!/service/)|[Ss][Ss][Mm]))',
    '(?=[^:]{1,1011}(?::|$))(?:[A-Za-z0-9_.-]+|(?:/[A-Za-z0-9_.-]+){1,15})',
    '(?::(?:[1-9][0-9]*|(?![Aa][Ww][Ss]|[Ss][Ss][Mm])[A-Za-z_.-][A-Za-z0-9_.-]{0,99}))?$',
  ].join(''),
);

const ipv6Addresses = listOf(
  'IPv6 addresses to assign.',
  z.strictObject({
    Ipv6Address: text('One IPv6 address of the subnet.'),
    IsPrimaryIpv6: flag('Whether this is the primary IPv6 address.'),
  }),
);

/** EBS volumes have at most 64 TiB (EBS User Guide, "Amazon EBS volume types"). */
const LARGEST_VOLUME_GIB = 65_536;
const VOLUME_SIZE = `Write the size in GiB, 1 to ${LARGEST_VOLUME_GIB}.`;

const ebs = structure('The EBS volume.', {
  DeleteOnTermination: flag('Whether the volume goes when the instance is terminated. Default true.'),
  Iops: integer('I/O operations per second, for io1, io2 and gp3.'),
  SnapshotId: text('The snapshot to make the volume from. Default: the AMI’s own.'),
  VolumeSize: z
    .int()
    .min(1, { error: VOLUME_SIZE })
    .max(LARGEST_VOLUME_GIB, { error: VOLUME_SIZE })
    .meta({ description: 'Size in GiB, at least that of the snapshot. Default: the snapshot’s size.' })
    .optional(),
  VolumeType: choice(
    ['gp2', 'gp3', 'io1', 'io2', 'sc1', 'st1', 'standard'],
    'Kind of volume. gp3 costs less than gp2.',
  ),
  KmsKeyId: text('The KMS key to encrypt with. Default: the account’s EBS key.'),
  Throughput: integer('MiB per second, gp3 only, 125 to 2000. Default 125.'),
  OutpostArn: text('The Outpost to create the snapshot on.'),
  AvailabilityZone: text('Availability zone of the volume.'),
  AvailabilityZoneId: text('ID of the volume’s availability zone.'),
  Encrypted: flag('Whether the volume is encrypted. Default true here.'),
  VolumeInitializationRate: integer('MiB per second at which the snapshot is downloaded, 100 to 300.'),
  EbsCardIndex: integer('Index of the EBS card, on instance types that have several.'),
});

const WRITE_DEVICE = 'write the device, for example "/dev/xvda"';

const blockDevice = z.strictObject({
  DeviceName: required(
    'DeviceName',
    WRITE_DEVICE,
    'Device name, for example /dev/xvda (the root volume of Amazon Linux).',
  ).min(1, { error: `This is empty: ${WRITE_DEVICE}.` }),
  Ebs: ebs,
  NoDevice: text('An empty string leaves out the device that the AMI names.'),
  VirtualName: text('An instance store volume: ephemeral0, ephemeral1 and so on.'),
});

const TAG_KEY_LENGTH = 128;
const TAG_VALUE_LENGTH = 256;

const tag = z.strictObject({
  Key: required('Key', "write the tag's key", `The tag’s key, 1 to ${TAG_KEY_LENGTH} characters.`)
    .min(1, { error: "A tag's key cannot be empty: write one, or leave the tag out." })
    .max(TAG_KEY_LENGTH, { error: `EC2 takes at most ${TAG_KEY_LENGTH} characters: write a shorter key.` }),
  Value: required(
    'Value',
    'write the tag\'s value, "" for none',
    `The tag’s value, up to ${TAG_VALUE_LENGTH} characters; may be empty.`,
  ).max(TAG_VALUE_LENGTH, { error: `EC2 takes at most ${TAG_VALUE_LENGTH} characters: write a shorter value.` }),
});

/** The resource types that RunInstances can tag (its API reference, TagSpecification.N). */
const TAGGABLE = ['instance', 'volume', 'network-interface', 'spot-instances-request', 'elastic-gpu'] as const;

const tagSpecification = z.strictObject({
  ResourceType: z
    .enum(TAGGABLE, {
      error: ({ input }) =>
        typeof input === 'string'
          ? `A launch cannot tag this: write one of ${TAGGABLE.join(', ')}.`
          : missing('ResourceType', 'write "instance" or "volume"')({ input }),
    })
    .meta({ description: 'What to tag: instance, volume, network-interface or spot-instances-request.' }),
  Tags: z
    .array(tag, { error: missing('Tags', 'write a list, [ ] for none') })
    .meta({ description: 'At most 34 tags: the state machine adds its own, and EC2 allows 50.' }),
});

const networkInterface = z.strictObject({
  AssociatePublicIpAddress: flag('Whether the interface gets a public IPv4 address. Default: the subnet’s setting.'),
  DeleteOnTermination: flag('Whether the interface goes when the instance is terminated.'),
  Description: text('Description of the interface.'),
  DeviceIndex: integer('Position of the interface, 0 for the primary one.'),
  Groups: listOf('Security group IDs of the interface.', z.string()),
  Ipv6AddressCount: integer('How many IPv6 addresses to assign.'),
  Ipv6Addresses: ipv6Addresses,
  NetworkInterfaceId: refused(
    'A launch cannot tag an interface that exists, and the state machine tags every interface: leave NetworkInterfaceId out, and name SubnetId and Groups here',
  ),
  PrivateIpAddress: text('The primary private IPv4 address.'),
  PrivateIpAddresses: listOf(
    'Private IPv4 addresses.',
    z.strictObject({ Primary: flag('Whether it is the primary one.'), PrivateIpAddress: text('The address.') }),
  ),
  SecondaryPrivateIpAddressCount: integer('How many secondary private IPv4 addresses to assign.'),
  SubnetId: text('The interface’s subnet, subnet-...'),
  AssociateCarrierIpAddress: flag('Whether the interface gets a carrier IP address (Wavelength).'),
  InterfaceType: text('interface, efa or efa-only. Default interface.'),
  NetworkCardIndex: integer('Index of the network card.'),
  Ipv4Prefixes: listOf('IPv4 prefixes.', z.strictObject({ Ipv4Prefix: text('The prefix.') })),
  Ipv4PrefixCount: integer('How many IPv4 prefixes to assign.'),
  Ipv6Prefixes: listOf('IPv6 prefixes.', z.strictObject({ Ipv6Prefix: text('The prefix.') })),
  Ipv6PrefixCount: integer('How many IPv6 prefixes to assign.'),
  PrimaryIpv6: flag('Whether the first IPv6 address becomes the primary one.'),
  EnaSrdSpecification: structure('ENA Express.', {
    EnaSrdEnabled: flag('Whether ENA Express is on.'),
    EnaSrdUdpSpecification: structure('ENA Express for UDP.', {
      EnaSrdUdpEnabled: flag('Whether UDP uses ENA Express.'),
    }),
  }),
  ConnectionTrackingSpecification: structure('Idle timeouts of tracked connections, in seconds.', {
    TcpEstablishedTimeout: integer('Seconds, 60 to 432000.'),
    UdpStreamTimeout: integer('Seconds, 60 to 180.'),
    UdpTimeout: integer('Seconds, 30 to 60.'),
  }),
  EnaQueueCount: integer('How many ENA queues the interface gets.'),
});

const secondaryInterface = z.strictObject({
  DeleteOnTermination: flag('Whether the interface goes when the instance is terminated.'),
  DeviceIndex: integer('Position of the interface.'),
  PrivateIpAddresses: listOf(
    'Private IPv4 addresses.',
    z.strictObject({ PrivateIpAddress: required('PrivateIpAddress', 'write the address', 'The address.') }),
  ),
  PrivateIpAddressCount: integer('How many private IPv4 addresses to assign.'),
  SecondarySubnetId: text('The secondary subnet.'),
  InterfaceType: choice(['secondary'], 'Kind of interface.'),
  NetworkCardIndex: integer('Index of the network card.'),
});

/** The error of an `ImageId`, as one sentence; undefined if it is valid. */
function imageProblem(id: string): string | undefined {
  if (id === '') return `This is empty: ${WRITE_IMAGE}.`;
  if (!id.startsWith(RESOLVE_SSM))
    return AMI_ID.test(id) ? undefined : `This is no AMI's ID${placeholderNote(id)}: ${WRITE_IMAGE}.`;
  const note = placeholderNote(id.slice(RESOLVE_SSM.length).replace(/^\//, ''));
  if (AMI_PARAMETER.test(id) && !note) return undefined;
  return (
    `This is no SSM parameter that EC2 can resolve${note}: write "${RESOLVE_SSM}" and the parameter's full name, ` +
    'such as "/datastream/ami" (or its ARN, when another account shares it), then ":" and a version or a label if need be.'
  );
}

/** What to write as `ImageId` and `InstanceType`: the end of a message. */
const WRITE_IMAGE = `write the ID of the AMI to launch, "ami-" and 17 hexadecimal digits, or "${RESOLVE_SSM}/name"`;
export const WRITE_TYPE = 'write an instance type, for example "t4g.xlarge"';

const ONE_INSTANCE = 'An execution runs on one instance: write 1, or leave it out';
const MUST_END = 'The state machine could not end the instance: write false, or leave it out';
const noRight = (what: string, member: string) =>
  `The functions' role has no right to use ${what}: leave ${member} out`;

/** `instance_parameters`: the members of RunInstances' request. */
export const instanceParametersShape = z
  .strictObject({
    ImageId: z
      .string({ error: missing('ImageId', WRITE_IMAGE) })
      .refine((id) => imageProblem(id) === undefined, { error: ({ input }) => imageProblem(String(input)) })
      .meta({
        description:
          'The AMI to launch, in the state machine’s region: ami-..., or resolve:ssm: and the name of an SSM parameter that holds its ID.',
        pattern: `${AMI_ID.source}|${AMI_PARAMETER.source}`,
      }),
    InstanceType: z.string({ error: missing('InstanceType', WRITE_TYPE) }).meta({
      description: 'Instance type; its architecture must be the AMI’s (t4g, m8g, c8g ... are arm64).',
      examples: ['t4g.micro', 't4g.xlarge', 'm8g.xlarge', 'c8g.2xlarge', 'm7i.xlarge'],
    }),
    KeyName: text('Name of the EC2 key pair for SSH, not its file. Default: none.'),
    SecurityGroupIds: z
      .array(idOf('sg', "security group's ID", 'SecurityGroupIds'))
      .min(1, { error: 'This list is empty: name a security group, or leave SecurityGroupIds out.' })
      .meta({ description: 'Security groups, sg-... Default: the deployment’s own, which lets nothing in.' })
      .optional(),
    IamInstanceProfile: z
      .strictObject(
        { Name: text('Name of the instance profile.'), Arn: text('ARN of the instance profile.') },
        {
          error: ({ input }) =>
            typeof input === 'string'
              ? `Write {"${input.startsWith('arn:') ? 'Arn' : 'Name'}": ${shorten(input)}} in place of a string.`
              : undefined,
        },
      )
      .meta({ description: 'The instance profile. Default: the deployment’s own. Give the name or the ARN.' })
      .optional(),
    TagSpecifications: listOf('Tags for what the launch makes.', tagSpecification),
    BlockDeviceMappings: listOf('Volumes. Default: the AMI’s own.', blockDevice),
    MinCount: only(1, ONE_INSTANCE, 'Always 1: an execution runs on one instance. May be left out.'),
    MaxCount: only(1, ONE_INSTANCE, 'Always 1: an execution runs on one instance. May be left out.'),
    InstanceMarketOptions: structure('The market. Default: on-demand, or spot where run_options.ii_cheapo is true.', {
      MarketType: choice(['capacity-block', 'interruptible-capacity-reservation', 'on-demand', 'spot'], 'The market.'),
      SpotOptions: structure('How the spot instance is requested.', {
        MaxPrice: text('Highest price in US dollars per hour, as a string. Default: the on-demand price.'),
        SpotInstanceType: only(
          'one-time',
          'EC2 would launch the instance again after the job: write "one-time"',
          'Only one-time: a persistent request launches again by itself.',
        ),
        // EC2 User Guide, "Spot Instance requests"; API reference, SpotMarketOptions.
        BlockDurationMinutes: refused(
          'EC2 has retired Spot Instances with a defined duration, and refuses this: leave it out',
        ),
        ValidUntil: refused(
          'EC2 takes an end of the request with persistent requests alone, and a job has a one-time request: leave it out',
        ),
        InstanceInterruptionBehavior: only(
          'terminate',
          'EC2 refuses this for a one-time request: write "terminate"',
          'What an interruption does. Only terminate.',
        ),
      }),
    }),
    MetadataOptions: structure('The instance metadata service. Default: tokens required, 2 hops.', {
      HttpTokens: choice(['optional', 'required'], 'Whether IMDSv2 is required. Default required.'),
      HttpPutResponseHopLimit: integer('Hops of the token, 1 to 64; containers need 2. Default 2.'),
      HttpEndpoint: choice(['disabled', 'enabled'], 'Whether the service is on. Default enabled.'),
      HttpProtocolIpv6: choice(['disabled', 'enabled'], 'Whether the service has an IPv6 address. Default disabled.'),
      InstanceMetadataTags: choice(['disabled', 'enabled'], 'Whether the tags can be read there. Default disabled.'),
    }),
    UserData: text(
      'Script or cloud-config for the first boot, plain text, at most 14 KB, or 10 KB with other characters than ASCII.',
    ),
    SubnetId: idOf('subnet', "subnet's ID", 'SubnetId')
      .meta({ description: 'The subnet, subnet-... Default: the deployment’s, else the default VPC’s.' })
      .optional(),
    SecurityGroups: listOf(
      'Security group names (default VPC only); SecurityGroupIds is meant for every VPC.',
      z.string(),
    ),
    NetworkInterfaces: listOf(
      'Network interfaces; then SubnetId and SecurityGroupIds belong into them.',
      networkInterface,
    ),
    SecondaryInterfaces: listOf('Secondary interfaces.', secondaryInterface),
    Ipv6AddressCount: integer('How many IPv6 addresses the primary interface gets.'),
    Ipv6Addresses: ipv6Addresses,
    PrivateIpAddress: text('The primary private IPv4 address.'),
    EnablePrimaryIpv6: flag('Whether the first IPv6 address becomes the primary one.'),
    KernelId: text('Kernel of a paravirtual AMI.'),
    RamdiskId: text('RAM disk of a paravirtual AMI.'),
    Monitoring: structure('CloudWatch monitoring.', {
      Enabled: z
        .boolean({ error: missing('Enabled', 'write true or false, without quotes') })
        .meta({ description: 'Whether metrics come every minute (charged). Default false.' }),
      MetricCategoryIds: listOf('Categories of metrics.', z.string()),
    }),
    Placement: structure('Where the instance is placed.', {
      AvailabilityZone: z
        .string()
        .refine((zone) => !REGION.test(zone), {
          error: ({ input }) =>
            `This is a region, not an availability zone: write a zone such as "${input}a", or leave Placement out.`,
        })
        .meta({ description: 'Availability zone, for example us-east-1a.' })
        .optional(),
      AvailabilityZoneId: text('ID of the availability zone, for example use1-az1.'),
      Affinity: text('default or host.'),
      GroupName: text('Placement group.'),
      GroupId: text('ID of the placement group.'),
      PartitionNumber: integer('Partition of the placement group.'),
      HostId: text('Dedicated host.'),
      HostResourceGroupArn: refused(noRight('host resource groups', 'HostResourceGroupArn')),
      Tenancy: choice(['dedicated', 'default', 'host'], 'Tenancy. Default default.'),
      SpreadDomain: text('Reserved by EC2.'),
    }),
    LaunchTemplate: structure('A launch template; what the file says comes before what the template says.', {
      LaunchTemplateId: text('ID of the template.'),
      LaunchTemplateName: text('Name of the template.'),
      Version: text('Version, $Latest or $Default.'),
    }),
    CreditSpecification: structure('CPU credits of t instances.', {
      CpuCredits: required(
        'CpuCredits',
        'write "standard" or "unlimited"',
        'standard or unlimited. Default unlimited for t3 and t4g.',
      ),
    }),
    CpuOptions: structure('CPU options.', {
      CoreCount: integer('CPU cores.'),
      ThreadsPerCore: integer('1 turns multithreading off.'),
      AmdSevSnp: choice(['disabled', 'enabled'], 'AMD SEV-SNP.'),
      NestedVirtualization: choice(['disabled', 'enabled'], 'Nested virtualization.'),
    }),
    CapacityReservationSpecification: structure('Capacity reservations.', {
      CapacityReservationPreference: choice(
        ['capacity-reservations-only', 'none', 'open'],
        'Which reservations are used.',
      ),
      CapacityReservationTarget: structure('One reservation.', {
        CapacityReservationId: text('ID of the reservation.'),
        CapacityReservationResourceGroupArn: refused(
          noRight('resource groups of capacity reservations', 'CapacityReservationResourceGroupArn'),
        ),
      }),
    }),
    HibernationOptions: structure('Hibernation.', { Configured: flag('Whether the instance can hibernate.') }),
    LicenseSpecifications: z
      .array(z.strictObject({ LicenseConfigurationArn: text('ARN of the license configuration.') }))
      .max(0, { error: `${noRight('license configurations', 'LicenseSpecifications')}.` })
      .meta({ description: 'License configurations: none.' })
      .optional(),
    EnclaveOptions: structure('Nitro Enclaves.', { Enabled: flag('Whether enclaves are on. Default false.') }),
    PrivateDnsNameOptions: structure('Host names.', {
      HostnameType: choice(['ip-name', 'resource-name'], 'Kind of host name.'),
      EnableResourceNameDnsARecord: flag('Whether DNS answers with an A record.'),
      EnableResourceNameDnsAAAARecord: flag('Whether DNS answers with an AAAA record.'),
    }),
    MaintenanceOptions: structure('Maintenance.', {
      AutoRecovery: choice(['default', 'disabled'], 'Automatic recovery. Default default.'),
    }),
    NetworkPerformanceOptions: structure('Network performance.', {
      BandwidthWeighting: choice(['default', 'ebs-1', 'vpc-1'], 'Which side gets more bandwidth.'),
    }),
    Operator: structure('Service that manages the instance.', { Principal: text('The service’s principal.') }),
    ElasticGpuSpecification: listOf(
      'Retired by EC2.',
      z.strictObject({ Type: required('Type', 'write the type', 'Type.') }),
    ),
    ElasticInferenceAccelerators: listOf(
      'Retired by EC2.',
      z.strictObject({ Type: required('Type', 'write the type', 'Type.'), Count: integer('How many.') }),
    ),
    DisableApiStop: only(false, MUST_END, 'Leave it out: the state machine must be able to stop the instance.'),
    DisableApiTermination: only(
      false,
      MUST_END,
      'Leave it out: the state machine must be able to terminate the instance.',
    ),
    InstanceInitiatedShutdownBehavior: choice(['stop', 'terminate'], 'What power-off from within does.'),
    EbsOptimized: flag('EBS optimisation on old instance types.'),
    AdditionalInfo: text('Reserved by EC2.'),
    ClientToken: text('Leave it out: the state machine makes one for each attempt.'),
    DryRun: only(false, 'A dry run launches nothing: leave it out', 'Leave it out: a dry run launches nothing.'),
  })
  .meta({ description: 'The instance: what EC2’s RunInstances takes, in its spelling.' });
