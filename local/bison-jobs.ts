import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { contains, type Feature, featuresOf } from '../files/geopackage';
import type { Container } from './batch';
import type { LocalClock } from './clock';
import { type Database, identifier, literal, type Row } from './duckdb';
import { filesBelow, pathsOf, placeOf } from './glue';
import type { EmbeddedS3 } from './s3';

/** What the stand-ins of images/bison's programs work with. */
export interface JobPlace {
  readonly s3: EmbeddedS3;
  readonly clock: LocalClock;
  readonly database: () => Promise<Database>;
  /** The folder that stands for GBIF: `species.json` is what its species API answers. */
  readonly gbif: string;
}

/** What is wrong with a job's input; it is the end of the job's log. */
class JobError extends Error {}

type Options = Readonly<Record<string, string>>;
type Job = (
  options: Options,
  place: JobPlace,
  child: { readonly index: number; readonly size: number },
) => Promise<void>;

/** The columns that a program of images/bison needs, and those that it adds (images/bison/annotate.py). */
const ADDED = [
  'census_state',
  'census_county',
  'state_county',
  'aiannh_name',
  'aiannh_geoid',
  'riis_region',
  'riis_occurrence_id',
  'riis_assessment',
] as const;
type Added = Readonly<Record<(typeof ADDED)[number], string | null>>;

/** RIIS' degreeOfEstablishment, and the word of it in the results (images/bison/annotate_riis.py); the last is the worst. */
const ASSESSMENTS = ['established (category c3)', 'invasive (category d2)', 'widespread invasive (category e)'];
const PRESUMED_NATIVE = 'presumed_native';

