import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { PricingClient } from '@aws-sdk/client-pricing';
import { PRODUCT, WORKSPACE } from '../../files/product';
import { writeFileAtomically } from '../../files/write-file';
import { awsSentence } from '../../packer/aws-errors';
import type { PriceList } from '../../prices/instances';
import { fetchPrices, type PriceClients } from '../aws/prices';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';

/** The file of the prices, in the checkout. */
export const PRICES_FILE = join(PRODUCT, 'prices', 'list.json');

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
 * @param file the price list; other regions stay in it as they are
 * @returns the exit code: 0, 2 in the npm package and where the file cannot be read, 5 where AWS cannot be asked
 */
export async function updatePrices(
  region: string,
  out: Output,
  err: Output,
  file = PRICES_FILE,
  now = new Date(),
  clients: PriceClients = {
    pricing: new PricingClient({ ...CLIENT, region: PRICING_REGION }),
    ec2: new EC2Client({ ...CLIENT, region }),
  },
): Promise<number> {
  if (PRODUCT !== WORKSPACE) {
    err.write(
      wrap('The prices are part of the npm package: update them in a checkout, or take a newer package.\n', err),
    );
    return 2;
  }
  try {
    const prices = await fetchPrices(region, clients, now);
    const list: PriceList = { ...(JSON.parse(readFileSync(file, 'utf8')) as PriceList), [region]: prices };
    writeFileAtomically(file, `${JSON.stringify(list, null, 2)}\n`);
    const { on_demand, spot } = prices;
    const types = count(Object.keys(on_demand).length, 'instance type');
    out.write(
      wrap(`${region}: prices of ${types}, of ${Object.keys(spot).length} of them as spot, of ${prices.as_of}\n`, out),
    );
    return 0;
  } catch (error) {
    err.write(wrap(`${awsSentence(error, region)}\n`, err));
    return 5;
  }
}
