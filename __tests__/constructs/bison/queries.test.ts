import {
  ADDED_COLUMNS,
  ANNOTATED_COLUMNS,
  ASSESSMENTS,
  countQuery,
  READABLE,
  REGIONS,
  RESULTS,
  resultQuery,
  resultSelect,
  SUBSET_COLUMNS,
  subsetQuery,
  subsetSelect,
  verifyQuery,
} from '../../../constructs/bison/queries';
import { type Database, openDatabase, type Row } from '../../../local/duckdb';
import { trinoParser } from '../../support/trino';

const SOURCE = 'gbif-odr-0004219_251025141854904';
const trino = trinoParser();

describe('as Trino reads them', () => {
  // Trino's grammar has no UNLOAD, which is Athena's: its SELECT is checked.
  const queries = {
    subset: subsetQuery('subset_2025_11_01', SOURCE, 64),
    counts: countQuery(SOURCE, 'subset_2025_11_01'),
    verify: verifyQuery('2025_11_01'),
    ...Object.fromEntries(RESULTS.map((result) => [result.name, resultSelect(result, 'annotated_2025_11_01')])),
  };

  test.each(Object.entries(queries))('%s is a statement without errors', (_, query) => {
    expect(trino.validate(query).map(({ message }) => message)).toEqual([]);
    expect(trino.splitSQLByStatement(query) ?? [query]).toHaveLength(1);
  });

  test('the check finds errors', () => {
    expect(trino.validate(queries.subset.replace('FROM', 'FORM'))).not.toEqual([]);
  });

  test('verification reads the annotated table and the nine results, and no other', () => {
    const tables = trino
      .getAllEntities(queries.verify)
      ?.filter(({ entityContextType }) => entityContextType === 'table')
      .map(({ text }) => text);
    expect([...new Set(tables)].sort()).toEqual(
      ['annotated', ...RESULTS.map(({ name }) => name)].map((name) => `${name}_2025_11_01`).sort(),
    );
  });

  test('an UNLOAD is its SELECT in one pair of parentheses, to one folder', () => {
    const [result] = RESULTS as [(typeof RESULTS)[number]];
    expect(resultQuery(result, 'a', 's3://b/c/')).toBe(
      `UNLOAD (${resultSelect(result, 'a')}) TO 's3://b/c/' WITH (format = 'PARQUET', compression = 'SNAPPY')`,
    );
  });
});

/** A sequence that looks random and is the same each time. */
function chance(seed: number) {
  let state = seed;
  return <Value>(choices: readonly Value[]): Value => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return choices[Math.floor((state / 2 ** 32) * choices.length)] as Value;
  };
}

type Text = Readonly<Record<string, string | null>>;

const RANKS = ['SPECIES', 'SPECIES', 'SUBSPECIES', 'VARIETY', 'FORM', 'GENUS', 'FAMILY', ''];
const pick = chance(20_251_101);

/** Rows as a crawled text has them: every column is a text. */
const ROWS: readonly Text[] = Array.from({ length: 1000 }, (_, index) => ({
  gbifid: String(4_000_000_000 + index),
  datasetkey: pick(['d1', 'd2']),
  species: pick(['Puma concolor', 'Rattus norvegicus', "Rana d'aurora", null]),
  taxonrank: pick(RANKS),
  scientificname: pick(['Puma concolor (Linnaeus, 1771)', 'Rattus norvegicus (Berkenhout, 1769)']),
  countrycode: pick(['US', 'US', 'US', 'CA', '']),
  stateprovince: pick(['Kansas', '']),
  occurrencestatus: pick(['PRESENT', 'PRESENT', 'PRESENT', 'ABSENT']),
  decimallatitude: pick(['38.9', '-14.3', '0', '', 'no number', null]),
  decimallongitude: pick(['-95.2', '170.1', '1e2', '', null]),
  year: pick(['1999', '2025', '', 'MCMXC']),
  taxonkey: pick(['2435099', '2439838']),
  specieskey: pick(['2435099', '2439838', '']),
  basisofrecord: pick(['HUMAN_OBSERVATION', 'OBSERVATION', 'OCCURRENCE', 'PRESERVED_SPECIMEN', 'FOSSIL_SPECIMEN']),
}));

