import { choiceFigures } from '../../../bench/carousel-choice';
import { choose, type Waiting } from '../../../lambdas/carousel/choice';

const { together, arriving, saturated, small } = choiceFigures();

describe('the choice where all requests wait together', () => {
  test('restores each distinct file once, which is less than half of what each request alone would', () => {
    expect(together.once).toBe(together.seeds);
    // The simulation's figure.
    expect(together.shareOfAlone).toBeCloseTo(0.478, 3);
  });

  test("ends requests in at most 0.70 of first-come's time, with the simulation's figures", () => {
    expect(together.meanTurns / together.firstComeTurns).toBeLessThanOrEqual(0.7);
    expect(together.meanTurns).toBeCloseTo(5.2, 1);
    expect(together.firstComeTurns).toBeCloseTo(7.8, 1);
  });

  test('ends the last request with the last file', () => {
    expect(together.lastInTime).toBe(together.seeds);
  });
});

describe('the choice where requests arrive over time', () => {
  test("lets none wait longer than first-come's longest and three turns; without maxWaitTurns one would", () => {
    expect(saturated.longest).toBeLessThanOrEqual(saturated.firstCome + 3);
    expect([saturated.firstCome, saturated.longest]).toEqual([15, 17]);
    expect(saturated.withoutMaxWaitTurns).toBeGreaterThan(saturated.firstCome + 3);
  });

  test('restores a file once for each living copy', () => {
    expect(arriving.beside).toBe(0);
    // The simulation's figure.
    expect(arriving.shareOfAlone).toBeCloseTo(0.92, 1);
    expect(arriving.shareWhereKept).toBeLessThan(arriving.shareOfAlone);
  });
});

test('the choice in small cases is within 1.01 of the optimum on average, and within 1.25 at worst', () => {
  expect(small.cases).toBe(300);
  expect(small.mean).toBeLessThanOrEqual(1.01);
  expect(small.worst).toBeLessThanOrEqual(1.25);
  expect(small.least).toBeGreaterThanOrEqual(1);
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
    const files = Array.from({ length: 300 }, (_, index) => `f${String(index).padStart(3, '0')}`);

    expect(choose([request('a', files)], () => 0.1, 30, 12).files).toHaveLength(300);
  });
});
