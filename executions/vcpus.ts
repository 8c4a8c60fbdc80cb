import { FAMILIES_BY_SIZES } from './instance-families';

/** Types whose count does not follow from their size (EC2 User Guide, "CPU options"; "Previous generation instances"). */
const OTHERS: Readonly<Record<string, number>> = {
  'c1.medium': 2,
  'c1.xlarge': 8,
  'c4.8xlarge': 36,
  'd2.8xlarge': 36,
  'g4dn.metal': 96,
  'hpc6a.48xlarge': 96,
  'hpc6id.32xlarge': 64,
  'hpc7a.12xlarge': 24,
  'hpc7a.24xlarge': 48,
  'hpc7a.48xlarge': 96,
  'hpc7a.96xlarge': 192,
  'hpc8a.96xlarge': 192,
  'hs1.8xlarge': 16,
  'i3.metal': 72,
  'm1.small': 1,
  'm2.xlarge': 2,
  'm2.2xlarge': 4,
  'm2.4xlarge': 8,
  't1.micro': 1,
  't2.micro': 1,
  't2.nano': 1,
  't2.small': 1,
};

/**
 * How many vCPUs an instance type has, from its name: an xlarge has 4 and an Nxlarge 4N, a large has 2, a medium 1;
 * nano, micro, small and medium of the burstable families (`t`) have 2. `metal-48xl` is as large as `48xlarge`, and
 * `metal` alone as the family's largest size. The table above has the exceptions.
 *
 * @returns undefined for names without such a size, and for Mac instances
 */
export function vcpusOf(type: string): number | undefined {
  if (Object.hasOwn(OTHERS, type)) return OTHERS[type];
  const [family = '', size = ''] = type.split('.');
  if (size === 'metal') return largestOf(family);
  const multiple = /^(?:metal-)?(\d{1,3})xl(?:arge)?$/.exec(size)?.[1];
  if (multiple !== undefined) return 4 * Number(multiple);
  if (size === 'xlarge') return 4;
  if (size === 'large') return 2;
  if (/^t\d/.test(family) && /^(?:nano|micro|small|medium)$/.test(size)) return 2;
  return size === 'medium' ? 1 : undefined;
}

function largestOf(family: string): number | undefined {
  const [, sizes = ''] = FAMILIES_BY_SIZES.find(([families]) => families.split(' ').includes(family)) ?? [];
  const multiples = Array.from(sizes.matchAll(/(\d+)xlarge/g), ([, multiple]) => Number(multiple));
  return multiples.length > 0 ? 4 * Math.max(...multiples) : undefined;
}
