import { seededRandom } from '../../local/random';
import type { ApiFault, Faults } from '../../local/service';
import { DEFAULTS } from '../support/carousel';
import { type CarouselScenario, INVARIANTS, type Played, play } from './carousel';

/** What can go wrong with a call. */
const FAULTS = {
  throttled: { error: 'ThrottlingException' },
  refused: { error: 'AccessDeniedException', status: 403 },
  'error before': { error: 'InternalError', status: 500 },
  'error after': { error: 'TimeoutError', after: true },
  'bad gateway': { http: { status: 502, body: '<html>Bad Gateway</html>' }, after: true },
  'empty 503': { http: { status: 503 } },
  'killed before': { error: 'InternalError', status: 500, kills: true },
  'killed after': { after: true, kills: true },
  late: { replyDelay: 20 * 60_000 },
} as const satisfies Readonly<Record<string, ApiFault>>;

/** When the user stops the turn: as a call arrives, or between its effect and its reply. */
const STOPS = { 'stop before': undefined, 'stop after': 400 } as const;

export const EFFECTS = [...Object.keys(FAULTS), ...Object.keys(STOPS)] as (keyof typeof FAULTS | keyof typeof STOPS)[];
type Effect = (typeof EFFECTS)[number];

/** One run: what goes wrong with which call of an operation, counted from the start of the turn. */
interface Cell {
  readonly operation: string;
  readonly n: number;
  readonly effect: Effect;
}

/** A turn of some minutes: every call is the same as in one of days. */
const QUICK: CarouselScenario = { files: 3, options: { defaults: { ...DEFAULTS, tier: 'Expedited' } } };

/** What some runs have shown. */
export interface CarouselTally {
  runs: number;
  /** Runs in which all was well in the end, which a stopped turn need not reach. */
  succeeded: number;
  /** In how many runs each invariant was broken. */
  readonly broken: Partial<Record<keyof typeof INVARIANTS, number>>;
  readonly failures: { readonly name: string; readonly found: readonly string[] }[];
  /** The number of runs by operation and effect. */
  readonly table: Record<string, Partial<Record<Effect, number>>>;
}

export const emptyCarouselTally = (): CarouselTally => ({ runs: 0, succeeded: 0, broken: {}, failures: [], table: {} });

/** Adds the runs of `more` to `sum`. */
export function addCarousel(sum: CarouselTally, more: CarouselTally): void {
  sum.runs += more.runs;
  sum.succeeded += more.succeeded;
  sum.failures.push(...more.failures);
  for (const key of Object.keys(INVARIANTS).map(Number) as (keyof typeof INVARIANTS)[])
    sum.broken[key] = (sum.broken[key] ?? 0) + (more.broken[key] ?? 0);
  for (const [operation, row] of Object.entries(more.table)) {
    sum.table[operation] ??= {};
    const to = sum.table[operation];
    for (const effect of EFFECTS) if (row[effect]) to[effect] = (to[effect] ?? 0) + row[effect];
  }
}

/**
 * Every fault in every call of a healthy turn.
 *
 * @throws Error when the turn without a fault is not healthy
 */
export async function carouselCells(): Promise<Cell[]> {
  const counts = new Map<string, number>();
  const { status, broken } = await play({
    ...QUICK,
    faults: (operation) => {
      counts.set(operation, (counts.get(operation) ?? 0) + 1);
      return undefined;
    },
  });
  if (status !== 'SUCCEEDED' || broken.length > 0)
    throw new Error(`The turn without a fault is ${status}: ${broken.join('; ')}`);
  return [...counts].flatMap(([operation, calls]) =>
    Array.from({ length: calls }, (_, index) => index + 1).flatMap((n) =>
      EFFECTS.filter(
        // Lambda's own replies are the interpreter's: they have no HTTP of an SDK here.
        (effect) => operation !== 'Invoke' || !['bad gateway', 'empty 503'].includes(effect),
      ).map((effect) => ({ operation, n, effect })),
    ),
  );
}

/** As many cells as `count`, in an order of their own for each seed. */
export function sample(cells: readonly Cell[], count: number, seed: number): Cell[] {
  const random = seededRandom(seed);
  return cells
    .map((cell) => ({ cell, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ cell }) => cell);
}

export const nameOfCell = ({ operation, n, effect }: Cell) => `${operation}#${n} ${effect}`;

/** @throws Error when it is not the name of a cell */
export function parseCell(name: string): Cell {
  const [, operation = '', n = '', effect = ''] = /^(\w+)#(\d+) (.+)$/.exec(name) ?? [];
  const known = EFFECTS.find((each) => each === effect);
  if (!known) throw new Error(`'${name}' is no run: write OPERATION#N EFFECT, with one of: ${EFFECTS.join(', ')}.`);
  return { operation, n: Number(n), effect: known };
}

/** Plays a cell. */
export function playCell({ operation, n, effect }: Cell): Promise<Played> {
  let calls = 0;
  const isIt = (name: string) => name === operation && ++calls === n;
  if (effect in STOPS) {
    const replyDelay = STOPS[effect as keyof typeof STOPS];
    return play({ ...QUICK, stopAt: (name) => (isIt(name) ? { replyDelay } : undefined) });
  }
  const faults: Faults = (name) => (isIt(name) ? FAULTS[effect as keyof typeof FAULTS] : undefined);
  return play({ ...QUICK, faults });
}

/** Plays cells, one after another. Without a stop the turn must succeed in the end. */
export async function carouselMatrix(cells: readonly Cell[]): Promise<CarouselTally> {
  const tally = emptyCarouselTally();
  for (const cell of cells) {
    const { broken, status, error = '', cause = '' } = await playCell(cell);
    tally.runs++;
    if (status === 'SUCCEEDED') tally.succeeded++;
    tally.table[cell.operation] ??= {};
    const row = tally.table[cell.operation] as Partial<Record<Effect, number>>;
    row[cell.effect] = (row[cell.effect] ?? 0) + 1;
    for (const invariant of new Set(broken.map((each) => Number(each[0]) as keyof typeof INVARIANTS)))
      tally.broken[invariant] = (tally.broken[invariant] ?? 0) + 1;
    const found = [
      ...broken,
      ...(status === 'SUCCEEDED' || cell.effect in STOPS ? [] : [`the turn is ${status} ${error}: ${cause}`]),
    ];
    if (found.length > 0) tally.failures.push({ name: nameOfCell(cell), found });
  }
  return tally;
}
