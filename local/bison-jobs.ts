import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { JobName } from '../constructs/bison/jobs';
import { annotatedRiisKey, PREFIXES, type RegionFile, type RegionFiles } from '../constructs/bison/names';
import { ADDED_COLUMNS, SUBSET_COLUMNS } from '../constructs/bison/queries';
import { contains, type Feature, featuresOf } from '../files/geopackage';
import type { Container } from './batch';
import type { LocalClock } from './clock';
import { type Database, literal, type Row } from './duckdb';
import { type Access, filesBelow as below, pathsOf } from './glue';
import type { EmbeddedS3 } from './s3';

/** What the stand-ins of images/bison's programs work with. */
export interface JobPlace {
  readonly s3: EmbeddedS3;
  readonly clock: LocalClock;
  readonly database: () => Promise<Database>;
  /** The folder that stands for GBIF: `species.json` is what its species API answers. */
  readonly gbif: string;
  readonly bucket: string;
  /** The RIIS list's key. */
  readonly riis: string;
  readonly regions: RegionFiles;
  /** Hears what a job does with its role. Default: nothing does. */
  readonly access?: (job: JobName, ...what: Parameters<Access>) => void;
}

/** What is wrong with a job's input; it is the end of the job's log. */
class JobError extends Error {}

type Options = Readonly<Record<string, string>>;
/** What a stand-in works with. */
interface Place extends JobPlace {
  readonly told: Access;
}

/** The job's place in its array, and the array's size: 0 and 1 for a job without one. */
type Child = { readonly index: number; readonly size: number };

type Job = (options: Options, place: Place, child: Child) => Promise<void>;

const MASTER_COLUMNS = ['locality', 'scientificName', 'kingdom', 'degreeOfEstablishment', 'occurrenceID'];
const ANNOTATED_LIST_COLUMNS = ['locality', 'occurrenceID', 'degreeOfEstablishment', 'gbif_res_taxonkey'];

type Added = Readonly<Record<(typeof ADDED_COLUMNS)[number]['Name'], string | null>>;

