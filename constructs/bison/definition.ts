import { ErrorName, FINAL_ERRORS } from '../../lambdas/bison/errors';
import { Tag } from '../../lambdas/bison/tags';
import { TRANSIENT_ERRORS, UNREADABLE_EVENT } from '../../lambdas/runtime/errors';
import type { Definition, Retrier } from '../aws/states-language';
import { type BisonFunctionName, FUNCTION_TIMEOUT_SECONDS } from './functions';
import type { JobName } from './jobs';
import { PREFIXES } from './names';
import { ANNOTATED_COLUMNS, countQuery, READABLE, RESULTS, resultQuery, subsetQuery, verifyQuery } from './queries';

/** Seconds between two looks at GBIF's download, and how many there are: a day. */
export const DOWNLOAD_LOOKS = { seconds: 900, times: 96 } as const;

/** Seconds between two looks at a month that runs already, and how many there are: a day. */
export const MONTH_LOOKS = { seconds: 900, times: 96 } as const;

/** Seconds between two looks at the crawl, and how many there are: an hour. */
export const CRAWL_LOOKS = { seconds: 60, times: 60 } as const;

/** Results that are unloaded at once: an account has few queries at once, and other people have some of them. */
const UNLOADS_AT_ONCE = 3;

/** What a definition is made from: names of this deployment. */
export interface DefinitionProps {
  /** The ARN of each function's version. */
  readonly functionArns: Readonly<Record<BisonFunctionName, string>>;
  /** The state machine that carries the ingest out. */
  readonly dataStreamArn: string;
  /** Where the data come from: a download of GBIF's, which an execution file ingests, or GBIF's open data. */
  readonly ingest: 'download' | 'open-data';
  readonly bucket: string;
  readonly database: string;
  readonly workgroup: string;
  readonly crawler: string;
  /** The queue's ARN. */
  readonly queueArn: string;
  /** The ARN of each job definition. */
  readonly jobArns: Readonly<Record<JobName, string>>;
  /** Files of the subset, and children of the job `annotate`: 2 to 100. */
  readonly chunks: number;
  /** `aws` or `aws-us-gov`. Default: aws. */
  readonly partition?: string;
}

const WAITS = { BackoffRate: 2, MaxDelaySeconds: 300, JitterStrategy: 'FULL' } as const;

/** A throttled call, and faults of a service itself. Nothing else is retried: a person reads the error first. */
const retryService = (service: string, ...more: readonly string[]): readonly Retrier[] => [
  {
    ErrorEquals: [
      ...['ThrottlingException', 'TooManyRequestsException', 'SdkClientException'],
      ...['InternalServerException', 'InternalServiceException', 'ServiceUnavailable'],
      ...more,
    ].map((name) => `${service}.${name}`),
    IntervalSeconds: 5,
    MaxAttempts: 8,
    ...WAITS,
  },
];

const retryFunction: readonly Retrier[] = [
  { ErrorEquals: [...FINAL_ERRORS, UNREADABLE_EVENT], MaxAttempts: 0 },
  { ErrorEquals: TRANSIENT_ERRORS, IntervalSeconds: 5, MaxAttempts: 8, ...WAITS },
];

/**
 * A call of States.Format. `{}` in the template stands for the next value; every other brace, quote and backslash of it
 * is written as it is meant.
 */
const format = (template: string, ...values: readonly string[]): string => {
  // A placeholder of cdktf has braces of its own, and becomes a name of AWS.
  const quoted = template.replaceAll(/\{\}|\$\{TfToken\[[^\]]+\]\}|[\\{}']/g, (found) =>
    found.length > 1 ? found : `\\${found}`,
  );
  return `States.Format('${quoted}', ${values.join(', ')})`;
};

/** The text that a query has once for each mark: where a query names a table, the definition puts a path. */
function filled(query: string, paths: Readonly<Record<string, string>>): string {
  const marks = new RegExp(Object.keys(paths).join('|'), 'g');
  const values = Array.from(query.matchAll(marks), ([mark]) => paths[mark] as string);
  return format(query.replaceAll(marks, '{}').replaceAll(/\s+/g, ' '), ...values);
}

/**
 * Of each entry of a state, and of each redrive: a redriven state keeps its time of entry, and its execution has the count
 * and time of the redrive. The same in the retries of a call.
 */
const entry = (algorithm: 'MD5' | 'SHA-256', ...more: readonly string[]) => {
  const parts = ['States.JsonToString($$.Execution)', '$$.State.EnteredTime', ...more];
  return `States.Hash(${format(parts.map(() => '{}').join(' '), ...parts)}, '${algorithm}')`;
};

