import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { EmbeddedAthena } from '../../local/athena';
import { virtualClock } from '../../local/clock';
import { type Database, openDatabase } from '../../local/duckdb';
import { type Crawl, EmbeddedCatalog, EmbeddedGlue } from '../../local/glue';
import { EmbeddedS3 } from '../../local/s3';
import { Service } from '../../local/service';

const folders: string[] = [];
const databases: Database[] = [];
afterAll(async () => {
  for (const folder of folders) rmSync(folder, { recursive: true });
  for (const database of databases) await database.close();
});

const OCCURRENCES = [
  ['gbifID', 'scientificName', 'decimalLatitude', 'year'],
  ['1', 'Puma concolor', '34.5', '2019'],
  ['2', 'Sciurus "grey" niger', '', '2020'],
  ['3', "Rana d'aurora", '-1.25', ''],
]
  .map((row) => `${row.join('\t')}\n`)
  .join('');

/** Glue, Athena and a file of GBIF's form that has been crawled. */
async function cloud({ crawl, scanLimitBytes }: { crawl?: (n: number) => Crawl; scanLimitBytes?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'athena-test-'));
  folders.push(folder);
  const clock = virtualClock(new Date('2025-11-02T00:00:00Z'));
  const database = await openDatabase();
  databases.push(database);
  const s3 = new EmbeddedS3(clock, folder, new Service(clock, 10));
  const catalog = new EmbeddedCatalog();
  const glue = new EmbeddedGlue(clock, new Service(clock, 10), s3, catalog, async () => database, crawl);
  const athena = new EmbeddedAthena(clock, new Service(clock, 10), s3, catalog, async () => database);
  glue.define('crawler', { database: 'db', targets: ['s3://bucket/raw/occurrence/'], tablePrefix: 'gbif-odr-' });
  athena.define('group', {
    outputLocation: 's3://bucket/results/',
    ...(scanLimitBytes !== undefined && { scanLimitBytes }),
  });
  s3.put('bucket', 'raw/occurrence/occurrence.txt', OCCURRENCES);
  const run = <T>(promise: Promise<T>) => clock.run(promise);
  const state = async () =>
    ((await run(glue.getCrawler({ Name: 'crawler' }))) as { Crawler: { State: string; LastCrawl?: object } }).Crawler;
  const query = async (QueryString: string) => {
    const client = athena.client();
    const { QueryExecutionId } = await run(
      client.send(new StartQueryExecutionCommand({ QueryString, WorkGroup: 'group' })),
    );
    await run(athena.untilEnded(String(QueryExecutionId)));
    const { QueryExecution } = await run(client.send(new GetQueryExecutionCommand({ QueryExecutionId })));
    const { State, StateChangeReason } = QueryExecution?.Status ?? {};
    const rows =
      State === 'SUCCEEDED' && /^select/i.test(QueryString)
        ? (await run(client.send(new GetQueryResultsCommand({ QueryExecutionId })))).ResultSet?.Rows?.map(({ Data }) =>
            Data?.map(({ VarCharValue }) => VarCharValue),
          )
        : undefined;
    return { State, reason: StateChangeReason, rows, bytes: QueryExecution?.Statistics?.DataScannedInBytes };
  };
  const crawled = async () => {
    await run(glue.startCrawler({ Name: 'crawler' }));
    await run(clock.sleep(12 * 60_000));
  };
  return { clock, s3, catalog, glue, athena, run, state, query, crawled };
}

