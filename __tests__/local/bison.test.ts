import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { contains, featuresOf } from '../../files/geopackage';
import { OPEN_DATA } from '../../local/bison';
import { bashShell } from '../../local/shell';
import { PRICES } from '../../prices/orchestration';
import { EXAMPLE, INGEST, isPublished, OCCURRENCES, playMonth, RAW, SNAPSHOT, testMonth } from '../support/bison';

/** The month's counts, counted here without SQL. */
function counted() {
  const [header = '', ...lines] = OCCURRENCES.trimEnd().split('\n');
  const names = header.split('\t');
  const rows = lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']));
  });
  const isNumber = (text = '') => text !== '' && Number.isFinite(Number(text));
  const ranks = ['SPECIES', 'SUBSPECIES', 'VARIETY', 'FORM', 'INFRASPECIFIC_NAME', 'INFRASUBSPECIFIC_NAME'];
  const bases = ['HUMAN_OBSERVATION', 'OBSERVATION', 'OCCURRENCE', 'PRESERVED_SPECIMEN'];
  const subset = rows.filter(
    (row) =>
      isNumber(row.decimalLatitude) &&
      isNumber(row.decimalLongitude) &&
      row.countryCode === 'US' &&
      row.occurrenceStatus === 'PRESENT' &&
      ranks.includes(row.taxonRank ?? '') &&
      bases.includes(row.basisOfRecord ?? ''),
  );
  const counties = featuresOf(join(EXAMPLE, 'input/county.gpkg'), 'county');
  const areas = featuresOf(join(EXAMPLE, 'input/aiannh.gpkg'), 'aiannh');
  const at = (row: Record<string, string>, features: typeof counties) =>
    features.find((each) => contains(each, Number(row.decimalLongitude), Number(row.decimalLatitude)))?.attributes;
  const tally = (keys: (string | undefined)[]) => {
    const counts: Record<string, number> = {};
    for (const key of keys) if (key !== undefined) counts[key] = (counts[key] ?? 0) + 1;
    return counts;
  };
  const where = subset.map((row) => ({ county: at(row, counties), area: at(row, areas) }));
  return {
    source: rows.length,
    subset: subset.length,
    counties: tally(where.map(({ county }) => county && `${county.STUSPS} ${county.NAMELSAD}`)),
    areas: tally(where.map(({ area }) => area && String(area.NAMELSAD))),
  };
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, each) => all + each, 0);

/** `name,number,…` of a CSV file as a record. */
const firstTwo = (csv: string) =>
  Object.fromEntries(
    csv
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','))
      .map(([name = '', number]) => [name, Number(number)]),
  );

const shellOf = (folder: string, clock: Parameters<typeof bashShell>[0]['clock']) =>
  bashShell({
    buckets: join(folder, 'buckets'),
    scratch: join(folder, 'scratch'),
    clock,
    standIns: ['bison'],
    environment: { DATASTREAM_GBIF: join(EXAMPLE, 'gbif') },
  });

test('a month counts what is in the download, from the zip to the published results', async () => {
  const expected = counted();
  const { month, clock } = testMonth({ shell: shellOf });
  const execution = month.start({}, 'month');
  await clock.run(execution.ended);
  expect([execution.status, execution.cause]).toEqual(['SUCCEEDED', undefined]);
  const { counts } = execution.output as { counts: Record<string, number> };

  expect(counts).toMatchObject({
    source: expected.source,
    subset: expected.subset,
    annotated: expected.subset,
    county: sum(expected.counties),
    aiannh: sum(expected.areas),
    unknown_assessment: 0,
  });
  const { s3 } = month.cloud;
  const output = (name: string) => s3.get(month.bucket, `output/${SNAPSHOT}/${name}.csv`);
  expect(s3.get(month.bucket, RAW) === OCCURRENCES).toBe(true);
  expect(firstTwo(output('county_counts'))).toEqual(expected.counties);
  expect(firstTwo(output('aiannh_counts'))).toEqual(expected.areas);
  expect(sum(firstTwo(output('state_counts')))).toBe(sum(expected.counties));
});

