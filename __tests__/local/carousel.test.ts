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

test.each([
  ['a job for each file', { definition: 'Radiance' }, { requests: 2, files: 4, jobs: 5 }],
  ['one job for all files', { definition: 'Mosaic', run: 'all' }, { requests: 2, files: 4, jobs: 4 }],
])(
  'a turn tells what its budget left waiting, and the least budget that serves any of it: %s',
  async (_what, job, left) => {
    const { keys, request, turn, report } = await testCarousel(4);
    await request(keys.slice(0, 3));
    await request(keys.slice(2, 4), job);

    const { status } = await turn({ requests: 'waiting', budget_dollars: 0.01 }, 'turn-1');
    const { files, waiting, problems } = report('turn-1');

    expect([status, files.chosen]).toEqual(['SUCCEEDED', 0]);
    expect(waiting).toMatchObject({ ...left, budget_dollars: 0.01 });
    const cheapest = waiting?.cheapest_dollars ?? 0;
    expect(problems).toEqual([
      `2 requests with 4 files and ${left.jobs} jobs still wait: the budget of $0.01 has no room for them; the cheapest that waits needs $${cheapest.toFixed(2)}.`,
    ]);

    await turn({ requests: 'waiting', budget_dollars: cheapest - 0.01 }, 'turn-2');
    expect(report('turn-2').files.chosen).toBe(0);
    await turn({ requests: 'waiting', budget_dollars: cheapest }, 'turn-3');
    expect(report('turn-3').files.chosen).toBeGreaterThan(0);
    await turn({ requests: 'waiting', budget_dollars: 1000 }, 'turn-4');
    expect(report('turn-4').waiting).toBeUndefined();
  },
);
