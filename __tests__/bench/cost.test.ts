import { measure, upstreamDollars } from '../../bench/orchestration';

jest.setTimeout(30_000);

describe('The orchestration of a healthy job', () => {
  it('costs at most $0.0004 for eight minutes, in eight state transitions', async () => {
    const { end } = await measure(480);

    expect(end.status).toBe('SUCCEEDED');
    expect(end.cost.transitions).toBe(8);
    expect(end.cost.dollars).toBeLessThanOrEqual(0.0004);
    expect(end.cost.dollars).toBeLessThan(upstreamDollars(480) / 3);
  });

  it('costs less than $0.0002 more for each further hour', async () => {
    const [first, second, third] = [await measure(3600), await measure(7200), await measure(36_000)];

    expect(second.end.cost.dollars - first.end.cost.dollars).toBeLessThan(0.0002);
    expect(third.end.cost.dollars - second.end.cost.dollars).toBeLessThan(8 * 0.0002);
  });

  it('ends the instance within two seconds of the job', async () => {
    const { secondsFromJobEndToTerminate } = await measure(480);

    expect(secondsFromJobEndToTerminate).toBeLessThan(2);
  });
});
