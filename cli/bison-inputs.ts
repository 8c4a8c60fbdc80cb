import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { type RegionFiles, RIIS_KEY } from '../constructs/bison/names';
import { featuresOf } from '../files/geopackage';

/** A file that BISON's jobs read: where it is on this computer, and its key in the bucket. */
export interface BisonInput {
  readonly key: string;
  readonly path: string;
}

/** The columns that the jobs read. */
const RIIS_COLUMNS = ['locality', 'scientificName', 'kingdom', 'degreeOfEstablishment', 'occurrenceID'];
const REGION_COLUMNS = { county: ['STUSPS', 'NAMELSAD'], aiannh: ['NAMELSAD', 'GEOID'] } as const;

/** The inputs of a folder: it has each by the name that its key ends with. */
export function inputsIn(folder: string, regions: RegionFiles): BisonInput[] {
  return keysOf(regions).map((key) => ({ key, path: join(folder, basename(key)) }));
}

/** The keys of all inputs. */
export const keysOf = (regions: RegionFiles) => [RIIS_KEY, ...Object.values(regions).map(({ key }) => key)];

/**
 * What is wrong with the inputs of a folder, each in one sentence: what is missing, a list without a column, a region
 * file without its layer, a column of it or a feature, or with a geometry that is no polygon. Values are not checked.
 */
export function inputProblems(folder: string, regions: RegionFiles): string[] {
  return [
    ...riisProblems(join(folder, basename(RIIS_KEY))),
    ...(['county', 'aiannh'] as const).flatMap((kind) => {
      const { key, layer } = regions[kind];
      return regionProblems(join(folder, basename(key)), layer, REGION_COLUMNS[kind]);
    }),
  ];
}

function isMissing(path: string): boolean {
  try {
    return !statSync(path).isFile();
  } catch {
    return true;
  }
}

const absent = (path: string) => [`${path} is missing: put it there.`];

function riisProblems(path: string): string[] {
  if (isMissing(path)) return absent(path);
  let header: string[] = [];
  try {
    [header = []] = parse(readFileSync(path, 'utf8'), { bom: true, to: 1, relax_column_count: true }) as string[][];
  } catch (error) {
    return [`${path} cannot be read as CSV: ${(error as Error).message}.`];
  }
  const missing = RIIS_COLUMNS.filter((column) => !header.includes(column));
  if (missing.length === 0) return [];
  return [`${path} has no column ${missing.join(', ')}: write USGS' master list of RIIS, version 2.`];
}

function regionProblems(path: string, layer: string, columns: readonly string[]): string[] {
  if (isMissing(path)) return absent(path);
  try {
    const [first] = featuresOf(path, layer);
    if (!first) return [`${path}: its layer ${layer} has no feature: write the Census Bureau's file.`];
    const missing = columns.filter((column) => !(column in first.attributes));
    return missing.length === 0
      ? []
      : [`${path}: its layer ${layer} has no column ${missing.join(', ')}: write the Census Bureau's file.`];
  } catch (error) {
    const { message } = error as Error;
    // Of a geometry the message does not name the file.
    return [message.includes(path) ? message : `${path}: ${message}`];
  }
}
