import type { Problems } from '../../files/problems';
import { isRecord, list, member, text } from '../../files/values';

/**
 * The root devices of Linux AMIs: Amazon Linux and Debian, Ubuntu and Red Hat (EC2 User Guide, "Device names for
 * volumes").
 */
const ROOT_DEVICES: readonly string[] = ['/dev/xvda', '/dev/sda1', '/dev/sda'];

interface Mapping {
  readonly DeviceName: string;
  readonly Ebs?: unknown;
}

/** The mappings for a root volume, under any of the names that images have for it. */
export function rootMappings<T extends Mapping>(mappings: readonly T[]): T[] {
  return mappings.filter(
    ({ DeviceName, Ebs }) => ROOT_DEVICES.includes(DeviceName) && isRecord(Ebs) && !member(Ebs, 'SnapshotId'),
  );
}

/** Reports volumes for two root devices. The image has only one; the other would be a second, empty volume. */
export function checkRootDevice(mappings: unknown, problems: Problems): void {
  const named = list(mappings).map((mapping, index) => ({
    DeviceName: text(member(mapping, 'DeviceName')) ?? '',
    Ebs: member(mapping, 'Ebs'),
    index,
  }));
  const [first, ...others] = rootMappings(named);
  for (const { DeviceName, index } of others) {
    if (DeviceName === first?.DeviceName) continue;
    problems.error(
      ['instance_parameters', 'BlockDeviceMappings', index, 'DeviceName'],
      `An instance has one root volume, and ${first?.DeviceName} is named for it too: leave one of them out, or call a further volume /dev/sdf.`,
      DeviceName,
    );
  }
}