/** The programs of images/bison, by name. They read and write what those do, with DuckDB and without GDAL. */
export const STAND_INS: Readonly<Record<JobName, Job>> = {
  annotate_riis: async ({ snapshot = '' }, place) => {
    const { rows } = inputsOf(place, place.riis, MASTER_COLUMNS);
    const species = JSON.parse(readFileSync(join(place.gbif, 'species.json'), 'utf8')) as Record<
      string,
      { usageKey: number; scientificName: string } | undefined
    >;
    const resolved = rows.map((row) => {
      const taxon = species[row.scientificName ?? ''];
      return {
        ...row,
        gbif_res_taxonkey: taxon ? String(taxon.usageKey) : '',
        gbif_res_scientificname: taxon?.scientificName ?? '',
      };
    });
    if (resolved.every(({ gbif_res_taxonkey }) => gbif_res_taxonkey === '')) {
      throw new JobError(`${place.riis}: GBIF knows none of its names, so nothing is written.`);
    }
    put(place, annotatedRiisKey(snapshot), csvOf(Object.keys(resolved[0] as object), resolved));
  },

  annotate: async ({ snapshot = '', subset = '' }, place, { index, size }) => {
    const files = filesBelow(place, subset);
    if (files.length === 0) throw new JobError(`${subset}: there is no file: see whether the subset was written.`);
    const { rows: list, counties, areas } = inputsOf(place, annotatedRiisKey(snapshot), ANNOTATED_LIST_COLUMNS);
    const assessed = assessmentsOf(list);
    const mine = files.sort().filter((_, at) => at % size === index);
    const paths = pathsOf(place.s3, subset, mine.length > 0 ? mine : files.slice(0, 1)).map(literal);
    const db = await place.database();
    // A child without a file writes the columns, and no row.
    const source = `(SELECT *, row_number() OVER () AS part_row FROM read_parquet([${paths.join(', ')}])${mine.length > 0 ? '' : ' WHERE false'})`;
    const rows = await db.query(
      `SELECT part_row::DOUBLE AS part_row, decimallongitude, decimallatitude, taxonkey, specieskey FROM ${source}`,
    );
    const names = ADDED_COLUMNS.map(({ Name }) => Name);
    const values = rows.map((row) => {
      const added = annotation(row, counties, areas, assessed);
      const cells = names.map((name) => (added[name] === null ? 'NULL::VARCHAR' : literal(String(added[name]))));
      return `(${[String(row.part_row), ...cells].join(', ')})`;
    });
    const nothing = `SELECT 0, ${names.map(() => 'NULL::VARCHAR').join(', ')} WHERE false`;
    const added = `(${values.length > 0 ? `VALUES ${values.join(', ')}` : nothing}) AS added(number, ${names.join(', ')})`;
    const columns = [...SUBSET_COLUMNS.map(({ Name }) => `part.${Name}`), ...names.map((name) => `added.${name}`)].join(
      ', ',
    );
    await copy(
      place,
      `SELECT ${columns} FROM ${source} AS part JOIN ${added} ON part.part_row = added.number`,
      `${PREFIXES.annotated}${snapshot}/${size}/${index}.parquet`,
      'FORMAT PARQUET, COMPRESSION SNAPPY',
    );
  },

  calc_stats: async ({ snapshot = '', tables = '[]' }, place) => {
    const db = await place.database();
    const read = (JSON.parse(tables) as { name: string; location: string; columns: string[] }[]).map(
      ({ name, location, columns }) => {
        const paths = pathsOf(place.s3, location, filesBelow(place, location)).map(literal);
        // UNLOAD writes no file for a result without a row.
        const nothing = `(SELECT ${columns.map((column) => `NULL AS ${column}`).join(', ')} WHERE false)`;
        return { name, source: paths.length > 0 ? `read_parquet([${paths.join(', ')}])` : nothing };
      },
    );
    const output = (name: string) => `${PREFIXES.output}${snapshot}/${name}.csv`;
    const rows: Record<string, number> = {};
    for (const { name, source } of read) {
      await copy(place, `SELECT * FROM ${source} ORDER BY ALL`, output(name), 'FORMAT CSV, HEADER true');
      const [row] = await db.query(`SELECT count(*)::DOUBLE AS n FROM ${source}`);
      rows[name] = Number(row?.n);
    }
    const list = read.find(({ name }) => name === 'county_x_species_list')?.source;
    if (list === undefined) throw new JobError('--tables has no county_x_species_list, of which statistics are made.');
    const { species, counties, totals } = statisticsOf(list);
    await copy(place, species, output('species_stats'), 'FORMAT CSV, HEADER true');
    await copy(place, counties, output('county_stats'), 'FORMAT CSV, HEADER true');
    const [all] = await db.query(totals);
    const statistics = { snapshot, ...all, rows };
    put(place, `${PREFIXES.summary}${snapshot}/statistics.json`, `${JSON.stringify(statistics, null, 2)}\n`);
  },
};

/** Occurrences that make a species present in a county (images/bison/calc_stats.py). */
const MIN_PRESENCE = 3;

/**
 * What images/bison/calc_stats.py computes of the list of species: the rows of species and of counties, and the totals
 * with the beta diversity after Lande, Legendre and Whittaker.
 */
