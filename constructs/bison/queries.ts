/** A column with the name of its type in Athena and Glue. */
export interface Column {
  readonly Name: string;
  readonly Type: string;
}

/** Ranks of a species and below (GBIF's vocabulary of ranks). */
const RANKS = ['SPECIES', 'SUBSPECIES', 'VARIETY', 'FORM', 'INFRASPECIFIC_NAME', 'INFRASUBSPECIFIC_NAME'] as const;

const BASES_OF_RECORD = ['HUMAN_OBSERVATION', 'OBSERVATION', 'OCCURRENCE', 'PRESERVED_SPECIMEN'] as const;

/** Every word that `riis_assessment` may be. */
export const ASSESSMENTS = ['introduced', 'invasive', 'presumed_native'] as const;

/** The columns of the subset. A crawled text has no types that can be trusted, so each is cast to its type here. */
export const SUBSET_COLUMNS = [
  { Name: 'gbifid', Type: 'string' },
  { Name: 'datasetkey', Type: 'string' },
  { Name: 'species', Type: 'string' },
  { Name: 'taxonrank', Type: 'string' },
  { Name: 'scientificname', Type: 'string' },
  { Name: 'countrycode', Type: 'string' },
  { Name: 'stateprovince', Type: 'string' },
  { Name: 'occurrencestatus', Type: 'string' },
  { Name: 'decimallatitude', Type: 'double' },
  { Name: 'decimallongitude', Type: 'double' },
  { Name: 'year', Type: 'int' },
  { Name: 'taxonkey', Type: 'string' },
  { Name: 'specieskey', Type: 'string' },
  { Name: 'basisofrecord', Type: 'string' },
] as const satisfies readonly Column[];

/** The columns that the job `annotate` adds. All may be NULL but the last. */
export const ADDED_COLUMNS = [
  { Name: 'census_state', Type: 'string' },
  { Name: 'census_county', Type: 'string' },
  { Name: 'state_county', Type: 'string' },
  { Name: 'aiannh_name', Type: 'string' },
  { Name: 'aiannh_geoid', Type: 'string' },
  { Name: 'riis_region', Type: 'string' },
  { Name: 'riis_occurrence_id', Type: 'string' },
  { Name: 'riis_assessment', Type: 'string' },
] as const satisfies readonly Column[];

/** The columns of `annotated/<snapshot>/<n>/<i>.parquet`, in this order. */
export const ANNOTATED_COLUMNS: readonly Column[] = [...SUBSET_COLUMNS, ...ADDED_COLUMNS];

const words = (each: readonly string[]) => each.map((word) => `'${word}'`).join(', ');
const lines = (...parts: readonly string[]) => parts.join('\n');

/** Rows of the contract: with coordinates, of the United States, present, of a species or below, observed or collected. */
export const FILTER = lines(
  'WHERE TRY_CAST(decimallatitude AS double) IS NOT NULL',
  '  AND TRY_CAST(decimallongitude AS double) IS NOT NULL',
  "  AND countrycode = 'US'",
  "  AND occurrencestatus = 'PRESENT'",
  `  AND taxonrank IN (${words(RANKS)})`,
  `  AND basisofrecord IN (${words(BASES_OF_RECORD)})`,
);

const CASTS: Readonly<Record<string, (name: string) => string>> = {
  string: (name) => `CAST(${name} AS varchar)`,
  double: (name) => `TRY_CAST(${name} AS double)`,
  int: (name) => `TRY_CAST(${name} AS integer)`,
};

/** @param source the crawled table's name */
export const subsetSelect = (source: string): string =>
  lines(
    `SELECT ${SUBSET_COLUMNS.map(({ Name, Type }) => `${CASTS[Type]?.(Name)} AS ${Name}`).join(', ')}`,
    `FROM "${source}"`,
    FILTER,
  );

/**
 * CREATE TABLE AS for a snapshot: a file for each child of the job `annotate`. It names no place, since the workgroup
 * enforces one: `tables/<QueryExecutionId>/` below its results.
 */
export const subsetQuery = (table: string, source: string, chunks: number): string =>
  lines(
    `CREATE TABLE ${table}`,
    `WITH (format = 'PARQUET', write_compression = 'SNAPPY', bucketed_by = ARRAY['gbifid'], bucket_count = ${chunks})`,
    `AS ${subsetSelect(source)}`,
  );

