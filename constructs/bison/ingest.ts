import { parseExecution } from '../../executions/parse';
import { isRecord } from '../../files/values';
import { DOWNLOAD_KEY, rawdataKey, wholeBucket } from './names';

/**
 * Checks the execution file of an ingest: that the DataStream takes it, that it checks its object, that it names one
 * download of GBIF's, and that its bucket's name is no program or folder of its commands. The workflow puts its own
 * bucket and key in place of those.
 *
 * @returns the file as JSON
 * @throws Error with every problem
 */
export function ingestText(file: unknown): string {
  if (!isRecord(file)) {
    throw new Error(
      `ingest is ${JSON.stringify(file)}: write "open-data", or an execution file as an object in place.`,
    );
  }
  const { execution, problems } = parseExecution(file);
  const errors = problems
    .filter(({ severity }) => severity === 'error')
    .map(({ path, message }) => (path ? `${path}: ${message}` : message));
  const text = JSON.stringify(file) ?? '';
  const keys = [...new Set(text.match(/\d{7}-\d{15}/g) ?? [])];
  const [key = ''] = keys;
  if (keys.length !== 1) {
    errors.push(
      `It names ${keys.length === 0 ? 'no download' : `the downloads ${keys.join(' and ')}`} of GBIF's: write one key such as 0004219-251025141854904 wherever the workflow is to put the month's.`,
    );
  }
  const { ii_check_s3 } = (file as { run_options?: { ii_check_s3?: unknown } } | undefined)?.run_options ?? {};
  const { bucket, prefix } = (ii_check_s3 ?? {}) as { bucket?: unknown; prefix?: unknown };
  if (execution && (typeof bucket !== 'string' || (DOWNLOAD_KEY.test(key) && prefix !== rawdataKey(key)))) {
    errors.push(
      `run_options.ii_check_s3 is ${JSON.stringify(ii_check_s3)}: write { "bucket": "...", "prefix": "${rawdataKey(key || '<key>')}" }, the object that is crawled next.`,
    );
  }
  const other = typeof bucket === 'string' && execution?.commands.find((command) => isElse(bucket, command));
  if (other) {
    errors.push(
      `run_options.ii_check_s3.bucket is ${JSON.stringify(bucket)}, which is also a program or a folder in ${JSON.stringify(other)}: write another name such as bison-123456789012-us-east-1, since the workflow puts its own in place of it everywhere.`,
    );
  }
  if (errors.length === 0) return text;
  throw new Error(`ingest is no execution file that BISON can use:\n${errors.map((each) => `- ${each}`).join('\n')}`);
}

/** Whether a bucket's name is also the program of a command, as `aws` is, or a folder of a path. */
const isElse = (bucket: string, command: string) =>
  wholeBucket(bucket, '(?:^|[;|&(\'"])\\s*', '\\s').test(command) || wholeBucket(bucket, '(?<!/)/').test(command);
