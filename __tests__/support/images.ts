import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Filter,
  type Image,
  type LaunchPermission,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { virtualClock } from '../../local/clock';
import { awsError, type Faults, Service } from '../../local/service';

/** An image as EC2 stores it. */
interface StoredImage extends Image {
  ImageId: string;
  /** The answer of DescribeImageAttribute. */
  LaunchPermissions?: LaunchPermission[];
}

interface StoredSnapshot extends Snapshot {
  SnapshotId: string;
}

/** Images, snapshots and parameters of one account and region. Errors and pages are those of EC2 and SSM. */
export class ImageCloud {
  readonly images = new Map<string, StoredImage>();
  readonly snapshots = new Map<string, StoredSnapshot>();
  readonly parameters = new Map<string, string>();
  readonly #deregistered = new Set<string>();
  readonly #service: Service;

  /** @param pageSize the maximum number of images or snapshots in one answer */
  constructor(faults: Faults = () => undefined, pageSize = 2) {
    this.#service = new Service({ ...virtualClock(new Date()), sleep: async () => {} }, 0, faults)
      .on(DescribeImagesCommand, ({ Owners, IncludeDisabled, NextToken }) => {
        const own = [...this.images.values()].filter(
          ({ OwnerId = 'self', State }) =>
            Owners?.includes(OwnerId) !== false && (IncludeDisabled || State !== 'disabled'),
        );
        const { page, next } = pageOf(own, NextToken, pageSize);
        return { Images: page, NextToken: next };
      })
      .on(DescribeSnapshotsCommand, ({ OwnerIds, Filters, NextToken }) => {
        const matching = [...this.snapshots.values()].filter(
          ({ OwnerId = 'self', Tags }) => OwnerIds?.includes(OwnerId) !== false && hasTags(Filters, Tags),
        );
        const { page, next } = pageOf(matching, NextToken, pageSize);
        return { Snapshots: page, NextToken: next };
      })
      .on(DescribeImageAttributeCommand, ({ ImageId = '' }) => ({
        ImageId,
        LaunchPermissions: this.#image(ImageId).LaunchPermissions ?? [],
      }))
      .on(DeregisterImageCommand, ({ ImageId = '' }) => {
        const image = this.#image(ImageId);
        if (image.DeregistrationProtection === 'enabled') {
          throw awsError('OperationNotPermitted', `The image '${ImageId}' has deregistration protection.`);
        }
        this.images.delete(ImageId);
        this.#deregistered.add(ImageId);
        return { Return: true };
      })
      .on(DeleteSnapshotCommand, ({ SnapshotId = '' }) => {
        if (!this.snapshots.has(SnapshotId)) {
          throw awsError('InvalidSnapshot.NotFound', `The snapshot '${SnapshotId}' does not exist.`);
        }
        const user = [...this.images.values()].find(({ BlockDeviceMappings }) =>
          BlockDeviceMappings?.some(({ Ebs }) => Ebs?.SnapshotId === SnapshotId),
        );
        if (user) {
          throw awsError('InvalidSnapshot.InUse', `The snapshot ${SnapshotId} is currently in use by ${user.ImageId}`);
        }
        this.snapshots.delete(SnapshotId);
        return {};
      })
      .on(GetParameterCommand, ({ Name = '' }) => {
        const Value = this.parameters.get(Name);
        if (Value === undefined) throw awsError('ParameterNotFound', `Parameter ${Name} not found.`);
        return { Parameter: { Name, Value } };
      });
  }

  get ec2(): Pick<EC2Client, 'send'> {
    return this.#service.client() as Pick<EC2Client, 'send'>;
  }

  get ssm(): Pick<SSMClient, 'send'> {
    return this.#service.client() as Pick<SSMClient, 'send'>;
  }

  /** Adds an image. By default its family is `datastream`, and it has its own tagged snapshot. */
  add(id: string, created: string, changes: Partial<StoredImage> = {}): void {
    const snapshot = id.replace('ami-', 'snap-');
    const image: StoredImage = {
      ImageId: id,
      Name: `datastream-${created}`,
      Architecture: 'arm64',
      CreationDate: `${created}T10:00:00.000Z`,
      State: 'available',
      Tags: [{ Key: 'datastream:image', Value: 'datastream' }],
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshot, VolumeSize: 32 } }],
      ...changes,
    };
    this.images.set(id, image);
    for (const { Ebs } of image.BlockDeviceMappings ?? []) {
      if (Ebs?.SnapshotId && !this.snapshots.has(Ebs.SnapshotId)) this.addSnapshot(Ebs.SnapshotId);
    }
  }

  addSnapshot(id: string, changes: Partial<StoredSnapshot> = {}): void {
    this.snapshots.set(id, {
      SnapshotId: id,
      VolumeSize: 32,
      State: 'completed',
      Tags: [{ Key: 'datastream:image', Value: 'datastream' }],
      ...changes,
    });
  }

  #image(id: string): StoredImage {
    const image = this.images.get(id);
    if (image) return image;
    if (this.#deregistered.has(id)) {
      throw awsError('InvalidAMIID.Unavailable', `The image id '[${id}]' is no longer available`);
    }
    throw awsError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
  }
}

function pageOf<T>(all: readonly T[], token: string | undefined, size: number): { page: T[]; next?: string } {
  const from = Number(token ?? 0);
  const rest = from + size < all.length ? { next: String(from + size) } : {};
  return { page: structuredClone(all.slice(from, from + size)), ...rest };
}

function hasTags(filters: readonly Filter[] = [], tags: readonly Tag[] = []): boolean {
  return filters.every(({ Name, Values }) => {
    if (Name !== 'tag-key') throw awsError('InvalidParameterValue', `The filter '${Name}' is invalid`);
    return tags.some(({ Key }) => Values?.includes(Key ?? ''));
  });
}
