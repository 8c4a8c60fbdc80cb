/** The form of the keys of GBIF's downloads. Nothing else is put into an execution file. */
export const DOWNLOAD_KEY = /^\d{7}-\d{15}$/;

/** A snapshot is of the first day of a month, as GBIF's open data are. */
export const SNAPSHOT = /^\d{4}-(0[1-9]|1[0-2])-01$/;

/** Upstream's beginning of the names of crawled tables. */
export const CRAWLED_PREFIX = 'gbif-odr-';

/** The end of the names of a snapshot's tables: `2025_11_01`. */
export const suffixOf = (snapshot: string): string => snapshot.replaceAll('-', '_');

/** The table that a crawl of a folder makes: a crawler writes _ for what is no letter, digit or _ of a folder's name. */
export const crawledTable = (folder: string): string =>
  `${CRAWLED_PREFIX}${folder.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`;

/** Where a download is ingested to. */
export const rawdataKey = (download: string): string => `rawdata/${download}/occurrence.txt`;

/** What is written last: readers trust what it names, and nothing else. */
export const manifestKey = (snapshot: string): string => `summary/${snapshot}/manifest.json`;

/** The first day of the month after a snapshot's. */
export function followingMonth(snapshot: string): Date {
  const next = new Date(`${snapshot}T00:00:00Z`);
  next.setUTCMonth(next.getUTCMonth() + 1);
  return next;
}

/**
 * A pattern of a bucket's name where it stands whole: `data` stands in `s3://data/x`, not in `s3://data-2/x` or
 * `metadata.csv`.
 *
 * @param before a pattern of what must stand before it. Default: anything that ends a name
 * @param after a pattern of what must follow. Default: anything that ends a name
 */
export const wholeBucket = (bucket: string, before = '', after = ''): RegExp =>
  new RegExp(`${before}(?<![\\w.-])${bucket.replaceAll(/[^\w-]/g, '\\$&')}(?![\\w.-])${after}`, 'g');

/** The name of the ingest's execution file beside the code of the function `gbif`. */
export const INGEST_FILE = 'ingest.json';
