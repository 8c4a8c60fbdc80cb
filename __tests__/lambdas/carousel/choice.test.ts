import { type Choice, choose, type Waiting } from '../../../lambdas/carousel/choice';
import { PythonRandom } from '../../support/python-random';

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

type Policy = (waiting: readonly Waiting[], capacity: number) => Choice;

const carousel =
  (maxWaitTurns = 12): Policy =>
  (waiting, capacity) =>
    choose(waiting, () => 1, capacity, maxWaitTurns);
const firstCome: Policy = (waiting, capacity) => {
  const files = new Set<string>();
  for (const request of [...waiting].sort((a, b) => a.since - b.since)) {
    for (const file of request.files) if (files.size < capacity) files.add(file);
  }
  return { files: [...files], whole: [], dollars: files.size };
};

const name = (file: number) => String(file).padStart(6, '0');

/** Plays turns until every request has its files. Each copy lives for its turn. */
function play(arrivals: readonly Arrival[], capacity: number, policy: Policy) {
  const queue = arrivals.map((each, index) => ({ ...each, index })).sort((a, b) => a.at - b.at);
  let pending: { readonly at: number; readonly index: number; readonly files: Set<string> }[] = [];
  const seen = new Set<string>();
  const waits: number[] = [];
  let restores = 0;
  for (let turn = 0; queue.length > 0 || pending.length > 0; turn++) {
    while (queue[0] && queue[0].at <= turn) {
      const { at, index, files } = queue.shift() as (typeof queue)[number];
      pending.push({ at, index, files: new Set(files.map(name)) });
    }
    const waiting = pending.map(({ at, index, files }) => ({
      id: name(index),
      since: at * 1000 + pending.findIndex((each) => each.index === index),
      turnsWaited: turn - at,
      files: [...files].sort(),
      jobDollars: 0,
      whole: false,
    }));
    const { files, dollars } = policy(waiting, capacity);
    expect(files.length).toBeLessThanOrEqual(capacity);
    expect(dollars).toBe(files.length);
    restores += files.length;
    for (const file of files) {
      seen.add(file);
      for (const request of pending) request.files.delete(file);
    }
    for (const request of pending) if (request.files.size === 0) waits.push(turn - request.at + 1);
    pending = pending.filter((request) => request.files.size > 0);
  }
  return { restores, distinct: seen.size, waits };
}

const mean = (all: readonly number[]) => all.reduce((sum, each) => sum + each, 0) / all.length;
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

/** Plays the workload of every seed. */
function overSeeds(capacity: number, policy: Policy, together: boolean) {
  const runs = SEEDS.map((seed) => {
    const arrivals = workload(seed).map((each) => (together ? { ...each, at: 0 } : each));
    return { ...play(arrivals, capacity, policy), alone: arrivals.reduce((sum, { files }) => sum + files.length, 0) };
  });
  const waits = runs.flatMap((run) => run.waits);
  return { runs, meanWait: mean(waits), longest: Math.max(...waits) };
}

describe('the choice where all requests wait together', () => {
  const own = overSeeds(120, carousel(), true);
  const first = overSeeds(120, firstCome, true);

  test('restores each distinct file once, which is less than half of what each request alone would', () => {
    for (const { restores, distinct } of own.runs) expect(restores).toBe(distinct);
    const alone = own.runs.reduce((sum, run) => sum + run.alone, 0);
    // The simulation's figure: 0.478.
    expect(own.runs.reduce((sum, run) => sum + run.restores, 0) / alone).toBeCloseTo(0.478, 3);
  });

  test("ends requests in at most 0.70 of first-come's time, with the simulation's figures", () => {
    expect(own.meanWait / first.meanWait).toBeLessThanOrEqual(0.7);
    expect(own.meanWait).toBeCloseTo(5.2, 1);
    expect(first.meanWait).toBeCloseTo(7.8, 1);
  });

  test('ends the last request with the last file', () => {
    for (const { distinct, waits } of own.runs)
      expect(Math.max(...waits)).toBeLessThanOrEqual(Math.ceil(distinct / 120));
  });
});

