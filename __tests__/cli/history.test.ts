import type { Listed, ListFilter } from '../../cli/executions';
import { medianSeconds } from '../../cli/history';
import { SECONDS_BESIDE_COMMANDS } from '../../prices/estimate';

const NOW = new Date('2026-08-20T12:00:00Z');

/** An execution that took some time, which began on a day. */
const ran = (name: string, seconds: number, day = '2026-08-19'): Listed => {
  const startedAt = new Date(`${day}T00:00:00Z`);
  return { name, status: 'SUCCEEDED', startedAt, endedAt: new Date(startedAt.getTime() + seconds * 1000) };
};

/** A list that holds to its filter. */
const executions = (all: readonly Listed[]) => ({
  list: async ({ since, status }: ListFilter) =>
    all.filter((each) => (!since || each.startedAt >= since) && each.status === status),
});

const seconds = async (jobs: Parameters<typeof medianSeconds>[0], ...all: Listed[]) =>
  Object.fromEntries(await medianSeconds(jobs, executions(all), NOW));

describe('How long jobs run', () => {
  it('is the median of the line and the place, of all its cycles and days, with retries', async () => {
    const jobs = ['00', '06'].map((cycle) => ({ name: `a_03W_${cycle}_20260821`, group: 'a short 03W' }));

    const found = await seconds(
      [...jobs, { name: 'a_05_00_20260821', group: 'a short 05' }],
      ran('a_03W_00_20260819', 100),
      ran('a_03W_06_20260819_r2', 300),
      ran('a_03W_06_20260818', 200),
      ran('a_05_00_20260819', 1000),
    );

    expect(found).toEqual({
      a_03W_00_20260821: 200 - SECONDS_BESIDE_COMMANDS,
      a_03W_06_20260821: 200 - SECONDS_BESIDE_COMMANDS,
      a_05_00_20260821: 1000 - SECONDS_BESIDE_COMMANDS,
    });
  });

  it("is that of the same file's executions where there is no matrix", async () => {
    const jobs = [{ name: 'first-job' }, { name: 'new' }];

    const found = await seconds(jobs, ran('first-job_20260819-101500', 138), ran('first-job_20260819-101500-2', 138));

    expect(found).toEqual({ 'first-job': 138 - SECONDS_BESIDE_COMMANDS });
  });

  it('leaves out what is older, and what did not succeed', async () => {
    const failed = { ...ran('a_20260819', 5), status: 'FAILED' as const };

    expect(await seconds([{ name: 'a' }], failed, ran('a_20260801', 100, '2026-08-01'))).toEqual({});
  });
});
