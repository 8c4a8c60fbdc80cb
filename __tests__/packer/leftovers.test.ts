import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  type Filter,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { virtualClock } from '../../local/clock';
import { awsError, Service } from '../../local/service';
import type { Clients } from '../../packer/clients';
import { removeLeftovers } from '../../packer/leftovers';

const NAME = 'datastream-arm64-20261122-180042';

interface Region {
  /** By ID. */
  readonly instances: Map<string, { name: string; state: string }>;
  readonly images: Map<string, { name: string; snapshots: string[] }>;
  readonly snapshots: Map<string, { description: string }>;
}

const matches = (value: string, { Values = [] }: Filter) =>
  Values.some((pattern) => new RegExp(`^${pattern.replace(/[.()]/g, '\\$&').replaceAll('*', '.*')}$`).test(value));

/** One region's EC2, as far as a failed build has filled it. */
function region(content: Partial<Region>, denied = false): { readonly here: Region; readonly clients: Clients } {
  const here = { instances: new Map(), images: new Map(), snapshots: new Map(), ...content };
  const ec2 = new Service({ ...virtualClock(new Date()), sleep: async () => {} }, 0)
    .on(DescribeInstancesCommand, ({ Filters: [name = {}, state = {}] = [] }) => ({
      Reservations: [...here.instances]
        .filter(([, instance]) => matches(instance.name, name) && matches(instance.state, state))
        .map(([InstanceId]) => ({ Instances: [{ InstanceId }] })),
    }))
    .on(TerminateInstancesCommand, ({ InstanceIds = [] }) => {
      for (const id of InstanceIds) Object.assign(here.instances.get(id) ?? {}, { state: 'shutting-down' });
      return {};
    })
    .on(DescribeImagesCommand, ({ Filters: [name = {}] = [] }) => ({
      Images: [...here.images]
        .filter(([, image]) => matches(image.name, name))
        .map(([ImageId, { snapshots }]) => ({
          ImageId,
          BlockDeviceMappings: snapshots.map((SnapshotId: string) => ({ Ebs: { SnapshotId } })),
        })),
    }))
    .on(DescribeSnapshotsCommand, ({ Filters: [description = {}] = [] }) => ({
      Snapshots: [...here.snapshots]
        .filter(([, snapshot]) => matches(snapshot.description, description))
        .map(([SnapshotId]) => ({ SnapshotId })),
    }))
    .on(DeregisterImageCommand, ({ ImageId = '' }) => {
      if (denied) throw awsError('UnauthorizedOperation', 'You may not do ec2:DeregisterImage');
      here.images.delete(ImageId);
      return {};
    })
    .on(DeleteSnapshotCommand, ({ SnapshotId = '' }) => {
      const users = [...here.images.values()].filter(({ snapshots }) => snapshots.includes(SnapshotId));
      if (users.length > 0) throw awsError('InvalidSnapshot.InUse', 'in use');
      here.snapshots.delete(SnapshotId);
      return {};
    });
  return { here, clients: { ec2: ec2.client(), ssm: ec2.client() } as Clients };
}

describe('What a failed build has left', () => {
  const built = (denied = false) =>
    region(
      {
        instances: new Map([
          ['i-1', { name: `${NAME} (build)`, state: 'stopped' }],
          ['i-2', { name: 'datastream-arm64-20261122-180043 (build)', state: 'running' }],
        ]),
        images: new Map([
          ['ami-1', { name: NAME, snapshots: [] }],
          ['ami-2', { name: 'datastream-arm64-20261121-180042', snapshots: ['snap-2'] }],
        ]),
        snapshots: new Map([
          ['snap-1', { description: 'Created by CreateImage(i-1) for ami-1' }],
          ['snap-2', { description: 'Created by CreateImage(i-0) for ami-2' }],
        ]),
      },
      denied,
    );
  const copied = () =>
    region({
      images: new Map([['ami-3', { name: NAME, snapshots: ['snap-3'] }]]),
      snapshots: new Map([['snap-3', { description: 'Copied' }]]),
    });

  async function remove(home: ReturnType<typeof region>, away: ReturnType<typeof region>) {
    const lines: string[] = [];
    const regions = { 'us-east-2': home, 'us-west-2': away };
    await removeLeftovers(
      NAME,
      Object.keys(regions),
      (name) => regions[name as keyof typeof regions].clients,
      (line) => lines.push(line),
    );
    return lines;
  }

  it('is removed in every region: instance, image, snapshots, even those of an image that is still being made', async () => {
    const [home, away] = [built(), copied()];

    const lines = await remove(home, away);

    expect(home.here.instances.get('i-1')?.state).toBe('shutting-down');
    expect([...home.here.images.keys(), ...home.here.snapshots.keys()]).toEqual(['ami-2', 'snap-2']);
    expect([...away.here.images.keys(), ...away.here.snapshots.keys()]).toEqual([]);
    expect(lines).toEqual([
      'Removed    the build instance i-1 in us-east-2',
      'Removed    the image ami-1 in us-east-2',
      'Removed    the image ami-3 in us-west-2',
    ]);
  });

  it("is not another build's", async () => {
    const home = built();

    await remove(home, copied());

    expect(home.here.instances.get('i-2')?.state).toBe('running');
    expect([...home.here.images.keys()]).toContain('ami-2');
  });

  it('is named where it cannot be removed, and removed elsewhere', async () => {
    const away = copied();

    const lines = await remove(built(true), away);

    expect(lines.slice(1, 3)).toEqual([
      'What the build has left in us-east-2 is not removed: These credentials have no permission for this: You may not do ec2:DeregisterImage.',
      `  Look there for images and their snapshots called ${NAME}, and for an instance called ${NAME} (build).`,
    ]);
    expect([...away.here.images.keys()]).toEqual([]);
  });
});
