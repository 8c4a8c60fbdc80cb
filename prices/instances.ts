import list from './list.json';

/** The list prices of one region, in dollars. */
export interface RegionPrices {
  /** The day on which these prices were taken from their source, YYYY-MM-DD. */
  readonly as_of: string;
  /** Where they are from. */
  readonly source: string;
  /** A GB-month of an EBS volume of type gp3. */
  readonly gp3_gb_month: number;
  /** An hour of a public IPv4 address in use. */
  readonly ipv4_hour: number;
  /** An hour of an on-demand Linux instance with shared tenancy, by its type. */
  readonly on_demand: Readonly<Record<string, number>>;
  /** An hour of a spot Linux instance, the mean of the region's zones on that day, by its type. */
  readonly spot: Readonly<Record<string, number>>;
}

/** The list prices of each region that is known. */
export type PriceList = Readonly<Record<string, RegionPrices>>;

/** The prices of `list.json`, which `datastream cost prices update` writes. */
export const PRICE_LIST: PriceList = list;

/** Prices that are older than this many days are told as old. */
const OLD_DAYS = 90;

/** @returns how many days old the prices are, if they are older than 90 days */
export function oldDays({ as_of }: Pick<RegionPrices, 'as_of'>, now: Date): number | undefined {
  const days = Math.floor((now.getTime() - Date.parse(as_of)) / 86_400_000);
  return days > OLD_DAYS ? days : undefined;
}

/** A value by its own key: a type that is called `constructor` has no price. */
export function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
