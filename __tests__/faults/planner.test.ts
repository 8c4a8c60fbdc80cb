import type { Firing } from '../../local/scheduler';
import type { ApiFault, Faults } from '../../local/service';
import { Rounds, rivers } from '../support/rounds';

const MATRIX = rivers();
/** Nine jobs of two lines start at 06:00; the next rounds of these lines are at 07:00 and 12:00. */
const FROM = new Date('2026-08-18T02:55:00Z');
const DISTURBED = { from: Date.parse('2026-08-18T05:55:00Z'), until: Date.parse('2026-08-18T06:55:00Z') };
const isDisturbed = (time: Date) => time.getTime() >= DISTURBED.from && time.getTime() < DISTURBED.until;
/** Hours from FROM until the disturbed hour is repaired, and those whose jobs must then all be there. */
const HOURS = 10;
const WHOLE = 5;

const EFFECTS: Readonly<Record<string, ApiFault>> = {
  throttled: { error: 'ThrottlingException' },
  refused: { error: 'AccessDeniedException' },
  'failed before its effect': { http: { status: 500, body: '{"__type":"InternalServerException"}' } },
  'failed after its effect': { http: { status: 502, body: '<html>' }, after: true },
  'killed before its effect': { error: 'Killed', kills: true },
  'killed after its effect': { kills: true },
  'longer than the time-out': { delay: 1_000_000 },
  'answered after the time-out': { replyDelay: 1_000_000 },
};

/** A call of a planner, counted by operation from 1. */
interface Call {
  readonly operation: string;
  readonly call: number;
}

async function play(options: { readonly faults?: Faults; readonly fires?: Firing }): Promise<Rounds> {
  const rounds = new Rounds(MATRIX, FROM, options);
  await rounds.play(HOURS);
  return rounds;
}

/** The planners' calls of the hour that is to be disturbed. */
async function callsOfHour(): Promise<Call[]> {
  const calls: Call[] = [];
  const rounds: Rounds = new Rounds(MATRIX, FROM, {
    faults: (operation, call, _input, caller) => {
      if (caller === 'planner' && isDisturbed(rounds.cloud.clock.now())) calls.push({ operation, call });
      return undefined;
    },
  });
  await rounds.play(4);
  return calls;
}

const only =
  (operation: string, at: (call: number) => boolean, fault: ApiFault): Faults =>
  (called, call) =>
    called === operation && at(call) ? fault : undefined;

test('undisturbed rounds start each job once, on time and with the dates of its cycle', async () => {
  const rounds = await play({});

  expect(rounds.broken(HOURS)).toEqual([]);
  expect(rounds.cloud.throttled).toEqual([]);
  expect(rounds.cloud.deadLetters).toEqual([]);
});

describe.each(Object.entries(EFFECTS))('a call that is %s', (effect, fault) => {
  test('loses no job and starts none twice, whichever call of an hour it is', async () => {
    const calls = await callsOfHour();
    const failures: string[] = [];
    for (const { operation, call } of calls) {
      const rounds = await play({ faults: only(operation, (each) => each === call, fault) });
      failures.push(...rounds.broken(WHOLE).map((broken) => `${operation}#${call} ${effect}: ${broken}`));
    }

    expect(new Set(calls.map(({ operation }) => operation))).toEqual(new Set(['StartExecution', 'ListExecutions']));
    expect(failures).toEqual([]);
  });

  test('is made up for by later rounds where it is every start of an hour', async () => {
    const rounds: Rounds = new Rounds(MATRIX, FROM, {
      faults: (operation) =>
        operation === 'StartExecution' && isDisturbed(rounds.cloud.clock.now()) ? fault : undefined,
    });
    await rounds.play(HOURS);

    expect(rounds.broken(WHOLE)).toEqual([]);
  });
});

test('rounds that fail at every try are dead letters', async () => {
  const rounds: Rounds = new Rounds(MATRIX, FROM, {
    faults: (operation) =>
      operation === 'StartExecution' && isDisturbed(rounds.cloud.clock.now())
        ? { error: 'AccessDeniedException' }
        : undefined,
  });
  await rounds.play(HOURS);

  expect(rounds.cloud.deadLetters).toEqual([
    { stream: 'forecast', line: 'short_range', scheduled: '2026-08-18T06:00:00Z' },
    { stream: 'forecast', line: 'medium_range', scheduled: '2026-08-18T06:00:00Z' },
    { stream: 'forcing', line: 'short_range', scheduled: '2026-08-18T06:30:00Z' },
  ]);
});

test('a list of executions that is never there costs calls, and starts nothing twice', async () => {
  const rounds = await play({ faults: only('ListExecutions', () => true, { error: 'AccessDeniedException' }) });

  expect(rounds.broken(HOURS)).toEqual([]);
});

test('a list that is an hour old starts nothing twice', async () => {
  const rounds = await play({ faults: only('ListExecutions', () => true, { lag: 3_600_000 }) });

  expect(rounds.broken(HOURS)).toEqual([]);
});

const MINUTE = 60_000;
const FIRINGS: Readonly<Record<string, readonly number[]>> = {
  doubled: [0, 0],
  'doubled a second later': [0, 1000],
  'doubled ten minutes later': [0, 10 * MINUTE],
  'doubled after the job has ended': [0, 55 * MINUTE],
  'late by a minute': [MINUTE],
  'late by five minutes': [5 * MINUTE],
  'late by an hour': [59 * MINUTE],
  'late and doubled': [20 * MINUTE, 40 * MINUTE],
  lost: [],
};

describe.each(Object.entries(FIRINGS))('a schedule that is %s starts each job once', (_, delays) => {
  test('in one hour, of each line by itself', async () => {
    for (const { stream, line } of MATRIX.lines) {
      const rounds = await play({
        fires: (schedule, scheduled) => (schedule === `${stream}.${line}` && isDisturbed(scheduled) ? delays : [0]),
      });

      expect(rounds.broken(WHOLE)).toEqual([]);
    }
  });

  test('for hours, of every line at once', async () => {
    const rounds = await play({ fires: (_, scheduled) => (scheduled.getTime() < DISTURBED.until ? delays : [0]) });

    // Of gauges the next round is tomorrow's.
    expect(rounds.broken(WHOLE).filter((each) => !each.startsWith('gauges'))).toEqual([]);
  });
});

test('rounds that come after midnight run the day that they were meant for', async () => {
  const rounds = new Rounds(MATRIX, new Date('2026-08-18T23:25:00Z'), { fires: () => [45 * MINUTE] });
  await rounds.play(2);

  expect(rounds.started.filter(({ at }) => at.getUTCDate() === 19).length).toBeGreaterThan(0);
  expect(rounds.broken(1)).toEqual([]);
});
