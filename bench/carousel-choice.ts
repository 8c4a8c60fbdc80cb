import { type Choice, choose, type Waiting } from '../lambdas/carousel/choice';
import { PythonRandom } from './python-random';

/** A request of the simulation: when it comes, and its files. */
interface Arrival {
  readonly at: number;
  readonly files: readonly number[];
}

/** 200 requests for neighbouring orbits of 233 MISR paths, as the design's simulation makes them. */
function workload(seed: number): Arrival[] {
  const random = new PythonRandom(seed);
  let sum = 0;
  const cumulative = Array.from({ length: 233 }, (_, index) => {
    sum += 1 / (index + 1) ** 1.1;
    return sum;
  });
  const paths = Array.from({ length: 233 }, (_, index) => index);
  random.shuffle(paths);
  return Array.from({ length: 200 }, () => {
    const path = paths[random.choice(cumulative)] as number;
    const count = random.randint(3, 40);
    const first = random.randint(0, 60 - count);
    const files = Array.from({ length: count }, (_, index) => path * 60 + first + index);
    return { at: random.randint(0, 39), files };
  });
}

type Policy = (waiting: readonly Waiting[], capacity: number, price: (file: string) => number) => Choice;

const carousel =
  (maxWaitTurns = 12): Policy =>
  (waiting, capacity, price) =>
    choose(waiting, price, capacity, maxWaitTurns);
const firstCome: Policy = (waiting, capacity) => {
  const files = new Set<string>();
  for (const request of [...waiting].sort((a, b) => a.since - b.since)) {
    for (const file of request.files) if (files.size < capacity) files.add(file);
  }
  return { files: [...files], whole: [], dollars: files.size };
};

const name = (file: number) => String(file).padStart(6, '0');

const asWaiting = (index: number, since: number, turnsWaited: number, files: Iterable<string>): Waiting => ({
  id: name(index),
  since,
  turnsWaited,
  files: [...files].sort(),
  jobDollars: 0,
  whole: false,
});

/** Plays turns until every request has its files. A copy costs 1, and lives for `lives` turns. */
function play(arrivals: readonly Arrival[], capacity: number, policy: Policy, lives = 1) {
  const queue = arrivals.map((each, index) => ({ ...each, index })).sort((a, b) => a.at - b.at);
  let pending: { readonly at: number; readonly index: number; readonly files: Set<string> }[] = [];
  const seen = new Set<string>();
  const until = new Map<string, number>();
  const waits: number[] = [];
  let restores = 0;
  let beside = 0;
  for (let turn = 0; queue.length > 0 || pending.length > 0; turn++) {
    while (queue[0] && queue[0].at <= turn) {
      const { at, index, files } = queue.shift() as (typeof queue)[number];
      pending.push({ at, index, files: new Set(files.map(name)) });
    }
    const waiting = pending.map(({ at, index, files }, place) => asWaiting(index, at * 1000 + place, turn - at, files));
    const dead = (file: string) => (until.get(file) ?? 0) <= turn;
    const { files, dollars } = policy(waiting, capacity, (file) => (dead(file) ? 1 : 0));
    const begun = new Set(files.filter(dead));
    if (dollars > capacity || dollars < begun.size)
      throw new Error(`Turn ${turn} restores ${begun.size} files for $${dollars}, with a budget of $${capacity}.`);
    restores += begun.size;
    beside += dollars - begun.size;
    for (const file of begun) until.set(file, turn + lives);
    for (const file of files) {
      seen.add(file);
      for (const request of pending) request.files.delete(file);
    }
    for (const request of pending) if (request.files.size === 0) waits.push(turn - request.at + 1);
    pending = pending.filter((request) => request.files.size > 0);
  }
  return { restores, beside, distinct: seen.size, waits };
}

const mean = (all: readonly number[]) => all.reduce((sum, each) => sum + each, 0) / all.length;
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

