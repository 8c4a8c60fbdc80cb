import { INVARIANTS } from '../support/invariants';
import { emptyTally, matrix, type Tally } from './matrix';
import { nameOf, parseRun, perform, undisturbed } from './run';
import { SCENARIOS } from './scenarios';
import { walk } from './walk';

jest.setTimeout(60_000);

/** Of the matrix that `npm run faults` plays whole. */
const EVERY = 97;

const failures = (tally: Tally) =>
  tally.failures.map(({ name, broken }) => [
    name,
    ...broken.map(({ invariant, sentence }) => `${INVARIANTS[invariant]}: ${sentence}`),
  ]);

describe('The fault matrix', () => {
  it.each(Object.keys(SCENARIOS))('holds every invariant when nothing goes wrong: %s', async (scenario) => {
    expect((await undisturbed(scenario)).broken).toEqual([]);
  });

  it('holds every invariant in a part of its runs', async () => {
    const tally = await matrix({ of: 1, index: 0, every: EVERY });

    expect(failures(tally)).toEqual([]);
    expect(tally.runs).toBeGreaterThan(300);
  });

  it('holds every invariant on random walks', async () => {
    const tally = emptyTally();
    await walk(tally, 4, 150);

    expect(failures(tally)).toEqual([]);
    expect(tally.runs).toBeGreaterThanOrEqual(150);
  });

  it('names every run so that it can be repeated', async () => {
    const name = 'main path, commander.SendCommand#1 error after, commander.ListCommands#2 stale, event#1 lost';

    expect(nameOf(parseRun(name))).toBe(name);
    const { end, calls } = await perform(parseRun(name));
    expect(end.status).toBe('SUCCEEDED');
    expect(calls.map(({ at }) => at)).toContain('commander.SendCommand#2');
  });

  it.each([
    ['nowhere', 'There is no scenario'],
    ['main path, starter.RunInstances killed', 'is no disturbance'],
    ['main path, starter.RunInstances#1 broken', 'is no disturbance'],
  ])('refuses the name %j', (name, message) => {
    expect(() => parseRun(name)).toThrow(message);
  });
});