/** A folder or a name that is new when a state begins. */
const ENTRY = entry('MD5');

/** A query's token: a retry of a call that was carried out gives the same query. */
const token = (what: string) => entry('SHA-256', what);

/**
 * The workflow as data. The function is pure: the tests, the picture in docs/ and the embedded cloud read the definition
 * that Terraform deploys.
 *
 * No error is caught to be told by a state of its own: an execution that failed in a task begins there again when it is
 * redriven, and one that ended in a Fail state ends in it again (Step Functions Developer Guide, Redriving executions).
 */
export function definition(props: DefinitionProps): Definition {
  const { bucket, database, workgroup, crawler, chunks, partition = 'aws' } = props;
  const resource = (name: string) => `arn:${partition}:states:::${name}`;
  const invoke = (name: BisonFunctionName, action: string, payload: Readonly<Record<string, unknown>>) => ({
    Type: 'Task' as const,
    Resource: resource('lambda:invoke'),
    Parameters: {
      FunctionName: props.functionArns[name],
      Payload: { action, 'execution.$': '$$.Execution.Id', ...payload },
    },
    TimeoutSeconds: FUNCTION_TIMEOUT_SECONDS + 20,
  });
  const query = (queryString: string, what = "'query'") => ({
    Type: 'Task' as const,
    Resource: resource('athena:startQueryExecution.sync'),
    Parameters: {
      'QueryString.$': queryString,
      'ClientRequestToken.$': token(what),
      WorkGroup: workgroup,
      QueryExecutionContext: { Database: database },
    },
    Retry: retryService('Athena', 'AthenaException'),
  });
  const rows = (of: string) => ({
    Type: 'Task' as const,
    Resource: resource('athena:getQueryResults'),
    Parameters: { 'QueryExecutionId.$': `${of}.id` },
    ResultSelector: { 'rows.$': '$.ResultSet.Rows' },
    ResultPath: of,
    Retry: retryService('Athena', 'AthenaException'),
  });
  const job = (name: JobName, parameters: Readonly<Record<string, string>>) => ({
    Type: 'Task' as const,
    Resource: resource('batch:submitJob.sync'),
    Parameters: {
      JobName: name,
      JobQueue: props.queueArn,
      JobDefinition: props.jobArns[name],
      ...(name === 'annotate' && { ArrayProperties: { Size: chunks } }),
      Parameters: { 'snapshot.$': '$.snapshot', ...parameters },
      Tags: { [`${Tag.stateMachine}.$`]: '$$.StateMachine.Id' },
    },
    ResultPath: null,
    Retry: retryService('Batch', 'ServerException', 'AWSBatchException', 'BatchException'),
  });
  const glue = (operation: string) => ({
    Type: 'Task' as const,
    Resource: resource(`aws-sdk:glue:${operation}`),
    Retry: retryService('Glue', 'OperationTimeoutException', 'ConcurrentModificationException', 'GlueException'),
  });
  const table = (name: string) => format(`${name}_{}`, '$.suffix');
  const createTable = (name: string, columns: Readonly<Record<string, unknown>>, location: string) => ({
    ...glue('createTable'),
    Parameters: {
      DatabaseName: database,
      TableInput: {
        'Name.$': name,
        TableType: 'EXTERNAL_TABLE',
        Parameters: { classification: 'parquet' },
        StorageDescriptor: {
          ...columns,
          'Location.$': location,
          InputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
          OutputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
          SerdeInfo: { SerializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
        },
      },
    },
    ResultPath: null,
  });
  const unloaded = (location: string) => ({
    Type: 'Pass' as const,
    Parameters: {
      'name.$': '$.result.name',
      'table.$': format('{}_{}', '$.result.name', '$.suffix'),
      'location.$': location,
      'columns.$': '$.result.columns[*].Name',
    },
    End: true as const,
  });
  const afterRequest = props.ingest === 'download' ? 'AwaitDownload' : 'Point';
  // A retry of a call whose answer was lost finds the table that it has made.
  const exists = (Next: string) => [{ ErrorEquals: ['Glue.AlreadyExistsException'], ResultPath: '$.exists', Next }];

  return {
    Comment: 'BISON: from a download of GBIF to counts that agree with each other.',
    StartAt: 'Request',
    States: {
      Request: {
        Comment: 'Reads the input; finds or asks for the download. Everything that is missing is told here.',
        ...invoke('gbif', 'request', { 'input.$': '$', 'started.$': '$$.Execution.StartTime' }),
        Retry: [
          {
            ErrorEquals: [ErrorName.AnotherMonthRuns],
            IntervalSeconds: MONTH_LOOKS.seconds,
            BackoffRate: 1,
            MaxAttempts: MONTH_LOOKS.times,
          },
          ...retryFunction,
        ],
        OutputPath: '$.Payload',
        Next: 'Requested',
      },
      Requested: {
        Type: 'Choice',
        Choices: [{ Variable: '$.published', BooleanEquals: true, Next: 'Succeeded' }],
        Default: 'Riis',
      },
      Riis: {
        Comment:
          'Before anything else that costs: a missing image, a wrong list or region file ends the month for cents.',
        ...job('annotate_riis', {}),
        Next: afterRequest,
      },
      ...(props.ingest === 'download' && {
        AwaitDownload: {
          ...invoke('gbif', 'await', { 'state.$': '$', 'since.$': '$$.State.EnteredTime', 'run.$': '$$.Execution' }),
          Retry: [
            {
              ErrorEquals: [ErrorName.DownloadRunning],
              IntervalSeconds: DOWNLOAD_LOOKS.seconds,
              BackoffRate: 1,
              MaxAttempts: DOWNLOAD_LOOKS.times,
            },
            ...retryFunction,
          ],
          OutputPath: '$.Payload',
          Next: 'Ingest',
        },
        Ingest: {
          Comment: "An execution of the DataStream: a fresh machine, retries, the object's check, clean-up.",
          Type: 'Task',
          Resource: resource('states:startExecution.sync:2'),
          Parameters: {
            StateMachineArn: props.dataStreamArn,
            // A retry of a call whose answer was lost gives the same execution (Step Functions API, StartExecution).
            'Name.$': format('bison-{}-{}', '$.snapshot', ENTRY),
            'Input.$': '$.execution',
          },
          ResultSelector: { 'execution.$': '$.ExecutionArn' },
          ResultPath: '$.ingest',
          Retry: retryService('StepFunctions', 'StepFunctionsException', 'AWSStepFunctionsException'),
          Next: 'Point',
        },
      }),
      Point: {
        Comment: "Points the crawler at this snapshot's folder alone. A crawl of anyone else ends first.",
        ...glue('updateCrawler'),
        Parameters: { Name: crawler, Targets: { S3Targets: [{ 'Path.$': '$.source.location' }] } },
        Retry: [
          ...glue('').Retry,
          { ErrorEquals: ['Glue.CrawlerRunningException'], IntervalSeconds: 60, BackoffRate: 1, MaxAttempts: 60 },
        ],
        // Glue tells seconds: a crawl of this second must not be before it.
        ResultSelector: {
          'since.$': format('{}Z', "States.ArrayGetItem(States.StringSplit($$.State.EnteredTime, '.Z'), 0)"),
          look: 0,
        },
        ResultPath: '$.crawl',
        Next: 'Clear',
      },
      Clear: {
        Comment:
          'Forgets what an earlier run of this snapshot has left in the catalogue. A table that is not there is no error.',
        ...glue('batchDeleteTable'),
        Parameters: {
          DatabaseName: database,
          'TablesToDelete.$': `States.Array(${[
            '$.source.table',
            table('subset'),
            table('annotated'),
            ...RESULTS.map(({ name }) => table(name)),
          ].join(', ')})`,
        },
        ResultPath: null,
        Next: 'Crawl',
      },
      Crawl: {
        ...glue('startCrawler'),
        Parameters: { Name: crawler },
        ResultPath: null,
        // A retry of a call whose answer was lost: the crawl runs.
        Catch: [{ ErrorEquals: ['Glue.CrawlerRunningException'], ResultPath: '$.running', Next: 'NextLook' }],
        Next: 'NextLook',
      },
      NextLook: {
        Type: 'Pass',
        Parameters: { 'since.$': '$.crawl.since', 'look.$': 'States.MathAdd($.crawl.look, 1)' },
        ResultPath: '$.crawl',
        Next: 'AwaitCrawl',
      },
      AwaitCrawl: { Type: 'Wait', Seconds: CRAWL_LOOKS.seconds, Next: 'LookAtCrawl' },
      LookAtCrawl: {
        ...glue('getCrawler'),
        Parameters: { Name: crawler },
        ResultSelector: { 'crawler.$': '$.Crawler' },
        ResultPath: '$.seen',
        Next: 'Crawled',
      },
      Crawled: {
        Comment: 'READY of an earlier crawl does not count.',
        Type: 'Choice',
        Choices: [
          {
            And: [...endedSince(), { Variable: '$.seen.crawler.LastCrawl.Status', StringEquals: 'SUCCEEDED' }],
            Next: 'Describe',
          },
          { And: endedSince(), Next: 'CrawlFailed' },
          { Variable: '$.crawl.look', NumericGreaterThanEquals: CRAWL_LOOKS.times, Next: 'CrawlLate' },
        ],
        Default: 'NextLook',
      },
      CrawlFailed: {
        Type: 'Fail',
        Error: ErrorName.CrawlFailed,
        CausePath: `States.JsonToString($.seen.crawler.LastCrawl)`,
      },
      CrawlLate: {
        Type: 'Fail',
        Error: ErrorName.CrawlLate,
        Cause: `The crawler ${crawler} has not ended its crawl within ${CRAWL_LOOKS.times} minutes: look at its log in /aws-glue/crawlers, then start a new month.`,
      },
      Describe: {
        ...glue('getTable'),
        Parameters: { DatabaseName: database, 'Name.$': '$.source.table' },
        ResultSelector: {
          'columns.$': '$.Table.StorageDescriptor.Columns',
          'parameters.$': '$.Table.Parameters',
          'location.$': '$.Table.StorageDescriptor.Location',
        },
        ResultPath: '$.table',
        Next: 'CheckSchema',
      },
      CheckSchema: {
        Comment: 'SchemaChanged names the columns; ScanLimitExceeded comes before the first query.',
        ...invoke('verifier', 'schema', {
          'table.$': '$.table',
          'location.$': '$.source.location',
          readable: READABLE,
        }),
        Retry: retryFunction,
        ResultSelector: { 'bytes.$': '$.Payload.bytes' },
        ResultPath: '$.table',
        Next: 'Subset',
      },
      Subset: {
        ...query(
          filled(subsetQuery('subset_SUFFIX', 'SOURCE', chunks), { SUFFIX: '$.suffix', SOURCE: '$.source.table' }),
        ),
        ResultSelector: {
          'location.$': format(`s3://${bucket}/${PREFIXES.queries}tables/{}/`, '$.QueryExecution.QueryExecutionId'),
        },
        ResultPath: '$.subset',
        Next: 'Count',
      },
      Count: {
        ...query(filled(countQuery('SOURCE', 'subset_SUFFIX'), { SUFFIX: '$.suffix', SOURCE: '$.source.table' })),
        ResultSelector: { 'id.$': '$.QueryExecution.QueryExecutionId' },
        ResultPath: '$.counted',
        Next: 'ReadCounts',
      },
      ReadCounts: { ...rows('$.counted'), Next: 'CheckSubset' },
      CheckSubset: {
        ...invoke('verifier', 'subset', { 'rows.$': '$.counted.rows' }),
        Retry: retryFunction,
        ResultSelector: { 'counts.$': '$.Payload' },
        ResultPath: '$.counted',
        Next: 'Annotate',
      },
      Annotate: { ...job('annotate', { 'subset.$': '$.subset.location' }), Next: 'CatalogAnnotated' },
      CatalogAnnotated: {
        ...createTable(
          table('annotated'),
          { Columns: ANNOTATED_COLUMNS },
          format(`s3://${bucket}/${PREFIXES.annotated}{}/${chunks}/`, '$.snapshot'),
        ),
        Catch: exists('Results'),
        Next: 'Results',
      },
      Results: { Type: 'Pass', Result: RESULTS, ResultPath: '$.results', Next: 'Aggregate' },
      Aggregate: {
        Type: 'Map',
        ItemsPath: '$.results',
        ItemSelector: {
          'result.$': '$$.Map.Item.Value',
          'snapshot.$': '$.snapshot',
          'suffix.$': '$.suffix',
        },
        MaxConcurrency: UNLOADS_AT_ONCE,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'Unload',
          States: {
            Unload: {
              ...query(
                filled(resultQuery({ select: 'SELECT_', rest: 'REST' }, 'annotated_SUFFIX', 'LOCATION'), {
                  SELECT_: '$.result.select',
                  REST: '$.result.rest',
                  SUFFIX: '$.suffix',
                  LOCATION: locationOf(bucket),
                }),
                '$.result.name',
              ),
              ResultSelector: { 'entry.$': ENTRY },
              ResultPath: '$.unloaded',
              Next: 'CatalogResult',
            },
            CatalogResult: {
              ...createTable(
                format('{}_{}', '$.result.name', '$.suffix'),
                { 'Columns.$': '$.result.columns' },
                locationOf(bucket, '$.unloaded.entry'),
              ),
              Catch: exists('SeeResult'),
              Next: 'Unloaded',
            },
            Unloaded: unloaded(locationOf(bucket, '$.unloaded.entry')),
            SeeResult: {
              Comment: 'What is verified is what the table has: the manifest names that folder.',
              ...glue('getTable'),
              Parameters: { DatabaseName: database, 'Name.$': format('{}_{}', '$.result.name', '$.suffix') },
              ResultSelector: { 'location.$': '$.Table.StorageDescriptor.Location' },
              ResultPath: '$.catalogued',
              Next: 'Catalogued',
            },
            Catalogued: unloaded('$.catalogued.location'),
          },
        },
        ResultPath: '$.results',
        Next: 'Verify',
      },
      Verify: {
        ...query(filled(verifyQuery('SUFFIX'), { SUFFIX: '$.suffix' })),
        ResultSelector: { 'id.$': '$.QueryExecution.QueryExecutionId' },
        ResultPath: '$.verified',
        Next: 'ReadVerified',
      },
      ReadVerified: { ...rows('$.verified'), Next: 'Compare' },
      Compare: {
        Comment: 'CountMismatch has both numbers. What is not compared here is not published.',
        ...invoke('verifier', 'compare', {
          'counts.$': '$.counted.counts',
          'rows.$': '$.verified.rows',
          results: RESULTS.map(({ name, region }) => ({ name, region })),
        }),
        Retry: retryFunction,
        ResultSelector: { 'counts.$': '$.Payload' },
        ResultPath: '$.verified',
        Next: 'Stats',
      },
      Stats: {
        ...job('calc_stats', { 'tables.$': 'States.JsonToString($.results)' }),
        Next: 'SeeStatistics',
      },
      SeeStatistics: {
        Comment: 'The manifest names them, so that they must be there.',
        Type: 'Task',
        Resource: resource('aws-sdk:s3:headObject'),
        Parameters: { Bucket: bucket, 'Key.$': format(`${PREFIXES.summary}{}/statistics.json`, '$.snapshot') },
        ResultPath: null,
        Retry: retryService('S3', 'SlowDown', 'InternalError', 'S3Exception'),
        Next: 'Publish',
      },
      Publish: {
        Comment: 'The manifest is written last. Readers trust what it names, and nothing else.',
        Type: 'Task',
        Resource: resource('aws-sdk:s3:putObject'),
        Parameters: {
          Bucket: bucket,
          'Key.$': format(`${PREFIXES.summary}{}/manifest.json`, '$.snapshot'),
          ContentType: 'application/json',
          Body: {
            'snapshot.$': '$.snapshot',
            'published.$': '$$.State.EnteredTime',
            'execution.$': '$$.Execution.Id',
            'source.$': '$.source.location',
            'counts.$': '$.verified.counts',
            'results.$': '$.results',
            'statistics.$': format(`s3://${bucket}/${PREFIXES.summary}{}/statistics.json`, '$.snapshot'),
            'output.$': format(`s3://${bucket}/${PREFIXES.output}{}/`, '$.snapshot'),
          },
        },
        ResultPath: null,
        Retry: retryService('S3', 'SlowDown', 'InternalError', 'S3Exception'),
        Next: 'Summary',
      },
      Summary: {
        Type: 'Pass',
        Parameters: {
          'snapshot.$': '$.snapshot',
          published: true,
          'message.$': format(
            `The counts of {} agree with each other and are published: s3://${bucket}/${PREFIXES.summary}{}/manifest.json.`,
            '$.snapshot',
            '$.snapshot',
          ),
          'counts.$': '$.verified.counts',
        },
        Next: 'Succeeded',
      },
      Succeeded: { Type: 'Succeed' },
    },
  };
}

/** That the crawler has ended a crawl which is not an earlier one. */
function endedSince() {
  return [
    { Variable: '$.seen.crawler.State', StringEquals: 'READY' },
    { Variable: '$.seen.crawler.LastCrawl.StartTime', IsPresent: true },
    { Variable: '$.seen.crawler.LastCrawl.StartTime', TimestampGreaterThanEqualsPath: '$.crawl.since' },
  ];
}

/** The folder of a result, which is new with each entry of its state. */
const locationOf = (bucket: string, entry = ENTRY) =>
  format(`s3://${bucket}/${PREFIXES.summary}{}/{}/{}/`, '$.snapshot', '$.result.name', entry);
