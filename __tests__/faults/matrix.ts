import type { Broken, Invariant } from '../support/invariants';
import {
  type Disturbance,
  type Effect,
  effectsOf,
  isStop,
  nameOf,
  type Outcome,
  type Point,
  perform,
  type Run,
  STOPS,
  undisturbed,
  upgradable,
} from './run';
import { SCENARIOS, UPGRADED } from './scenarios';

/** A run that has broken an invariant. */
export interface Failure {
  readonly name: string;
  readonly broken: readonly Broken[];
}

/** What a number of runs have shown; plain data, to be sent from process to process. */
export interface Tally {
  runs: number;
  /** In how many of them the outcome was held against the undisturbed one, which is the sixth invariant. */
  outcomesHeld: number;
  /** How many runs have broken each invariant. */
  readonly broken: Partial<Record<Invariant, number>>;
  /** By call or event, then by what went wrong: in how many runs. */
  readonly table: Record<string, Partial<Record<Effect, number>>>;
  readonly failures: Failure[];
}

export function emptyTally(): Tally {
  return { runs: 0, outcomesHeld: 0, broken: {}, table: {}, failures: [] };
}

/** Adds one run. @param rows the row of the table of each of its disturbances */
export function count(
  tally: Tally,
  run: Run,
  rows: readonly string[],
  { broken, outcomeHeld }: Pick<Outcome, 'broken' | 'outcomeHeld'>,
): void {
  tally.runs++;
  if (outcomeHeld) tally.outcomesHeld++;
  const met = new Map(
    run.disturbances.map(({ effect }, index) => [`${rows[index]} ${effect}`, { row: rows[index] ?? '', effect }]),
  );
  for (const { row, effect } of met.values()) {
    tally.table[row] ??= {};
    const cells = tally.table[row];
    cells[effect] = (cells[effect] ?? 0) + 1;
  }
  for (const invariant of new Set(broken.map((each) => each.invariant))) {
    tally.broken[invariant] = (tally.broken[invariant] ?? 0) + 1;
  }
  if (broken.length > 0) tally.failures.push({ name: nameOf(run), broken });
}

/** Adds one tally to another. */
export function add(sum: Tally, more: Tally): void {
  sum.runs += more.runs;
  sum.outcomesHeld += more.outcomesHeld;
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
    count(tally, run, rows, outcome);
    return outcome;
  };

  // Every scenario by itself, then every fault of every call in it, the user's stop there, and every disorder of its events.
  for (const scenario of Object.keys(SCENARIOS)) {
    if (mine()) await play(scenario, []);
    for (const point of [...(await undisturbed(scenario)).met, ALL_EVENTS]) {
      for (const effect of effectsIn(point)) if (mine()) await play(scenario, [[point, effect]]);
    }
  }

  // What began under the first deployment, with an upgrade at every point where one can come; on the main path also with
  // everything that can go wrong after it.
  for (const scenario of UPGRADED) {
    for (const point of await upgradePoints(scenario)) if (mine()) await play(scenario, [[point, 'upgraded']]);
  }

  const pair = (...points: readonly [Point, Effect][]) => play(MAIN_PATH, points);
  for (const first of await upgradePoints(MAIN_PATH)) {
    if (!mine()) continue;
    const { met } = await perform({ scenario: MAIN_PATH, disturbances: [{ at: first.at, effect: 'upgraded' }] });
    for (const second of met.slice(met.findIndex(({ at }) => at === first.at) + 1)) {
      for (const other of effectsIn(second)) {
        // No version protects this execution from a deployment that cannot read its state.
        if (other !== 'deployed') await pair([first, 'upgraded'], [second, other]);
      }
    }
  }

  // On the main path every pair: a fault, a stop or a disorder, and then each of these in all that this has led to.
  for (const first of [...(await undisturbed(MAIN_PATH)).met, ALL_EVENTS]) {
    for (const effect of effectsIn(first)) {
      if (!mine()) continue;
      const stopped = isStop(effect);
      const { met } = await perform({ scenario: MAIN_PATH, disturbances: [{ at: first.at, effect }] });
      // A fault and a stop may meet in one call.
      if (!stopped && !isEvent(first) && first.running) {
        for (const stop of STOPS) await pair([first, effect], [first, stop]);
      }
      // Each pair once, by the one of the two that comes first; all events at once come before every call.
      const rest = met.slice(met.findIndex(({ at }) => at === first.at) + 1);
      for (const second of first === ALL_EVENTS ? rest.filter((each) => !isEvent(each)) : rest) {
        for (const other of effectsIn(second)) {
          if (!(stopped && isStop(other))) await pair([first, effect], [second, other]);
        }
      }
    }
  }
  return tally;
}

/** Where a deployment can come between in an execution that begins under the first. */
export async function upgradePoints(scenario: string): Promise<readonly Point[]> {
  return (await undisturbed(scenario, true)).met.filter(upgradable);
}

/** Nobody stops what has ended. */
function effectsIn(point: Point): readonly Effect[] {
  return effectsOf(point).filter((effect) => point.running || !isStop(effect));
}

const isEvent = ({ at }: Point) => at.startsWith('event#');

const ALL_EVENTS: Point = { at: 'event#*', row: 'all events', operation: '', running: true };
