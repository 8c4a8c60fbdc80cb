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

/** The tag of a build instance. Its value is the image family's name. */
const BUILD_TAG = 'datastream:build';

const ALIVE = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] };

/**
 * Removes the resources that a failed build may have left. Packer keeps the image if copying or sharing it fails.
 * Packer tags images only at its end, so such an image has no tags and `ami prune` does not find it.
 *
 * @param name the image's name, which no other build uses
 * @param regions the regions of the image; the first is the region of the build
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

/** A pending image does not list its snapshots. CreateImage writes the image's ID into each snapshot's description. */
async function snapshotsBeingMade(ec2: Clients['ec2'], imageId: string): Promise<string[]> {
  const Filters = [{ Name: 'description', Values: [`*for ${imageId}*`] }];
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
  return Snapshots.map(({ SnapshotId = '' }) => SnapshotId);
}

/** Finds build instances: of a build that still runs, or of a build that was killed before it terminated them. */
export function findBuilders(ec2: Clients['ec2']): Promise<Instance[]> {
  return instancesOf(ec2, { Name: 'tag-key', Values: [BUILD_TAG] });
}

async function instancesOf(ec2: Clients['ec2'], filter: { Name: string; Values: string[] }): Promise<Instance[]> {
  const found = await ec2.send(new DescribeInstancesCommand({ Filters: [filter, ALIVE] }));
  return (found.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
}
