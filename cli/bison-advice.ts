import type { ErrorName } from '../lambdas/bison/errors';
import { TRANSIENT_ERRORS, UNREADABLE_EVENT } from '../lambdas/runtime/errors';

/** What a user does about a month that has failed. */
export interface Advice {
  /**
   * Whether a redrive can help. It begins at the state that failed, with that state's stored input, the definition and
   * the function's version of the execution's start (Step Functions Developer Guide, Redriving executions). `start`: only
   * a new month can.
   */
  readonly helps: 'redrive' | 'start';
  /** What to do before, as a command's sentence without its end. */
  readonly first: string;
}

const redrive = (first: string): Advice => ({ helps: 'redrive', first });
const start = (first: string): Advice => ({ helps: 'start', first });

const LATER = redrive('Wait until the service answers again');

/** What to do about each error of BISON's own. */
export const ADVICE: Readonly<Record<ErrorName, Advice>> = {
  InvalidInput: start('Correct the input as the message says'),
  InputsMissing: redrive("Upload the files with 'datastream bison inputs upload FOLDER'"),
  DataStreamMissing: start('Deploy the DataStream again, or BISON with the datastream_arn of another one'),
  BucketUnreachable: redrive("Deploy the DataStream with BISON's bucket as its s3_bucket"),
  AnotherMonthRuns: redrive('Wait until the other month has ended'),
  SnapshotMissing: start('Choose a month that is there, or a download by its key'),
  DownloadRefused: redrive("Write the user and password of gbif.org into the secret, or mend what GBIF's answer says"),
  DownloadRunning: redrive('Wait until GBIF has made the download'),
  DownloadLate: redrive('Wait until GBIF has made the download'),
  DownloadFailed: start('See why on the page of the download'),
  InvalidKey: start("Deploy a version of this module that reads the form of GBIF's key"),
  ScanLimitExceeded: start('Deploy a higher scan_limit_bytes'),
  CrawlFailed: start("Mend what the crawler's log in /aws-glue/crawlers says"),
  CrawlLate: start("Read the crawler's log in /aws-glue/crawlers, and wait until its crawl has ended"),
  CrawledElsewhere: start('See who else has changed the crawler'),
  SchemaChanged: start('Deploy a version of this module that reads the columns that the message names'),
  CountMismatch: start('Find out why the counts that the message names differ, and mend it'),
  NetworkError: LATER,
  ServiceUnavailable: LATER,
};

/** What to do about errors of Step Functions and of the functions' runtime. */
const OF_STEP_FUNCTIONS: Readonly<Record<string, Advice>> = {
  // A job definition that is deployed anew has another ARN, which a redriven execution does not know.
  'States.TaskFailed': redrive(
    "Mend why the job, query or ingest failed (a changed image of the jobs needs 'datastream bison start')",
  ),
  'States.Runtime': start('Deploy a version of this module whose state machine is mended'),
  'States.DataLimitExceeded': start('Deploy a version of this module whose state machine is mended'),
  [UNREADABLE_EVENT]: start('Deploy a version of this module whose function is mended'),
};

/** What AWS answers to a task besides: a missing permission or resource. */
const OTHERWISE = redrive('Mend what the message says');

/** Throttling and faults of a service, by the names of the functions' runtime and of the integrations. */
const isTransient = (error: string) =>
  (TRANSIENT_ERRORS as readonly string[]).includes(error) ||
  /\.(ThrottlingException|TooManyRequestsException|SdkClientException|SlowDown|ServiceUnavailable|Internal\w*|OperationTimeoutException)$/.test(
    error,
  );

/**
 * What to do about a month that has failed.
 *
 * @param status of the execution: one that was stopped can always be redriven, whatever error the user has named
 * @param error of the execution
 */
export function adviceOn(status: string, error: string | undefined): Advice {
  if (status === 'ABORTED') return redrive('Remove the reason why it was stopped');
  const known: Readonly<Record<string, Advice>> = { ...OF_STEP_FUNCTIONS, ...ADVICE };
  if (error !== undefined && Object.hasOwn(known, error)) return known[error] as Advice;
  return error !== undefined && isTransient(error) ? LATER : OTHERWISE;
}

/**
 * An advice as one sentence with its command.
 *
 * @param month the name of the month that is redriven. Default: the newest
 * @param snapshot the month that is started anew. Default: the user chooses it
 */
export function adviceSentence({ helps, first }: Advice, month?: string, snapshot?: string): string {
  return helps === 'redrive'
    ? `${first}, then go on with 'datastream bison redrive${month === undefined ? '' : ` ${month}`}'.`
    : `${first}, then start a new month with 'datastream bison start${snapshot === undefined ? '' : ` --snapshot ${snapshot}`}'.`;
}