/** Plays the workload of every seed. */
function overSeeds(capacity: number, policy: Policy, together: boolean, lives = 1) {
  const runs = SEEDS.map((seed) => {
    const arrivals = workload(seed).map((each) => (together ? { ...each, at: 0 } : each));
    return {
      ...play(arrivals, capacity, policy, lives),
      alone: arrivals.reduce((sum, { files }) => sum + files.length, 0),
    };
  });
  const waits = runs.flatMap((run) => run.waits);
  return { capacity, runs, meanWait: mean(waits), longest: Math.max(...waits) };
}

/** The least sum of turns in which some requests can end, by every order of them. */
function optimum(requests: readonly (readonly number[])[], capacity: number): number {
  let best = Number.POSITIVE_INFINITY;
  const orders = (left: readonly number[], order: readonly number[]): void => {
    if (left.length > 0) {
      for (const each of left)
        orders(
          left.filter((other) => other !== each),
          [...order, each],
        );
      return;
    }
    const place = new Map<number, number>();
    for (const index of order) {
      for (const file of requests[index] ?? []) if (!place.has(file)) place.set(file, place.size);
    }
    const ends = requests.map((files) => Math.floor(Math.max(...files.map((f) => place.get(f) ?? 0)) / capacity) + 1);
    best = Math.min(
      best,
      ends.reduce((sum, each) => sum + each, 0),
    );
  };
  orders(
    requests.map((_, index) => index),
    [],
  );
  return best;
}

/** A copy's life where copies outlive their turn. */
const KEPT_TURNS = 8;

/** How the choice does on the workloads of 20 seeds, and on 300 small cases. */
export function choiceFigures() {
  const together = { own: overSeeds(120, carousel(), true), first: overSeeds(120, firstCome, true) };
  const saturated = {
    own: overSeeds(60, carousel(12), false),
    first: overSeeds(60, firstCome, false),
    starving: overSeeds(60, carousel(999), false),
  };
  const arriving = overSeeds(120, carousel(12), false);
  const kept = overSeeds(120, carousel(12), false, KEPT_TURNS);
  const share = ({ runs }: ReturnType<typeof overSeeds>) =>
    runs.reduce((sum, run) => sum + run.restores, 0) / runs.reduce((sum, run) => sum + run.alone, 0);
  const ratios = Array.from({ length: 300 }, (_, seed) => {
    const random = new PythonRandom(seed);
    const count = random.randint(3, 6);
    const requests = Array.from({ length: count }, () => random.sample(12, random.randint(1, 5)).sort((a, b) => a - b));
    const capacity = random.randint(2, 4);
    const { waits } = play(
      requests.map((files) => ({ at: 0, files })),
      capacity,
      carousel(8),
    );
    return waits.reduce((sum, each) => sum + each, 0) / optimum(requests, capacity);
  });
  const begun = performance.now();
  const waiting = workload(0).map(({ files }, index) => asWaiting(index, 0, 0, files.map(name)));
  carousel()(waiting, 120, () => 1);
  return {
    together: {
      seeds: together.own.runs.length,
      /** Seeds in which every distinct file was restored once. */
      once: together.own.runs.filter(({ restores, distinct }) => restores === distinct).length,
      /** Seeds in which the last request ended with the last file. */
      lastInTime: together.own.runs.filter(
        ({ distinct, waits }) => Math.max(...waits) <= Math.ceil(distinct / together.own.capacity),
      ).length,
      shareOfAlone: share(together.own),
      meanTurns: together.own.meanWait,
      firstComeTurns: together.first.meanWait,
    },
    arriving: {
      shareOfAlone: share(arriving),
      /** The same where each copy lives for eight turns. */
      shareWhereKept: share(kept),
      keptTurns: KEPT_TURNS,
      /** What was paid for files of which a copy lived. */
      beside: kept.runs.reduce((sum, run) => sum + run.beside, 0),
    },
    saturated: {
      longest: saturated.own.longest,
      firstCome: saturated.first.longest,
      withoutMaxWaitTurns: saturated.starving.longest,
    },
    small: { cases: ratios.length, mean: mean(ratios), worst: Math.max(...ratios), least: Math.min(...ratios) },
    milliseconds: performance.now() - begun,
  };
}
