import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PriceClients } from '../../../cli/aws/prices';
import { costEstimate } from '../../../cli/commands/cost-estimate';
import { updatePrices } from '../../../cli/commands/cost-prices';
import { EXAMPLES, inNewFolders, job } from '../../support/cli';
import { recordedPrices } from '../../support/recorded-prices';

const { datastream, file, path } = inNewFolders();

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');

/** What a command has written. */
function written() {
  const texts: string[] = [];
  return { write: (text: string) => texts.push(text), text: () => texts.join('') };
}

describe('datastream cost estimate', () => {
  it('tells what a day of a matrix costs, by type and market, in 80 columns', () => {
    const { status, stdout, stderr } = datastream('cost', 'estimate', RIVERS, '--seconds', '480');

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^TYPE +MARKET +JOBS +INSTANCES +VOLUMES +IPV4 +MACHINE +TOTAL$/);
    const [, total] = /^total +125(?: +\$[\d.]+){4} +\$([\d.]+)$/m.exec(stdout) ?? [];
    // Without prices in the test, which an update may change: each job runs 518 s of an m8g.xlarge or its double.
    expect(Number(total)).toBeGreaterThan(1);
    expect(Number(total)).toBeLessThan(8);
    expect(stdout).toMatch(/^125 jobs whose commands run 480 s: \$[\d.]+; at most \$[\d.]+, if every first attempt/m);
    expect(stdout).toContain(`run 480 s: $${total};`);
    expect(lines.slice(0, 5).filter((line) => line.length > 80)).toEqual([]);
  });

  it('prints a document with every job', () => {
    file('a.json', job(['true']));
    file('b.json', job(['true'], { run_options: { timeout_s: 60, ii_check_s3: false } }));

    const { status, stdout } = datastream('cost', 'estimate', 'a.json', 'b.json', '--json');

    expect(status).toBe(0);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ jobs: 2, seconds: null, prices_of: { 'us-east-1': expect.any(String) } });
    expect(document.estimates).toMatchObject([
      { name: 'a', type: 't4g.micro', market: 'on-demand' },
      { name: 'b', type: 't4g.micro', market: 'on-demand' },
    ]);
    expect(document.dollars.total).toBe(document.dollars_at_timeout);
    // An hour and a minute of a t4g.micro, with 8 GB and an address.
    expect(document.dollars.instance).toBeCloseTo(0.0084 * (61 / 60), 6);
    expect(document.dollars.addresses).toBeCloseTo(0.005 * (61 / 60), 6);
  });

  it('says how many jobs end at their timeout_s before the seconds are over', () => {
    const lasting = (timeout_s: number) => job(['true'], { run_options: { timeout_s, ii_check_s3: false } });
    file('short.json', lasting(300));
    file('long.json', lasting(3600));

    const { stdout } = datastream('cost', 'estimate', 'short.json', 'long.json', '--seconds', '480');
    const both = datastream('cost', 'estimate', 'short.json', 'long.json', '--seconds', '480', '--json').stdout;

    expect(stdout).toContain('\n1 job of these ends at its timeout_s before that.\n');
    expect(JSON.parse(both).estimates).toMatchObject([
      { name: 'short', ends_at_timeout: true },
      { name: 'long', ends_at_timeout: false },
    ]);
    expect(datastream('cost', 'estimate', 'long.json', '--seconds', '480').stdout).not.toContain('before that');
  });

  it.each([
    ['a file with an error', 1, { commands: [] }, /commands/],
    ['a file that is not there', 1, undefined, /there is no such file|cannot be read/],
    ['a region whose prices are not known', 1, job(['true'], { region: 'eu-west-1' }), /update --region eu-west-1'/],
  ])('says what is wrong with %s and exits %d', (_, code, content, message) => {
    if (content) file('job.json', content);

    const { status, stdout, stderr } = datastream('cost', 'estimate', 'job.json', '--seconds', '60');

    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it.each(['0', '172801', '-5', 'x'])('refuses %s seconds', (seconds) => {
    expect(datastream('cost', 'estimate', RIVERS, `--seconds=${seconds}`)).toMatchObject({ status: 2, stdout: '' });
  });

  it('takes how long a job has lasted here, and timeout_s for one that is new, and says so', () => {
    file('a.json', job(['true']));
    file('new.json', job(['true'], { run_options: { timeout_s: 600, ii_check_s3: false } }));
    datastream('start', 'a.json', '--local');

    const { status, stdout } = datastream('cost', 'estimate', 'a.json', 'new.json', '--local', '--json');
    const told = datastream('cost', 'estimate', 'a.json', 'new.json', '--local').stdout;

    expect(status).toBe(0);
    expect(JSON.parse(stdout).estimates).toMatchObject([
      { name: 'a', seconds: 0 },
      { name: 'new', seconds: null },
    ]);
    expect(told).toMatch(/^2 jobs as long as the median of the last 7 days: \$[\d.]+; at most/m);
    expect(told).toMatch(/^1 job of these has not succeeded in the last 7 days, and counts until timeout_s\.$/m);
  });

  it('says what is wrong with --seconds and --history together, and with --history where no machine is known', () => {
    file('a.json', job(['true']));

    expect(datastream('cost', 'estimate', 'a.json', '--seconds', '9', '--history')).toMatchObject({ status: 2 });
    const { status, stdout, stderr } = datastream('cost', 'estimate', 'a.json', '--history');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Which state machine is meant is not known/);
  });

  it('says how old old prices are, and what to do', async () => {
    const out = written();

    await costEstimate([RIVERS], { seconds: 60 }, new Date('2030-01-01T00:00:00Z'), out, out);

    expect(out.text()).toMatch(/, which is 1\d{3} days ago: run 'datastream cost prices update --region us-east-1'/);
  });
});