describe('the choice where requests arrive over time, more than the budget allows', () => {
  test("lets none wait longer than first-come's longest and three turns; without maxWaitTurns one would", () => {
    const own = overSeeds(60, carousel(12), false);
    const first = overSeeds(60, firstCome, false);
    const starving = overSeeds(60, carousel(999), false);

    expect(own.longest).toBeLessThanOrEqual(first.longest + 3);
    expect([first.longest, own.longest]).toEqual([15, 17]);
    expect(starving.longest).toBeGreaterThan(first.longest + 3);
  });

  test('restores a file once for each living copy', () => {
    const { runs } = overSeeds(120, carousel(12), false);
    const alone = runs.reduce((sum, run) => sum + run.alone, 0);
    // The simulation's figure: 0.92.
    expect(runs.reduce((sum, run) => sum + run.restores, 0) / alone).toBeCloseTo(0.92, 1);
  });
});

describe('the choice in small cases', () => {
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

  test('is within 1.01 of the optimum on average, and within 1.25 at worst', () => {
    const ratios = Array.from({ length: 300 }, (_, seed) => {
      const random = new PythonRandom(seed);
      const count = random.randint(3, 6);
      const requests = Array.from({ length: count }, () =>
        random.sample(12, random.randint(1, 5)).sort((a, b) => a - b),
      );
      const capacity = random.randint(2, 4);
      const { waits } = play(
        requests.map((files) => ({ at: 0, files })),
        capacity,
        carousel(8),
      );
      return waits.reduce((sum, each) => sum + each, 0) / optimum(requests, capacity);
    });

    expect(mean(ratios)).toBeLessThanOrEqual(1.01);
    expect(Math.max(...ratios)).toBeLessThanOrEqual(1.25);
    expect(Math.min(...ratios)).toBeGreaterThanOrEqual(1);
  });
});

describe('the choice within its budget', () => {
  const request = (id: string, files: string[], rest: Partial<Waiting> = {}): Waiting => ({
    id,
    since: 0,
    turnsWaited: 0,
    files,
    jobDollars: 0,
    whole: false,
    ...rest,
  });

  test('counts the jobs of every request that shares a file, and never more than the budget', () => {
    const two = [request('a', ['f', 'g'], { jobDollars: 1 }), request('b', ['f'], { jobDollars: 1 })];

    expect(choose(two, () => 1, 3, 12)).toEqual({ files: ['f'], whole: [], dollars: 3 });
    expect(choose(two, () => 1, 2.99, 12)).toEqual({ files: ['g'], whole: [], dollars: 2 });
    expect(choose(two, () => 1, 5, 12)).toEqual({ files: ['f', 'g'], whole: [], dollars: 5 });
  });

  test('takes a request that needs all files at once as a whole, or not at all', () => {
    const all = [request('a', ['f', 'g'], { jobDollars: 1, whole: true }), request('b', ['h'])];

    expect(choose(all, () => 1, 2, 12)).toEqual({ files: ['h'], whole: [], dollars: 1 });
    expect(choose(all, () => 1, 4, 12)).toEqual({ files: ['h', 'f', 'g'], whole: ['a'], dollars: 4 });
    expect(choose([request('a', ['f'], { whole: true, jobDollars: 1 })], () => 0, 1, 12)).toEqual({
      files: ['f'],
      whole: ['a'],
      dollars: 1,
    });
  });

  test('takes living copies for nothing, and the request that has waited longest first', () => {
    const old = request('old', ['x', 'y', 'z'], { since: 1, turnsWaited: 12 });

    expect(choose([request('new', ['a']), old], (file) => (file === 'a' ? 0 : 1), 3, 12).files).toEqual([
      'x',
      'y',
      'z',
      'a',
    ]);
    expect(choose([], () => 1, 3, 12)).toEqual({ files: [], whole: [], dollars: 0 });
  });

  test('prices that are no whole cents do not lose the last file to rounding', () => {
    const files = Array.from({ length: 300 }, (_, index) => name(index));

    expect(choose([request('a', files)], () => 0.1, 30, 12).files).toHaveLength(300);
  });
});
