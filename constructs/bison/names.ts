import { suffixOf } from '../../lambdas/bison/snapshot';

export {
  CRAWLED_PREFIX,
  crawledTable,
  DOWNLOAD_KEY,
  INGEST_FILE,
  manifestKey,
  rawdataKey,
  SNAPSHOT,
  suffixOf,
  wholeBucket,
} from '../../lambdas/bison/snapshot';

/** Where things lie in the bucket: `bison-<account>-<region>` by default. */
export const PREFIXES = {
  /** What a person uploads: the RIIS list and the regions. It is never deleted. */
  input: 'input/',
  /** GBIF's downloads: `rawdata/<key>/occurrence.txt`. */
  rawdata: 'rawdata/',
  /**
   * Athena's results. The workgroup enforces this place, so that a CREATE TABLE AS without a location of its own writes
   * to `queries/tables/<QueryExecutionId>/` (Athena User Guide, Considerations and limitations for CTAS queries).
   */
  queries: 'queries/',
  /** `annotated/<snapshot>/<chunks>/<child>.parquet`: a month that was started with other chunks has another folder. */
  annotated: 'annotated/',
  /** `summary/<snapshot>/<result>/<hash>/`, Parquet, and `summary/<snapshot>/manifest.json`, which is written last. */
  summary: 'summary/',
  /** `output/<snapshot>/<result>.csv` */
  output: 'output/',
  /** `logs/<key>/`: what the ingest's commands have printed. */
  logs: 'logs/',
} as const;

/** Prefixes whose objects are only of use while a month is made. */
export const INTERMEDIATE_PREFIXES = [PREFIXES.rawdata, PREFIXES.queries, PREFIXES.annotated, PREFIXES.logs] as const;

/** Days that intermediate objects are kept: three months and some days. */
export const INTERMEDIATE_DAYS = 95;

/** The document's name of the catalogue's database. Its hyphen must be quoted in SQL. */
export const DATABASE = 'bison-metadata';

/** The RIIS list as people upload it, and as the job `annotate_riis` writes it for a snapshot. */
export const RIIS_KEY = `${PREFIXES.input}USRIISv2_MasterList.csv`;

export const annotatedRiisKey = (snapshot: string): string =>
  `${PREFIXES.input}USRIISv2_MasterList_annotated_${suffixOf(snapshot)}.csv`;

/** A file of regions: a GeoPackage, and the layer in it. */
export interface RegionFile {
  /** Its key in the bucket, below `input/`. */
  readonly key: string;
  readonly layer: string;
}

/** The kinds of regions that points are intersected with. */
export const REGION_KINDS = ['county', 'aiannh'] as const;

export type RegionFiles = Readonly<Record<(typeof REGION_KINDS)[number], RegionFile>>;

/**
 * The Census Bureau's cartographic boundaries of 2023. A layer `county` has STUSPS and NAMELSAD; a layer `aiannh` has
 * NAMELSAD and GEOID. NAME is not enough for counties: Virginia has a Richmond County and a Richmond city.
 */
export const DEFAULT_REGIONS: RegionFiles = {
  county: { key: `${PREFIXES.input}county.gpkg`, layer: 'county' },
  aiannh: { key: `${PREFIXES.input}aiannh.gpkg`, layer: 'aiannh' },
};
