import { own, PRICE_LIST } from './instances';

/**
 * List prices of us-east-1 of Athena and Glue's crawlers (Amazon Athena pricing; AWS Glue pricing). A crawler's DPUs are
 * not told by AWS; two are assumed, and ten minutes are the least that is billed.
 */
export const ANALYTICS_PRICES = {
  as_of: '2026-11-28',
  region: 'us-east-1',
  source: 'Amazon Athena pricing page; AWS Glue pricing page',
  /** 10^12 bytes, in dollars. */
  athena_tb: 5,
  /** What a query is billed for at least, in bytes. */
  athena_least_bytes: 10_000_000,
  crawler_dpu_hour: 0.44,
  crawler_dpus: 2,
  crawler_least_minutes: 10,
} as const;

/**
 * List prices of us-east-1 of a small PostgreSQL that Glue reaches (Amazon RDS for PostgreSQL pricing; AWS PrivateLink
 * pricing): dollars of an hour of the instance, of a GB of gp3 a month, and of an hour of the endpoint in one zone.
 */
export const POSTGRES_PRICES = {
  as_of: '2026-11-28',
  hourly: { 'db.t4g.micro': 0.016 } as Readonly<Record<string, number>>,
  gb_month: 0.115,
  endpoint_hour: 0.01,
} as const;

const HOURS_OF_MONTH = 730;

/** What a server of PostgreSQL and its endpoint cost a month, in dollars; undefined for a class that is not listed. */
export function postgresDollars({ instanceClass, storageGb }: { instanceClass: string; storageGb: number }) {
  const hourly = own(POSTGRES_PRICES.hourly, instanceClass);
  if (hourly === undefined) return undefined;
  return (hourly + POSTGRES_PRICES.endpoint_hour) * HOURS_OF_MONTH + storageGb * POSTGRES_PRICES.gb_month;
}

/** What queries cost that read so many bytes each, in dollars. A query that reads nothing costs nothing. */
export function athenaDollars(bytes: readonly number[]): number {
  const { athena_tb, athena_least_bytes } = ANALYTICS_PRICES;
  const billed = bytes.reduce((sum, each) => sum + (each > 0 ? Math.max(each, athena_least_bytes) : 0), 0);
  return (billed / 1e12) * athena_tb;
}

/** What one crawl costs, in dollars. */
export function crawlDollars(minutes: number): number {
  const { crawler_dpu_hour, crawler_dpus, crawler_least_minutes } = ANALYTICS_PRICES;
  return (Math.max(minutes, crawler_least_minutes) / 60) * crawler_dpus * crawler_dpu_hour;
}

/**
 * What a vCPU of a Batch job costs an hour in dollars: of an r7g.large on demand, an upper bound of spot. Regions that the
 * list does not have count as us-east-1.
 */
export function r7gVcpuHourly(region: string): number {
  const hourly = (of: string) => own(own(PRICE_LIST, of)?.on_demand ?? {}, 'r7g.large');
  return (hourly(region) ?? hourly('us-east-1') ?? 0.1071) / 2;
}
