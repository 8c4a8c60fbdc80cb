import { BaseErrorName, NamedError } from '../runtime/errors';

/** Every error name of BISON that its state machine, the documentation and users rely on. */
export const ErrorName = {
  /** The execution's input has problems; nothing was started. */
  InvalidInput: 'InvalidInput',
  /** A file below input/ is missing; nothing was started. */
  InputsMissing: 'InputsMissing',
  /** The DataStream that is to ingest does not exist; nothing was started. */
  DataStreamMissing: 'DataStreamMissing',
  /** The jobs of the DataStream use another bucket alone; nothing was started. */
  BucketUnreachable: 'BucketUnreachable',
  /** An earlier execution still runs, whose crawler and tables this month would use too; Request's Retry waits. */
  AnotherMonthRuns: 'AnotherMonthRuns',
  /** The month's snapshot is not there; nothing was started. */
  SnapshotMissing: 'SnapshotMissing',
  /** GBIF refused the request for a download, or its user and password. */
  DownloadRefused: 'DownloadRefused',
  /** GBIF still makes the download; AwaitDownload's Retry waits. */
  DownloadRunning: 'DownloadRunning',
  /** GBIF has not made the download within a day. */
  DownloadLate: 'DownloadLate',
  /** GBIF could not make the download, or it was cancelled or erased. */
  DownloadFailed: 'DownloadFailed',
  /** A key of a download has another form than GBIF's; it is put into no command. */
  InvalidKey: 'InvalidKey',
  /** A query would read more than scanLimitBytes; none was started. */
  ScanLimitExceeded: 'ScanLimitExceeded',
  /** Glue's crawl failed. */
  CrawlFailed: 'CrawlFailed',
  /** Glue's crawl has not ended within an hour. */
  CrawlLate: 'CrawlLate',
  /** The crawled table lies in another folder than the month's data. */
  CrawledElsewhere: 'CrawledElsewhere',
  /** A column that the filter reads is missing, or has a type that it cannot read. */
  SchemaChanged: 'SchemaChanged',
  /** Two counts that must agree do not; nothing was published. */
  CountMismatch: 'CountMismatch',
  ...BaseErrorName,
} as const;

export type ErrorName = (typeof ErrorName)[keyof typeof ErrorName];

/** An error of BISON. Its name is one of `ErrorName`. */
export class BisonError extends NamedError<ErrorName> {}

/** Errors that the same call gives again. */
export const FINAL_ERRORS = [
  ErrorName.InvalidInput,
  ErrorName.InputsMissing,
  ErrorName.DataStreamMissing,
  ErrorName.BucketUnreachable,
  ErrorName.SnapshotMissing,
  ErrorName.DownloadRefused,
  ErrorName.DownloadLate,
  ErrorName.DownloadFailed,
  ErrorName.InvalidKey,
  ErrorName.ScanLimitExceeded,
  ErrorName.CrawledElsewhere,
  ErrorName.SchemaChanged,
  ErrorName.CountMismatch,
] as const;