/** The programs of images/bison, by name. They read and write what those do, with DuckDB and without GDAL. */
export const STAND_INS: Readonly<Record<string, Job>> = {
  annotate_riis: async ({ riis = '', out = '' }, place) => {
    const rows = listOf(place, riis, [
      'locality',
      'scientificName',
      'kingdom',
      'degreeOfEstablishment',
      'occurrenceID',
    ]);
    const species = JSON.parse(readFileSync(join(place.gbif, 'species.json'), 'utf8')) as Record<
      string,
      { usageKey: number; scientificName: string } | undefined
    >;
    const resolved = rows.map((row, index) => {
      const taxon = species[row.scientificName ?? ''];
      return {
        ...row,
        gbif_res_taxonkey: taxon ? String(taxon.usageKey) : '',
        gbif_res_scientificName: taxon?.scientificName ?? '',
        LINENO: String(index + 2),
      };
    });
    if (resolved.every(({ gbif_res_taxonkey }) => gbif_res_taxonkey === '')) {
      throw new JobError(`${riis}: GBIF knows none of its names, so nothing is written.`);
    }
    put(place, out, csvOf(Object.keys(resolved[0] as object), resolved));
  },

  annotate: async (
    { subset = '', out = '', riis = '', county = '', aiannh = '', ...layers },
    place,
    { index, size },
  ) => {
    const files = filesBelow(place.s3, subset);
    if (files.length === 0) throw new JobError(`${subset}: there is no file: see whether the subset was written.`);
    const counties = regionsOf(place, county, layers['county-layer'] ?? 'county', ['STUSPS', 'NAMELSAD']);
    const areas = regionsOf(place, aiannh, layers['aiannh-layer'] ?? 'aiannh', ['NAMELSAD', 'GEOID']);
    const assessed = assessmentsOf(
      listOf(place, riis, ['locality', 'occurrenceID', 'degreeOfEstablishment', 'gbif_res_taxonkey']),
    );
    const mine = pathsOf(
      place.s3,
      subset,
      files.filter((_, at) => at % size === index),
    );
    const db = await place.database();
    // A child without a part of its own writes the columns of all, and no row.
    const paths = mine.length > 0 ? mine : pathsOf(place.s3, subset, files.slice(0, 1));
    const source = `read_parquet([${paths.map(literal).join(', ')}], filename = true, file_row_number = true)${mine.length > 0 ? '' : ' WHERE false'}`;
    const rows = await db.query(
      `SELECT filename, file_row_number, decimallongitude, decimallatitude, taxonkey FROM ${source}`,
    );
    const values = rows.map((row) => {
      const added = annotation(row, counties, areas, assessed);
      const cells = [row.filename, row.file_row_number, ...ADDED.map((name) => added[name])];
      return `(${cells.map((cell) => (cell === null ? 'NULL' : literal(String(cell)))).join(', ')})`;
    });
    const names = ['filename', 'file_row_number', ...ADDED].map(identifier).join(', ');
    const nothing = `SELECT ${Array(ADDED.length + 2)
      .fill('NULL::VARCHAR')
      .join(', ')} WHERE false`;
    const added = `(${values.length > 0 ? `VALUES ${values.join(', ')}` : nothing}) AS added(${names})`;
    await copy(
      place,
      `SELECT part.* EXCLUDE (filename, file_row_number), ${ADDED.map((name) => `added.${name}`).join(', ')} FROM (SELECT * FROM ${source}) AS part JOIN ${added} ON part.filename = added.filename AND part.file_row_number = added.file_row_number::BIGINT`,
      `${out.replace(/\/$/, '')}/${index}.parquet`,
      'FORMAT PARQUET, COMPRESSION SNAPPY',
    );
  },

  calc_stats: async ({ summary = '', out = '', date = '', 'min-presence': least = '3' }, place) => {
    const db = await place.database();
    const tables = ['counts', 'x_riis_counts', 'x_species_list'].flatMap((kind) =>
      ['state', 'county', 'aiannh'].map((region) => `${region}_${kind}`),
    );
    const sources = new Map(
      tables.map((table) => {
        const location = `${summary.replace(/\/$/, '')}/${table}/`;
        const files = filesBelow(place.s3, location);
        const paths = pathsOf(place.s3, location, files).map(literal).join(', ');
        return [table, files.length > 0 ? `read_parquet([${paths}])` : undefined];
      }),
    );
    const missing = tables.filter((table) => sources.get(table) === undefined);
    if (missing.length > 0) {
      throw new JobError(`${summary}: there is no file of ${missing.join(', ')}: see whether the summary was written.`);
    }
    const write = (name: string, select: string) =>
      copy(place, select, `${out.replace(/\/$/, '')}/${name}_${date}.csv`, 'FORMAT CSV, HEADER true');
    for (const table of tables) await write(table, `SELECT * FROM ${sources.get(table)} ORDER BY ALL`);
    await db.query(
      `CREATE OR REPLACE TEMP TABLE stat_cells AS SELECT state_county, taxonkey, species, sum(occ_count)::BIGINT AS occ, sum(occ_count) >= ${Number(least)} AS present FROM ${sources.get('county_x_species_list')} GROUP BY ALL`,
    );
    await db.query(
      'CREATE OR REPLACE TEMP TABLE stat_counties AS SELECT state_county, sum(occ)::BIGINT AS occ_count, count(*) AS species_count, count(*) FILTER (present) AS alpha FROM stat_cells GROUP BY ALL',
    );
    await db.query(
      'CREATE OR REPLACE TEMP TABLE stat_species AS SELECT taxonkey, species, sum(occ)::BIGINT AS occ_count, count(*) AS county_count, count(*) FILTER (present) AS omega, coalesce(sum(alpha) FILTER (present), 0)::BIGINT AS psi FROM stat_cells JOIN stat_counties USING (state_county) GROUP BY ALL',
    );
    const sites = '(SELECT count(*) FROM stat_counties WHERE alpha > 0)';
    const kinds = '(SELECT count(*) FROM stat_species WHERE omega > 0)';
    await write(
      'species_stats',
      `SELECT taxonkey, species, occ_count, county_count, omega, omega / nullif(${sites}, 0) AS omega_proportional, psi, psi / nullif(${kinds} * omega, 0) AS psi_average_proportional FROM stat_species ORDER BY taxonkey, species`,
    );
    await write(
      'county_stats',
      `SELECT state_county, occ_count, species_count, alpha, alpha / nullif(${kinds}, 0) AS alpha_proportional, phi, phi / nullif(${sites} * alpha, 0) AS phi_average_proportional FROM (SELECT c.*, coalesce((SELECT sum(omega) FROM stat_cells JOIN stat_species USING (taxonkey, species) WHERE present AND stat_cells.state_county = c.state_county), 0)::BIGINT AS phi FROM stat_counties AS c) ORDER BY state_county`,
    );
    await write(
      'diversity_stats',
      `SELECT counties, species, occ_count, min_presence, present_counties, present_species, present_species - ranges / nullif(present_counties, 0) AS lande, ranges - squares / nullif(present_counties, 0) AS legendre, present_species / nullif(ranges / nullif(present_counties, 0), 0) AS whittaker FROM (SELECT (SELECT count(*) FROM stat_counties) AS counties, count(*) AS species, sum(occ_count)::BIGINT AS occ_count, ${Number(least)} AS min_presence, ${sites} AS present_counties, ${kinds} AS present_species, sum(omega)::BIGINT AS ranges, sum(omega * omega)::BIGINT AS squares FROM stat_species)`,
    );
  },
};

/**
 * Runs a stand-in as a container runs its program: with exit code 1 and one message for an input that it cannot use.
 *
 * @param name of STAND_INS
 * @param tell gets the message
 */
export async function runStandIn(
  name: string,
  { command, environment }: Pick<Parameters<Container>[0], 'command' | 'environment'>,
  place: JobPlace,
  tell: (message: string) => void,
): Promise<{ readonly code: number }> {
  const release = place.clock.hold();
  try {
    const { AWS_BATCH_JOB_ARRAY_INDEX: index = '0', AWS_BATCH_JOB_ARRAY_SIZE: size = '1' } = environment;
    await (STAND_INS[name] as Job)(optionsOf(command), place, { index: Number(index), size: Number(size) });
    return { code: 0 };
  } catch (error) {
    tell(`${name}: ${(error as Error).message}`);
    return { code: 1 };
  } finally {
    release();
  }
}

