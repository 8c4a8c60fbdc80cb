import { athenaDollars, crawlDollars, r7gVcpuHourly } from '../../prices/analytics';
import { PRICE_LIST } from '../../prices/instances';

test('Athena takes $5 for 10^12 bytes, and 10 MB of a query at least', () => {
  expect(athenaDollars([1e12])).toBe(5);
  expect(athenaDollars([1, 9_999_999])).toBeCloseTo(0.0001, 10);
  expect(athenaDollars([4e11, 4e11, 1e6])).toBeCloseTo(4.00005, 10);
});

test('a query that reads nothing, such as DROP TABLE, costs nothing', () => {
  expect(athenaDollars([0, 0])).toBe(0);
  expect(athenaDollars([])).toBe(0);
});

test('a crawl is billed for ten minutes at least', () => {
  // Two DPUs at $0.44 an hour.
  expect(crawlDollars(1)).toBeCloseTo(0.88 / 6, 10);
  expect(crawlDollars(60)).toBeCloseTo(0.88, 10);
});

test('a vCPU costs half of an r7g.large; a region that is not known counts as us-east-1', () => {
  expect(r7gVcpuHourly('us-east-1')).toBe((PRICE_LIST['us-east-1']?.on_demand['r7g.large'] ?? 0) / 2);
  expect(r7gVcpuHourly('mars-north-1')).toBe(r7gVcpuHourly('us-east-1'));
});
