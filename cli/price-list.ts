import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { readJsonFile } from '../files/json-file';
import { PRODUCT, WORKSPACE } from '../files/product';
import { PRICE_LIST, type PriceList } from '../prices/instances';

/**
 * The file that `cost prices update` writes. A checkout has its own list. An installed package is replaced by each
 * `npm install`, and may not be writable: there the list is the user's, beside `cdktf.json`.
 */
export function pricesFile(product = PRODUCT, workspace = WORKSPACE): string {
  return product === workspace ? join(product, 'prices', 'list.json') : join(workspace, 'datastream.prices.json');
}

const Dollars = z.number().nonnegative();
const Prices = z.record(
  z.string(),
  z.object({
    as_of: z.iso.date(),
    source: z.string(),
    gp3_gb_month: Dollars,
    ipv4_hour: Dollars,
    on_demand: z.record(z.string(), Dollars),
    spot: z.record(z.string(), Dollars),
  }),
);

/**
 * The prices that are known: of each region the user's own, else the product's.
 *
 * @throws Error whose message is a sentence, where the user's file cannot be read
 */
export function knownPrices(file = pricesFile()): PriceList {
  const own = known.get(file) ?? read(file);
  known.set(file, own);
  return { ...PRICE_LIST, ...own };
}

/** By file: a list of executions asks for each of them. */
const known = new Map<string, PriceList>();

function read(file: string): PriceList {
  if (!existsSync(file)) return {};
  const content = readJsonFile(file);
  if ('error' in content) throw new Error(content.error);
  const found = Prices.safeParse(content.value);
  if (found.success) return found.data;
  const where = found.error.issues[0]?.path.join('.');
  throw new Error(
    `${file}: '${where}' is no price: delete the file, and write it again by 'datastream cost prices update'.`,
  );
}
