import { orchestrationCost } from '../../prices/estimate';
import type { PriceList } from '../../prices/instances';
import { besideOf, jobCost, type UsedInstance } from '../../prices/jobs';

const PRICES: PriceList = {
  'eu-west-1': {
    as_of: '2026-11-28',
    source: 'a test',
    gp3_gb_month: 0.072,
    ipv4_hour: 0.005,
    on_demand: { 'm8g.large': 0.1 },
    spot: { 'm8g.large': 0.04 },
  },
};
const launch = (change: Partial<UsedInstance> = {}): UsedInstance => ({
  type: 'm8g.large',
  market: 'on-demand',
  zone: 'eu-west-1a',
  seconds: 3638,
  ...change,
});
const use = { region: 'eu-west-1', attempts: 1, launches: [launch()], volumeGb: 100, addresses: 1 };

describe('The cost of a job', () => {
  it('is that of its instances, volumes, addresses and of the state machine', () => {
    const hours = 3638 / 3600;

    const cost = jobCost(use, PRICES);

    expect(cost).toEqual({
      instance: expect.closeTo(hours * 0.1, 10),
      volumes: expect.closeTo((hours * 100 * 0.072) / 720, 10),
      addresses: expect.closeTo(hours * 0.005, 10),
      orchestration: orchestrationCost(3600),
      total: expect.closeTo(hours * (0.1 + 0.01 + 0.005) + orchestrationCost(3600), 10),
    });
  });

  it('has every attempt in it, also one that had no instance', () => {
    const [one, three] = [
      jobCost(use, PRICES),
      jobCost({ ...use, attempts: 3, launches: [launch(), launch()] }, PRICES),
    ];

    expect(three).toMatchObject({ instance: expect.closeTo(2 * (one as { instance: number }).instance, 10) });
    expect(three).toMatchObject({ orchestration: 2 * orchestrationCost(3600) + orchestrationCost(0) });
  });

  it("takes for spot what is known of the instance's hours, else the list's price", () => {
    const launches = [launch({ market: 'spot', zone: 'eu-west-1b', seconds: 3600 })];
    const inZone = (instance: UsedInstance) => (instance.zone === 'eu-west-1b' ? 0.03 : undefined);

    expect(jobCost({ ...use, launches }, PRICES)).toMatchObject({ instance: 0.04 });
    expect(jobCost({ ...use, launches }, PRICES, inZone)).toMatchObject({ instance: 0.03 });
    // On-demand has its own price whatever spot costs.
    expect(
      jobCost({ ...use, launches: [launch({ zone: 'eu-west-1b', seconds: 3600 })] }, PRICES, inZone),
    ).toMatchObject({
      instance: 0.1,
    });
  });

  it.each([
    [{ launches: [launch({ type: 'x' })] }, 'The price of x in eu-west-1'],
    [{ launches: [launch(), launch({ type: 'x', market: 'spot' as const })] }, 'The spot price of x in eu-west-1'],
    [{ region: 'eu-west-2' }, 'The price of m8g.large in eu-west-2'],
  ])('says which price is not known, and what to do: %j', (change, told) => {
    const region = 'region' in change ? change.region : 'eu-west-1';

    expect(jobCost({ ...use, ...change }, PRICES)).toEqual({
      unknown: `${told} is not known: run 'datastream cost prices update --region ${region}'.`,
    });
  });
});

test.each([
  ['nothing', undefined, { volumeGb: 8, addresses: 1 }],
  ['no object', 'x', { volumeGb: 8, addresses: 1 }],
  ['lists that are none', { BlockDeviceMappings: 3, NetworkInterfaces: {} }, { volumeGb: 8, addresses: 1 }],
  [
    'two volumes',
    { BlockDeviceMappings: [{ Ebs: { VolumeSize: 64 } }, { Ebs: { VolumeSize: 100 } }, null, { NoDevice: '' }] },
    { volumeGb: 164, addresses: 1 },
  ],
  ['no address', { NetworkInterfaces: [{ AssociatePublicIpAddress: false }] }, { volumeGb: 8, addresses: 0 }],
])('%s as instance_parameters', (_, parameters, beside) => {
  expect(besideOf(parameters)).toEqual(beside);
});