describe('a crawler', () => {
  test('is RUNNING, then STOPPING, then READY, and makes a table of what lies there', async () => {
    const { clock, run, glue, state } = await cloud();
    expect(await state()).toMatchObject({ State: 'READY' });
    await run(glue.startCrawler({ Name: 'crawler' }));
    await expect(run(glue.startCrawler({ Name: 'crawler' }))).rejects.toMatchObject({
      name: 'CrawlerRunningException',
    });
    expect((await state()).State).toBe('RUNNING');
    await run(clock.sleep(600_000));
    expect(await state()).toMatchObject({ State: 'STOPPING' });
    expect((await state()).LastCrawl).toBeUndefined();
    await run(clock.sleep(61_000));
    expect(await state()).toMatchObject({
      State: 'READY',
      LastCrawl: { Status: 'SUCCEEDED', StartTime: '2025-11-02T00:00:00.020Z' },
    });

    const { Table } = (await run(glue.getTable({ DatabaseName: 'db', Name: 'gbif-odr-occurrence' }))) as {
      Table: { StorageDescriptor: { Columns: unknown } };
    };
    expect(Table.StorageDescriptor.Columns).toEqual([
      { Name: 'gbifid', Type: 'bigint' },
      { Name: 'scientificname', Type: 'string' },
      { Name: 'decimallatitude', Type: 'double' },
      { Name: 'year', Type: 'bigint' },
    ]);
  });

  test('makes a table of each where files do not look alike, such as a log beside the data', async () => {
    const { s3, catalog, crawled } = await cloud();
    s3.put('bucket', 'raw/occurrence/datastream-metadata/attempt-1/stdout.log', 'upload: - to s3://bucket\n');
    await crawled();

    expect([...catalog.tables.keys()].sort()).toEqual([
      'db.gbif-odr-datastream_metadata',
      'db.gbif-odr-occurrence_txt',
    ]);
  });

  test('points elsewhere only while it does not run', async () => {
    const { run, glue, clock, catalog } = await cloud();
    const update = () =>
      run(glue.updateCrawler({ Name: 'crawler', Targets: { S3Targets: [{ Path: 's3://bucket/raw/other/' }] } }));
    await run(glue.startCrawler({ Name: 'crawler' }));
    await expect(update()).rejects.toMatchObject({ name: 'CrawlerRunningException' });
    await run(clock.sleep(12 * 60_000));
    expect(catalog.tables.size).toBe(1);
    await update();
    const TablesToDelete = ['gbif-odr-occurrence', 'x'];
    expect(await run(glue.batchDeleteTable({ DatabaseName: 'db', TablesToDelete }))).toMatchObject({
      Errors: [{ TableName: 'x' }],
    });
    expect(catalog.tables.size).toBe(0);
  });

  test('that fails tells why, and makes no table', async () => {
    const { run, glue, state, crawled } = await cloud({ crawl: () => ({ error: 'Insufficient Lake Formation' }) });
    await crawled();

    expect(await state()).toMatchObject({
      LastCrawl: { Status: 'FAILED', ErrorMessage: 'Insufficient Lake Formation' },
    });
    await expect(run(glue.getTable({ DatabaseName: 'db', Name: 'gbif-odr-occurrence' }))).rejects.toMatchObject({
      name: 'EntityNotFoundException',
    });
  });
});

test('a query that is stopped ends CANCELLED, and has written nothing', async () => {
  const { clock, athena, run, crawled, s3 } = await cloud();
  await crawled();
  const QueryString = `UNLOAD (SELECT * FROM "db"."gbif-odr-occurrence") TO 's3://bucket/out/' WITH (format = 'PARQUET')`;
  const client = athena.client();
  const start = () =>
    run(client.send(new StartQueryExecutionCommand({ QueryString, WorkGroup: 'group', ClientRequestToken: 'one' })));
  const { QueryExecutionId = '' } = await start();
  expect((await start()).QueryExecutionId).toBe(QueryExecutionId);
  await run(clock.sleep(500));
  await run(client.send(new StopQueryExecutionCommand({ QueryExecutionId })));

  expect((await run(athena.untilEnded(QueryExecutionId))).Status?.State).toBe('CANCELLED');
  await run(clock.sleep(10_000));
  expect(s3.list('bucket', 'out/')).toEqual([]);
});