function statisticsOf(list: string) {
  const cells = `WITH cells AS (
      SELECT state_county, taxonkey_species, sum(occ_count::BIGINT)::BIGINT AS n, n >= ${MIN_PRESENCE} AS present
      FROM ${list} GROUP BY ALL),
    alphas AS (SELECT state_county, count(*) FILTER (present) AS alpha FROM cells GROUP BY ALL),
    taxa AS (
      SELECT taxonkey_species, sum(n)::BIGINT AS occ_count, count(*) AS county_count, count(*) FILTER (present) AS omega,
        coalesce(sum(alpha) FILTER (present), 0)::BIGINT AS psi
      FROM cells JOIN alphas USING (state_county) GROUP BY ALL),
    sites AS (SELECT count(*) FILTER (alpha > 0) AS sites FROM alphas),
    present AS (SELECT count(*) FILTER (omega > 0) AS species FROM taxa)`;
  return {
    species: `${cells}
      SELECT taxonkey_species, occ_count, county_count, omega, omega / nullif(sites, 0) AS omega_proportional, psi,
        psi / nullif(species * omega, 0) AS psi_average_proportional
      FROM taxa, sites, present ORDER BY taxonkey_species`,
    counties: `${cells}
      SELECT state_county, sum(n)::BIGINT AS occ_count, count(*) AS species_count, alpha,
        alpha / nullif(any_value(species), 0) AS alpha_proportional,
        coalesce(sum(omega) FILTER (present), 0)::BIGINT AS phi,
        phi / nullif(any_value(sites) * alpha, 0) AS phi_average_proportional
      FROM cells JOIN alphas USING (state_county) JOIN taxa USING (taxonkey_species), sites, present AS all_present
      GROUP BY state_county, alpha ORDER BY state_county`,
    totals: `${cells}
      , sums AS (
        SELECT coalesce(sum(occ_count), 0)::DOUBLE AS occurrences, count(*)::DOUBLE AS species,
          sum(omega)::DOUBLE AS omegas, sum(omega * omega)::DOUBLE AS squares FROM taxa)
      SELECT occurrences, sums.species, (SELECT count(*)::DOUBLE FROM alphas) AS counties,
        ${MIN_PRESENCE}::DOUBLE AS minimum_presence, present.species::DOUBLE AS present_species,
        sites::DOUBLE AS present_counties, present_species - omegas / nullif(sites, 0) AS lande,
        omegas - squares / nullif(sites, 0) AS legendre, present_species / nullif(omegas / nullif(sites, 0), 0) AS whittaker
      FROM sums, sites, present`,
  };
}

/**
 * Runs a stand-in as a container runs its program: with exit code 1 and one message for an input that it cannot use.
 *
 * @param name of STAND_INS
 * @param tell gets the message
 */
export async function runStandIn(
  name: JobName,
  { command, environment }: Pick<Parameters<Container>[0], 'command' | 'environment'>,
  place: JobPlace,
  tell: (message: string) => void,
): Promise<{ readonly code: number }> {
  const release = place.clock.hold();
  try {
    const { AWS_BATCH_JOB_ARRAY_INDEX: index = 0, AWS_BATCH_JOB_ARRAY_SIZE: size = 1 } = environment;
    await STAND_INS[name](optionsOf(command), heard(name, place), { index: Number(index), size: Number(size) });
    return { code: 0 };
  } catch (error) {
    tell(`${name}: ${(error as Error).message}`);
    return { code: 1 };
  } finally {
    release();
  }
}

/** The place, in which every access to S3 is heard. */
function heard(name: JobName, place: JobPlace): Place {
  const told: Access = (action, resource) => place.access?.(name, action, resource);
  return { ...place, told };
}

/** The files below a folder, which the job lists and reads. */
function filesBelow({ s3, told }: Place, location: string): string[] {
  const files = below(s3, location);
  const [, bucket = ''] = /^s3:\/\/([^/]+)/.exec(location) ?? [];
  told('s3:ListBucket', bucket);
  for (const key of files) told('s3:GetObject', `${bucket}/${key}`);
  return files;
}

