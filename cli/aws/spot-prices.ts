import { DescribeSpotPriceHistoryCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { SpotHourly, UsedInstance } from '../../prices/jobs';
import { grouped } from '../grouped';

/** A price that holds from a time on. */
interface Change {
  readonly from: number;
  readonly price: number;
}

/**
 * What an hour of each spot instance has cost while it ran, in its zone. EC2 knows the prices of the last 90 days.
 *
 * @returns by instance; undefined for one whose launch is not known, and where EC2 has no price
 * @throws Error of the SDK
 */
export async function spotHistory(
  instances: readonly UsedInstance[],
  ec2: Pick<EC2Client, 'send'>,
): Promise<SpotHourly> {
  const spot = instances.flatMap((each) =>
    each.market === 'spot' && each.launched_at ? [{ ...each, ...time(each) }] : [],
  );
  if (spot.length === 0) return () => undefined;
  const zones = await changes(spot, ec2);
  return (instance) => {
    if (!instance.launched_at) return undefined;
    const { from, to } = time(instance);
    const its = [...(zones.get(instance.type) ?? [])]
      .filter(([zone]) => instance.zone === undefined || zone === instance.zone)
      .flatMap(([, prices]) => meanOf(prices, from, to) ?? []);
    return its.length === 0 ? undefined : its.reduce((sum, price) => sum + price, 0) / its.length;
  };
}

function time({ launched_at = '', seconds }: UsedInstance) {
  const from = Date.parse(launched_at);
  return { from, to: from + seconds * 1000 };
}

/** The prices of the types in the time of the instances, by type and zone, ascending. */
async function changes(
  spot: readonly { readonly type: string; readonly from: number; readonly to: number }[],
  ec2: Pick<EC2Client, 'send'>,
): Promise<ReadonlyMap<string, ReadonlyMap<string, readonly Change[]>>> {
  const found: { type: string; zone: string; from: number; price: number }[] = [];
  let NextToken: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: [...new Set(spot.map(({ type }) => type))] as [],
        ProductDescriptions: ['Linux/UNIX'],
        // The price that holds at the start is answered too, with its own, earlier time.
        StartTime: new Date(spot.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY)),
        EndTime: new Date(spot.reduce((most, { to }) => Math.max(most, to), 0)),
        NextToken,
      }),
    );
    for (const { InstanceType: type, AvailabilityZone: zone = '', SpotPrice, Timestamp } of page.SpotPriceHistory ??
      []) {
      if (type && Timestamp && Number(SpotPrice) > 0)
        found.push({ type, zone, from: Timestamp.getTime(), price: Number(SpotPrice) });
    }
    NextToken = page.NextToken || undefined;
  } while (NextToken);
  found.sort((a, b) => a.from - b.from);
  return new Map(
    [...grouped(found, ({ type }) => type)].map(([type, all]) => [type, grouped(all, ({ zone }) => zone)]),
  );
}

/** The mean over a time of prices that change. */
function meanOf(prices: readonly Change[], from: number, to: number): number | undefined {
  const before = prices.findLast((each) => each.from <= from) ?? prices[0];
  if (!before) return undefined;
  let [sum, at, price] = [0, from, before.price];
  for (const next of prices.filter((each) => each.from > from && each.from < to)) {
    sum += price * (next.from - at);
    [at, price] = [next.from, next.price];
  }
  return to > from ? (sum + price * (to - at)) / (to - from) : price;
}