describe('a query', () => {
  test('counts what is there: a number that is none is NULL, and quotes are text', async () => {
    const { query, crawled } = await cloud();
    await crawled();

    const { rows, bytes } = await query(
      'SELECT count(*) AS n, count(decimallatitude) AS lat, max(scientificname) AS name, sum(year) AS years FROM "db"."gbif-odr-occurrence"',
    );
    expect(rows).toEqual([
      ['n', 'lat', 'name', 'years'],
      ['3', '2', 'Sciurus "grey" niger', '4039'],
    ]);
    expect(bytes).toBe(Buffer.byteLength(OCCURRENCES));
  });

  test('makes tables in buckets, writes text without a header, and refuses what is there already', async () => {
    const { query, crawled, s3, catalog } = await cloud();
    await crawled();
    const create = (name: string, place: string) =>
      query(
        `CREATE TABLE "db"."${name}" WITH (format = 'PARQUET', external_location = 's3://bucket/${place}/', bucketed_by = ARRAY['gbifid'], bucket_count = 4) AS SELECT gbifid, TRY_CAST(scientificname AS double) AS d, scientificname FROM "db"."gbif-odr-occurrence"`,
      );
    expect(await create('subset', 'subset')).toMatchObject({ State: 'SUCCEEDED', reason: undefined });
    expect(s3.list('bucket', 'subset/')).toHaveLength(4);
    expect(catalog.get('db', 'subset')?.columns.map(({ Type }) => Type)).toEqual(['bigint', 'double', 'string']);
    expect((await query('SELECT count(*) AS n, count(d) AS d FROM "db"."subset"')).rows).toEqual([
      ['n', 'd'],
      ['3', '0'],
    ]);
    expect((await create('subset', 'other')).reason).toMatch(/^TABLE_ALREADY_EXISTS/);
    expect((await create('again', 'subset')).reason).toMatch(/^HIVE_PATH_ALREADY_EXISTS/);
    expect((await query('DROP TABLE IF EXISTS `db`.`subset`')).State).toBe('SUCCEEDED');
    expect((await query('SELECT 1 FROM "db"."subset"')).reason).toMatch(/^TABLE_NOT_FOUND/);

    const unload = `UNLOAD (SELECT gbifid, decimallatitude, scientificname FROM "db"."gbif-odr-occurrence" ORDER BY gbifid) TO 's3://bucket/out/' WITH (format = 'TEXTFILE', field_delimiter = ',', compression = 'NONE')`;
    expect(await query(unload)).toMatchObject({ State: 'SUCCEEDED', reason: undefined });
    const [written = ''] = s3.list('bucket', 'out/');
    expect(s3.get('bucket', written)).toBe(
      '1,34.5,Puma concolor\n2,\\N,Sciurus "grey" niger\n3,-1.25,Rana d\'aurora\n',
    );
    expect((await query(unload)).reason).toMatch(/^HIVE_PATH_ALREADY_EXISTS/);
  });

  test('reads of Parquet the columns that it uses', async () => {
    const { query, crawled } = await cloud();
    await crawled();
    await query(
      `CREATE TABLE "db"."all" WITH (format = 'PARQUET', external_location = 's3://bucket/all/') AS SELECT * FROM "db"."gbif-odr-occurrence"`,
    );
    const one = await query('SELECT sum(year) FROM "db"."all"');
    const two = await query('SELECT sum(year), count(scientificname) FROM "db"."all"');

    expect(one.bytes).toBeGreaterThan(0);
    expect(two.bytes).toBeGreaterThan(one.bytes ?? 0);
    expect((await query('SELECT count(*) FROM "db"."all"')).bytes).toBe(0);
  });

  test('that would read more than the limit is cancelled, and has written nothing', async () => {
    const { query, crawled, s3 } = await cloud({ scanLimitBytes: 50 });
    await crawled();

    expect(
      await query(
        `CREATE TABLE "db"."t" WITH (format = 'PARQUET', external_location = 's3://bucket/t/') AS SELECT * FROM "db"."gbif-odr-occurrence"`,
      ),
    ).toMatchObject({ State: 'CANCELLED', reason: 'Query cancelled! : Bytes scanned limit was exceeded', bytes: 50 });
    expect(s3.list('bucket', 't/')).toEqual([]);
  });

  test.each([
    ['ALTER TABLE "db"."t" ADD COLUMNS (a int)', /carries out SELECT/],
    [
      `CREATE TABLE "db"."t" WITH (format = 'ORC', external_location = 's3://bucket/t/') AS SELECT 1 AS a`,
      /does not write ORC/,
    ],
    [`UNLOAD (SELECT 1 AS a) TO 's3://bucket/t/' WITH (magic = 'yes')`, /does not know the property magic/],
    ['SELECT none FROM (SELECT 1 AS a)', /none/],
  ])('is told in words where it cannot be carried out: %s', async (sql, reason) => {
    const { query } = await cloud();

    expect(await query(sql)).toMatchObject({ State: 'FAILED', reason: expect.stringMatching(reason) });
  });
});
