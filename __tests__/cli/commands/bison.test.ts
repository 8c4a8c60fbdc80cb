import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import type { Bison } from '../../../cli/aws/bison';
import {
  bisonCost,
  bisonInputsCheck,
  bisonInputsUpload,
  bisonPreview,
  bisonRedrive,
  bisonStart,
  bisonStatus,
  guarded,
} from '../../../cli/commands/bison';
import { DATABASE, DEFAULT_REGIONS } from '../../../constructs/bison/names';
import { BISON_MACHINE, BISON_QUEUE, WORKGROUP } from '../../../local/bison';
import { EXAMPLE, INGEST, type MonthOptions, OCCURRENCES, testMonth } from '../../support/bison';
import { inNewFolders } from '../../support/cli';
import { documentIn } from '../../support/output-schema';

const folder = mkdtempSync(join(tmpdir(), 'bison-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FEW = `${OCCURRENCES.split('\n').slice(0, 121).join('\n')}\n`;

/** An embedded deployment, and its commands with what they print. */
function commands(options: MonthOptions = {}, deployment: Partial<Bison['deployment']> = {}) {
  const { month, clock } = testMonth({ occurrences: FEW, chunks: 2, ...options });
  const { bucket } = month;
  const clients: Bison = {
    athena: month.athena.client(),
    batch: month.batch.client(),
    s3: month.cloud.s3.client(),
    sfn: month.cloud.sfn.client(),
    clock,
    deployment: {
      stateMachineArn: BISON_MACHINE,
      region: 'us-east-1',
      ...{ bucket, database: DATABASE, workgroup: WORKGROUP, queue: BISON_QUEUE },
      ingest: 'download',
      regions: DEFAULT_REGIONS,
      scanLimitBytes: 2 ** 41,
      dataStreamArn: month.cloud.stateMachineArn,
      chunks: 2,
      postgres: null,
      ...deployment,
    },
  };
  const call = async (act: (clients: Bison, out: { write(text: string): unknown }) => Promise<number>) => {
    const told = { out: '', err: '' };
    const out = { write: (text: string) => (told.out += text) };
    const err = { write: (text: string) => (told.err += text) };
    const code = await clock.run(guarded('us-east-1', err, () => act(clients, out)));
    return { code, ...told };
  };
  const hours = (number: number) => clock.run(clock.sleep(number * 3_600_000));
  return { month, clock, call, hours };
}

test('a month from its start to its counts, with a child that fails once', async () => {
  let broken = true;
  const { call, hours, clock, month } = commands({
    container: async (job, name, standIn) =>
      broken && name === 'annotate' && job.arrayIndex === 1 ? { code: 3 } : standIn(),
  });
  const started = await call((clients, out) => bisonStart({ snapshot: '2025-11-01' }, clients, out));
  expect(started).toEqual({
    code: 0,
    out: "month-2025-11-01-20251102-000000: started. See 'datastream bison status'.\n",
    err: '',
  });
  await hours(1);
  const waiting = await call((clients, out) => bisonStatus(undefined, {}, clients, out));
  expect(waiting).toEqual({ code: 0, out: 'month-2025-11-01-20251102-000000: RUNNING, in AwaitDownload\n', err: '' });

  await hours(8);
  const failed = await call((clients, out) => bisonStatus(undefined, {}, clients, out));
  expect(failed.code).toBe(1);
  expect(failed.out).toContain('month-2025-11-01-20251102-000000: FAILED, in Annotate\n');
  expect(failed.out).toContain('States.TaskFailed: the job annotate failed: Array Child Job failed\n');
  expect(failed.out).toMatch(
    / {2}annotate 1 +exit code 3 +Essential container in task exited +annotate\/default\/\S+-1-1\n/,
  );
  expect(failed.out).toMatch(/\n {2}source +120\n {2}subset +\d+\n/);
  expect(failed.out).toContain("go on with 'datastream bison redrive'");
  const json = await call((clients, out) => bisonStatus(undefined, { json: true }, clients, out));
  expect(documentIn('bison status', json.out)).toMatchObject({
    status: 'FAILED',
    snapshot: '2025-11-01',
    failed_jobs: [{ job: 'annotate', index: 1, exit_code: 3 }],
    advice: expect.stringContaining("then go on with 'datastream bison redrive'."),
  });

  broken = false;
  const [crawls, downloads] = [month.glue.crawls, month.gbif.downloads.length];
  const redriven = await call((clients, out) => bisonRedrive(undefined, clients, out));
  expect([redriven.code, redriven.err]).toEqual([0, '']);
  await clock.run(clock.sleep(5 * 60_000));
  const running = await call((clients, out) => bisonStatus(undefined, {}, clients, out));
  expect(running.out).toMatch(
    /^month-2025-11-01-20251102-000000: RUNNING, in Annotate\n {2}children {2}2 running\n {2}source +120\n/,
  );
  await hours(2);
  const ended = await call((clients, out) => bisonStatus('month-2025-11-01-20251102-000000', {}, clients, out));
  expect(ended.code).toBe(0);
  expect(ended.out).toContain('SUCCEEDED\n  The counts of 2025-11-01 agree with each other');
  expect(ended.out).toMatch(/\n {2}source +120\n/);
  expect([month.glue.crawls, month.gbif.downloads.length]).toEqual([crawls, downloads]);

  expect(await call((clients, out) => bisonRedrive(undefined, clients, out))).toMatchObject({
    code: 1,
    err: 'month-2025-11-01-20251102-000000 has succeeded: there is nothing to go on with.\n',
  });
  const preview = await call((clients, out) => bisonPreview('county_counts_2025_11_01', { limit: 2 }, clients, out));
  expect(preview.code).toBe(0);
  expect(preview.out).toMatch(/^state_county +occ_count +species_count\n.*\n.*\n2 rows, \d+ bytes read \(\$/);
  const shown = await call((clients, out) =>
    bisonPreview('county_counts_2025_11_01', { limit: 1, json: true }, clients, out),
  );
  expect(documentIn('bison preview', shown.out)).toMatchObject({
    columns: ['state_county', 'occ_count', 'species_count'],
  });
  expect(
    await call((clients, out) => bisonPreview('county_count_2025_11_01', { limit: 2 }, clients, out)),
  ).toMatchObject({
    code: 1,
    err: "bison-metadata has no table 'county_count_2025_11_01': write county_counts_2025_11_01.\n",
  });
  const cost = await call((clients, out) => bisonCost({}, clients, out));
  expect(cost.out).toMatch(/^WHAT +HOW MUCH +AT MOST\nAthena +2 reads of 0\.0 GB, 10 of what is annotated +\$/);
});

test('a month that a redrive cannot help is not redriven, and needs a new one', async () => {
  const { call, hours, month } = commands({ crawl: () => ({ error: 'not authorized' }) });
  await call((clients, out) => bisonStart({ snapshot: '2025-11-01' }, clients, out));
  await hours(8);
  const advice =
    "Mend what the crawler's log in /aws-glue/crawlers says, then start a new month with 'datastream bison start --snapshot 2025-11-01'.\n";
  const failed = await call((clients, out) => bisonStatus(undefined, {}, clients, out));
  expect(failed.out).toContain('FAILED, in CrawlFailed\n');
  expect(failed.out).toMatch(/not authorized[\s\S]*\n {2}Mend what the crawler/);
  expect(failed.out.endsWith(`  ${advice}`)).toBe(true);

  expect(await call((clients, out) => bisonRedrive(undefined, clients, out))).toEqual({
    code: 1,
    out: '',
    err: `month-2025-11-01-20251102-000000 ended with CrawlFailed, which a redrive gives again: nothing was done. ${advice}`,
  });
  expect([month.cloud.calls('RedriveExecution'), month.glue.crawls]).toEqual([0, 1]);
});

test('no month is started or redriven while another runs, which is named', async () => {
  const { call, clock, month } = commands();
  const start = () => call((clients, out) => bisonStart({}, clients, out));
  const runs = (name: string) =>
    `${name} runs, and two months at once share a crawler and tables: wait until it has ended ('datastream bison status ${name}'), or stop it ('aws stepfunctions stop-execution --region us-east-1 --execution-arn arn:aws:states:us-east-1:000000000000:execution:bison-month:${name}').\n`;
  const stop = async (name: string) => {
    const executionArn = `arn:aws:states:us-east-1:000000000000:execution:bison-month:${name}`;
    await clock.run(month.cloud.sfn.client().send(new StopExecutionCommand({ executionArn })));
    await clock.run(clock.sleep(60_000));
  };
  const first = 'month-2025-11-01-20251102-000000';
  expect((await start()).code).toBe(0);
  expect(await start()).toEqual({ code: 1, out: '', err: `${runs(first)}Nothing was started.\n` });
  expect(month.cloud.calls('StartExecution')).toBe(1);

  // The first was stopped, and another was started.
  await stop(first);
  expect((await start()).code).toBe(0);
  const second = [...month.cloud.sfn.executions.values()].at(-1)?.name ?? '';
  const redriven = await call((clients, out) => bisonRedrive(first, clients, out));
  expect(redriven).toEqual({ code: 1, out: '', err: `${runs(second)}Nothing was done.\n` });
  expect(month.cloud.calls('RedriveExecution')).toBe(0);

  await stop(second);
  expect((await call((clients, out) => bisonRedrive(first, clients, out))).code).toBe(0);
  expect(month.cloud.calls('RedriveExecution')).toBe(1);
});

test('a start that would fail is refused with all that is wrong', async () => {
  const { call, month } = commands({ inputs: false });

  expect(
    await call((clients, out) => bisonStart({ snapshot: '2026-01-01', download: 'latest' }, clients, out)),
  ).toEqual({
    code: 1,
    out: '',
    err:
      '--snapshot is 2026-01-01, which is still to come: write 2025-11-01 or an earlier month.\n' +
      "--download is 'latest': write the key of one of GBIF's downloads, such as 0004219-251025141854904.\n" +
      `s3://${month.bucket}/input/USRIISv2_MasterList.csv is missing: run 'datastream bison inputs upload FOLDER'.\n` +
      `s3://${month.bucket}/input/county.gpkg is missing: run 'datastream bison inputs upload FOLDER'.\n` +
      `s3://${month.bucket}/input/aiannh.gpkg is missing: run 'datastream bison inputs upload FOLDER'.\n` +
      'Nothing was started.\n',
  });
  expect(month.cloud.sfn.executions.size).toBe(0);
});

test('inputs are checked before they are uploaded, byte for byte', async () => {
  const { call, month } = commands({ inputs: false });
  const missing = await call((clients, out) => bisonInputsCheck(clients, out));
  expect(missing.code).toBe(1);
  expect(missing.out).toContain('input/county.gpkg is missing\n');

  const broken = join(folder, 'broken');
  cpSync(join(EXAMPLE, 'input'), broken, { recursive: true });
  copyFileSync(join(broken, 'aiannh.gpkg'), join(broken, 'county.gpkg'));
  const refused = await call((clients, out) => bisonInputsUpload(broken, clients, out));
  expect(refused).toEqual({
    code: 1,
    out: '',
    err: `${broken}/county.gpkg has no layer 'county': it has aiannh.\nNothing was uploaded.\n`,
  });
  expect(month.cloud.s3.list(month.bucket, 'input/')).toEqual([]);

  // The first geometry's header, then well-known binary, whose type 1 is a point.
  const points = readFileSync(join(EXAMPLE, 'input/county.gpkg'));
  const header = points.indexOf('GP\0');
  const envelope = [0, 32, 48, 48, 64][(points.readUInt8(header + 3) >> 1) & 7] ?? 0;
  points.writeUInt32LE(1, header + 8 + envelope + 1);
  writeFileSync(join(broken, 'county.gpkg'), points);
  expect(await call((clients, out) => bisonInputsUpload(broken, clients, out))).toMatchObject({
    code: 1,
    err: `${broken}/county.gpkg: A geometry of type 1 is no polygon of two dimensions.\nNothing was uploaded.\n`,
  });

  const good = await call((clients, out) => bisonInputsUpload(join(EXAMPLE, 'input'), clients, out));
  expect(good.code).toBe(0);
  const uploaded = readFileSync(month.cloud.s3.pathOf(month.bucket, 'input/county.gpkg'));
  expect(uploaded.equals(readFileSync(join(EXAMPLE, 'input/county.gpkg')))).toBe(true);
  expect(await call((clients, out) => bisonInputsCheck(clients, out))).toMatchObject({
    code: 0,
    out: `s3://${month.bucket}/input/: 3 inputs, all there. Not checked: what is in the files. 'datastream bison inputs check FOLDER' checks a folder's.\n`,
  });
});

test('the cost of a month that is too large for the limit is told with the limit', async () => {
  const { call } = commands();
  expect(await call((clients, out) => bisonCost({}, clients, out))).toMatchObject({
    code: 1,
    err: expect.stringContaining('has no download to count the bytes of: write --source-gb'),
  });
  const { code, out } = await call((clients, output) => bisonCost({ sourceGb: 400, json: true }, clients, output));
  expect(code).toBe(0);
  const { dollars } = documentIn('bison cost', out) as { dollars: Record<string, number> };
  // Two reads of 400 GB, and ten of what is annotated, at $5 a TB.
  expect(dollars.athena).toBeCloseTo(4 + (10 * 400 * 0.005) / 15, 5);
  const { out: told } = await call((clients, output) => bisonCost({ sourceGb: 400 }, clients, output));
  expect(told).toMatch(/\njobs +2 of annotate, 2 others +\$0\.21\n/);
  expect(told).toContain('\nNo month is annotated yet: a fifteenth of the source is assumed.\n');
  expect(told).toContain('\nEach of 4 jobs takes 1 hour on demand; spot is cheaper.\n');
  expect(told).not.toContain('PostgreSQL');
  const large = await call((clients, output) => bisonCost({ sourceGb: 3000 }, clients, output));
  expect([large.code, large.err]).toEqual([1, expect.stringContaining('deploy a higher scan_limit_bytes')]);
});

test('the cost counts what the deployment has: its children, its server and how it ingests', async () => {
  const costOf = async (deployment: Partial<Bison['deployment']>) => {
    const { call } = commands({}, deployment);
    const { out } = await call((clients, output) => bisonCost({ sourceGb: 60, json: true }, clients, output));
    return documentIn('bison cost', out) as { dollars: Record<string, number>; assumptions: string[] };
  };
  const few = await costOf({});
  const many = await costOf({ chunks: 64 });
  expect(many.dollars.jobs).toBeCloseTo(((few.dollars.jobs ?? 0) / 4) * 66, 6);

  // db.t4g.micro and the endpoint, $0.026 an hour, and 20 GB at $0.115.
  const server = await costOf({ postgres: { instanceClass: 'db.t4g.micro', storageGb: 20 } });
  expect([few.dollars.postgres, server.dollars.postgres]).toEqual([0, 0.026 * 730 + 2.3]);
  const other = await costOf({ postgres: { instanceClass: 'db.r7g.large', storageGb: 20 } });
  expect(other.assumptions.join(' ')).toContain(
    'PostgreSQL is not counted: the price of db.r7g.large is not known here',
  );

  const open = await costOf({ ingest: 'open-data' });
  expect([open.dollars.ingest, (few.dollars.athena ?? 0) - (open.dollars.athena ?? 0)]).toEqual([
    0,
    expect.closeTo(0.3, 6),
  ]);
});

test('a month that there is none of is told with those that there are', async () => {
  const { call } = commands();
  expect(await call((clients, out) => bisonStatus(undefined, {}, clients, out))).toMatchObject({
    code: 1,
    err: "No month was started: say 'datastream bison start'.\n",
  });
  await call((clients, out) => bisonStart({}, clients, out));
  expect(await call((clients, out) => bisonStatus('month-2025-11-01-20251102-00000', {}, clients, out))).toMatchObject({
    code: 1,
    err: "There is no month 'month-2025-11-01-20251102-00000': write month-2025-11-01-20251102-000000.\n",
  });
});

describe('the command', () => {
  const folders = inNewFolders();

  test.each([
    [['bison', 'status'], 'Which BISON is meant is not known (terraform.bison.tfstate in this folder does not tell)'],
    [['bison', 'cost', '--source-gb', 'much'], "'much' is no number of GB: write one above 0, such as 400."],
    [['bison', 'preview', 't', '--limit', '0'], "'0' is no number of rows: write a whole number from 1 to 1000."],
  ])('%j exits 2 and says what to write', (args, message) => {
    const { status, stderr } = folders.datastream(...args);

    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test('inputs check looks at a folder without a deployment', () => {
    const good = folders.datastream('bison', 'inputs', 'check', join(EXAMPLE, 'input'));
    const checked = 'with the columns, layers and polygons that the jobs read. Not checked: the values.';
    expect(good).toEqual({ status: 0, stdout: `${join(EXAMPLE, 'input')}: 3 inputs ${checked}\n`, stderr: '' });

    const none = folders.datastream('bison', 'inputs', 'check', 'nowhere');
    expect([none.status, none.stdout]).toEqual([1, '']);
    expect(none.stderr).toBe(
      'nowhere/USRIISv2_MasterList.csv is missing: put it there.\n' +
        'nowhere/county.gpkg is missing: put it there.\n' +
        'nowhere/aiannh.gpkg is missing: put it there.\n',
    );
  });

  test('says of a file that is no deployment what it is not', () => {
    writeFileSync(folders.path('other.json'), JSON.stringify(INGEST));
    const { status, stderr } = folders.datastream('bison', 'status', '--deployment', 'other.json');

    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining('other.json does not tell: it is no output of BISON'),
    ]);
  });
});
