import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';

/** The tags of this project's images and of their snapshots. */
export const ImageTag = {
  /** The image family's name, the Packer variable `name`. A prune deletes only images and snapshots with this tag. */
  image: 'datastream:image',
  /** Name of the SSM parameter that holds the image's ID. */
  parameter: 'datastream:parameter',
} as const;

export type Ec2 = Pick<EC2Client, 'send'>;

/** An image of this project. */
export type OwnImage = ReturnType<typeof ownImage>[number];

/** A snapshot that carries this project's tag. */
export type OwnSnapshot = Awaited<ReturnType<typeof findSnapshots>>[number];

/** This project's images and snapshots in one region of the account. */
export interface Inventory {
  /** Newest first. */
  readonly images: readonly OwnImage[];
  readonly snapshots: readonly OwnSnapshot[];
  /** Snapshot ID to the IDs of the account's images that use it. They include images of other projects. */
  readonly users: ReadonlyMap<string, readonly string[]>;
}

const PAGE = 500;

/**
 * Finds this project's images and snapshots.
 *
 * @throws the SDK's error
 */
export async function findImages(ec2: Ec2): Promise<Inventory> {
  // All images of the account: a snapshot must stay if any of them uses it.
  const ofAccount = { Owners: ['self'], IncludeDisabled: true, MaxResults: PAGE };
  const pages = await everyPage((NextToken) => ec2.send(new DescribeImagesCommand({ ...ofAccount, NextToken })));
  const all = pages.flatMap(({ Images = [] }) => Images).filter(({ State }) => State !== 'deregistered');
  const users = new Map<string, string[]>();
  for (const image of all) {
    for (const snapshot of snapshotsOf(image)) {
      users.set(snapshot, [...(users.get(snapshot) ?? []), image.ImageId ?? '']);
    }
  }
  return { images: all.flatMap(ownImage).sort(newestFirst), snapshots: await findSnapshots(ec2), users };
}

async function findSnapshots(ec2: Ec2) {
  const tagged = { OwnerIds: ['self'], Filters: [{ Name: 'tag-key', Values: [ImageTag.image] }], MaxResults: PAGE };
  const pages = await everyPage((NextToken) => ec2.send(new DescribeSnapshotsCommand({ ...tagged, NextToken })));
  // VolumeSize is the size of the volume, in GiB. AWS stores and bills less.
  return pages.flatMap(({ Snapshots = [] }) =>
    Snapshots.flatMap(({ SnapshotId: id, VolumeSize: sizeGiB = 0, State: state = '' }) =>
      id === undefined ? [] : [{ id, sizeGiB, state: String(state) }],
    ),
  );
}

async function everyPage<Page extends { NextToken?: string | undefined }>(
  ask: (token: string | undefined) => Promise<Page>,
): Promise<Page[]> {
  const pages = [await ask(undefined)];
  for (let token = pages[0]?.NextToken; token; token = pages.at(-1)?.NextToken) pages.push(await ask(token));
  return pages;
}

function ownImage(image: Image) {
  const tag = (key: string) => image.Tags?.find(({ Key }) => Key === key)?.Value;
  const family = tag(ImageTag.image);
  if (image.ImageId === undefined || family === undefined) return [];
  const sizes = (image.BlockDeviceMappings ?? []).map(({ Ebs }) => Ebs?.VolumeSize ?? 0);
  return [
    {
      id: image.ImageId,
      name: image.Name ?? '',
      family,
      architecture: String(image.Architecture ?? ''),
      /** EC2's CreationDate, in ISO 8601. */
      created: image.CreationDate ?? '',
      /** `available`, `pending`, `failed`, `invalid`, `error`, `transient` or `disabled`. */
      state: String(image.State ?? ''),
      /** The total size of the volumes that an instance of the image needs at least. */
      sizeGiB: sizes.reduce((sum, size) => sum + size, 0),
      /** IDs of the snapshots that the image uses. */
      snapshots: snapshotsOf(image),
      parameter: tag(ImageTag.parameter),
    },
  ];
}

function snapshotsOf(image: Image): string[] {
  return (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => (Ebs?.SnapshotId ? [Ebs.SnapshotId] : []));
}

function newestFirst(a: OwnImage, b: OwnImage): number {
  return b.created.localeCompare(a.created) || a.id.localeCompare(b.id);
}

/**
 * Says who else may launch an image: `private`, `public`, or the number of accounts and organisations. It returns
 * `gone` if the image no longer exists.
 *
 * @throws the SDK's error
 */
export async function sharingOf(ec2: Ec2, imageId: string): Promise<string> {
  try {
    const { LaunchPermissions = [] } = await ec2.send(
      new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
    );
    if (LaunchPermissions.some(({ Group }) => Group === 'all')) return 'public';
    return LaunchPermissions.length === 0 ? 'private' : `shared with ${LaunchPermissions.length}`;
  } catch (error) {
    if (isGone(error)) return 'gone';
    throw error;
  }
}

