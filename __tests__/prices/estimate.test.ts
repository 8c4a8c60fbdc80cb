import { estimateJobs } from '../../cli/estimate';
import type { Launched } from '../../lambdas/datastream/stopper';
import { instanceCost, orchestrationCost } from '../../prices/estimate';
import { PRICE_LIST } from '../../prices/instances';
import { besideOf, jobCost } from '../../prices/jobs';
import { BUCKET, executionFile, KEY, play } from '../support/scenario';

const prices = PRICE_LIST['us-east-1'] ?? fail();

function fail(): never {
  throw new Error('The list has no prices of us-east-1.');
}

describe('An instance', () => {
  const use = { type: 'm8g.2xlarge', market: 'on-demand', volumeGb: 64, addresses: 1, seconds: 3600 } as const;

  it('costs its price, a part of a month of its volumes, and its address', () => {
    expect(instanceCost(use, prices)).toEqual({
      instance: 0.35904,
      volumes: expect.closeTo((64 * 0.08) / 720, 10),
      addresses: 0.005,
    });
  });

  it('costs the spot price on the spot market, and nothing is known where the list has none', () => {
    const spot = { ...prices, spot: { 'm8g.2xlarge': 0.13 } };

    expect(instanceCost({ ...use, market: 'spot' }, spot)?.instance).toBe(0.13);
    expect(instanceCost({ ...use, market: 'spot' }, { ...prices, spot: {} })).toBeUndefined();
    expect(instanceCost({ ...use, type: 'toString' }, prices)).toBeUndefined();
  });
});

describe('An estimate is within 2 % of what the embedded cloud has spent, for commands of', () => {
  it.each([60, 480, 3600, 14_400, 86_400])('%d seconds', async (seconds) => {
    const file = executionFile({ timeout_s: Math.max(3600, 2 * seconds) });
    const { end, cloud } = await play({
      file,
      job: async ({ cloud, signal }) => {
        await cloud.clock.sleep(seconds * 1000, signal);
        cloud.s3.put(BUCKET, KEY, 'result');
        return { code: 0 };
      },
    });
    // Beside EC2Stopper's own figure: how long the embedded EC2 has had the instance.
    const { launches } = (end.output?.summary ?? { launches: [] }) as { launches: readonly Launched[] };
    const [instance, second] = [...cloud.ec2.instances.values()];
    expect([launches.length, second]).toEqual([1, undefined]);
    expect(instance?.api.InstanceType).toBe('t4g.large');
    const hours = (launches[0]?.seconds ?? 0) / 3600;
    const actual = hours * (0.0672 + (32 * 0.08) / 720 + 0.005) + end.cost.dollars;

    const estimated = estimateJobs([{ name: 'job', input: file }], { seconds, region: 'us-east-1' });

    const [estimate] = 'estimates' in estimated ? estimated.estimates : [];
    expect(Math.abs((estimate?.total ?? 0) - actual) / actual).toBeLessThan(0.02);
    // What the commands tell of an ended job is counted from the same record.
    const cost = jobCost({ region: 'us-east-1', attempts: 1, launches, ...besideOf(file.instance_parameters) });
    expect(Math.abs(('total' in cost ? cost.total : 0) - actual) / actual).toBeLessThan(0.02);
    // Without the calls of the relay after the end.
    expect(Math.abs(orchestrationCost(seconds) - end.cost.dollars) / end.cost.dollars).toBeLessThan(0.1);
  });
});

describe('The estimate of jobs', () => {
  const estimate = (file: unknown, seconds?: number, list = PRICE_LIST) => {
    const found = estimateJobs(
      [{ name: 'job', input: file }],
      { ...(seconds && { seconds }), region: 'us-east-1' },
      list,
    );
    return 'estimates' in found ? found.estimates[0] : found.unknown;
  };

  it('is at most that of the timeout_s, which it also is without seconds', () => {
    const file = executionFile({ timeout_s: 600 });

    expect(estimate(file)).toMatchObject({ total: (estimate(file, 9999) as { total: number }).total });
    expect(estimate(file, 60)).toMatchObject({ atTimeout: (estimate(file) as { total: number }).total });
  });

  it('takes the spot price for a spot job, and on-demand where it is not known', () => {
    const file = executionFile({ ii_cheapo: true });
    const spot = { 'us-east-1': { ...prices, spot: { 't4g.large': 0.02 } } };

    expect(estimate(file, 60, spot)).toMatchObject({ market: 'spot', spotUnknown: false });
    expect(estimate(file, 60, { 'us-east-1': { ...prices, spot: {} } })).toMatchObject({
      market: 'on-demand',
      spotUnknown: true,
    });
  });

  it('counts no address where the file asks for none', () => {
    const file = executionFile();
    const NetworkInterfaces = [{ DeviceIndex: 0, AssociatePublicIpAddress: false }];
    const instance_parameters = { ...file.instance_parameters, NetworkInterfaces };

    expect(estimate({ ...file, instance_parameters }, 60)).toMatchObject({ addresses: 0 });
    expect(estimate(file, 3600 - 38)).toMatchObject({ addresses: 0.005 });
  });

  it('names each price that is not known, once, and what to do', () => {
    const file = executionFile({}, { region: 'eu-west-1' });
    const jobs = ['a', 'b'].map((name) => ({ name, input: file }));

    expect(estimateJobs(jobs, { seconds: 60, region: 'us-east-1' })).toEqual({
      unknown: [
        "The price of t4g.large in eu-west-1 is not known: run 'datastream cost prices update --region eu-west-1'.",
      ],
    });
  });
});
