import { existsSync, readFileSync } from 'node:fs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { PricingClient } from '@aws-sdk/client-pricing';
import { writeFileAtomically } from '../../files/write-file';
import { awsSentence } from '../../packer/aws-errors';
import type { PriceList, RegionPrices } from '../../prices/instances';
import { fetchPrices, type PriceClients } from '../aws/prices';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';
import { pricesFile } from '../price-list';

/** A region that has the Price List Query API (AWS Billing, Price List Query API endpoints). */
const PRICING_REGION = 'us-east-1';

/** A call that hangs becomes an error; throttled calls are repeated. */
const CLIENT = {
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
  maxAttempts: 8,
} as const;

/**
 * Replaces the prices of a region in the price list by those that AWS tells today.
 *
 * @param file the price list, which is made if it is not there; other regions stay in it as they are
 * @returns the exit code: 0, 5 where AWS cannot be asked
 * @throws an error of the disk
 */
export async function updatePrices(
  region: string,
  out: Output,
  err: Output,
  file = pricesFile(),
  now = new Date(),
  clients: PriceClients = {
    pricing: new PricingClient({ ...CLIENT, region: PRICING_REGION }),
    ec2: new EC2Client({ ...CLIENT, region }),
  },
): Promise<number> {
  let prices: RegionPrices;
  try {
    prices = await fetchPrices(region, clients, now);
  } catch (error) {
    err.write(wrap(`${awsSentence(error, region)}\n`, err));
    return 5;
  }
  const others = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as PriceList) : {};
  const list: PriceList = { ...others, [region]: prices };
  writeFileAtomically(file, `${JSON.stringify(list, null, 2)}\n`);
  const { on_demand, spot, as_of } = prices;
  const types = count(Object.keys(on_demand).length, 'instance type');
  const spots = `of ${Object.keys(spot).length} of them as spot`;
  out.write(wrap(`${region}: prices of ${types}, ${spots}, of ${as_of}; written to ${file}\n`, out));
  return 0;
}
