import { editDistance } from '../files/nearest';
import { FAMILIES_BY_SIZES } from './instance-families';

/** An AMI's architecture as EC2 names it. Mac instances have their own (`arm64_mac`), which no AMI of a job has. */
export type Architecture = 'arm64' | 'x86_64' | 'arm64_mac' | 'x86_64_mac';

/** What this project knows from an instance type's name. */
export type InstanceTypeCheck =
  | { readonly kind: 'known'; readonly architecture: Architecture }
  /** The family is of its series' newest generation or a later one: EC2 still adds families and sizes to those. */
  | { readonly kind: 'newer'; readonly architecture?: Architecture }
  /** Well-formed but not in the table. The table may be older than the type. */
  | { readonly kind: 'unknown'; readonly nearest: string }
  /** The name does not have EC2's form, FAMILY.SIZE. */
  | { readonly kind: 'malformed'; readonly nearest: string };

/** The form of every name in EC2's API model. */
const TYPE_NAME = /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/;

const SIZES_OF: ReadonlyMap<string, readonly string[]> = new Map(
  FAMILIES_BY_SIZES.flatMap(([families, sizes]) => families.split(' ').map((family) => [family, sizes.split(' ')])),
);

const ALL_SIZES: ReadonlySet<string> = new Set([...SIZES_OF.values()].flat());

/** `m6gd` is series m, generation 6, attributes gd (EC2 User Guide, "Instance type naming conventions"). */
const FAMILY_NAME = /^([a-z]+)(\d+)([a-z]*)(-[a-z0-9]+)?$/;

const NEWEST_GENERATION: ReadonlyMap<string, number> = newestGenerations();

/** Whether this instance type exists or may exist, and the nearest existing type. */
export function checkInstanceType(name: string): InstanceTypeCheck {
  const { family, size } = split(name);
  const sizes = SIZES_OF.get(family);
  if (sizes?.includes(size)) return { kind: 'known', architecture: architectureOf(family) ?? 'x86_64' };
  if (!TYPE_NAME.test(name)) return { kind: 'malformed', nearest: nearestType(name) };
  if (isNewestGeneration(family) && ALL_SIZES.has(size)) {
    const architecture = architectureOf(family);
    return { kind: 'newer', ...(architecture && { architecture }) };
  }
  return { kind: 'unknown', nearest: nearestType(name) };
}

/** The architecture of a type, from its name; undefined if the table does not have the type. */
export function architectureOfType(name: string): Architecture | undefined {
  const check = checkInstanceType(name);
  return 'architecture' in check ? check.architecture : undefined;
}

/**
 * Whether the family is of its series' newest generation or a later one: EC2 still adds families and sizes to those.
 */
function isNewestGeneration(family: string): boolean {
  const [, series = '', generation = ''] = FAMILY_NAME.exec(family) ?? [];
  const newest = NEWEST_GENERATION.get(series);
  return newest !== undefined && Number(generation) >= newest && Number(generation) < 100;
}

/** The letter g after the generation is Graviton; A1 was Graviton's first, GB is Grace with Blackwell. */
function architectureOf(family: string): Architecture | undefined {
  if (family.startsWith('mac')) return family === 'mac1' ? 'x86_64_mac' : 'arm64_mac';
  if (family === 'a1' || family.includes('-gb')) return 'arm64';
  const attributes = FAMILY_NAME.exec(family)?.[3] ?? '';
  if (attributes.includes('g')) return 'arm64';
  return SIZES_OF.has(family) || /^[ai]/.test(attributes) ? 'x86_64' : undefined;
}

function newestGenerations(): Map<string, number> {
  const newest = new Map<string, number>();
  for (const family of SIZES_OF.keys()) {
    const [, series = '', generation = ''] = FAMILY_NAME.exec(family) ?? [];
    newest.set(series, Math.max(newest.get(series) ?? 0, Number(generation)));
  }
  return newest;
}

/** The nearest family, then its nearest size: `t2g.xlarge` gives `t4g.xlarge`, not `t2.xlarge`. */
function nearestType(name: string): string {
  const { family, size } = split(name.slice(0, 40).toLowerCase().trim());
  const nearestFamily = SIZES_OF.has(family)
    ? family
    : best([...SIZES_OF.keys()], (each) => unlike(family, size, each));
  const sizes = SIZES_OF.get(nearestFamily) ?? [];
  const nearestSize = sizes.includes(size) ? size : best(sizes, (each) => sizeDistance(size, each));
  return `${nearestFamily}.${nearestSize}`;
}

/**
 * Attributes show a family's purpose, so they weigh more than the generation. Families with the wanted size and
 * families without attributes are preferred. Names without a family's form (`mg7`) are compared by their letters.
 */
function unlike(family: string, size: string, candidate: string): number {
  const [, series = family, generation = '0', attributes = ''] = FAMILY_NAME.exec(family) ?? [];
  const [, itsSeries = candidate, itsGeneration = '0', itsAttributes = ''] = FAMILY_NAME.exec(candidate) ?? [];
  const byMeaning =
    6 * editDistance(series, itsSeries) +
    4 * editDistance(attributes, itsAttributes) +
    Math.abs(Number(generation) - Number(itsGeneration)) / 10 +
    itsAttributes.length / 100;
  const byLetters = 5 * editDistance(family, candidate);
  const rare = candidate.includes('-') ? 1 : 0;
  return Math.min(byMeaning, byLetters) + rare + (SIZES_OF.get(candidate)?.includes(size) ? 0 : 1);
}

/**
 * The distance of two sizes, in doublings. Names that are no size come after all sizes, in the order of edit distance.
 */
function sizeDistance(a: string, b: string): number {
  const [left, right] = [weight(a), weight(b)];
  return left && right ? Math.abs(Math.log2(left / right)) : 100 + editDistance(a, b);
}

/** Relative capacity: an xlarge is 8 (AWS's normalisation factors for Reserved Instances). */
function weight(size: string): number | undefined {
  const named: Record<string, number> = { nano: 0.25, micro: 0.5, small: 1, medium: 2, large: 4, xlarge: 8 };
  const multiple = /^(\d{1,3})xlarge$/.exec(size)?.[1];
  return multiple ? 8 * Number(multiple) : Object.hasOwn(named, size) ? named[size] : undefined;
}

function split(name: string): { family: string; size: string } {
  const dot = name.indexOf('.');
  return dot < 0 ? { family: name, size: '' } : { family: name.slice(0, dot), size: name.slice(dot + 1) };
}

function best(candidates: readonly string[], cost: (candidate: string) => number): string {
  const ranked = candidates.map((candidate) => ({ candidate, cost: cost(candidate) }));
  return ranked.reduce((a, b) => (b.cost < a.cost ? b : a), { candidate: '', cost: Number.POSITIVE_INFINITY })
    .candidate;
}