/** `--name value` and `--name=value` of a command. */
function optionsOf(command: readonly string[]): Options {
  return Object.fromEntries(
    command.flatMap((word, at) => {
      const [, name, value] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
      return name === undefined ? [] : [[name, value ?? command[at + 1] ?? '']];
    }),
  );
}

function pathOf({ s3 }: JobPlace, address: string): string {
  const { bucket, prefix } = placeOf(address);
  return s3.pathOf(bucket, prefix);
}

function put({ s3 }: JobPlace, address: string, text: string): void {
  const { bucket, prefix } = placeOf(address);
  s3.put(bucket, prefix, text);
}

/** Writes what a query selects into one object. */
async function copy(place: JobPlace, select: string, address: string, format: string): Promise<void> {
  // The folder is made by an object of no bytes, which the file replaces.
  put(place, address, '');
  const path = pathOf(place, address);
  await (await place.database()).query(`COPY (${select}) TO ${literal(path)} (${format})`);
  utimesSync(path, place.clock.now(), place.clock.now());
}

/** The rows of a list of RIIS. @throws JobError where it is not there or lacks a column, which is named */
function listOf(place: JobPlace, address: string, columns: readonly string[]): Record<string, string>[] {
  const text = read(() => readFileSync(pathOf(place, address), 'utf8'), address);
  const rows = parse(text, { columns: true, bom: true }) as Record<string, string>[];
  const missing = columns.filter((column) => !(column in (rows[0] ?? {})));
  if (missing.length > 0) throw new JobError(`${address} has no column ${missing.join(', ')}.`);
  return rows;
}

function regionsOf(place: JobPlace, address: string, layer: string, columns: readonly string[]): Feature[] {
  const features = read(() => featuresOf(pathOf(place, address), layer), address);
  const missing = columns.filter((column) => !(column in (features[0]?.attributes ?? {})));
  if (missing.length > 0) throw new JobError(`${address}, layer ${layer}, has no column ${missing.join(', ')}.`);
  return features;
}

function read<T>(look: () => T, address: string): T {
  try {
    return look();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new JobError(code === 'ENOENT' ? `${address}: there is no such object.` : `${address}: ${message}`);
  }
}

const csvOf = (columns: readonly string[], rows: readonly Readonly<Record<string, string>>[]) => {
  const cell = (text = '') => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [columns, ...rows.map((row) => columns.map((name) => row[name]))]
    .map((line) => `${line.map(cell).join(',')}\n`)
    .join('');
};

type Assessed = ReadonlyMap<string, { readonly identifier: string; readonly assessment: string }>;

/** By region and taxon; of several records that with the worst assessment, then the first. */
function assessmentsOf(rows: readonly Readonly<Record<string, string>>[]): Assessed {
  const found = new Map<string, { identifier: string; assessment: string; rank: number }>();
  for (const { locality = '', occurrenceID = '', degreeOfEstablishment = '', gbif_res_taxonkey = '' } of rows) {
    const rank = ASSESSMENTS.indexOf(degreeOfEstablishment.trim().toLowerCase());
    const key = `${locality} ${gbif_res_taxonkey}`;
    if (gbif_res_taxonkey === '' || rank <= (found.get(key)?.rank ?? -1)) continue;
    const assessment = (ASSESSMENTS[rank] as string).replace(/ \(.*/, '');
    found.set(key, { identifier: occurrenceID, assessment, rank });
  }
  return found;
}

/** The columns that are added to one row (images/bison/annotate.py, annotations). */
function annotation(row: Row, counties: readonly Feature[], areas: readonly Feature[], assessed: Assessed): Added {
  const [x, y] = [Number(row.decimallongitude ?? Number.NaN), Number(row.decimallatitude ?? Number.NaN)];
  const at = (features: readonly Feature[]) => features.find((feature) => contains(feature, x, y))?.attributes;
  const [county, area] = [at(counties), at(areas)];
  const state = county ? String(county.STUSPS) : null;
  const region = state === null ? null : state === 'AK' || state === 'HI' ? state : 'L48';
  const riis = region === null ? undefined : assessed.get(`${region} ${String(row.taxonkey)}`);
  return {
    census_state: state,
    census_county: county ? String(county.NAMELSAD) : null,
    state_county: county ? `${state} ${String(county.NAMELSAD)}` : null,
    aiannh_name: area ? String(area.NAMELSAD) : null,
    aiannh_geoid: area ? String(area.GEOID) : null,
    riis_region: region,
    riis_occurrence_id: riis?.identifier ?? null,
    riis_assessment: region === null ? null : (riis?.assessment ?? PRESUMED_NATIVE),
  };
}
