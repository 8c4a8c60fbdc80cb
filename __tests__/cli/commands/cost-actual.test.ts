import type { GetCostAndUsageCommand, GetCostAndUsageCommandOutput } from '@aws-sdk/client-cost-explorer';
import type { DescribeSpotPriceHistoryCommand } from '@aws-sdk/client-ec2';
import { type CostActualOptions, type CostClients, costActual } from '../../../cli/commands/cost-actual';
import type { Execution, Executions } from '../../../cli/executions';
import type { Launched } from '../../../lambdas/datastream/stopper';
import { inNewFolders, job } from '../../support/cli';
import { matrixFile, TEMPLATE } from '../../support/matrices';

const { datastream, file, path } = inNewFolders();

const NOW = new Date('2026-08-20T12:00:00Z');
const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';

/** An hour of an m8g.xlarge at the list's price of us-east-1. */
const HOURLY = 0.17952;

/** An execution that has ended, with one launch for each attempt. */
function ended(
  name: string,
  change: { market?: 'spot'; zone?: string; attempts?: number; day?: string; seconds?: number } = {},
): Execution {
  const { market = 'on-demand', zone = 'us-east-1a', attempts = 1, day = '2026-08-19', seconds = 3600 } = change;
  const startedAt = new Date(`${day}T00:00:00Z`);
  const launches = Array.from(
    { length: attempts },
    (_, index): Launched => ({
      attempt: index + 1,
      instance_id: 'i-0123456789abcdef0',
      type: 'm8g.xlarge',
      market,
      zone,
      launched_at: startedAt.toISOString(),
      seconds,
    }),
  );
  return {
    name,
    status: 'SUCCEEDED',
    startedAt,
    endedAt: new Date(startedAt.getTime() + seconds * 1000),
    input: job(['true']),
    facts: { errors: [], summary: { attempts, launches, object: null } },
  };
}
const running: Execution = { name: 'now', status: 'RUNNING', startedAt: NOW, input: {}, facts: { errors: [] } };

/** The commands' view of executions that are known. */
function within(all: readonly Execution[]): CostClients['executions'] {
  const executions = {
    region: 'us-east-1',
    list: async ({ since }: { since?: Date }) => all.filter(({ startedAt }) => !since || startedAt >= since),
    find: async (name: string) => all.find((each) => each.name === name),
  } as unknown as Executions;
  return (_, __, act) => act(executions);
}

/** EC2 with prices that change: $0.06 from the day before on, $0.08 from half past midnight on, in the zone a. */
const ec2 = {
  send: async ({ input }: DescribeSpotPriceHistoryCommand) => {
    const row = (AvailabilityZone: string, SpotPrice: string, time: string) => ({
      AvailabilityZone,
      InstanceType: 'm8g.xlarge',
      ProductDescription: 'Linux/UNIX',
      SpotPrice,
      Timestamp: new Date(time),
    });
    expect(input).toMatchObject({ InstanceTypes: ['m8g.xlarge'], ProductDescriptions: ['Linux/UNIX'] });
    // EC2 answers the youngest first, and in pages.
    if (!input.NextToken) {
      return { SpotPriceHistory: [row('us-east-1a', '0.080000', '2026-08-19T00:30:00Z')], NextToken: 'more' };
    }
    return {
      SpotPriceHistory: [
        row('us-east-1b', '0.050000', '2026-08-18T20:00:00Z'),
        row('us-east-1a', '0.060000', '2026-08-18T10:00:00Z'),
      ],
      NextToken: '',
    };
  },
};

/** A month's answer of GetCostAndUsage (AWS Cost Explorer API Reference). */
const BILL = {
  GroupDefinitions: [{ Type: 'DIMENSION', Key: 'USAGE_TYPE' }],
  ResultsByTime: [
    {
      TimePeriod: { Start: '2026-08-01', End: '2026-08-21' },
      Total: {},
      Groups: [
        { Keys: ['BoxUsage:m8g.xlarge'], Metrics: { UnblendedCost: { Amount: '0.1', Unit: 'USD' } } },
        { Keys: ['SpotUsage:m8g.xlarge'], Metrics: { UnblendedCost: { Amount: '0.07', Unit: 'USD' } } },
        { Keys: ['EBS:VolumeUsage.gp3'], Metrics: { UnblendedCost: { Amount: '0.0008', Unit: 'USD' } } },
        { Keys: ['DataTransfer-Out-Bytes'], Metrics: { UnblendedCost: { Amount: '0.0000021', Unit: 'USD' } } },
      ],
      Estimated: true,
    },
  ],
  DimensionValueAttributes: [],
  $metadata: {},
} satisfies GetCostAndUsageCommandOutput;