/** The rows of the crawled table and of the subset: names and numbers. */
export const countQuery = (source: string, subset: string): string =>
  lines(
    `SELECT 'source' AS name, count(*) AS n FROM "${source}"`,
    `UNION ALL SELECT 'subset' AS name, count(*) AS n FROM ${subset}`,
  );

/** The kinds of regions that are counted, each with the annotated column that names the region. */
export const REGIONS = { county: 'state_county', state: 'census_state', aiannh: 'aiannh_name' } as const;

export type Region = keyof typeof REGIONS;

/** A result: what is counted for each region, as the two ends of a SELECT around its FROM. */
export interface Result {
  /** `county_counts` and the like; the table's name has the snapshot's behind it. */
  readonly name: string;
  readonly region: Region;
  readonly columns: readonly Column[];
  readonly select: string;
  /** WHERE and GROUP BY. */
  readonly rest: string;
}

/** A taxon as the results name it. A record of a rank below species may have no species. */
const TAXON = "taxonkey || ' ' || COALESCE(species, scientificname)";

function resultsOf(region: Region): readonly Result[] {
  const column = REGIONS[region];
  const result = (name: string, keys: readonly (readonly [string, string])[], counts: readonly string[]): Result => ({
    name: `${region}_${name}`,
    region,
    columns: [
      ...keys.map(([key]) => ({ Name: key, Type: 'string' })),
      ...counts.map((count) => ({ Name: count, Type: 'bigint' })),
    ],
    select: `SELECT ${[
      ...keys.map(([key, expression]) => (key === expression ? key : `${expression} AS ${key}`)),
      ...counts.map((count) => `${COUNTS[count]} AS ${count}`),
    ].join(', ')}`,
    rest: `WHERE ${column} IS NOT NULL GROUP BY ${keys.map(([, expression]) => expression).join(', ')}`,
  });
  const assessment = ['riis_assessment', 'riis_assessment'] as const;
  return [
    result('counts', [[column, column]], ['occ_count', 'species_count']),
    result('x_riis_counts', [[column, column], assessment], ['occ_count', 'species_count']),
    result('x_species_list', [[column, column], ['taxonkey_species', TAXON], assessment], ['occ_count']),
  ];
}

const COUNTS: Readonly<Record<string, string>> = {
  occ_count: 'count(*)',
  species_count: `count(DISTINCT ${TAXON})`,
};

/** The nine results. */
export const RESULTS: readonly Result[] = (Object.keys(REGIONS) as Region[]).flatMap(resultsOf);

/** The SELECT of a result. @param table the annotated table's name */
export const resultSelect = ({ select, rest }: Pick<Result, 'select' | 'rest'>, table: string): string =>
  `${select} FROM ${table} ${rest}`;

/** UNLOAD of a result into an empty folder, `s3://bucket/folder/`. */
export const resultQuery = (result: Pick<Result, 'select' | 'rest'>, table: string, location: string): string =>
  `UNLOAD (${resultSelect(result, table)}) TO '${location}' WITH (format = 'PARQUET', compression = 'SNAPPY')`;

/**
 * Names and numbers that must agree: the annotated rows; the rows that have a region, by its kind; the rows whose
 * assessment is no known word; and the sum of each result.
 *
 * @param suffix the end of the tables' names
 */
export const verifyQuery = (suffix: string): string => {
  const annotated = `annotated_${suffix}`;
  const count = (name: string, where = '') => `SELECT '${name}' AS name, count(*) AS n FROM ${annotated}${where}`;
  return [
    count('annotated'),
    ...Object.entries(REGIONS).map(([region, column]) => count(region, ` WHERE ${column} IS NOT NULL`)),
    count('unknown_assessment', ` WHERE COALESCE(riis_assessment, '') NOT IN (${words(ASSESSMENTS)})`),
    ...RESULTS.map(
      ({ name }) => `SELECT '${name}' AS name, CAST(COALESCE(sum(occ_count), 0) AS bigint) AS n FROM ${name}_${suffix}`,
    ),
  ].join('\nUNION ALL ');
};

/** Columns that the subset reads, with the types of Glue that it can read. */
export const READABLE: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  SUBSET_COLUMNS.map(({ Name, Type }) => [
    Name,
    Type === 'string'
      ? ['string', 'varchar', 'char', 'bigint', 'int']
      : ['string', 'varchar', 'bigint', 'int', 'smallint', 'tinyint', 'double', 'float', 'decimal'],
  ]),
);