/** The contract's filter once more, written without SQL. */
const SUBSET = ROWS.filter(
  (row) =>
    [row.decimallatitude, row.decimallongitude].every((each) => each && !Number.isNaN(Number(each))) &&
    row.countrycode === 'US' &&
    row.occurrencestatus === 'PRESENT' &&
    ['SPECIES', 'SUBSPECIES', 'VARIETY', 'FORM', 'INFRASPECIFIC_NAME', 'INFRASUBSPECIFIC_NAME'].includes(
      row.taxonrank ?? '',
    ) &&
    row.basisofrecord !== 'FOSSIL_SPECIMEN',
);

const ANNOTATED: readonly Text[] = ROWS.map((row) => {
  const state = pick(['KS', 'HI', null]);
  const county = state === null ? null : pick(['Douglas', 'Kauai']);
  return {
    ...row,
    decimallatitude: '1.5',
    decimallongitude: '2.5',
    year: '2000',
    census_state: state,
    census_county: county,
    state_county: county === null ? null : `${state} ${county}`,
    aiannh_name: pick([null, null, 'Kickapoo']),
    aiannh_geoid: null,
    riis_region: null,
    riis_occurrence_id: null,
    riis_assessment: pick(ASSESSMENTS),
  };
});

const literal = (value: string | null) => (value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`);

async function table(
  db: Database,
  name: string,
  rows: readonly Text[],
  columns: readonly { Name: string; Type: string }[],
) {
  const duck: Readonly<Record<string, string>> = {
    string: 'VARCHAR',
    double: 'DOUBLE',
    int: 'INTEGER',
    bigint: 'BIGINT',
  };
  await db.query(`CREATE TABLE "${name}" (${columns.map(({ Name, Type }) => `${Name} ${duck[Type]}`).join(', ')})`);
  const values = rows.map((row) => `(${columns.map(({ Name }) => literal(row[Name] ?? null)).join(', ')})`);
  await db.query(`INSERT INTO "${name}" VALUES ${values.join(', ')}`);
}

describe('on 1,000 synthetic rows', () => {
  let db: Database;
  beforeAll(async () => {
    db = await openDatabase();
    await table(
      db,
      SOURCE,
      ROWS,
      SUBSET_COLUMNS.map(({ Name }) => ({ Name, Type: 'string' })),
    );
    await table(db, 'annotated_2025_11_01', ANNOTATED, ANNOTATED_COLUMNS);
    for (const result of RESULTS) {
      await db.query(`CREATE TABLE ${result.name}_2025_11_01 AS ${resultSelect(result, 'annotated_2025_11_01')}`);
    }
  });
  afterAll(() => db.close());

  test('the subset has the rows of the contract, with numbers where there are any', async () => {
    const rows = await db.query(`${subsetSelect(SOURCE)} ORDER BY gbifid`);
    expect(SUBSET.length).toBeGreaterThan(20);
    expect(rows.map(({ gbifid }) => gbifid)).toEqual(SUBSET.map(({ gbifid }) => gbifid));
    expect(rows.map(({ decimallongitude }) => decimallongitude)).toEqual(
      SUBSET.map((row) => Number(row.decimallongitude)),
    );
    expect(rows.map(({ year }) => year)).toEqual(
      SUBSET.map(({ year }) => (/^\d+$/.test(year ?? '') ? Number(year) : null)),
    );
    expect(Object.keys(rows[0] ?? {})).toEqual(SUBSET_COLUMNS.map(({ Name }) => Name));
  });

  test('the subset of Parquet with numbers is the same', async () => {
    const typed = SUBSET_COLUMNS.map(({ Name }) => ({
      Name,
      Type: { gbifid: 'bigint', year: 'int', taxonkey: 'int' }[Name as string] ?? 'string',
    }));
    const numbers = ROWS.map((row) => ({ ...row, year: /^\d+$/.test(row.year ?? '') ? (row.year ?? null) : null }));
    await table(db, 'typed', numbers, typed);
    expect(await db.query(`${subsetSelect('typed')} ORDER BY gbifid`)).toEqual(
      await db.query(`${subsetSelect(SOURCE)} ORDER BY gbifid`),
    );
  });

  test.each(RESULTS.map((result) => [result.name, result] as const))(
    '%s counts as TypeScript does',
    async (name, result) => {
      const { columns } = result;
      const region = REGIONS[result.region];
      const keys = columns.map(({ Name }) => Name).filter((each) => !each.endsWith('_count'));
      const groups = new Map<string, { occurrences: number; taxa: Set<string> }>();
      for (const row of ANNOTATED) {
        if (row[region] === null) continue;
        const taxon = `${row.taxonkey} ${row.species ?? row.scientificname}`;
        const key = JSON.stringify(keys.map((each) => (each === 'taxonkey_species' ? taxon : row[each])));
        const group = groups.get(key) ?? { occurrences: 0, taxa: new Set<string>() };
        group.occurrences++;
        group.taxa.add(taxon);
        groups.set(key, group);
      }
      const rows = await db.query(`SELECT * FROM ${name}_2025_11_01`);
      const counted = (row: Row) => [
        JSON.stringify(keys.map((key) => row[key])),
        Number(row.occ_count),
        ...('species_count' in row ? [Number(row.species_count)] : []),
      ];
      const expected = [...groups].map(([key, { occurrences, taxa }]) => [
        key,
        occurrences,
        ...(name.endsWith('species_list') ? [] : [taxa.size]),
      ]);
      const sorted = (all: unknown[][]) => all.map((each) => JSON.stringify(each)).sort();
      expect(groups.size).toBeGreaterThan(0);
      expect(sorted(rows.map(counted))).toEqual(sorted(expected));
      expect(Object.keys(rows[0] ?? {})).toEqual(columns.map(({ Name }) => Name));
    },
  );

  test('verification sums every result to the rows that have its region', async () => {
    const counts = Object.fromEntries(
      (await db.query(verifyQuery('2025_11_01'))).map(({ name, n }) => [name, Number(n)]),
    );
    const having = (column: string) => ANNOTATED.filter((row) => row[column] !== null).length;
    const regions = { county: having('state_county'), state: having('census_state'), aiannh: having('aiannh_name') };
    expect(counts).toEqual({
      annotated: 1000,
      ...regions,
      unknown_assessment: 0,
      ...Object.fromEntries(RESULTS.map(({ name, region }) => [name, regions[region]])),
    });
  });

  test('verification finds an assessment that is no known word, or is missing', async () => {
    await db.query(`CREATE TABLE annotated_bad AS SELECT * FROM annotated_2025_11_01 LIMIT 3`);
    await db.query(
      "UPDATE annotated_bad SET riis_assessment = CASE WHEN gbifid = (SELECT min(gbifid) FROM annotated_bad) THEN NULL ELSE 'native' END",
    );
    for (const { name } of RESULTS)
      await db.query(`CREATE TABLE ${name}_bad AS SELECT * FROM ${name}_2025_11_01 LIMIT 0`);
    const counts = Object.fromEntries((await db.query(verifyQuery('bad'))).map(({ name, n }) => [name, Number(n)]));
    expect(counts).toMatchObject({ annotated: 3, unknown_assessment: 3, county_counts: 0 });
  });

  test('the counts before and after the filter have their names', async () => {
    await db.query(`CREATE TABLE chosen AS ${subsetSelect(SOURCE)}`);
    const rows = await db.query(countQuery(SOURCE, 'chosen'));
    expect(rows.map(({ name, n }) => [name, Number(n)])).toEqual([
      ['source', 1000],
      ['subset', SUBSET.length],
    ]);
  });
});

test('every column that the filter reads is described before it is read', () => {
  const named = new Set(subsetSelect('t').match(/\b[a-z]+\b/g));
  for (const column of Object.keys(READABLE)) expect(named).toContain(column);
  expect(Object.keys(READABLE)).toEqual(SUBSET_COLUMNS.map(({ Name }) => Name));
  expect(ANNOTATED_COLUMNS).toHaveLength(SUBSET_COLUMNS.length + ADDED_COLUMNS.length);
});
