import { seededRandom } from '../../local/random';
import { PRICES } from '../../prices/orchestration';
import { testCarousel } from '../support/carousel';

/** List prices of us-east-1, in dollars a call (Amazon DynamoDB pricing, on demand; Amazon S3 pricing, Standard). */
const CALLS: Readonly<Record<string, number>> = {
  GetItem: 0.125e-6,
  UpdateItem: 0.625e-6,
  PutItem: 0.625e-6,
  DeleteItem: 0.625e-6,
  BatchWriteItem: 25 * 0.625e-6,
  // A thousand rows of a third of a KB are about 80 units.
  Query: 80 * 0.125e-6,
  ListObjectsV2: 0.005 / 1000,
  HeadObject: 0.0004 / 1000,
  GetObject: 0.0004 / 1000,
  PutObject: 0.005 / 1000,
};

test('1,000 files and 40 requests: one restore a file, one job a pair, and less than $0.0001 of orchestration a file', async () => {
  const { cloud, keys, request, turn, report } = await testCarousel(1000, { gb: 1 });
  const random = seededRandom(7);
  const pairs = new Set<string>();
  const wanted = new Set<string>();
  for (let index = 0; index < 40; index++) {
    const first = Math.min(Math.floor(random() * 1000), 960);
    // The last request asks for everything that no other did.
    const mine =
      index < 39 ? keys.slice(first, first + 10 + Math.floor(random() * 31)) : keys.filter((key) => !wanted.has(key));
    for (const key of mine) {
      wanted.add(key);
      pairs.add(`${index} ${key}`);
    }
    await request(mine, { definition: 'Radiance' }, `user ${index}`);
  }
  const before = cloud.calls('UpdateItem');
  const { status, used, cause } = await turn();

  expect([status, cause]).toEqual(['SUCCEEDED', undefined]);
  expect(wanted.size).toBe(1000);
  expect(before).toBe(0);
  const begun = cloud.s3.restoresBegun.map(({ key }) => key);
  expect(begun).toHaveLength(1000);
  expect(new Set(begun)).toEqual(wanted);
  expect(cloud.calls('SubmitJob')).toBe(pairs.size);
  expect(report('turn-1').jobs).toEqual({ succeeded: pairs.size, failed: 0, returned: 0 });

  const functions = cloud.invocations.reduce(
    (sum, { milliseconds, memoryMb }) =>
      sum + PRICES.request + ((milliseconds + 50) / 1000) * (memoryMb / 1024) * PRICES.gbSecond,
    0,
  );
  const calls = Object.entries(CALLS).reduce((sum, [operation, price]) => sum + cloud.calls(operation) * price, 0);
  const machine = used.transitions * PRICES.transition;
  const figures = {
    jobs: pairs.size,
    events: used.events,
    transitions: used.transitions,
    invocations: cloud.invocations.length,
    functions,
    calls,
    machine,
    counts: Object.fromEntries(Object.keys(CALLS).map((each) => [each, cloud.calls(each)])),
  };
  if (process.env.CAROUSEL_FIGURES) console.log(figures);
  expect(used.events).toBeLessThan(25_000);
  expect((functions + calls + machine) / 1000).toBeLessThanOrEqual(0.0001);
});
