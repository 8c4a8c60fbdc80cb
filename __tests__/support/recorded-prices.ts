import type { DescribeSpotPriceHistoryCommand } from '@aws-sdk/client-ec2';
import type { GetProductsCommand } from '@aws-sdk/client-pricing';
import type { PriceClients } from '../../cli/aws/prices';

/** A product in the shape of GetProducts (AWS Price List Query API). */
function product(sku: string, attributes: object, unit: string, usd: readonly string[], productFamily?: string) {
  const dimension = (price: string, index: number) => [
    `${sku}.JRTCKXETXF.6YS6EN2CT${index}`,
    {
      unit,
      endRange: 'Inf',
      description: `$${price} per ${unit}`,
      appliesTo: [],
      rateCode: `${sku}.JRTCKXETXF.6YS6EN2CT${index}`,
      beginRange: '0',
      pricePerUnit: { USD: price },
    },
  ];
  const term = {
    priceDimensions: Object.fromEntries(usd.map(dimension)),
    sku,
    effectiveDate: '2026-11-01T00:00:00Z',
    offerTermCode: 'JRTCKXETXF',
    termAttributes: {},
  };
  return JSON.stringify({
    product: { ...(productFamily && { productFamily }), attributes, sku },
    serviceCode: 'AmazonEC2',
    terms: { OnDemand: { [`${sku}.JRTCKXETXF`]: term } },
    version: '20261101000000',
    publicationDate: '2026-11-01T00:00:00Z',
  });
}

const instance = (sku: string, instanceType: string, usd: string) =>
  product(sku, { instanceType, operatingSystem: 'Linux', regionCode: 'eu-west-1' }, 'Hrs', [usd], 'Compute Instance');
const ADDRESS = { group: 'VPCPublicIPv4Address', usagetype: 'EU-PublicIPv4:InUseAddress' };
const IDLE = { group: 'VPCPublicIPv4Address', usagetype: 'EU-PublicIPv4:IdleAddress' };

/** AWS as it answers for eu-west-1: two pages of instances, and a spot price in two zones. */
export function recordedPrices(changes: { readonly volumes?: string[]; readonly error?: Error } = {}): PriceClients {
  const pages: Record<string, { PriceList: string[]; NextToken?: string }> = {
    'instances ': {
      PriceList: [instance('A', 'm8g.large', '0.1003200000'), instance('B', 'x.two', '1.0')],
      NextToken: '2',
    },
    'instances 2': {
      PriceList: [instance('C', 'x.two', '2.0'), instance('D', 'x.free', '0.0'), instance('E', 'c8g.large', '0.09')],
    },
    'volumes ': {
      PriceList: changes.volumes ?? [product('F', { volumeApiName: 'gp3' }, 'GB-Mo', ['0.0880000000'], 'Storage')],
    },
    'network ': { PriceList: [product('G', IDLE, 'Hrs', ['0.006']), product('H', ADDRESS, 'Hrs', ['0.0', '0.005'])] },
  };
  const pricing = {
    send: async ({ input }: GetProductsCommand) => {
      if (changes.error) throw changes.error;
      const fields = Object.fromEntries((input.Filters ?? []).map(({ Field, Value }) => [Field, Value]));
      expect(fields.regionCode).toBe('eu-west-1');
      const what = input.ServiceCode === 'AmazonVPC' ? 'network' : fields.volumeApiName ? 'volumes' : 'instances';
      return pages[`${what} ${input.NextToken ?? ''}`];
    },
  };
  const spot = (AvailabilityZone: string, SpotPrice: string) => ({
    AvailabilityZone,
    InstanceType: 'm8g.large',
    ProductDescription: 'Linux/UNIX',
    SpotPrice,
    Timestamp: new Date('2026-11-20T00:00:00Z'),
  });
  const ec2 = {
    send: async ({ input }: DescribeSpotPriceHistoryCommand) =>
      input.NextToken
        ? { SpotPriceHistory: [spot('eu-west-1b', '0.050000')], NextToken: '' }
        : { SpotPriceHistory: [spot('eu-west-1a', '0.030000')], NextToken: 'more' },
  };
  return { pricing, ec2 } as unknown as PriceClients;
}
