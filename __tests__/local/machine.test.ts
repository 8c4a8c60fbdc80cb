import { type Progress, startExecution } from '../../local/machine';
import { testCloud } from '../support/cloud';
import { executionFile } from '../support/scenario';

/** The intervals of EC2StarterFromAMI's Retry while RunInstances fails. */
async function intervals(error: string, seed?: number): Promise<number[]> {
  const { cloud, clock } = testCloud({
    ...(seed !== undefined && { seed }),
    faults: (name) => (name === 'RunInstances' ? { error } : undefined),
  });
  const seconds: number[] = [];
  const onProgress = (progress: Progress) => {
    if (progress.type === 'retrying') seconds.push(progress.seconds);
  };
  await clock.run(startExecution(cloud, executionFile(), onProgress).result);
  return seconds;
}

describe('Retry on the embedded cloud', () => {
  it('waits, with full jitter, anything up to the interval, which grows up to MaxDelaySeconds', async () => {
    const seconds = await intervals('RequestLimitExceeded');

    expect(seconds).toHaveLength(60);
    expect(seconds[0]).toBeLessThan(30);
    expect(seconds[1]).toBeLessThan(60);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(120);
    expect(Math.max(...seconds)).toBeGreaterThan(100);
    expect(Math.min(...seconds)).toBeLessThan(20);
    const mean = seconds.slice(2).reduce((a, b) => a + b) / 58;
    expect(mean).toBeGreaterThan(45);
    expect(mean).toBeLessThan(75);
  });

  it('waits the interval itself without jitter', async () => {
    expect(await intervals('InstanceNotReady')).toEqual(Array(15).fill(10));
  });

  it('draws the same again for the same seed, and others for another', async () => {
    const [first, again, other] = [
      await intervals('RequestLimitExceeded', 7),
      await intervals('RequestLimitExceeded', 7),
      await intervals('RequestLimitExceeded', 8),
    ];

    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });
});
