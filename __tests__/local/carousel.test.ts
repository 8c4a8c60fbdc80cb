import { OUTPUTS } from '../../local/carousel';
import { keyOf, testCarousel } from '../support/carousel';

test('a turn restores each file once for two requests, and runs a job for each pair', async () => {
  const { cloud, keys, request, turn, report, runs, ledger } = await testCarousel(6);
  const first = await request(keys.slice(0, 4));
  await request(keys.slice(2, 6));

  const { status, cause } = await turn();

  expect({ status, cause }).toEqual({ status: 'SUCCEEDED', cause: undefined });
  expect(cloud.calls('SubmitJob')).toBe(8);
  expect(runs.map(({ readable }) => readable)).toEqual(Array(8).fill(true));
  const told = report('turn-1');
  expect(told).toMatchObject({
    files: { chosen: 6, verified: 6, failed: 0 },
    jobs: { succeeded: 8, failed: 0, returned: 0 },
    problems: [],
  });
  expect(told.dollars.actual).toBeLessThanOrEqual(told.dollars.estimate);
  expect(told.outputs).toHaveLength(8);
  for (const output of told.outputs) expect(cloud.s3.get(OUTPUTS, output)).toBe('numpy');
  expect(await cloud.clock.run(ledger.get({ pk: `request#${first.request}`, sk: 'request' }))).toMatchObject({
    state: 'DONE',
  });
  expect(keyOf(0)).toMatch(/^P1\//);
});
