import type { Faults } from '../../local/service';
import { findImages, type PruneStep, planPrune, prune, sharingOf } from '../../packer/images';
import { ImageCloud } from '../support/images';

const TAGS = [{ Key: 'datastream:image', Value: 'datastream' }];
const madeOf = (...ids: string[]) => ids.map((SnapshotId) => ({ Ebs: { SnapshotId, VolumeSize: 8 } }));
const ids = (each: readonly { id: string }[]) => each.map(({ id }) => id);

/** Five images of one family, a day apart: ami-5 is the newest. */
function fiveImages(faults?: Faults): ImageCloud {
  const cloud = new ImageCloud(faults);
  for (const day of [3, 1, 5, 2, 4]) cloud.add(`ami-${day}`, `2026-01-0${day}`);
  return cloud;
}

async function planned(cloud: ImageCloud, keep: number, named: Record<string, string> = {}) {
  return planPrune(await findImages(cloud.ec2), keep, new Map(Object.entries(named)));
}

async function pruned(cloud: ImageCloud, keep: number): Promise<PruneStep[]> {
  const steps: PruneStep[] = [];
  await prune(cloud.ec2, await planned(cloud, keep), (step) => steps.push(step));
  return steps;
}

describe("this project's images", () => {
  test('are the tagged ones of the account, newest first, over all pages', async () => {
    const cloud = fiveImages();
    cloud.add('ami-other', '2026-02-01', { Tags: [{ Key: 'Name', Value: 'datastream' }] });
    cloud.add('ami-foreign', '2026-02-02', { OwnerId: '210987654321' });

    const { images, snapshots } = await findImages(cloud.ec2);

    expect(ids(images)).toEqual(['ami-5', 'ami-4', 'ami-3', 'ami-2', 'ami-1']);
    expect(snapshots).toHaveLength(7);
    expect(images[0]).toEqual({
      id: 'ami-5',
      name: 'datastream-2026-01-05',
      family: 'datastream',
      architecture: 'arm64',
      created: '2026-01-05T10:00:00.000Z',
      state: 'available',
      sizeGiB: 32,
      snapshots: ['snap-5'],
    });
  });

  test('are told with the volumes and the parameter that they have', async () => {
    const cloud = new ImageCloud();
    cloud.add('ami-1', '2026-01-01', {
      Tags: [...TAGS, { Key: 'datastream:parameter', Value: '/datastream/ami' }],
      BlockDeviceMappings: [...madeOf('snap-a', 'snap-b'), { VirtualName: 'ephemeral0' }],
    });

    expect((await findImages(cloud.ec2)).images).toEqual([
      expect.objectContaining({ sizeGiB: 16, snapshots: ['snap-a', 'snap-b'], parameter: '/datastream/ami' }),
    ]);
  });

  test.each([
    ['private', []],
    ['shared with 2', [{ UserId: '210987654321' }, { OrganizationArn: 'arn:aws:organizations::1:organization/o-1' }]],
    ['public', [{ UserId: '210987654321' }, { Group: 'all' as const }]],
  ])('are %s', async (sharing, LaunchPermissions) => {
    const cloud = new ImageCloud();
    cloud.add('ami-1', '2026-01-01', { LaunchPermissions });

    await expect(sharingOf(cloud.ec2, 'ami-1')).resolves.toBe(sharing);
  });

  test('may be gone by now', async () => {
    await expect(sharingOf(new ImageCloud().ec2, 'ami-1')).resolves.toBe('gone');
  });
});

