import type { Execution } from '../executions/model';
import { parseExecution } from '../executions/parse';
import type { SubmittedJob } from '../executions/submission/items';
import { instanceCost, orchestrationCost, SECONDS_BESIDE_COMMANDS } from '../prices/estimate';
import { own, type PriceList, type RegionPrices } from '../prices/instances';
import { besideOf, type JobCost, unknownPrice } from '../prices/jobs';
import { knownPrices } from './price-list';

export interface EstimateOptions {
  /** Seconds that the commands of each job run, or of the job of a name. Default: each job lasts its `timeout_s`. */
  readonly seconds?: number | ReadonlyMap<string, number>;
  /** The region of files that name none. */
  readonly region: string;
}

/** Prices are those of this region where neither a file nor the user names one. */
export const USUAL_REGION = 'us-east-1';

/** What one job is expected to cost, in dollars. */
export interface JobEstimate extends JobCost {
  readonly name: string;
  readonly region: string;
  readonly type: string;
  /** How long its commands are taken to run; null where it lasts its `timeout_s`. */
  readonly seconds: number | null;
  /** Whether it ends at its `timeout_s`, before its commands have run for `seconds`. */
  readonly endsAtTimeout: boolean;
  /** The market whose price is taken. */
  readonly market: 'spot' | 'on-demand';
  /** Whether the job asks for spot, and the spot price is not known. */
  readonly spotUnknown: boolean;
  /** `total`, if the first attempt lasts its `timeout_s`. */
  readonly atTimeout: number;
  /** The same on-demand: EC2 may have no spot capacity. So it is the most that the first attempt costs. */
  readonly most: number;
}

/**
 * Estimates the first attempt of each job.
 *
 * @param jobs without an error in their execution files
 * @returns the estimates; or, one sentence each, which prices are not known
 */
export function estimateJobs(
  jobs: readonly Pick<SubmittedJob, 'name' | 'input'>[],
  { seconds, region }: EstimateOptions,
  list: PriceList = knownPrices(),
): { readonly estimates: readonly JobEstimate[] } | { readonly unknown: readonly string[] } {
  const unknown = new Set<string>();
  const estimates = jobs.flatMap(({ name, input }) => {
    const { execution } = parseExecution(input);
    if (!execution) return [];
    const where = execution.region ?? region;
    const prices = own(list, where);
    const its = typeof seconds === 'object' ? seconds.get(name) : seconds;
    const estimate = prices && estimateOf(name, execution, its, where, prices);
    if (!estimate) {
      const type = execution.instance_parameters.InstanceType ?? '';
      unknown.add(unknownPrice(type, where));
    }
    return estimate ?? [];
  });
  return unknown.size > 0 ? { unknown: [...unknown] } : { estimates };
}

function estimateOf(
  name: string,
  execution: Execution,
  seconds: number | undefined,
  region: string,
  prices: RegionPrices,
): JobEstimate | undefined {
  const { instance_parameters: parameters, ii_cheapo, timeout_s } = execution;
  const type = parameters.InstanceType ?? '';
  const market = ii_cheapo && own(prices.spot, type) !== undefined ? 'spot' : 'on-demand';
  const beside = besideOf(parameters);
  const lasting = (instanceSeconds: number, its: 'spot' | 'on-demand' = market) => {
    const cost = instanceCost({ type, market: its, ...beside, seconds: instanceSeconds }, prices);
    if (!cost) return undefined;
    const orchestration = orchestrationCost(Math.max(instanceSeconds - SECONDS_BESIDE_COMMANDS, 0));
    return { ...cost, orchestration, total: cost.instance + cost.volumes + cost.addresses + orchestration };
  };
  const atTimeout = lasting(timeout_s);
  const most = lasting(timeout_s, 'on-demand');
  // An attempt cannot last longer than its timeout_s, which counts from the launch.
  const expected = lasting(seconds === undefined ? timeout_s : Math.min(seconds + SECONDS_BESIDE_COMMANDS, timeout_s));
  return (
    expected &&
    atTimeout &&
    most && {
      name,
      region,
      type,
      seconds: seconds ?? null,
      endsAtTimeout: seconds !== undefined && seconds + SECONDS_BESIDE_COMMANDS > timeout_s,
      market,
      spotUnknown: ii_cheapo && market === 'on-demand',
      ...expected,
      atTimeout: atTimeout.total,
      most: most.total,
    }
  );
}
