import { own, type RegionPrices } from './instances';
import { PRICES } from './orchestration';

/** An instance that runs, and what is billed beside it. */
export interface InstanceUse {
  readonly type: string;
  readonly market: 'spot' | 'on-demand';
  /** GB of all its EBS volumes. Each counts as gp3. */
  readonly volumeGb: number;
  /** How many public IPv4 addresses it has. */
  readonly addresses: number;
  /** From its launch to its end. */
  readonly seconds: number;
  /** An hour of it in dollars, where that is known. Default: the list's. */
  readonly hourly?: number;
}

/** What an instance costs, in dollars. */
export interface InstanceCost {
  readonly instance: number;
  readonly volumes: number;
  readonly addresses: number;
}

/** Hours of a GB-month: AWS's own example bills a month of 30 days (EBS pricing page). */
const HOURS_PER_MONTH = 720;

/**
 * What an instance costs at list prices.
 *
 * @returns undefined where the list does not have the type in this market
 */
export function instanceCost(use: InstanceUse, prices: RegionPrices): InstanceCost | undefined {
  const hourly = use.hourly ?? own(use.market === 'spot' ? prices.spot : prices.on_demand, use.type);
  if (hourly === undefined) return undefined;
  const hours = use.seconds / 3600;
  return {
    instance: hours * hourly,
    volumes: (hours * use.volumeGb * prices.gp3_gb_month) / HOURS_PER_MONTH,
    addresses: hours * use.addresses * prices.ipv4_hour,
  };
}

/**
 * Seconds from an instance's launch to its end in which its commands do not run: 35 s of boot and registration, then the
 * calls before the commands and after them. As the benchmark measures a healthy job (docs/performance.md).
 */
export const SECONDS_BESIDE_COMMANDS = 38;

/** EC2Poller checks the commands so often, in seconds (RECONCILE_SECONDS of the state machine's definition). */
const CHECK_SECONDS = 900;

/**
 * What the state machine and its functions cost for a healthy attempt, in dollars, at list prices of us-east-1.
 *
 * The figures are the benchmark's (docs/performance.md): 8 state transitions, 9 Lambda requests and 8.46 GB-s; and with
 * each check of EC2Poller one transition, one request and 0.184 GB-s.
 *
 * @param seconds how long the commands run
 */
export function orchestrationCost(seconds: number): number {
  const checks = Math.floor(seconds / CHECK_SECONDS);
  return (8 + checks) * PRICES.transition + (9 + checks) * PRICES.request + (8.46 + 0.184 * checks) * PRICES.gbSecond;
}
