import { READABLE, RESULTS, SUBSET_COLUMNS } from '../../../constructs/bison/queries';
import { verify } from '../../../lambdas/bison/verifier';

const log = { info() {}, warn() {}, error() {}, appendKeys() {}, resetKeys() {} };
const LIMITS = { scanLimitBytes: 1000 };
const COLUMNS = SUBSET_COLUMNS.map(({ Name }) => ({ Name, Type: 'string' }));

const rowsOf = (counts: Readonly<Record<string, number>>) =>
  [['name', 'n'], ...Object.entries(counts)].map((cells) => ({
    Data: cells.map((cell) => ({ VarCharValue: String(cell) })),
  }));
const LOCATION = 's3://bison/rawdata/0004219-251025141854904/';
const schema = (
  columns: { Name: string; Type: string }[],
  parameters: Record<string, string> = {},
  location: string = LOCATION,
) =>
  verify(
    {
      action: 'schema',
      table: { columns, parameters, location },
      location: LOCATION,
      readable: READABLE as Record<string, string[]>,
    },
    LIMITS,
    log,
  );

describe('the schema', () => {
  test('of a text, and of Parquet with numbers in one version or the other, can be read', async () => {
    expect(await schema(COLUMNS, { classification: 'csv', sizeKey: '1000' })).toEqual({ bytes: 1000 });
    const types: Record<string, string> = { gbifid: 'bigint', decimallatitude: 'double', year: 'int', taxonkey: 'int' };
    const parquet = COLUMNS.map(({ Name, Type }) => ({ Name, Type: types[Name] ?? Type }));
    await expect(schema(parquet)).resolves.toEqual({ bytes: 0 });
    await expect(
      schema(COLUMNS.map((each) => (each.Name === 'decimallatitude' ? { ...each, Type: 'decimal(17,15)' } : each))),
    ).resolves.toBeDefined();
  });

  test.each([LOCATION, LOCATION.slice(0, -1), `${LOCATION}occurrence.txt`])('may be told of %s', async (location) => {
    await expect(schema(COLUMNS, {}, location)).resolves.toBeDefined();
  });

  test.each(['s3://bison/rawdata/0004219-2510251418549041/', 's3://bison/rawdata/', 's3://other/rawdata/'])(
    'of a table in %s is another month',
    async (location) => {
      await expect(schema(COLUMNS, {}, location)).rejects.toMatchObject({ name: 'CrawledElsewhere' });
    },
  );

  test('names every column that is missing or has a type that cannot be read', async () => {
    const changed = COLUMNS.filter(({ Name }) => Name !== 'taxonrank').map((each) =>
      each.Name === 'basisofrecord' ? { ...each, Type: 'array<string>' } : each,
    );
    await expect(schema(changed)).rejects.toMatchObject({
      name: 'SchemaChanged',
      message:
        'The crawled table has another schema than the subset reads: taxonrank is missing; basisofrecord is array<string>, which is none of string, varchar, char, bigint, int. No query was started.',
    });
  });

  test('of a text that is longer than a query may read, is refused; of Parquet a query reads a part', async () => {
    await expect(schema(COLUMNS, { classification: 'csv', sizeKey: '1001' })).rejects.toMatchObject({
      name: 'ScanLimitExceeded',
      message:
        'The crawled table has 1001 bytes, and a query may read 1000: no query was started. Deploy a higher scan_limit_bytes, then start a new month.',
    });
    await expect(schema(COLUMNS, { classification: 'parquet', sizeKey: '1001' })).resolves.toEqual({ bytes: 1001 });
  });
});

describe('the subset', () => {
  const subset = (counts: Record<string, number>) => verify({ action: 'subset', rows: rowsOf(counts) }, LIMITS, log);

  test('has rows, and no more than the source', async () => {
    expect(await subset({ source: 1000, subset: 741 })).toEqual({ source: 1000, subset: 741 });
    await expect(subset({ source: 1000, subset: 0 })).rejects.toMatchObject({ name: 'CountMismatch' });
    await expect(subset({ source: 1000, subset: 1001 })).rejects.toMatchObject({
      name: 'CountMismatch',
      message: expect.stringContaining("1001 rows, more than the source's 1000"),
    });
  });

  test('without a count does not agree', async () => {
    await expect(subset({ source: 1000 })).rejects.toMatchObject({ name: 'CountMismatch' });
  });
});

describe('the counts', () => {
  const REGIONS = { county: 700, state: 710, aiannh: 30 };
  const AGREED: Record<string, number> = {
    annotated: 741,
    ...REGIONS,
    unknown_assessment: 0,
    ...Object.fromEntries(RESULTS.map(({ name, region }) => [name, REGIONS[region]])),
  };
  const results = RESULTS.map(({ name, region }) => ({ name, region }));
  const compare = (counts: Record<string, number>) =>
    verify({ action: 'compare', counts: { source: 1000, subset: 741 }, rows: rowsOf(counts), results }, LIMITS, log);

  test('are returned if they agree', async () => {
    expect(await compare(AGREED)).toEqual({ source: 1000, subset: 741, ...AGREED });
  });

  test('that differ are told with both numbers, all at once', async () => {
    await expect(
      compare({ ...AGREED, annotated: 740, state_x_riis_counts: 709, unknown_assessment: 2 }),
    ).rejects.toMatchObject({
      name: 'CountMismatch',
      message:
        'The counts do not agree: 740 rows are annotated, of a subset of 741; 2 rows have an assessment that is no known word; state_x_riis_counts has a sum of 709, and 710 annotated rows have a state. Nothing was published.',
    });
  });

  test.each(Object.keys(AGREED))('without the count of %s do not agree', async (name) => {
    const { [name]: _, ...others } = AGREED;
    await expect(compare(others)).rejects.toMatchObject({
      name: 'CountMismatch',
      message: expect.stringContaining(name),
    });
  });
});
