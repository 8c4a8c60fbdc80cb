import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Head } from '../../lambdas/datastream/inputs';
import { BUCKET, executionFile, play, type Scenario } from '../support/scenario';

const HOUR_MS = 3_600_000;

/** A job that waits for two objects of S3, one of them by its URL. */
const gated = (wait_s: number, rest: Partial<Scenario> = {}): Scenario => ({
  file: executionFile({
    ii_wait_inputs: { wait_s, uris: [`s3://${BUCKET}/in/1`, `https://${BUCKET}.s3.amazonaws.com/in/2`] },
  }),
  inputs: ['in/1', 'in/2'],
  before: (cloud) => cloud.s3.put(BUCKET, 'in/1', 'input'),
  ...rest,
});
const putLater =
  (milliseconds: number, key = 'in/2'): NonNullable<Scenario['meanwhile']> =>
  ({ cloud }) =>
    void cloud.clock.after(milliseconds, () => cloud.s3.put(BUCKET, key, 'input'));

describe('A job whose inputs are awaited', () => {
  it('takes the transitions of any other job where they are there', async () => {
    const before: Scenario['before'] = (cloud) => {
      for (const key of ['in/1', 'in/2']) cloud.s3.put(BUCKET, key, 'input');
    };
    const [there, ungated] = [await play(gated(3600, { before })), await play()];

    expect(there.end.status).toBe('SUCCEEDED');
    expect(there.end.transitions).toBe(ungated.end.transitions);
    expect(ungated.end.transitions).toBe(8);
  });

  it('waits two hours for at most $0.001, then succeeds in its first attempt', async () => {
    const { end, cloud } = await play(gated(43_200, { meanwhile: putLater(2 * HOUR_MS) }));
    const { end: ungated } = await play();

    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { attempt: 1, errors: [] } });
    const [instance] = [...cloud.ec2.instances.values()];
    const waited = (instance?.api.LaunchTime?.getTime() ?? 0) - end.startedAt.getTime();
    expect(waited).toBeGreaterThanOrEqual(2 * HOUR_MS);
    // The longest interval, and the look's own time.
    expect(waited).toBeLessThan(2 * HOUR_MS + 302_000);
    expect(end.cost.dollars - ungated.cost.dollars).toBeLessThanOrEqual(0.001);
  });

  it('ends InputsMissing after a day that cost at most $0.01, with each input and its answer, and no instance', async () => {
    const { end, cloud } = await play(gated(86_400));

    expect(end).toMatchObject({ status: 'FAILED', error: 'InputsMissing' });
    expect(end.cause).toBe(
      '1 of 2 inputs is missing 86400 s after the start (run_options.ii_wait_inputs.wait_s), so nothing was launched. ' +
        `Put them there and start the job again, or correct the URIs.\nhttps://${BUCKET}.s3.amazonaws.com/in/2: 404`,
    );
    expect(cloud.ec2.instances.size).toBe(0);
    expect(cloud.calls('RunInstances')).toBe(0);
    expect(end.cost.dollars).toBeLessThanOrEqual(0.01);
    expect(end.history.events).toBeLessThan(1000);
  });

  it('uses no attempt while it waits, and none when the wait is over', async () => {
    const file = executionFile({
      n_retries_allowed: 2,
      ii_wait_inputs: { wait_s: 600, uris: [`s3://${BUCKET}/in/2`] },
    });
    const { end } = await play(gated(600, { file }));

    expect(end.error).toBe('InputsMissing');
    expect(end.cause).toContain('(attempt 1 of 3)');
  });

  it('waits on while S3 answers 403, and tells it at the end', async () => {
    const faults: Scenario['faults'] = (operation, _call, _input, caller) =>
      operation === 'HeadObject' && caller === 'starter' ? { error: '403', status: 403 } : undefined;
    const { end } = await play(gated(600, { faults }));

    expect(end.error).toBe('InputsMissing');
    expect(end.cause).toContain(`s3://${BUCKET}/in/1: 403`);
    expect(end.cause).toContain('where its bucket may not be listed');
  });

  it("finds the objects of another region's bucket", async () => {
    const elsewhere = { status: 301, headers: { 'x-amz-bucket-region': 'us-west-2' } };
    const faults: Scenario['faults'] = (operation, call) =>
      operation === 'HeadObject' && call % 2 === 1 && call < 4 ? { http: elsewhere } : undefined;
    const { end, cloud } = await play(gated(600, { faults, meanwhile: putLater(0) }));

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('HeadObject')).toBe(5);
  });

  it('follows a redirect to the place where an input is', async () => {
    const asked: string[] = [];
    const web: Head = async (url) => {
      asked.push(url);
      const moved = url.includes('example.org');
      return {
        status: moved ? 302 : 200,
        headers: new Headers(moved ? { location: 'https://mirror.example.net/a.nc' } : {}),
      };
    };
    const file = executionFile({ ii_wait_inputs: { uris: ['https://example.org/a.nc'] } });
    const { end } = await play({ file, web });

    expect(end.status).toBe('SUCCEEDED');
    expect(asked).toEqual(['https://example.org/a.nc', 'https://mirror.example.net/a.nc']);
  });

  it('is not failed by lost replies', async () => {
    const faults: Scenario['faults'] = (operation, call, _input, caller) =>
      operation === 'HeadObject' && caller === 'starter' && call <= 4 ? { replyDelay: 1_000_000 } : undefined;
    const { end } = await play(gated(3600, { faults, meanwhile: putLater(0) }));

    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { attempt: 1 } });
  });

  it('is not launched when an input has vanished by the time that the others are there', async () => {
    const { end, cloud } = await play(
      gated(3600, {
        meanwhile: (context) => {
          const { clock, s3 } = context.cloud;
          clock.after(30_000, () => rmSync(join(s3.folder, BUCKET, 'in/1')));
          putLater(100_000)(context);
          putLater(1_000_000, 'in/1')(context);
        },
      }),
    );

    expect(end.status).toBe('SUCCEEDED');
    const [instance] = [...cloud.ec2.instances.values()];
    expect(instance?.api.LaunchTime?.getTime()).toBeGreaterThan(end.startedAt.getTime() + 1_000_000);
  });

  it('whose input vanishes after the launch goes on, and is missing it only at a further launch', async () => {
    const file = executionFile({
      n_retries_allowed: 1,
      ii_wait_inputs: { wait_s: 60, uris: [`s3://${BUCKET}/in/1`] },
    });
    const { end, runs } = await play({
      ...gated(60),
      inputs: ['in/1'],
      file,
      job: async ({ cloud, signal }) => {
        rmSync(join(cloud.s3.folder, BUCKET, 'in/1'));
        await cloud.clock.sleep(60_000, signal);
        return { code: 3 };
      },
    });

    expect(runs).toHaveLength(1);
    expect(end.error).toBe('InputsMissing');
    expect(end.cause).toContain('Attempt 1: CommandFailed');
  });

  it('waits until shortly before the day of DAILY changes, though wait_s is longer', async () => {
    // It starts at 12:03, when the day of the cycle of 14 h is still yesterday.
    const commands = ['./scripts/datastream -s DAILY --FORCING_SOURCE NWM_V3_SHORT_RANGE_14'];
    const run = { ii_wait_inputs: { wait_s: 43_200, uris: [`s3://${BUCKET}/nwm.DAILY/k`] } };
    const { end } = await play(gated(43_200, { file: executionFile(run, { commands }) }));

    expect(end.error).toBe('InputsMissing');
    expect(end.cause).toContain(`s3://${BUCKET}/nwm.20260228/k: 404`);
    const time = end.endedAt.toISOString();
    expect(time > '2026-03-01T13:50:00' && time < '2026-03-01T14:00:00').toBe(true);
  });

  it('does not wait with an image that does not exist', async () => {
    const faults: Scenario['faults'] = (operation) =>
      operation === 'DescribeImages' ? { error: 'InvalidAMIID.NotFound' } : undefined;
    const { end } = await play(gated(43_200, { faults }));

    expect(end.error).toBe('InvalidAMIID.NotFound');
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeLessThan(60_000);
  });

  it('can be stopped while it waits, and leaves nothing', async () => {
    const { end, cloud } = await play(
      gated(43_200, {
        meanwhile: ({ cloud: { clock }, execution }) => void clock.after(HOUR_MS, () => execution.stop()),
      }),
    );

    expect(end.status).toBe('ABORTED');
    expect(cloud.ec2.instances.size).toBe(0);
  });
});
