import { DescribeSpotPriceHistoryCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { type Filter, GetProductsCommand, type PricingClient } from '@aws-sdk/client-pricing';
import * as z from 'zod';
import type { RegionPrices } from '../../prices/instances';

/** The clients that know prices. */
export interface PriceClients {
  readonly pricing: Pick<PricingClient, 'send'>;
  readonly ec2: Pick<EC2Client, 'send'>;
}

/** A product as GetProducts answers it, each as a text of JSON (AWS Price List Query API, GetProducts). */
const Product = z.object({
  product: z.object({ attributes: z.record(z.string(), z.string()) }),
  terms: z.object({
    OnDemand: z
      .record(
        z.string(),
        z.object({
          priceDimensions: z.record(
            z.string(),
            z.object({ unit: z.string(), pricePerUnit: z.object({ USD: z.string().optional() }) }),
          ),
        }),
      )
      .optional(),
  }),
});
type Product = z.infer<typeof Product>;

/** On-demand Linux instances with shared tenancy, without other software. */
const LINUX = {
  operatingSystem: 'Linux',
  tenancy: 'Shared',
  preInstalledSw: 'NA',
  capacitystatus: 'Used',
  marketoption: 'OnDemand',
};

/**
 * Asks AWS for the prices of a region: the Price List Query API for what has a list price, EC2 for spot instances.
 *
 * @throws Error of the SDK; Error whose message is a sentence where the answer has no price of a kind
 */
export async function fetchPrices(region: string, { pricing, ec2 }: PriceClients, now: Date): Promise<RegionPrices> {
  const [instances, volumes, network] = [
    await productsOf(pricing, 'AmazonEC2', { regionCode: region, ...LINUX }),
    await productsOf(pricing, 'AmazonEC2', { regionCode: region, productFamily: 'Storage', volumeApiName: 'gp3' }),
    // The addresses have no productFamily.
    await productsOf(pricing, 'AmazonVPC', { regionCode: region }),
  ];
  const addresses = network.filter(({ product: { attributes } }) =>
    attributes.usagetype?.endsWith('PublicIPv4:InUseAddress'),
  );
  const on_demand = byType(instances);
  if (Object.keys(on_demand).length === 0) throw new Error(noPrice('instances', region));
  return {
    as_of: now.toISOString().slice(0, 10),
    source: 'AWS Price List Query API; DescribeSpotPriceHistory',
    gp3_gb_month: onlyPrice(volumes, 'GB-Mo', 'gp3 volumes', region),
    ipv4_hour: onlyPrice(addresses, 'Hrs', 'public IPv4 addresses', region),
    on_demand,
    spot: await spotPrices(ec2, now),
  };
}

const noPrice = (what: string, region: string) =>
  `AWS's price list has no price of ${what} in ${region}: see that ${region} is a region.`;

async function productsOf(
  pricing: PriceClients['pricing'],
  ServiceCode: string,
  fields: Readonly<Record<string, string>>,
): Promise<Product[]> {
  const Filters: Filter[] = Object.entries(fields).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value }));
  const products: Product[] = [];
  let NextToken: string | undefined;
  do {
    const page = await pricing.send(
      new GetProductsCommand({ ServiceCode, Filters, FormatVersion: 'aws_v1', NextToken }),
    );
    products.push(...(page.PriceList ?? []).map((text: unknown) => Product.parse(JSON.parse(String(text)))));
    NextToken = page.NextToken;
  } while (NextToken);
  return products;
}

/** The prices above 0 of a unit: some products have a free tier, and reserved capacity has a price of 0. */
function pricesOf({ terms }: Product, unit: string): number[] {
  return Object.values(terms.OnDemand ?? {})
    .flatMap(({ priceDimensions }) => Object.values(priceDimensions))
    .filter((dimension) => dimension.unit === unit)
    .map(({ pricePerUnit }) => Number(pricePerUnit.USD ?? 0))
    .filter((price) => price > 0);
}

/** A type that has two prices is left out: no price is better than a wrong one. */
function byType(products: readonly Product[]): Record<string, number> {
  const found = new Map<string, Set<number>>();
  for (const product of products) {
    const type = product.product.attributes.instanceType ?? '';
    const prices = found.get(type) ?? new Set();
    for (const price of pricesOf(product, 'Hrs')) prices.add(price);
    found.set(type, prices);
  }
  return sorted([...found].flatMap(([type, [price, second]]) => (price && !second ? [[type, price] as const] : [])));
}

function onlyPrice(products: readonly Product[], unit: string, what: string, region: string): number {
  const [price] = products.flatMap((product) => pricesOf(product, unit));
  if (price === undefined) throw new Error(noPrice(what, region));
  return price;
}

/** The mean of the zones' present prices. */
async function spotPrices(ec2: PriceClients['ec2'], now: Date): Promise<Record<string, number>> {
  const zones = new Map<string, number[]>();
  let NextToken: string | undefined;
  do {
    // With a start that is now, EC2 answers the price that holds in each zone.
    const page = await ec2.send(
      new DescribeSpotPriceHistoryCommand({ StartTime: now, ProductDescriptions: ['Linux/UNIX'], NextToken }),
    );
    for (const { InstanceType, SpotPrice } of page.SpotPriceHistory ?? []) {
      if (!InstanceType || !(Number(SpotPrice) > 0)) continue;
      const prices = zones.get(InstanceType) ?? [];
      prices.push(Number(SpotPrice));
      zones.set(InstanceType, prices);
    }
    NextToken = page.NextToken || undefined;
  } while (NextToken);
  return sorted(
    [...zones].map(([type, prices]) => {
      const mean = prices.reduce((sum, price) => sum + price, 0) / prices.length;
      return [type, Number(mean.toFixed(6))] as const;
    }),
  );
}

const sorted = (entries: readonly (readonly [string, number])[]) =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
