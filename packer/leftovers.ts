import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  type Instance,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { awsSentence } from './aws-errors';
import type { Clients } from './clients';

/** By this tag a build instance is known; its value is the image family's name. */
const BUILD_TAG = 'datastream:build';

const ALIVE = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] };

/**
 * Removes what a build that has not succeeded may have left: Packer keeps an image whose copy to another region or whose
 * sharing fails, and tags images at its very end, so nothing else would find it.
 *
 * @param name the image's name, which is this build's alone
 * @param regions the build's own first
 */
export async function removeLeftovers(
  name: string,
  regions: readonly string[],
  clientsIn: (region: string) => Clients,
  print: (line: string) => void,
): Promise<void> {
  for (const region of regions) {
    const { ec2 } = clientsIn(region);
    try {
      const instances = await instancesOf(ec2, { Name: 'tag:Name', Values: [`${name} (build)`] });
      const ids = instances.map(({ InstanceId = '' }) => InstanceId);
      if (ids.length > 0) await ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));
      for (const id of ids) print(`Removed    the build instance ${id} in ${region}`);
      const named = { Owners: ['self'], Filters: [{ Name: 'name', Values: [name] }] };
      for (const { ImageId = '', BlockDeviceMappings = [] } of (await ec2.send(new DescribeImagesCommand(named)))
        .Images ?? []) {
        const mapped = BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
        const snapshots = new Set([...mapped, ...(await snapshotsBeingMade(ec2, ImageId))]);
        await ec2.send(new DeregisterImageCommand({ ImageId }));
        for (const SnapshotId of snapshots) await ec2.send(new DeleteSnapshotCommand({ SnapshotId }));
        print(`Removed    the image ${ImageId} in ${region}`);
      }
    } catch (error) {
      print(`What the build has left in ${region} is not removed: ${awsSentence(error, region)}`);
      print(`  Look there for images and their snapshots called ${name}, and for an instance called ${name} (build).`);
    }
  }
}

/** An image that is still being made does not tell its snapshots; they tell the image (CreateImage's own description). */
async function snapshotsBeingMade(ec2: Clients['ec2'], imageId: string): Promise<string[]> {
  const Filters = [{ Name: 'description', Values: [`*for ${imageId}*`] }];
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
  return Snapshots.map(({ SnapshotId = '' }) => SnapshotId);
}

/** Build instances that exist: of a build under way, or of one that was cut off before it could end them. */
export function findBuilders(ec2: Clients['ec2']): Promise<Instance[]> {
  return instancesOf(ec2, { Name: 'tag-key', Values: [BUILD_TAG] });
}

async function instancesOf(ec2: Clients['ec2'], filter: { Name: string; Values: string[] }): Promise<Instance[]> {
  const found = await ec2.send(new DescribeInstancesCommand({ Filters: [filter, ALIVE] }));
  return (found.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
}
