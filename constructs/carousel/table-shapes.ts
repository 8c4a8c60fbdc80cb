/** A table's keys and indexes. Terraform and the embedded cloud make their tables of it. */
export interface TableShape {
  readonly hash: string;
  readonly range?: string;
  /** The attributes of all keys: text or number. */
  readonly attributes: Readonly<Record<string, 'S' | 'N'>>;
  readonly indexes: readonly { readonly name: string; readonly hash: string; readonly range: string }[];
}

/** `BasicFusionFiles`: a row for each file, found by MISR path or by year and month. */
export const FILES_TABLE: TableShape = {
  hash: 'FilePath',
  attributes: { FilePath: 'S', MISR_Path: 'S', YearMonth: 'S' },
  indexes: [
    { name: 'MISR_Path', hash: 'MISR_Path', range: 'FilePath' },
    { name: 'YearMonth', hash: 'YearMonth', range: 'FilePath' },
  ],
};

/** `DataCarouselJobs`: requests with their files, turns with their files and jobs. */
export const JOBS_TABLE: TableShape = {
  hash: 'pk',
  range: 'sk',
  attributes: { pk: 'S', sk: 'S', waiting: 'S', since: 'N' },
  indexes: [{ name: 'Waiting', hash: 'waiting', range: 'since' }],
};
