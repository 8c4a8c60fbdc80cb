import type { Broken, Invariant } from '../support/invariants';
import {
  DISORDERS,
  type Disturbance,
  type Effect,
  faultsOf,
  nameOf,
  type Outcome,
  type Point,
  perform,
  type Run,
  STOPS,
  undisturbed,
} from './run';
import { SCENARIOS } from './scenarios';

/** A run that has broken an invariant. */
export interface Failure {
  readonly name: string;
  readonly broken: readonly Broken[];
}

/** What a number of runs have shown; plain data, to be sent from process to process. */
export interface Tally {
  runs: number;
  /** How many runs have broken each invariant. */
  readonly broken: Partial<Record<Invariant, number>>;
  /** By call or event, then by what went wrong: in how many runs. */
  readonly table: Record<string, Partial<Record<Effect, number>>>;
  readonly failures: Failure[];
}

export function emptyTally(): Tally {
  return { runs: 0, broken: {}, table: {}, failures: [] };
}

/** Adds one run. @param rows the row of the table of each of its disturbances */
export function count(tally: Tally, run: Run, rows: readonly string[], broken: readonly Broken[]): void {
  tally.runs++;
  run.disturbances.forEach(({ effect }, index) => {
    const row = rows[index] ?? '';
    tally.table[row] ??= {};
    const cells = tally.table[row];
    cells[effect] = (cells[effect] ?? 0) + 1;
  });
  for (const invariant of new Set(broken.map((each) => each.invariant))) {
    tally.broken[invariant] = (tally.broken[invariant] ?? 0) + 1;
  }
  if (broken.length > 0) tally.failures.push({ name: nameOf(run), broken });
}

/** Adds one tally to another. */
export function add(sum: Tally, more: Tally): void {
  sum.runs += more.runs;
  for (const [key, number] of Object.entries(more.broken)) {
    const invariant = Number(key) as Invariant;
    sum.broken[invariant] = (sum.broken[invariant] ?? 0) + number;
  }
  for (const [row, cells] of Object.entries(more.table)) {
    sum.table[row] ??= {};
    const sums = sum.table[row];
    for (const [effect, number] of Object.entries(cells)) {
      sums[effect as Effect] = (sums[effect as Effect] ?? 0) + number;
    }
  }
  sum.failures.push(...more.failures);
}

/** Which runs of the matrix to play. */
export interface Share {
  /** Of so many shares ... */
  readonly of: number;
  /** ... this one, from 0. */
  readonly index: number;
  /** Of these runs every so many-th; default 1, all. */
  readonly every?: number;
}

const MAIN_PATH = 'main path';

/** Plays a share of the matrix. */
export async function matrix({ of, index, every = 1 }: Share): Promise<Tally> {
  const tally = emptyTally();
  let turn = 0;
  const mine = () => turn++ % (of * every) === index * every;

  const play = async (scenario: string, points: readonly [Point, Effect][]): Promise<Outcome> => {
    const disturbances: Disturbance[] = points.map(([{ at }, effect]) => ({ at, effect }));
    const run = { scenario, disturbances };
    const outcome = await perform(run);
    const rows = points.map(([{ row }]) => row);
    count(tally, run, rows, outcome.broken);
    return outcome;
  };

  // Every fault of every call in every scenario, the user's stop there, and every disorder of its events.
  for (const scenario of Object.keys(SCENARIOS)) {
    const { calls, events } = await undisturbed(scenario);
    for (const call of calls) {
      const effects = [...faultsOf(call.operation), ...(call.running ? STOPS : [])];
      for (const effect of effects) if (mine()) await play(scenario, [[call, effect]]);
    }
    for (const event of [...events, ALL_EVENTS]) {
      for (const effect of DISORDERS) if (mine()) await play(scenario, [[event, effect]]);
    }
  }

  // On the main path every pair: a fault, and then a fault, a stop or a disorder with all that the first one has led to.
  const { calls, events } = await undisturbed(MAIN_PATH);
  for (const [position, first] of calls.entries()) {
    for (const effect of faultsOf(first.operation)) {
      if (!mine()) continue;
      if (first.running)
        for (const stop of STOPS)
          await play(MAIN_PATH, [
            [first, effect],
            [first, stop],
          ]);
      const later = (await perform({ scenario: MAIN_PATH, disturbances: [{ at: first.at, effect }] })).calls;
      for (const second of later.slice(position + 1)) {
        for (const other of faultsOf(second.operation))
          await play(MAIN_PATH, [
            [first, effect],
            [second, other],
          ]);
        if (second.running)
          for (const stop of STOPS)
            await play(MAIN_PATH, [
              [first, effect],
              [second, stop],
            ]);
      }
      for (const event of [...events, ALL_EVENTS]) {
        for (const disorder of DISORDERS)
          await play(MAIN_PATH, [
            [first, effect],
            [event, disorder],
          ]);
      }
    }
  }
  return tally;
}

const ALL_EVENTS: Point = { at: 'event#*', row: 'all events', operation: '', running: true };
