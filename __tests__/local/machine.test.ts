import { LARGEST_FILE_BYTES } from '../../executions/parse';
import { startExecution } from '../../local/machine';
import type { Progress } from '../../local/states/interpreter';
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

describe("An execution's history", () => {
  it('of a healthy job has as many events as Step Functions would list', async () => {
    const { cloud, clock } = testCloud();

    const { history } = await clock.run(startExecution(cloud, executionFile({ ii_check_s3: false })).result);

    // ExecutionStarted; EC2StarterFromAMI entered, two tries of 3 events, exited; Commander 5; EC2Poller 6 with
    // TaskSubmitted; RunChecker 5; EC2Stopper 5; Outcome and Succeeded 2 each; ExecutionSucceeded.
    expect(history.events).toBe(1 + 8 + 5 + 6 + 5 + 5 + 2 + 2 + 1);
  });

  it('of a job that is looked at every quarter of an hour grows by four events a look', async () => {
    const events = async (hours: number) => {
      const { cloud, clock } = testCloud({
        shell: async ({ signal }) => {
          await clock.sleep(hours * 3_600_000, signal);
          return { code: 0, stdout: '', stderr: '' };
        },
      });
      const file = executionFile({ ii_check_s3: false, timeout_s: 172_800 });
      return (await clock.run(startExecution(cloud, file).result)).history.events;
    };

    expect((await events(11)) - (await events(1))).toBe(10 * 4 * 4);
  });

  it('ends, when the job fails, without an exit of Failed', async () => {
    const { cloud, clock } = testCloud({ shell: async () => ({ code: 1, stdout: '', stderr: '' }) });

    const { history } = await clock.run(startExecution(cloud, executionFile()).result);

    expect(history.events).toBe(1 + 8 + 5 + 6 + 5 + 2 + 1 + 1);
  });

  it('tells the largest state, with what the job has written and the token', async () => {
    const stdout = '\u6f22'.repeat(30_000);
    const { cloud, clock } = testCloud({ shell: async () => ({ code: 0, stdout, stderr: '' }) });

    const { history } = await clock.run(startExecution(cloud, executionFile({ ii_check_s3: false })).result);

    // 8,000 bytes are kept.
    expect(history.largestBytes).toBeGreaterThan(8_000);
    expect(history.largestBytes).toBeLessThan(13_000);
  });

  it.each([
    ['whose job succeeds and writes control characters, which JSON makes six bytes of each', 0, undefined],
    ['whose job fails in each of eleven attempts', 3, undefined],
    ['that EC2 refuses in each of eleven attempts', 0, 'InsufficientInstanceCapacity'],
    ['that is refused at once', 0, 'InvalidAMIID.NotFound'],
  ])('stays below what Step Functions takes for the largest file, %s', async (_, code, refusal) => {
    const write = '\u0007'.repeat(30_000);
    const { cloud, clock } = testCloud({
      shell: async () => ({ code, stdout: write, stderr: write }),
      faults: (name) =>
        name === 'RunInstances' && refusal ? { error: refusal, message: 'x'.repeat(4000) } : undefined,
    });
    const file = executionFile({ ii_check_s3: false, n_retries_allowed: 10 }, { note: '' });
    const note = '\u6f22'.repeat((LARGEST_FILE_BYTES - Buffer.byteLength(JSON.stringify(file))) / 3);

    const { history, error } = await clock.run(startExecution(cloud, { ...file, note }).result);

    expect(error).not.toBe('InvalidExecution');
    expect(history.largestBytes).toBeLessThan(262_144);
  });
});

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