async function actual(
  all: readonly Execution[],
  options: Partial<CostActualOptions> = {},
  names: string[] = [],
  changes: Partial<CostClients> = {},
) {
  const [out, err]: string[][] = [[], []];
  const asked: GetCostAndUsageCommand['input'][] = [];
  const clients = {
    executions: within(all),
    ec2: () => ec2,
    costExplorer: () => ({
      send: async ({ input }: GetCostAndUsageCommand) => {
        asked.push(input);
        return BILL;
      },
    }),
    ...changes,
  } as unknown as CostClients;
  const write = (texts: string[] | undefined) => ({ write: (text: string) => texts?.push(text) });
  const code = await costActual(
    names,
    { folder: '.datastream', arn: ARN, ...options },
    NOW,
    write(out),
    write(err),
    clients,
  );
  const stdout = (out ?? []).join('');
  return { code, stdout, stderr: (err ?? []).join(''), json: () => JSON.parse(stdout), asked };
}

describe('datastream cost actual', () => {
  it('sums the executions of the last days by what their names share, the dearest first', async () => {
    const { code, stdout, json } = await actual(
      [
        ended('a_20260819'),
        ended('b_20260819', { seconds: 7200 }),
        ended('b_20260818_r2'),
        ended('old_20260801', { day: '2026-08-01' }),
      ],
      { json: true },
    );

    expect([code, stdout.length > 0]).toEqual([0, true]);
    const { lines, dollars, jobs, dollars_unknown, executions } = json();
    expect([jobs, dollars_unknown]).toEqual([3, 0]);
    expect(lines.map((each: { line: string; jobs: number }) => [each.line, each.jobs])).toEqual([
      ['b', 2],
      ['a', 1],
    ]);
    expect(dollars.instance).toBeCloseTo(4 * HOURLY, 6);
    expect(dollars.volumes).toBeCloseTo((4 * 8 * 0.08) / 720, 6);
    expect(dollars.addresses).toBeCloseTo(4 * 0.005, 6);
    expect(executions).toHaveLength(3);
    const each = executions.reduce((sum: number, { dollars: its }: { dollars: number }) => sum + its, 0);
    expect(each).toBeCloseTo(dollars.total, 5);
  });

  it('counts a retry as its job', async () => {
    const all = [ended('a_20260819'), ended('a_20260819_r2'), ended('a_20260818')];

    const { json } = await actual(all, { json: true });
    const { stdout } = await actual(all);

    expect(json()).toMatchObject({ jobs: 2, lines: [{ line: 'a', jobs: 2 }] });
    expect(json().executions).toHaveLength(3);
    // Three hours of instances, by two jobs.
    expect(stdout).toMatch(/\na +2 +\$0\.54 .* \$0\.28\n/);
  });

  it('shows no sum where no cost is known', async () => {
    const stopped: Execution = { ...running, name: 'stopped', status: 'ABORTED' };

    const { stdout } = await actual([stopped]);

    expect(stdout).toMatch(/\nstopped +1 +- +- +- +- +- +-\nWithout 1 job: The instances/);
    expect((await actual([stopped, ended('a_20260819')])).stdout).toMatch(/\ntotal +2 +\$0\.18 /);
  });

  it('prints a table in 80 columns, and which jobs are not in it', async () => {
    const { stdout } = await actual([ended('a_20260819'), ended('b_20260819'), running]);

    expect(stdout).toMatch(/^LINE +JOBS +INSTANCES +VOLUMES +IPV4 +MACHINE +TOTAL +A JOB\n/);
    expect(stdout).toMatch(/\ntotal +3 +\$0\.36 +\$0\.0018 +\$0\.010 +\$0\.00\d+ +\$0\.37 +\$0\.19\n/);
    expect(stdout).toMatch(/\nWithout 1 job: The execution still runs\.\nList prices of us-east-1 of \d{4}-\d\d-\d\d/);
    expect(
      stdout
        .split('\n')
        .slice(0, 5)
        .filter((line) => line.length > 80),
    ).toEqual([]);
  });

  it('tells the lines of a matrix, with their places, also of retries and of jobs that are in none', async () => {
    file('job.tpl', TEMPLATE);
    const matrix = path(file('m.json', matrixFile()));

    const { json } = await actual(
      ['job_short_a_00_20260819', 'job_short_a_12_20260819_r2', 'mine_20260819-101500'].map((name) => ended(name)),
      { json: true, matrix },
    );

    expect(json().lines.map(({ line, jobs }: { line: string; jobs: number }) => [line, jobs])).toEqual([
      ['flow short', 2],
      ['mine', 1],
    ]);
  });

  it("counts spot at the price of the instance's zone and hours, else at the list's, and says so", async () => {
    const spot = [ended('a_20260819', { market: 'spot' })];
    const there = await actual(spot, { json: true });
    const mean = await actual(spot);
    const denied = {
      ec2: () => ({ send: () => Promise.reject(Object.assign(new Error('no'), { name: 'UnauthorizedOperation' })) }),
    };
    const refused = await actual(spot, {}, [], denied as unknown as CostClients);
    const elsewhere = await actual([ended('a_20260819', { market: 'spot', zone: 'us-east-1f' })]);

    // Half an hour at each price.
    expect(there.json()).toMatchObject({ spot_prices: 'history', dollars: { instance: expect.closeTo(0.07, 6) } });
    expect(mean.stdout).toContain('Spot instances count the price of their zones and hours.');
    expect(refused.code).toBe(0);
    expect(refused.stdout).toContain(
      "Spot instances count the list's spot price: EC2 does not tell that of their zones",
    );
    expect(elsewhere.stdout).toContain(
      "Spot instances count the list's spot price: EC2 has no price of their zones and hours",
    );
  });

  it('finds what is unusual, and exits 1 for it where that is asked for', async () => {
    const days = ['14', '15', '16', '17'].map((day) => ended(`a_202608${day}`, { day: `2026-08-${day}` }));
    const dear = ended('a_20260819', { attempts: 2 });

    expect(await actual([...days, dear])).toMatchObject({ code: 0, stdout: expect.not.stringContaining('Unusual') });
    const asked = await actual([...days, dear], { anomalies: true });
    expect(asked.code).toBe(1);
    expect(asked.stdout).toContain('Unusual: a: 1 of 5 jobs needed a second attempt.\n');
    expect(asked.stdout).toMatch(/Unusual: a: a job cost \$0\.37 on 2026-08-19, and \$0\.19 on most days\./);
    const usual = await actual(days, { anomalies: true });
    expect([usual.code, usual.stdout]).toEqual([0, expect.stringContaining('Nothing is unusual.')]);
  });

  it('finds a second attempt of a job in a retry, as the report does', async () => {
    const failed: Execution = { ...ended('a_20260819'), status: 'FAILED' };

    const { json } = await actual([ended('a_20260819_r2'), failed, ended('a_20260818')], { json: true });

    expect(json().anomalies).toEqual([{ line: 'a', kind: 'retries', text: '1 of 2 jobs needed a second attempt' }]);
  });

  it("compares a month with AWS's bill by the tag of the state machine, in one call", async () => {
    const all = [ended('a_20260801', { day: '2026-08-01' }), ended('b_20260731', { day: '2026-07-31' })];

    const { code, stdout, asked } = await actual(all, { bill: '2026-08' });

    expect(code).toBe(0);
    expect(asked).toEqual([
      {
        // To tomorrow: Cost Explorer has no future.
        TimePeriod: { Start: '2026-08-01', End: '2026-08-21' },
        Granularity: 'MONTHLY',
        Metrics: ['UnblendedCost'],
        Filter: { Tags: { Key: 'datastream:state-machine', Values: [ARN] } },
        GroupBy: [{ Type: 'DIMENSION', Key: 'USAGE_TYPE' }],
        NextPageToken: undefined,
      },
    ]);
    expect(stdout).toMatch(/\ninstances +\$0\.18 +\$0\.17\nvolumes +\$0\.00089 +\$0\.00080\nother +- +\$0\.0000021\n/);
    expect(stdout).toContain('2026-08: billed $0.17 for what is counted as $0.18, 5.3 % less.\nAWS may still change');
    expect(stdout).toContain('Asking Cost Explorer has cost $0.01.');
  });

  it('says that the tag is not activated where nothing is billed', async () => {
    const none = { costExplorer: () => ({ send: async () => ({ ...BILL, ResultsByTime: [] }) }) };

    const { stdout } = await actual(
      [ended('a_20260801', { day: '2026-08-01' })],
      { bill: '2026-08' },
      [],
      none as unknown as CostClients,
    );

    expect(stdout).toMatch(/nothing with the tag datastream:state-machine: activate it as a cost\s+allocation tag/);
  });

  it('prints those that are named, and says which is unknown', async () => {
    const all = [ended('a_20260819'), ended('b_20260819')];

    expect((await actual(all, {}, ['b_20260819'])).stdout).toMatch(/\nb_20260819 +1 .*\nList/);
    expect(await actual(all, {}, ['b_20260819', 'c'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('tells the same of a job of this computer as status does', () => {
    datastream('start', file('a.json', job(['true'])), '--name', 'a', '--local');

    const { status, stdout } = datastream('cost', 'actual', '--local', '--json');

    expect(status).toBe(0);
    const row = JSON.parse(datastream('status', 'a', '--local', '--json').stdout);
    expect(JSON.parse(stdout).executions).toMatchObject([{ name: 'a', dollars: row.dollars }]);
    expect(row.dollars).toBeGreaterThan(0);
  });

  it.each([
    ['--since with names', ['a', '--since', '1h', '--local']],
    ['--bill on this computer', ['--bill', '2026-08', '--local']],
    ['--bill with names', ['a', '--bill', '2026-08', '--arn', ARN]],
    ['--bill with --since', ['--since', '1h', '--bill', '2026-08', '--arn', ARN]],
    ['a month that is none', ['--bill', '2026-13', '--arn', ARN]],
    ['no machine', []],
  ])('exits 2 for %s', (_, args) => {
    expect(datastream('cost', 'actual', ...args)).toMatchObject({ status: 2, stdout: '' });
  });
});
