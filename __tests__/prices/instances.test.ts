import { oldDays, own, PRICE_LIST } from '../../prices/instances';

const onDemandHourly = (type: string, region: string) => own(own(PRICE_LIST, region)?.on_demand ?? {}, type);

/** Rows of us-east-1 in skypilot-org/skypilot-catalog, catalogs/v7/aws/vms.csv, commit 001367d. */
const CATALOG: readonly (readonly [type: string, hourly: number])[] = [
  ['c5.xlarge', 0.17],
  ['c6g.8xlarge', 1.088],
  ['c6i.32xlarge', 5.44],
  ['c7a.4xlarge', 0.82112],
  ['c7g.4xlarge', 0.58],
  ['c7i.48xlarge', 8.568],
  ['c8g.medium', 0.03988],
  ['c8g.48xlarge', 7.65696],
  ['m5.12xlarge', 2.304],
  ['m6g.4xlarge', 0.616],
  ['m6i.24xlarge', 4.608],
  ['m7a.8xlarge', 1.85472],
  ['m7g.xlarge', 0.1632],
  ['m7i.8xlarge', 1.6128],
  ['m8g.medium', 0.04488],
  ['m8g.large', 0.08976],
  ['m8g.2xlarge', 0.35904],
  ['m8g.4xlarge', 0.71808],
  ['m8g.48xlarge', 8.61696],
  ['r5.xlarge', 0.252],
  ['r6g.xlarge', 0.2016],
  ['r6i.8xlarge', 2.016],
  ['r7a.4xlarge', 1.2172],
  ['r7g.4xlarge', 0.8568],
  ['r7i.48xlarge', 12.7008],
  ['r8g.4xlarge', 0.94256],
  ['t3.nano', 0.0052],
  ['t3.micro', 0.0104],
  ['t3.medium', 0.0416],
  ['t3.2xlarge', 0.3328],
  ['t4g.micro', 0.0084],
  ['t4g.medium', 0.0336],
  ['t4g.2xlarge', 0.2688],
];

describe('The on-demand price of', () => {
  it.each(CATALOG)('%s is $%d an hour', (type, hourly) => {
    expect(onDemandHourly(type, 'us-east-1')).toBeCloseTo(hourly, 8);
  });

  it.each([
    ['c7g.medium', 0.0363],
    ['r7a.medium', 0.07608],
    ['r7g.medium', 0.0536],
  ])('%s is $%d an hour, as AWS rounds it', (type, hourly) => {
    expect(onDemandHourly(type, 'us-east-1')).toBe(hourly);
  });

  it.each([
    ['p5.48xlarge', 'us-east-1'],
    ['m8g', 'us-east-1'],
    ['constructor', 'us-east-1'],
    ['', 'us-east-1'],
    ['m8g.large', 'eu-west-1'],
    ['m8g.large', 'constructor'],
  ])('"%s" in %s is not known', (type, region) => {
    expect(onDemandHourly(type, region)).toBeUndefined();
  });
});

describe('The price list', () => {
  it('has a day, a source, and a price of each kind above 0 for every region', () => {
    for (const { as_of, source, gp3_gb_month, ipv4_hour, on_demand, spot } of Object.values(PRICE_LIST)) {
      expect(new Date(as_of).toISOString().slice(0, 10)).toBe(as_of);
      expect(source).not.toBe('');
      expect(Object.values(on_demand).length).toBeGreaterThan(100);
      const all = [gp3_gb_month, ipv4_hour, ...Object.values(on_demand), ...Object.values(spot)];
      expect(all.filter((price) => !(price > 0))).toEqual([]);
    }
  });

  it('is old after 90 days', () => {
    expect(oldDays({ as_of: '2026-01-01' }, new Date('2026-04-01T23:00:00Z'))).toBeUndefined();
    expect(oldDays({ as_of: '2026-01-01' }, new Date('2026-04-02T00:00:00Z'))).toBe(91);
  });
});