describe('datastream cost prices update', () => {
  const NOW = new Date('2026-11-28T12:00:00Z');
  const update = async (clients: PriceClients) => {
    file('list.json', { 'us-east-1': { as_of: '2026-01-01' }, 'eu-west-1': { as_of: '2025-01-01' } });
    const [out, err] = [written(), written()];
    const code = await updatePrices('eu-west-1', out, err, path('list.json'), NOW, clients);
    return { code, out: out.text(), err: err.text(), list: JSON.parse(readFileSync(path('list.json'), 'utf8')) };
  };

  it("replaces a region's prices by those of AWS, and leaves the other regions", async () => {
    const { code, out, err, list } = await update(recordedPrices());

    expect({ code, out, err }).toEqual({
      code: 0,
      out: `eu-west-1: prices of 2 instance types, of 1 of them as spot, of 2026-11-28; written to ${path('list.json')}\n`,
      err: '',
    });
    expect(list).toEqual({
      'us-east-1': { as_of: '2026-01-01' },
      'eu-west-1': {
        as_of: '2026-11-28',
        source: 'AWS Price List Query API; DescribeSpotPriceHistory',
        gp3_gb_month: 0.088,
        ipv4_hour: 0.005,
        // x.two has two prices, and x.free none.
        on_demand: { 'c8g.large': 0.09, 'm8g.large': 0.10032 },
        spot: { 'm8g.large': 0.04 },
      },
    });
  });

  it.each([
    ['an answer without a price of volumes', { volumes: [] }, /has no price of gp3 volumes in eu-west-1/],
    [
      'credentials without permission',
      { error: Object.assign(new Error('no pricing:GetProducts'), { name: 'AccessDeniedException' }) },
      /have no permission for this: no pricing:GetProducts/,
    ],
  ])('changes nothing after %s, and exits 5', async (_, changes, message) => {
    const { code, out, err, list } = await update(recordedPrices(changes));

    expect({ code, out }).toEqual({ code: 5, out: '' });
    expect(err).toMatch(message);
    expect(list['eu-west-1']).toEqual({ as_of: '2025-01-01' });
  });

  it('asks for a region where none is known', () => {
    expect(datastream('cost', 'prices', 'update')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'Whose prices are meant is not known: name the region by --region.\n',
    });
  });
});
