import { type InstanceCost, instanceCost, orchestrationCost, SECONDS_BESIDE_COMMANDS } from './estimate';
import { own, PRICE_LIST, type PriceList } from './instances';

/** What is billed beside an instance. */
export interface Beside {
  /** GB of all its EBS volumes. */
  readonly volumeGb: number;
  /** How many public IPv4 addresses it has. */
  readonly addresses: number;
}

/** The size of an image's volume that the file does not name, in GB: Amazon Linux has this one. */
const USUAL_VOLUME_GB = 8;

/**
 * Reads what is billed beside an instance from the `instance_parameters` of an execution file, also from one that was
 * never checked.
 */
export function besideOf(instanceParameters: unknown): Beside {
  const { BlockDeviceMappings, NetworkInterfaces } = (instanceParameters ?? {}) as Readonly<Record<string, unknown>>;
  const sizes = list(BlockDeviceMappings).map(({ Ebs }) => Number((Ebs as { VolumeSize?: unknown })?.VolumeSize) || 0);
  const [network] = list(NetworkInterfaces);
  return {
    volumeGb: sizes.reduce((sum, size) => sum + size, 0) || USUAL_VOLUME_GB,
    addresses: network?.AssociatePublicIpAddress === false ? 0 : 1,
  };
}

const list = (value: unknown) =>
  (Array.isArray(value) ? value : []).filter((each) => typeof each === 'object' && each !== null) as Readonly<
    Record<string, unknown>
  >[];

/** An instance that a job has used, as EC2Stopper records it. */
export interface UsedInstance {
  readonly type: string;
  readonly market: 'spot' | 'on-demand';
  /** Its Availability Zone. */
  readonly zone?: string;
  /** ISO 8601; absent in records of earlier deployments. */
  readonly launched_at?: string;
  /** From its launch to its end. */
  readonly seconds: number;
}

/** What a job has cost, in dollars. */
export interface JobCost extends InstanceCost {
  readonly orchestration: number;
  readonly total: number;
}

/** An hour of a spot instance while it ran, in dollars, where that is known better than by the price list. */
export type SpotHourly = (instance: UsedInstance) => number | undefined;

/** What a job has used. */
export interface JobUse extends Beside {
  readonly region: string;
  /** How many attempts it has had. Each counts as a healthy one of the state machine, also where it had no instance. */
  readonly attempts: number;
  readonly launches: readonly UsedInstance[];
}

/**
 * What a job has cost at list prices: all its instances with volumes and addresses, and the state machine. Every command
 * that tells dollars of a job that has ended counts them by this alone.
 *
 * @param spotHourly default: the price list's spot price
 * @returns the cost; or in one sentence which price is not known
 */
export function jobCost(
  { region, attempts, launches, volumeGb, addresses }: JobUse,
  priceList: PriceList = PRICE_LIST,
  spotHourly: SpotHourly = () => undefined,
): JobCost | { readonly unknown: string } {
  const prices = own(priceList, region);
  const sum = { instance: 0, volumes: 0, addresses: 0 };
  let orchestration = Math.max(attempts - launches.length, 0) * orchestrationCost(0);
  for (const launch of launches) {
    const { type, market, seconds } = launch;
    const hourly = market === 'spot' ? spotHourly(launch) : undefined;
    const use = { type, market, volumeGb, addresses, seconds, ...(hourly !== undefined && { hourly }) };
    const cost = prices && instanceCost(use, prices);
    if (!cost) return { unknown: unknownPrice(type, region, market) };
    sum.instance += cost.instance;
    sum.volumes += cost.volumes;
    sum.addresses += cost.addresses;
    orchestration += orchestrationCost(Math.max(seconds - SECONDS_BESIDE_COMMANDS, 0));
  }
  return { ...sum, orchestration, total: sum.instance + sum.volumes + sum.addresses + orchestration };
}

/** Says that a price is not known, and what to do. */
export function unknownPrice(type: string, region: string, market: 'spot' | 'on-demand' = 'on-demand'): string {
  const price = market === 'spot' ? 'spot price' : 'price';
  return `The ${price} of ${type} in ${region} is not known: run 'datastream cost prices update --region ${region}'.`;
}
