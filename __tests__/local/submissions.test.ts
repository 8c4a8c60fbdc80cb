import { countsOf } from '../../lambdas/datastream/results';
import { playSubmission } from '../support/submission';

const names = (count: number) => Array.from({ length: count }, (_, index) => `job_${String(index).padStart(4, '0')}`);

test('two thousand jobs, 3 % of which fail: at most fifty at once, each once, and every result', async () => {
  const fails = (name: string) => Number(name.slice(4)) % 100 < 3;
  const all = names(2000);

  const {
    submission,
    rows = [],
    runs,
    mostAtOnce,
    running,
  } = await playSubmission({
    names: all,
    concurrency: 50,
    tolerate: 5,
    fails,
  });

  expect([submission.status, submission.error, submission.cause]).toEqual(['SUCCEEDED', undefined, undefined]);
  expect(mostAtOnce).toBe(50);
  expect(rows.map(({ name }) => name)).toEqual(all);
  expect(countsOf(rows)).toEqual({ SUCCEEDED: 1940, FAILED: 60 });
  expect(rows.filter(({ name, status }) => (status === 'FAILED') !== fails(name))).toEqual([]);
  expect([...runs.values()].filter((count) => count !== 1)).toEqual([]);
  expect(runs.size).toBe(2000);
  expect(running).toEqual([]);
  expect(rows[0]).toEqual({
    name: 'job_0000',
    status: 'FAILED',
    error: 'CommandFailed',
    cause: expect.stringContaining('exit'),
    attempts: 1,
    type: 't4g.large',
    market: 'on-demand',
    seconds: expect.any(Number),
    dollars: expect.any(Number),
    object: null,
  });
}, 120_000);