describe('a prune plans', () => {
  test('to keep the newest of each family and architecture', async () => {
    const cloud = fiveImages();
    cloud.add('ami-x86', '2025-01-01', { Architecture: 'x86_64' });
    cloud.add('ami-gpu', '2025-01-01', { Tags: [{ Key: 'datastream:image', Value: 'gpu' }] });

    const plan = await planned(cloud, 3);

    expect(ids(plan.deregister)).toEqual(['ami-2', 'ami-1']);
    expect(ids(plan.deleteSnapshots).sort()).toEqual(['snap-1', 'snap-2']);
    expect(plan.keep).toContainEqual({ image: expect.objectContaining({ id: 'ami-3' }), why: 'of the newest 3' });
    expect(plan.keep).toHaveLength(5);
  });

  test('to remove nothing that is named, with none to keep either', async () => {
    const plan = await planned(fiveImages(), 0, { 'ami-1': 'named by x.json', 'ami-4': 'named by y.json' });

    expect(ids(plan.deregister)).toEqual(['ami-5', 'ami-3', 'ami-2']);
    expect(plan.keep.map(({ image, why }) => [image.id, why])).toEqual([
      ['ami-4', 'named by y.json'],
      ['ami-1', 'named by x.json'],
    ]);
  });

  test('to keep what is pending or disabled, to remove what has failed, and to count neither', async () => {
    const cloud = fiveImages();
    cloud.add('ami-pending', '2026-02-03', { State: 'pending' });
    cloud.add('ami-failed', '2026-02-02', { State: 'failed' });
    cloud.add('ami-disabled', '2026-02-01', { State: 'disabled' });

    const plan = await planned(cloud, 3);

    expect(ids(plan.deregister)).toEqual(['ami-failed', 'ami-2', 'ami-1']);
    expect(plan.keep.map(({ image, why }) => [image.id, why]).slice(0, 2)).toEqual([
      ['ami-pending', 'it is pending'],
      ['ami-disabled', 'it is disabled'],
    ]);
  });

  test('to delete the tagged snapshots that no image is made of any more, and no other', async () => {
    const cloud = new ImageCloud();
    cloud.add('ami-1', '2026-01-01');
    cloud.addSnapshot('snap-orphan');
    cloud.addSnapshot('snap-being-made', { State: 'pending' });
    cloud.addSnapshot('snap-of-somebody', { Tags: [{ Key: 'Name', Value: 'data' }] });
    cloud.addSnapshot('snap-of-another-account', { OwnerId: '210987654321' });

    const plan = await planned(cloud, 3);

    expect({ ...plan, keep: plan.keep.length }).toEqual({
      keep: 1,
      deregister: [],
      deleteSnapshots: [{ id: 'snap-orphan', sizeGiB: 32, state: 'completed' }],
      keepSnapshots: [],
    });
  });

  test('to keep a snapshot that another image is made of, or that has not our tag', async () => {
    const cloud = new ImageCloud();
    cloud.addSnapshot('snap-data', { Tags: [] });
    cloud.add('ami-2', '2026-01-02', { BlockDeviceMappings: madeOf('snap-2') });
    cloud.add('ami-1', '2026-01-01', { BlockDeviceMappings: madeOf('snap-1', 'snap-shared', 'snap-data') });
    cloud.add('ami-other', '2026-01-01', { Tags: [], BlockDeviceMappings: madeOf('snap-shared') });

    const plan = await planned(cloud, 1);

    expect(ids(plan.deregister)).toEqual(['ami-1']);
    expect(ids(plan.deleteSnapshots)).toEqual(['snap-1']);
    expect(plan.keepSnapshots).toEqual([
      { id: 'snap-shared', why: 'ami-other is made of it' },
      { id: 'snap-data', why: 'it has no tag datastream:image' },
    ]);
  });

  test('to delete a snapshot that only images to remove are made of', async () => {
    const cloud = new ImageCloud();
    cloud.add('ami-2', '2026-01-02', { BlockDeviceMappings: madeOf('snap-shared') });
    cloud.add('ami-1', '2026-01-01', { BlockDeviceMappings: madeOf('snap-shared') });

    expect(ids((await planned(cloud, 0)).deleteSnapshots)).toEqual(['snap-shared']);
    expect((await planned(cloud, 1)).keepSnapshots).toEqual([{ id: 'snap-shared', why: 'ami-2 is made of it' }]);
  });
});

describe('a prune', () => {
  test('removes images, then their snapshots', async () => {
    const cloud = fiveImages();

    const steps = await pruned(cloud, 3);

    expect([...cloud.images.keys()].sort()).toEqual(['ami-3', 'ami-4', 'ami-5']);
    expect([...cloud.snapshots.keys()].sort()).toEqual(['snap-3', 'snap-4', 'snap-5']);
    expect(steps.map(({ type }) => type)).toEqual(['deregistered', 'deregistered', 'deleted', 'deleted']);
  });

  test('goes on after an image that cannot be deregistered, whose snapshot stays', async () => {
    const cloud = fiveImages();
    cloud.add('ami-1', '2026-01-01', { DeregistrationProtection: 'enabled' });

    const steps = await pruned(cloud, 3);

    expect(steps).toEqual([
      { type: 'deregistered', id: 'ami-2' },
      { type: 'failed', id: 'ami-1', error: expect.objectContaining({ name: 'OperationNotPermitted' }) },
      { type: 'deleted', snapshot: expect.objectContaining({ id: 'snap-2' }) },
    ]);
    expect(cloud.snapshots.has('snap-1')).toBe(true);
  });

  test('goes on after a snapshot that cannot be deleted, which the next prune finds', async () => {
    let broken = true;
    const cloud = fiveImages((operation, call) =>
      broken && operation === 'DeleteSnapshot' && call === 1 ? { error: 'UnauthorizedOperation' } : undefined,
    );

    const steps = await pruned(cloud, 3);
    broken = false;
    const again = await pruned(cloud, 3);

    expect(steps.map(({ type }) => type)).toEqual(['deregistered', 'deregistered', 'failed', 'deleted']);
    expect(again.map(({ type }) => type)).toEqual(['deleted']);
    expect(cloud.snapshots.size).toBe(3);
  });

  test('keeps a snapshot that EC2 says is in use', async () => {
    const cloud = fiveImages((operation) =>
      operation === 'DeleteSnapshot' ? { error: 'InvalidSnapshot.InUse' } : undefined,
    );

    expect((await pruned(cloud, 4)).at(-1)).toEqual({ type: 'in use', id: 'snap-1' });
  });

  test('takes for done what is gone already', async () => {
    const cloud = fiveImages((operation, call) =>
      // Each takes effect, and its reply is lost.
      /^(Deregister|Delete)/.test(operation) && call === 1 ? { error: 'InternalError', after: true } : undefined,
    );
    const plan = await planned(cloud, 4);
    const steps: PruneStep[] = [];
    await prune(cloud.ec2, plan, () => {});
    await prune(cloud.ec2, plan, () => {});

    await prune(cloud.ec2, plan, (step) => steps.push(step));

    expect(steps.map(({ type }) => type)).toEqual(['deregistered', 'deleted']);
  });
});