test('what is annotated says region and assessment of each row', async () => {
  const { month } = await playMonth();
  const db = await month.database();
  const file = (index: number) => month.cloud.s3.pathOf(month.bucket, `annotated/${SNAPSHOT}/4/${index}.parquet`);
  const files = `read_parquet(['${[0, 1, 2, 3].map(file).join("', '")}'])`;
  const rows = await db.query(
    `SELECT riis_region, riis_assessment, count(riis_occurrence_id)::INT AS listed, count(*)::INT AS n FROM ${files} WHERE species = 'Rattus norvegicus' GROUP BY ALL ORDER BY ALL`,
  );

  // The list has it as introduced in Alaska and the lower 48, and as invasive in Hawaii; nowhere is no region.
  expect(rows.map(({ riis_region, riis_assessment }) => [riis_region, riis_assessment])).toEqual([
    ['AK', 'introduced'],
    ['HI', 'invasive'],
    ['L48', 'introduced'],
    [null, 'presumed_native'],
  ]);
  expect(rows.slice(0, 3).every(({ listed, n }) => listed === n)).toBe(true);
  expect(rows[3]?.listed).toBe(0);
});

test('a month that is made again with other chunks counts its own files only', async () => {
  const failed = await playMonth({
    chunks: 8,
    container: async (_job, name, standIn) => (name === 'calc_stats' ? { code: 1 } : standIn()),
  });
  const { month, clock } = testMonth({ chunks: 4 });
  const left = failed.month.cloud.s3;
  const annotated = left.list(failed.month.bucket, 'annotated/');
  for (const key of annotated) {
    month.cloud.s3.put(month.bucket, key, '');
    copyFileSync(left.pathOf(failed.month.bucket, key), month.cloud.s3.pathOf(month.bucket, key));
  }
  const again = month.start({}, 'again');
  await clock.run(again.ended);

  expect([failed.execution.status, annotated.length]).toEqual(['FAILED', 8]);
  expect([again.status, again.cause, isPublished(month)]).toEqual(['SUCCEEDED', undefined, true]);
});

test('the first job of a month tells all that is wrong with the files of regions, and no other job starts', async () => {
  const [jobs, told]: [string[], string[]] = [[], []];
  const { month, clock } = testMonth({
    container: async (_job, name, standIn) => {
      jobs.push(name);
      return standIn();
    },
    tell: (message) => told.push(message),
  });
  const { s3 } = month.cloud;
  copyFileSync(s3.pathOf(month.bucket, 'input/aiannh.gpkg'), s3.pathOf(month.bucket, 'input/county.gpkg'));
  s3.put(month.bucket, 'input/aiannh.gpkg', 'no GeoPackage');
  const execution = month.start({}, 'month');
  await clock.run(execution.ended);

  expect([execution.status, new Set(jobs)]).toEqual(['FAILED', new Set(['annotate_riis'])]);
  expect(told[0]).toMatch(/^annotate_riis: .*input\/county\.gpkg.* no layer 'county'.*\n.*input\/aiannh\.gpkg/);
  expect(s3.list(month.bucket, 'input/').filter((key) => key.includes('_annotated_'))).toEqual([]);
});

test('the manifest is written last, and names what is there', async () => {
  const { month } = await playMonth();
  const { s3 } = month.cloud;
  const key = `summary/${SNAPSHOT}/manifest.json`;
  const manifest = JSON.parse(s3.get(month.bucket, key)) as { results: { name: string; location: string }[] };
  const written = (each: string) => statSync(s3.pathOf(month.bucket, each)).mtimeMs;

  expect(manifest.results).toHaveLength(9);
  for (const { location } of manifest.results) {
    expect(s3.list(month.bucket, location.replace(`s3://${month.bucket}/`, ''))).toHaveLength(1);
  }
  const others = s3.list(month.bucket, '').filter((each) => each !== key);
  expect(others.filter((each) => written(each) > written(key))).toEqual([]);
});

test('a month of a download of three hours and a crawl of ten minutes takes at most 120 transitions', async () => {
  const { month, execution, clock } = await playMonth();
  const functions = month.cloud.invocations.filter(({ function: name }) => name === 'gbif' || name === 'verifier');
  const dollars =
    execution.used.transitions * PRICES.transition +
    functions.reduce(
      (all, { milliseconds }) => all + PRICES.request + ((milliseconds + 500) / 1000) * 0.25 * PRICES.gbSecond,
      0,
    );

  expect(clock.now().getTime() - Date.parse('2025-11-02T00:00:00Z')).toBeGreaterThan(3 * 3_600_000);
  expect(execution.used.transitions).toBeLessThanOrEqual(120);
  expect(dollars).toBeLessThanOrEqual(0.005);
  expect(month.live).toEqual([]);
});