/** What a prune would do. */
export interface PrunePlan {
  readonly keep: readonly { readonly image: OwnImage; readonly why: string }[];
  readonly deregister: readonly OwnImage[];
  /** Snapshots of the images to deregister, and snapshots that no image uses any more. */
  readonly deleteSnapshots: readonly OwnSnapshot[];
  /** Snapshots that stay although their image is deregistered. */
  readonly keepSnapshots: readonly { readonly id: string; readonly why: string }[];
}

/** An image in one of these states can never be launched. */
const BROKEN: readonly string[] = ['failed', 'invalid', 'error'];

/**
 * Decides which images are removed: those that cannot be launched, and for each family and architecture all but the
 * newest `keep` images.
 *
 * @param keep how many available images stay; 0 keeps only the images in `named`
 * @param named image ID to the reason why the image stays
 */
export function planPrune(inventory: Inventory, keep: number, named: ReadonlyMap<string, string>): PrunePlan {
  const kept: { image: OwnImage; why: string }[] = [];
  const deregister: OwnImage[] = [];
  const counts = new Map<string, number>();
  for (const image of inventory.images) {
    const group = JSON.stringify([image.family, image.architecture]);
    const rank = (counts.get(group) ?? 0) + 1;
    if (image.state === 'available') counts.set(group, rank);
    const why = whyKept(image, rank, keep, named.get(image.id));
    if (why === undefined) deregister.push(image);
    else kept.push({ image, why });
  }
  const going = new Set(deregister.map(({ id }) => id));
  const deleteSnapshots = inventory.snapshots.filter(
    // A pending snapshot belongs to an image that is not registered yet.
    ({ id, state }) => state !== 'pending' && (inventory.users.get(id) ?? []).every((image) => going.has(image)),
  );
  const deleted = new Set(deleteSnapshots.map(({ id }) => id));
  const keepSnapshots = [...new Set(deregister.flatMap(({ snapshots }) => snapshots))]
    .filter((id) => !deleted.has(id))
    .map((id) => {
      const others = (inventory.users.get(id) ?? []).filter((image) => !going.has(image));
      const why = others.length > 0 ? `${others.join(', ')} is made of it` : `it has no tag ${ImageTag.image}`;
      return { id, why };
    });
  return { keep: kept, deregister, deleteSnapshots, keepSnapshots };
}

/** @param rank the image's rank among the available images of its family and architecture; the newest has 1 */
function whyKept(image: OwnImage, rank: number, keep: number, name: string | undefined): string | undefined {
  if (name !== undefined) return name;
  if (BROKEN.includes(image.state)) return undefined;
  if (image.state !== 'available') return `it is ${image.state}`;
  if (rank > keep) return undefined;
  return keep === 1 ? 'the newest' : `of the newest ${keep}`;
}

/** One step of a prune, with its result. */
export type PruneStep =
  | { readonly type: 'deregistered'; readonly id: string }
  | { readonly type: 'deleted'; readonly snapshot: OwnSnapshot }
  /** EC2 reports that another resource still uses the snapshot. */
  | { readonly type: 'in use'; readonly id: string }
  | { readonly type: 'failed'; readonly id: string; readonly error: unknown };

/**
 * Carries out the plan. It deregisters the images first, since EC2 does not delete the snapshot of a registered image.
 * A failed step is reported and does not stop the others. If an image stays, its snapshots stay too. A resource that
 * does not exist any more counts as deleted.
 */
export async function prune(ec2: Ec2, plan: PrunePlan, report: (step: PruneStep) => void): Promise<void> {
  const staying = new Set<string>();
  for (const { id, snapshots } of plan.deregister) {
    try {
      await unlessGone(ec2.send(new DeregisterImageCommand({ ImageId: id })));
      report({ type: 'deregistered', id });
    } catch (error) {
      for (const snapshot of snapshots) staying.add(snapshot);
      report({ type: 'failed', id, error });
    }
  }
  for (const snapshot of plan.deleteSnapshots) {
    if (staying.has(snapshot.id)) continue;
    try {
      await unlessGone(ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshot.id })));
      report({ type: 'deleted', snapshot });
    } catch (error) {
      const inUse = (error as Error).name === 'InvalidSnapshot.InUse';
      report(inUse ? { type: 'in use', id: snapshot.id } : { type: 'failed', id: snapshot.id, error });
    }
  }
}

async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Another user deleted the resource first, or the SDK repeated a call whose reply was lost. */
function isGone(error: unknown): boolean {
  const gone = ['InvalidAMIID.Unavailable', 'InvalidAMIID.NotFound', 'InvalidSnapshot.NotFound'];
  return gone.includes((error as Error).name);
}