/** Writes an object. */
function put({ s3, bucket, told }: Place, key: string, text: string): void {
  told('s3:PutObject', `${bucket}/${key}`);
  s3.put(bucket, key, text);
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

/** Writes what a query selects into one object. */
async function copy(place: Place, select: string, key: string, format: string) {
  const { s3, bucket, database, clock } = place;
  // The folder is made by an object of no bytes, which the file replaces.
  put(place, key, '');
  const path = s3.pathOf(bucket, key);
  await (await database()).query(`COPY (${select}) TO ${literal(path)} (${format})`);
  utimesSync(path, clock.now(), clock.now());
}

/** What lies in `input/`: a list of RIIS and both files of regions. @throws JobError with all that is wrong with them */
function inputsOf(place: Place, list: string, columns: readonly string[]) {
  const problems: string[] = [];
  const collected = <T>(look: () => T[]): T[] => {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      problems.push(error.message);
      return [];
    }
  };
  const { county, aiannh } = place.regions;
  const rows = collected(() => listOf(place, list, columns));
  const counties = collected(() => regionsOf(place, county, ['STUSPS', 'NAMELSAD']));
  const areas = collected(() => regionsOf(place, aiannh, ['NAMELSAD', 'GEOID']));
  if (problems.length > 0) throw new JobError(problems.join('\n'));
  return { rows, counties, areas };
}

/** The rows of a list of RIIS. @throws JobError where it is not there or lacks a column, which is named */
function listOf({ s3, bucket, told }: Place, key: string, columns: readonly string[]): Record<string, string>[] {
  const address = `s3://${bucket}/${key}`;
  told('s3:GetObject', `${bucket}/${key}`);
  const text = read(() => readFileSync(s3.pathOf(bucket, key), 'utf8'), address);
  const rows = parse(text, { columns: true, bom: true }) as Record<string, string>[];
  const missing = columns.filter((column) => !(column in (rows[0] ?? {})));
  if (missing.length > 0) throw new JobError(`${address} has no column ${missing.join(', ')}.`);
  return rows;
}

function regionsOf({ s3, bucket, told }: Place, { key, layer }: RegionFile, columns: readonly string[]): Feature[] {
  const address = `s3://${bucket}/${key}`;
  told('s3:GetObject', `${bucket}/${key}`);
  const features = read(() => featuresOf(s3.pathOf(bucket, key), layer), address);
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

/** By region and taxon; of several records an invasive one, then the first. */
function assessmentsOf(rows: readonly Readonly<Record<string, string>>[]): Assessed {
  const found = new Map<string, { identifier: string; assessment: string }>();
  for (const { locality = '', occurrenceID = '', degreeOfEstablishment = '', gbif_res_taxonkey = '' } of rows) {
    const assessment = /invasive/i.test(degreeOfEstablishment) ? 'invasive' : 'introduced';
    const key = `${locality} ${gbif_res_taxonkey}`;
    const earlier = found.get(key)?.assessment;
    if (gbif_res_taxonkey === '' || earlier === 'invasive' || earlier === assessment) continue;
    found.set(key, { identifier: occurrenceID, assessment });
  }
  return found;
}

/** The columns that are added to one row (images/bison). */
function annotation(row: Row, counties: readonly Feature[], areas: readonly Feature[], assessed: Assessed): Added {
  const [x, y] = [Number(row.decimallongitude ?? Number.NaN), Number(row.decimallatitude ?? Number.NaN)];
  const at = (features: readonly Feature[]) => features.find((feature) => contains(feature, x, y))?.attributes;
  const [county, area] = [at(counties), at(areas)];
  const state = county ? String(county.STUSPS) : null;
  const region = state === null ? null : state === 'AK' || state === 'HI' ? state : 'L48';
  const riis = assessed.get(`${region} ${String(row.taxonkey)}`) ?? assessed.get(`${region} ${String(row.specieskey)}`);
  return {
    census_state: state,
    census_county: county ? String(county.NAMELSAD) : null,
    state_county: county ? `${state} ${String(county.NAMELSAD)}` : null,
    aiannh_name: area ? String(area.NAMELSAD) : null,
    aiannh_geoid: area ? String(area.GEOID) : null,
    riis_region: region,
    riis_occurrence_id: riis?.identifier ?? null,
    riis_assessment: riis?.assessment ?? 'presumed_native',
  };
}