test('a month without an occurrence in a region has results without a row, and CSV files with their headers', async () => {
  const [header = '', ...lines] = OCCURRENCES.replace(/\n$/, '').split('\n');
  const names = header.split('\t');
  const coordinates = ['decimalLatitude', 'decimalLongitude'].map((name) => names.indexOf(name));
  const adrift = lines.map((line) =>
    line
      .split('\t')
      .map((cell, at) => (coordinates.includes(at) && cell !== '' ? '0' : cell))
      .join('\t'),
  );
  const { execution, month } = await playMonth({ occurrences: `${[header, ...adrift].join('\n')}\n` });

  expect([execution.status, execution.cause, isPublished(month)]).toEqual(['SUCCEEDED', undefined, true]);
  const { s3 } = month.cloud;
  const output = (name: string) => s3.get(month.bucket, `output/${SNAPSHOT}/${name}.csv`);
  expect(output('aiannh_x_riis_counts')).toBe('aiannh_name,riis_assessment,occ_count,species_count\n');
  expect(output('county_stats').split('\n')).toHaveLength(2);
  expect(JSON.parse(s3.get(month.bucket, `summary/${SNAPSHOT}/statistics.json`))).toMatchObject({
    ...{ occurrences: 0, species: 0, counties: 0, present_species: 0, whittaker: null },
    rows: { county_counts: 0, state_x_species_list: 0 },
  });
});

test("GBIF's open data are read where they lie, and give the same counts", async () => {
  const { month: download } = await playMonth();
  const { month, clock } = testMonth({ openData: true });
  const db = await month.database();
  const { s3 } = month.cloud;
  const folder = `occurrence/${SNAPSHOT}/occurrence.parquet`;
  s3.put('source', 'occurrence.txt', OCCURRENCES);
  s3.put(OPEN_DATA, `${folder}/000000`, '');
  const text = `read_csv('${s3.pathOf('source', 'occurrence.txt')}', delim = '\t', header = true, quote = '', all_varchar = true)`;
  await db.query(
    // As GBIF has them: coordinates are numbers, and keys are texts.
    `COPY (SELECT * REPLACE (TRY_CAST(decimalLatitude AS double) AS decimalLatitude, TRY_CAST(decimalLongitude AS double) AS decimalLongitude) FROM ${text}) TO '${s3.pathOf(OPEN_DATA, `${folder}/000000`)}' (FORMAT PARQUET)`,
  );
  const execution = month.start({ snapshot: SNAPSHOT }, 'open');
  await clock.run(execution.ended);

  expect([execution.status, execution.cause]).toEqual(['SUCCEEDED', undefined]);
  expect(month.catalog.get('bison-metadata', 'gbif-odr-occurrence_parquet')?.format).toBe('parquet');
  const results = (of: typeof month) => of.cloud.s3.get(of.bucket, `output/${SNAPSHOT}/county_x_riis_counts.csv`);
  expect(results(month)).toBe(results(download));
  expect(month.gbif.calls).toEqual([]);
  expect(month.cloud.calls('RunInstances')).toBe(0);
});

test("a month that GBIF's open data do not have is told before anything is started", async () => {
  const { execution, month } = await playMonth({ openData: true }, { snapshot: SNAPSHOT });

  expect([execution.status, execution.error]).toEqual(['FAILED', 'SnapshotMissing']);
  expect(month.glue.crawls).toBe(0);
});

test('a second start of a published month ends at once, and says so', async () => {
  const { month, clock } = await playMonth();
  const [crawls, downloads] = [month.glue.crawls, month.gbif.downloads.length];
  const again = month.start({ snapshot: SNAPSHOT }, 'again');
  await clock.run(again.ended);

  expect([again.status, again.used.transitions]).toEqual(['SUCCEEDED', 3]);
  expect((again.output as { message: string }).message).toContain('are published already');
  expect([month.glue.crawls, month.gbif.downloads.length]).toEqual([crawls, downloads]);
});

test('a download of this month that GBIF has made for the user is not asked for again', async () => {
  const { month, clock } = testMonth();
  const first = month.start({}, 'first');
  clock.after(4 * 3_600_000, () => first.stop());
  await clock.run(first.ended);
  const second = month.start({}, 'second');
  await clock.run(second.ended);

  expect([first.status, second.status, isPublished(month)]).toEqual(['ABORTED', 'SUCCEEDED', true]);
  expect(month.gbif.downloads).toHaveLength(1);
});

test('the ingest is the execution file that ships', () => {
  expect(INGEST.run_options.ii_check_s3.prefix).toBe(RAW);
});
