import type { Execution } from '../../../executions/model';
import { clientToken, runInstancesInput, subnetsFor } from '../../../lambdas/datastream/run-instances';

const STATE_MACHINE = 'arn:aws:states:us-east-1:000000000000:stateMachine:sm';
const EXECUTION = 'arn:aws:states:us-east-1:000000000000:execution:sm:vpu-09';
const defaults = {
  stateMachineArn: STATE_MACHINE,
  securityGroupId: 'sg-0123456789abcdef0',
  instanceProfileName: 'profile',
  subnetIds: [],
};
const launch = {
  execution: EXECUTION,
  attempt: 1,
  turn: 0,
  instanceType: 't4g.large',
  market: 'on-demand' as const,
  timeoutSeconds: 3600,
  rootDeviceName: '/dev/xvda',
};

function job(parameters: Partial<Execution['instance_parameters']> = {}, rest: Partial<Execution> = {}): Execution {
  return {
    commands: ['true'],
    instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.large', ...parameters },
    timeout_s: 3600,
    n_retries_allowed: 0,
    ii_cheapo: false,
    instance_end: 'terminate',
    ...rest,
  };
}

describe("The root volume's size", () => {
  const sized = (DeviceName: string) => ({ DeviceName, Ebs: { VolumeSize: 64 } });
  const safe = { Encrypted: true, DeleteOnTermination: true };

  it.each([
    ['/dev/xvda', '/dev/sda1'],
    ['/dev/sda1', '/dev/xvda'],
    ['/dev/xvda', '/dev/xvda'],
  ])('in a file for %s is that of an image whose root is %s', (named, rootDeviceName) => {
    const file = job({ BlockDeviceMappings: [sized('/dev/sdf'), sized(named)] });

    const { BlockDeviceMappings } = runInstancesInput(file, { ...launch, rootDeviceName }, defaults);

    expect(BlockDeviceMappings).toEqual([
      { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 64, ...safe } },
      { DeviceName: rootDeviceName, Ebs: { VolumeSize: 64, ...safe } },
    ]);
  });

  it('is not that of a volume which is made from a snapshot', () => {
    const snapshot = { DeviceName: '/dev/sda1', Ebs: { SnapshotId: 'snap-01234567' } };

    const { BlockDeviceMappings } = runInstancesInput(job({ BlockDeviceMappings: [snapshot] }), launch, defaults);

    expect(BlockDeviceMappings?.map(({ DeviceName }) => DeviceName)).toEqual(['/dev/xvda', '/dev/sda1']);
  });
});

