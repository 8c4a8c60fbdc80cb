import { type Load, load } from '../../bench/load';

const EXECUTIONS = 200;

describe(`${EXECUTIONS} executions that start at once under AWS's rates`, () => {
  let result: Load;
  beforeAll(async () => {
    result = await load(EXECUTIONS);
  });

  it('all succeed, though nearly all are throttled', () => {
    expect(result.outcomes).toEqual({ SUCCEEDED: EXECUTIONS });
    expect(result.throttled).toBeGreaterThan(EXECUTIONS);
  });

  it('break no invariant', () => {
    expect(Object.entries(result.broken).filter(([, times]) => times > 0)).toEqual([]);
    expect(Object.keys(result.broken)).toHaveLength(6);
  });

  it('are launched about as fast as EC2 lets them', () => {
    // 5 at once, then 2 a second.
    const soonest = (EXECUTIONS - 5) / 2;

    expect(result.lastLaunch).toBeGreaterThan(soonest);
    expect(result.lastLaunch).toBeLessThan(soonest + 180);
  });

  it('do not keep those waiting that are launched', () => {
    expect(result.toCommand.median).toBeLessThan(45);
    expect(result.toCommand.longest).toBeLessThan(240);
    expect(result.toTerminate.longest).toBeLessThan(5);
  });

  it('cost less than twice as much as one alone', () => {
    expect(result.dollars).toBeLessThan(0.0006);
  });
});
