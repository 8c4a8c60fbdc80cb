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

type Job = (options: Options, place: Place, index: number) => Promise<void>;

const MASTER_COLUMNS = ['locality', 'scientificName', 'kingdom', 'degreeOfEstablishment', 'occurrenceID'];
const ANNOTATED_LIST_COLUMNS = ['locality', 'occurrenceID', 'degreeOfEstablishment', 'gbif_res_taxonkey'];

type Added = Readonly<Record<(typeof ADDED_COLUMNS)[number]['Name'], string | null>>;

/** The programs of images/bison, by name. They read and write what those do, with DuckDB and without GDAL. */
export const STAND_INS: Readonly<Record<JobName, Job>> = {
  annotate_riis: async ({ snapshot = '' }, place) => {
    const rows = listOf(place, place.riis, MASTER_COLUMNS);
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

  annotate: async ({ snapshot = '', subset = '' }, place, index) => {
    const files = filesBelow(place, subset);
    if (files.length === 0) throw new JobError(`${subset}: there is no file: see whether the subset was written.`);
    const { county, aiannh } = place.regions;
    const counties = regionsOf(place, county, ['STUSPS', 'NAMELSAD']);
    const areas = regionsOf(place, aiannh, ['NAMELSAD', 'GEOID']);
    const assessed = assessmentsOf(listOf(place, annotatedRiisKey(snapshot), ANNOTATED_LIST_COLUMNS));
    const bucket = `bucket-${String(index).padStart(5, '0')}`;
    const mine = files.find((key) => key.includes(bucket)) ?? files[index];
    const [path = ''] = pathsOf(place.s3, subset, [mine ?? (files[0] as string)]);
    const db = await place.database();
    // A child without a part of its own writes the columns, and no row.
    const source = `read_parquet(${literal(path)}, file_row_number = true)${mine === undefined ? ' WHERE false' : ''}`;
    const rows = await db.query(
      `SELECT file_row_number, decimallongitude, decimallatitude, taxonkey, specieskey FROM ${source}`,
    );
    const names = ADDED_COLUMNS.map(({ Name }) => Name);
    const values = rows.map((row) => {
      const added = annotation(row, counties, areas, assessed);
      const cells = names.map((name) => (added[name] === null ? 'NULL::VARCHAR' : literal(String(added[name]))));
      return `(${[String(row.file_row_number), ...cells].join(', ')})`;
    });
    const nothing = `SELECT 0, ${names.map(() => 'NULL::VARCHAR').join(', ')} WHERE false`;
    const added = `(${values.length > 0 ? `VALUES ${values.join(', ')}` : nothing}) AS added(number, ${names.join(', ')})`;
    const columns = [...SUBSET_COLUMNS.map(({ Name }) => `part.${Name}`), ...names.map((name) => `added.${name}`)].join(
      ', ',
    );
    await copy(
      place,
      `SELECT ${columns} FROM (SELECT * FROM ${source}) AS part JOIN ${added} ON part.file_row_number = added.number`,
      `${PREFIXES.annotated}${snapshot}/${index}.parquet`,
      'FORMAT PARQUET, COMPRESSION SNAPPY',
    );
  },

  calc_stats: async ({ snapshot = '', tables = '[]' }, place) => {
    const db = await place.database();
    const read = (JSON.parse(tables) as { name: string; location: string }[]).map(({ name, location }) => {
      const paths = pathsOf(place.s3, location, filesBelow(place, location)).map(literal);
      return { name, location, source: paths.length > 0 ? `read_parquet([${paths.join(', ')}])` : undefined };
    });
    const missing = read.filter(({ source }) => source === undefined).map(({ location }) => location);
    if (missing.length > 0) throw new JobError(`There is no file below ${missing.join(', ')}.`);
    const counts: Record<string, number> = {};
    for (const { name, source } of read) {
      const key = `${PREFIXES.output}${snapshot}/${name}.csv`;
      await copy(place, `SELECT * FROM ${source} ORDER BY ALL`, key, 'FORMAT CSV, HEADER true');
      const [row] = await db.query(`SELECT count(*)::DOUBLE AS n FROM ${source}`);
      counts[name] = Number(row?.n);
    }
    const list = read.find(({ name }) => name === 'county_x_species_list')?.source;
    const [diversity] = list === undefined ? [] : await db.query(diversityOf(list));
    const statistics = { snapshot, rows: counts, ...(diversity && { county_diversity: diversity }) };
    put(place, `${PREFIXES.summary}${snapshot}/statistics.json`, JSON.stringify(statistics));
  },
};

/** Occurrences that make a species present in a county (images/bison/calc_stats.py). */
const MIN_PRESENCE = 3;

/** Counties, species, and the beta diversity after Lande, Legendre and Whittaker (images/bison/calc_stats.py). */
const diversityOf = (list: string) => `
  WITH cells AS (SELECT state_county, taxonkey_species, sum(occ_count) >= ${MIN_PRESENCE} AS present FROM ${list} GROUP BY ALL),
    ranges AS (SELECT taxonkey_species, count(*) FILTER (present)::DOUBLE AS omega FROM cells GROUP BY ALL),
    sites AS (SELECT count(DISTINCT state_county)::DOUBLE AS n FROM cells WHERE present)
  SELECT n AS counties, count(*) FILTER (omega > 0)::DOUBLE AS species,
    count(*) FILTER (omega > 0) - sum(omega) / nullif(n, 0) AS lande,
    sum(omega) - sum(omega * omega) / nullif(n, 0) AS legendre,
    count(*) FILTER (omega > 0) / nullif(sum(omega) / nullif(n, 0), 0) AS whittaker
  FROM ranges, sites GROUP BY n`;

/**
 * Runs a stand-in as a container runs its program: with exit code 1 and one message for an input that it cannot use.
 *
 * @param name of STAND_INS
 * @param tell gets the message
 */
export async function runStandIn(
  name: JobName,
  { command, arrayIndex = 0 }: Pick<Parameters<Container>[0], 'command' | 'arrayIndex'>,
  place: JobPlace,
  tell: (message: string) => void,
): Promise<{ readonly code: number }> {
  const release = place.clock.hold();
  try {
    await STAND_INS[name](optionsOf(command), heard(name, place), arrayIndex);
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
