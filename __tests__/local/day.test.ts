import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { playDay } from '../../local/day';
import { playRounds } from '../../local/rounds';
import { readCron } from '../../local/scheduler';
import { COMMAND, EXAMPLES } from '../support/cli';
import { rivers } from '../support/rounds';
import { ENVIRONMENT } from '../support/terraform';

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');

test('a whole virtual day of the example: every job succeeds once, no call is throttled, and none is launched late', async () => {
  const day = await playDay(rivers(), { from: new Date('2026-08-18T00:00:00Z'), hours: 24, jobSeconds: 480 });

  expect(day.jobs).toHaveLength(125);
  expect(day.jobs.filter(({ outcome }) => outcome !== 'SUCCEEDED')).toEqual([]);
  expect(day.jobs.filter(({ launchedAfter = Number.NaN }) => !(launchedAfter >= 60 && launchedAfter <= 150))).toEqual(
    [],
  );
  expect([day.unexpected, day.throttled, day.deadLetters]).toEqual([[], [], 0]);
  expect(day.planner.requests).toBe(57);
});

test('a year of rounds has neither a gap nor a double, also where clocks change', () => {
  // The command runs where clocks are changed in March and in November.
  const args = ['matrix', 'play', RIVERS, '--from', '20260101', '--hours', '8760', '--rounds-only', '--json'];
  const json = execFileSync(process.execPath, [COMMAND, ...args], {
    env: { ...ENVIRONMENT, TZ: 'America/New_York' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const { jobs, outcomes, unexpected, last_launch_s, played } = JSON.parse(json);

  expect({ jobs, outcomes, unexpected }).toEqual({ jobs: 125 * 365, outcomes: { STARTED: 125 * 365 }, unexpected: [] });
  expect(last_launch_s).toBeLessThan(150);
  const hours = new Set(played.map(({ scheduled }: { scheduled: string }) => scheduled.slice(0, 13)));
  expect(hours.size).toBe(8760);
  const ofDay = (day: string) =>
    played.filter(({ scheduled }: { scheduled: string }) => scheduled.startsWith(day)).length;
  expect(['2026-03-08', '2026-07-01', '2026-11-01'].map(ofDay)).toEqual([125, 125, 125]);
});

test('every second round of each line may be lost', async () => {
  const firings = new Map<string, number>();
  const day = await playRounds(rivers(), {
    from: new Date('2026-08-18T00:00:00Z'),
    hours: 24 * 14,
    fires: (schedule) => {
      const firing = (firings.get(schedule) ?? 0) + 1;
      firings.set(schedule, firing);
      return firing % 2 === 0 ? [] : [0];
    },
  });
  const missing = day.jobs.filter(({ outcome }) => outcome === 'MISSING').map(({ start }) => start);
  const end = Date.parse('2026-08-31T00:00:00Z');

  // What is missing of the last day is the next day's.
  expect(missing.filter(({ scheduled }) => scheduled.getTime() < end).map(({ name }) => name)).toEqual([]);
  expect(day.jobs.some(({ launchedAfter = 0 }) => launchedAfter > 3600)).toBe(true);
});

describe('a cron expression', () => {
  test.each([
    ['cron(30 * * * ? *)', '2026-08-18T07:30:00Z', true],
    ['cron(30 * * * ? *)', '2026-08-18T07:31:00Z', false],
    ['cron(0 1,7,13,19 * * ? *)', '2026-08-18T13:00:00Z', true],
    ['cron(0 1,7,13,19 * * ? *)', '2026-08-18T03:00:00Z', false],
  ])('%s is due at %s: %s', (expression, time, due) => {
    expect(readCron(expression)(new Date(time))).toBe(due);
  });

  test('of another form is refused', () => {
    expect(() => readCron('rate(1 hour)')).toThrow(
      'rate(1 hour) is no schedule of a matrix: write cron(MINUTE HOURS * * ? *).',
    );
  });
});
