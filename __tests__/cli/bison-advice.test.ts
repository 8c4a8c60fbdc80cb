import { adviceOn, adviceSentence } from '../../cli/bison-advice';
import { ErrorName } from '../../lambdas/bison/errors';

test('every error of BISON has an advice of its own', () => {
  const other = adviceOn('FAILED', 'Glue.AccessDeniedException');

  expect(Object.values(ErrorName).filter((name) => adviceOn('FAILED', name) === other)).toEqual([]);
});

test.each([
  // The states CrawlFailed and CrawlLate end again; the same input is judged again by the same function.
  ...['CrawlFailed', 'CrawlLate', 'SchemaChanged', 'CountMismatch', 'ScanLimitExceeded', 'InvalidInput', 'InvalidKey'],
  ...['SnapshotMissing', 'DownloadFailed', 'ZodError', 'States.Runtime'],
])('%s needs a new month', (error) => {
  expect(adviceOn('FAILED', error).helps).toBe('start');
});

test.each([
  ...['InputsMissing', 'DownloadRefused', 'DownloadRunning', 'DownloadLate', 'NetworkError', 'ServiceUnavailable'],
  ...['States.TaskFailed', 'States.Timeout', 'Glue.ThrottlingException', 'Lambda.TooManyRequestsException'],
  ...['Athena.InternalServerException', 'Glue.AccessDeniedException', 'constructor'],
])('a redrive helps after %s', (error) => {
  expect(adviceOn('FAILED', error).helps).toBe('redrive');
});

test('a month that was stopped can be redriven, whatever error the user has named', () => {
  expect(adviceOn('ABORTED', 'CountMismatch').helps).toBe('redrive');
  expect(adviceOn('ABORTED', undefined).helps).toBe('redrive');
});

test('the command names the month that is meant', () => {
  expect(adviceSentence(adviceOn('FAILED', 'DownloadLate'), 'month-a')).toBe(
    "Wait until GBIF has made the download, then go on with 'datastream bison redrive month-a'.",
  );
  expect(adviceSentence(adviceOn('FAILED', 'ScanLimitExceeded'), 'month-a', '2025-10-01')).toBe(
    "Deploy a higher scan_limit_bytes, then start a new month with 'datastream bison start --snapshot 2025-10-01'.",
  );
});
