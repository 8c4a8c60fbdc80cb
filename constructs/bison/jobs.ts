import { type RegionFiles, RIIS_KEY } from './names';

/** A job definition of BISON: one program of images/bison. */
export interface BisonJob {
  /** `Ref::snapshot` and the like stand for parameters, which the workflow gives with each job. */
  readonly command: readonly string[];
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
}

/**
 * What AWS Batch runs. Each program has the variables of `jobEnvironment`, and of AWS Batch AWS_BATCH_JOB_ARRAY_INDEX;
 * its credentials are its role's. It exits with 0 only when what it writes is there; else it writes one line to standard
 * error that says what is wrong, and exits with 1. It may run again: it then writes the same keys.
 *
 * - `annotate_riis` reads RIIS_KEY and the files of regions, of which `annotate` needs layer and columns, finds the key
 *   of each taxon at GBIF, and writes `annotatedRiisKey(snapshot)`: the list with the columns `gbif_res_taxonkey` and
 *   `gbif_res_scientificname` behind. What is wrong with any of the files is told before GBIF is asked.
 * - `annotate` is an array. Child i reads the files of the folder `--subset` (s3://bucket/folder/) whose place in the
 *   order of names is i modulo the array's size, so that each is read once, however many Athena wrote: a child without
 *   a file writes one without rows. An empty folder is an error. It adds
 *   ADDED_COLUMNS of queries.ts, and writes every row to `annotated/<snapshot>/<n>/<i>.parquet` with the array's size n.
 *   A point on no region has none there; a point on a boundary has one region. riis_assessment is `introduced` or
 *   `invasive` by the list's row of the region and the taxonkey, else of its specieskey; without a row it is
 *   `presumed_native`.
 * - `calc_stats` reads the Parquet files of `--tables`, a JSON array of `{"name", "location", "columns"}`; a folder
 *   without a file is a result without a row. It writes each as `output/<snapshot>/<name>.csv` with a header,
 *   `species_stats.csv` and `county_stats.csv` beside them, and `summary/<snapshot>/statistics.json`.
 */
export const JOBS = {
  annotate_riis: {
    command: ['python3', '/opt/bison/annotate_riis.py', '--snapshot', 'Ref::snapshot'],
    vcpus: 1,
    memoryMiB: 2048,
    timeoutSeconds: 3 * 3600,
  },
  annotate: {
    command: ['python3', '/opt/bison/annotate.py', '--snapshot', 'Ref::snapshot', '--subset', 'Ref::subset'],
    vcpus: 1,
    memoryMiB: 7168,
    timeoutSeconds: 6 * 3600,
  },
  calc_stats: {
    command: ['python3', '/opt/bison/calc_stats.py', '--snapshot', 'Ref::snapshot', '--tables', 'Ref::tables'],
    vcpus: 1,
    memoryMiB: 7168,
    timeoutSeconds: 3 * 3600,
  },
} as const satisfies Readonly<Record<string, BisonJob>>;

export type JobName = keyof typeof JOBS;

export const JOB_NAMES = Object.keys(JOBS) as JobName[];

/** The variables of every job: the bucket, the region files as JSON, the RIIS list's key, and the region of AWS. */
export function jobEnvironment(bucket: string, regions: RegionFiles, region: string): Record<string, string> {
  return {
    BISON_BUCKET: bucket,
    BISON_REGIONS: JSON.stringify(regions),
    BISON_RIIS: RIIS_KEY,
    AWS_DEFAULT_REGION: region,
  };
}