describe("RunInstances' parameters", () => {
  it('are safe where the file says nothing', () => {
    const { UserData, TagSpecifications, ...rest } = runInstancesInput(job(), launch, defaults);

    expect(rest).toEqual({
      ImageId: 'ami-0123456789abcdef0',
      InstanceType: 't4g.large',
      MinCount: 1,
      MaxCount: 1,
      ClientToken: clientToken(launch),
      InstanceInitiatedShutdownBehavior: 'terminate',
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true, DeleteOnTermination: true } }],
      SecurityGroupIds: ['sg-0123456789abcdef0'],
      IamInstanceProfile: { Name: 'profile' },
    });
    expect(UserData).toEqual(expect.any(String));
    expect(TagSpecifications?.map((specification) => specification.ResourceType)).toEqual([
      'instance',
      'volume',
      'network-interface',
    ]);
    for (const { Tags } of TagSpecifications ?? []) {
      expect(Tags).toEqual(
        expect.arrayContaining([
          { Key: 'datastream:state-machine', Value: STATE_MACHINE },
          { Key: 'datastream:execution', Value: EXECUTION },
          { Key: 'datastream:attempt', Value: '1' },
          { Key: 'datastream:timeout', Value: '3600' },
          { Key: 'datastream:end', Value: 'terminate' },
        ]),
      );
    }
  });

  it('keep what the file says', () => {
    const input = runInstancesInput(
      job({
        KeyName: 'key',
        SecurityGroupIds: ['sg-11111111'],
        IamInstanceProfile: { Name: 'mine' },
        MetadataOptions: { HttpTokens: 'optional' },
        BlockDeviceMappings: [
          { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 64, Encrypted: false, DeleteOnTermination: false } },
        ],
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'VPU 09' }] }],
      }),
      launch,
      defaults,
    );

    expect(input).toMatchObject({
      KeyName: 'key',
      SecurityGroupIds: ['sg-11111111'],
      IamInstanceProfile: { Name: 'mine' },
      MetadataOptions: { HttpTokens: 'optional', HttpPutResponseHopLimit: 2 },
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 64, Encrypted: false, DeleteOnTermination: false } },
      ],
    });
    expect(input.BlockDeviceMappings).toHaveLength(1);
    expect(input.TagSpecifications?.[0]?.Tags).toContainEqual({ Key: 'Name', Value: 'VPU 09' });
  });

  it("do not let the file's tags stand in for the project's", () => {
    const input = runInstancesInput(
      job({
        TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'datastream:state-machine', Value: 'other' }] }],
      }),
      launch,
      defaults,
    );

    const volume = input.TagSpecifications?.find((specification) => specification.ResourceType === 'volume');
    expect(volume?.Tags?.filter((tag) => tag.Key === 'datastream:state-machine')).toEqual([
      { Key: 'datastream:state-machine', Value: STATE_MACHINE },
    ]);
  });

  it('ask for spot with its own token and tagged request', () => {
    const spot = runInstancesInput(job(), { ...launch, market: 'spot' }, defaults);

    expect(spot.InstanceMarketOptions?.MarketType).toBe('spot');
    expect(spot.ClientToken).not.toBe(clientToken(launch));
    expect(spot.TagSpecifications?.map((specification) => specification.ResourceType)).toContain(
      'spot-instances-request',
    );
  });

  it('drop the spot options of the file in an on-demand attempt', () => {
    const input = runInstancesInput(job({ InstanceMarketOptions: { MarketType: 'spot' } }), launch, defaults);

    expect(input).not.toHaveProperty('InstanceMarketOptions');
  });

  it('stop, not terminate, an instance that the file keeps when its switch goes', () => {
    expect(
      runInstancesInput(job({}, { instance_end: 'stop' }), launch, defaults).InstanceInitiatedShutdownBehavior,
    ).toBe('stop');
  });

  it('take the protection off that a launch template may have, without which nothing could end the instance', () => {
    const template = { LaunchTemplate: { LaunchTemplateName: 'mine' } };
    const off = { DisableApiTermination: false, DisableApiStop: false };

    expect(runInstancesInput(job(template), launch, defaults)).toMatchObject(off);
    // A spot instance cannot be protected.
    expect(runInstancesInput(job(template), { ...launch, market: 'spot' }, defaults)).not.toMatchObject(off);
  });

  it("take the deployment's subnet where the file says nothing of the place", () => {
    const placed = { ...launch, subnetId: 'subnet-a' };

    expect(runInstancesInput(job(), placed, defaults).SubnetId).toBe('subnet-a');
  });

  it.each([
    { NetworkInterfaces: [{ DeviceIndex: 0 }] },
    { SecurityGroups: ['by-name'] },
    { LaunchTemplate: { LaunchTemplateName: 'mine' } },
  ])('name neither subnet nor group of the deployment beside %j', (parameters) => {
    const input = runInstancesInput(job(parameters), { ...launch, subnetId: 'subnet-a' }, defaults);

    expect(input).not.toHaveProperty('SubnetId');
    expect(input).not.toHaveProperty('SecurityGroupIds');
  });

  it('keep a market of the file that is not spot', () => {
    const InstanceMarketOptions = { MarketType: 'capacity-block' } as const;

    expect(runInstancesInput(job({ InstanceMarketOptions }), launch, defaults)).toMatchObject({
      InstanceMarketOptions,
    });
  });

  it('have a token of 64 characters at most that tells execution, attempt and market apart', () => {
    const tokens = [
      launch,
      { ...launch, attempt: 2 },
      { ...launch, market: 'spot' as const },
      { ...launch, execution: 'x' },
      { ...launch, subnetId: 's' },
    ].map(clientToken);

    expect(new Set(tokens).size).toBe(tokens.length);
    expect(Math.max(...tokens.map((token) => token.length))).toBeLessThanOrEqual(64);
  });
});

describe('The subnets of an attempt', () => {
  const subnets = ['subnet-a', 'subnet-b', 'subnet-c'];

  it('are all of them, beginning with another one in every attempt', () => {
    const orders = [1, 2, 3].map((attempt) => subnetsFor(job(), 'execution', attempt, subnets));

    expect(new Set(orders.map(([first]) => first))).toEqual(new Set(subnets));
    for (const order of orders) expect([...order].sort()).toEqual(subnets);
  });

  it('are left to EC2 where the deployment has none', () => {
    expect(subnetsFor(job(), 'execution', 1, [])).toEqual([undefined]);
  });

  it.each([
    { SubnetId: 'subnet-of-the-file' },
    { NetworkInterfaces: [{ DeviceIndex: 0 }] },
    { SecurityGroups: ['by-name'] },
    { LaunchTemplate: { LaunchTemplateName: 'mine' } },
    { Placement: { AvailabilityZone: 'us-east-1b' } },
    { Placement: { AvailabilityZoneId: 'use1-az2' } },
  ])("are the file's affair where it has %j: not tried one after the other, all alike", (parameters) => {
    expect(subnetsFor(job(parameters), 'execution', 1, subnets)).toEqual([undefined]);
  });

  it('are tried where the file places the instance in a group or tenancy alone', () => {
    expect(subnetsFor(job({ Placement: { GroupName: 'mine' } }), 'execution', 1, subnets)).toHaveLength(3);
  });
});
