import { type OwnImage, sharingOf } from '../../packer/images';
import { findBuilders } from '../../packer/leftovers';
import type { NamedImages } from '../../packer/names';
import { type Output, unknownNames, type Where, withImages } from '../aws/own-images';
import { table } from '../output/table';

const HEADER = ['ID', 'NAME', 'FAMILY', 'ARCH', 'CREATED', 'GIB', 'STATE', 'SHARED', 'SNAPSHOTS', 'NAMED BY'];

/**
 * Prints this project's images of a region as a table.
 *
 * @returns the exit code: 0, or 1 if AWS cannot be asked
 */
export function listImages(options: Where, out: Output, err: Output): Promise<number> {
  return withImages(options, err, async (found) => {
    const { region, ec2, inventory, named } = found;
    for (const sentence of unknownNames(found)) err.write(`${sentence} What it names is not known.\n`);
    for (const { InstanceId, State, LaunchTime } of await findBuilders(ec2)) {
      const since = LaunchTime?.toISOString().slice(0, 16).replace('T', ' ');
      err.write(
        `The build instance ${InstanceId} is ${State?.Name}, launched ${since}. If no build is under way: aws ec2 terminate-instances --region ${region} --instance-ids ${InstanceId}\n`,
      );
    }
    if (inventory.images.length === 0) {
      out.write(`${region}: this project has no images here.\n`);
      return 0;
    }
    const rows = [HEADER];
    for (const image of inventory.images) {
      rows.push([
        image.id,
        image.name,
        image.family,
        image.architecture,
        image.created.slice(0, 16).replace('T', ' '),
        String(image.sizeGiB),
        image.state,
        await sharingOf(ec2, image.id),
        image.snapshots.join(', ') || '-',
        namedBy(image, named) || '-',
      ]);
    }
    out.write(table(rows));
    return 0;
  });
}

/** The files and parameters that name the image, for the table. */
function namedBy({ id }: OwnImage, named: NamedImages): string {
  const unknown = named.unknown.get(id);
  const names = named.names.get(id) ?? [];
  return [...names, ...(unknown ? [`SSM parameter ${unknown.parameter}, which cannot be read`] : [])].join(', ');
}
