import { readFileSync } from 'node:fs';
import {
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  ListTableMetadataCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { DescribeJobsCommand, type JobDetail, ListJobsCommand } from '@aws-sdk/client-batch';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  RedriveExecutionCommand,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { JOB_NAMES, JOBS } from '../../constructs/bison/jobs';
import { DEFAULT_REGIONS, DOWNLOAD_KEY, PREFIXES, SNAPSHOT } from '../../constructs/bison/names';
import { nearest } from '../../files/nearest';
import { awsSentence } from '../../packer/aws-errors';
import { ANALYTICS_PRICES, athenaDollars, crawlDollars, postgresDollars, r7gVcpuHourly } from '../../prices/analytics';
import { own, PRICE_LIST } from '../../prices/instances';
import { type Bison, bisonClients, bisonDeployment } from '../aws/bison';
import { adviceOn, adviceSentence } from '../bison-advice';
import { causeOf } from '../bison-cause';
import { inputProblems, inputsIn, keysOf } from '../bison-inputs';
import { stamp } from '../job-name';
import { dollars } from '../output/dollars';
import { count } from '../output/summary';
import { table } from '../output/table';
import { visible } from '../output/visible';
import { type Output, wrap } from '../output/wrap';

export interface BisonOptions {
  /** The file of what Terraform's output bison_deployment says. Default: Terraform's state in this folder. */
  readonly deployment?: string;
}

/** What a user has written that cannot be carried out. */
class Refusal extends Error {}

/**
 * Acts on the deployment; every error becomes one sentence.
 *
 * @returns the exit code of the action; 1 for what is refused, 2 where the deployment is not known, 5 where AWS cannot be
 * asked
 */
export async function withBison(
  { deployment: file }: BisonOptions,
  err: Output,
  act: (clients: Bison) => Promise<number>,
): Promise<number> {
  const deployment = bisonDeployment(file);
  if ('error' in deployment) {
    err.write(wrap(`${deployment.error}\n`, err));
    return 2;
  }
  return guarded(deployment.region, err, () => act(bisonClients(deployment)));
}

/** Every error of an action as one sentence. */
export async function guarded(region: string, err: Output, act: () => Promise<number>): Promise<number> {
  try {
    return await act();
  } catch (error) {
    const refused = error instanceof Refusal;
    err.write(wrap(`${refused ? error.message : awsSentence(error, region)}\n`, err));
    return refused ? 1 : 5;
  }
}

const print = (out: Output, document: object) => out.write(`${JSON.stringify(document, null, 2)}\n`);

export interface BisonStartOptions {
  /** The first day of a month. Default: this month's. */
  readonly snapshot?: string;
  /** The key of one of GBIF's downloads. Default: the function finds or asks for one. */
  readonly download?: string;
  readonly json?: boolean;
}

/**
 * Starts a month, after the form of what is given was checked, the inputs are there and no other month runs.
 *
 * @returns 0; 1 where it is refused
 */
export async function bisonStart(
  { snapshot, download, json }: BisonStartOptions,
  clients: Bison,
  out: Output,
): Promise<number> {
  const { deployment, sfn, clock } = clients;
  const thisMonth = `${clock.now().toISOString().slice(0, 7)}-01`;
  const problems = [
    ...(snapshot !== undefined && !SNAPSHOT.test(snapshot)
      ? [`--snapshot is '${snapshot}': write the first day of a month, such as ${thisMonth}.`]
      : []),
    ...(snapshot !== undefined && SNAPSHOT.test(snapshot) && snapshot > thisMonth
      ? [`--snapshot is ${snapshot}, which is still to come: write ${thisMonth} or an earlier month.`]
      : []),
    ...(download !== undefined && !DOWNLOAD_KEY.test(download)
      ? [`--download is '${download}': write the key of one of GBIF's downloads, such as 0004219-251025141854904.`]
      : []),
    ...(download !== undefined && deployment.ingest === 'open-data'
      ? ["--download is of no use: this deployment reads GBIF's open data. Leave it out."]
      : []),
    ...(await missingInputs(clients)).map(
      (key) => `s3://${deployment.bucket}/${key} is missing: run 'datastream bison inputs upload FOLDER'.`,
    ),
    ...(await otherMonths(clients)),
  ];
  if (problems.length > 0) throw new Refusal([...problems, 'Nothing was started.'].join('\n'));
  const name = `month-${snapshot ?? thisMonth}-${stamp(clock.now())}`;
  const input = JSON.stringify({ ...(snapshot && { snapshot }), ...(download && { download }) });
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn: deployment.stateMachineArn, name, input }),
  );
  if (json) print(out, { name, execution: executionArn, snapshot: snapshot ?? thisMonth });
  else out.write(`${name}: started. See 'datastream bison status'.\n`);
  return 0;
}

/**
 * Of each month that runs, why none may run beside it, in one sentence. A month of the last seconds may be missing:
 * ListExecutions is eventually consistent (Step Functions API, ListExecutions).
 *
 * @param except the ARN of an execution that is none of the others
 */
async function otherMonths({ sfn, deployment }: Bison, except?: string): Promise<string[]> {
  const { stateMachineArn, region } = deployment;
  const { executions = [] } = await sfn.send(
    new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING', maxResults: 20 }),
  );
  return executions.flatMap(({ executionArn, name }) =>
    executionArn === except
      ? []
      : `${name} runs, and two months at once share a crawler and tables: wait until it has ended ('datastream bison status ${name}'), or stop it ('aws stepfunctions stop-execution --region ${region} --execution-arn ${executionArn}').`,
  );
}

async function missingInputs({ s3, deployment }: Bison): Promise<string[]> {
  const there = await listed(s3, deployment.bucket, PREFIXES.input);
  return keysOf(deployment.regions).filter((key) => !there.some((each) => each.key === key));
}

/** The objects below a prefix. */
async function listed(s3: Bison['s3'], bucket: string, prefix: string): Promise<{ key: string; bytes: number }[]> {
  const all: { key: string; bytes: number }[] = [];
  let token: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }));
    all.push(...(page.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: Key, bytes: Size })));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return all;
}

/** The ARN of an execution: of its name, or of the newest one. @throws Refusal where there is none */
async function executionOf(name: string | undefined, { sfn, deployment }: Bison): Promise<string> {
  if (name !== undefined) return `${deployment.stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  const { executions = [] } = await sfn.send(
    new ListExecutionsCommand({ stateMachineArn: deployment.stateMachineArn, maxResults: 1 }),
  );
  const [newest] = executions;
  if (newest?.executionArn === undefined) throw new Refusal("No month was started: say 'datastream bison start'.");
  return newest.executionArn;
}

async function describe(name: string | undefined, clients: Bison) {
  const executionArn = await executionOf(name, clients);
  try {
    return { ...(await clients.sfn.send(new DescribeExecutionCommand({ executionArn }))), executionArn };
  } catch (error) {
    if ((error as Error).name !== 'ExecutionDoesNotExist') throw error;
    const { executions = [] } = await clients.sfn.send(
      new ListExecutionsCommand({ stateMachineArn: clients.deployment.stateMachineArn, maxResults: 20 }),
    );
    const names = executions.flatMap((each) => each.name ?? []);
    const write = nearest(name ?? '', names) ?? (names.slice(0, 5).join(', ') || 'none, for no month was started');
    throw new Refusal(`There is no month '${name}': write ${write}.`);
  }
}

/** A child of an array, or a job, that has failed. */
interface FailedJob {
  readonly job: string;
  readonly index: number | null;
  readonly reason: string | null;
  readonly exit_code: number | null;
  readonly log_stream: string | null;
}

/** How many failed children are looked at and told; all fail for one reason mostly. */
const MOST_CHILDREN = 20;

/**
 * Prints how a month stands: its state, its counts, and of a job that failed the children with their log streams.
 *
 * @param name default: the newest month
 * @returns 0, 1 where the month has failed or there is none
 */
export async function bisonStatus(
  name: string | undefined,
  { json }: { readonly json?: boolean },
  clients: Bison,
  out: Output,
): Promise<number> {
  const month = await describe(name, clients);
  const { status = 'RUNNING', error, cause, output, executionArn } = month;
  const state = await stateOf(executionArn, clients);
  const told =
    output === undefined ? {} : (JSON.parse(output) as { counts?: Record<string, number>; message?: string });
  const failed = jobIn(cause);
  const jobs = failed === undefined ? [] : await failedJobs(failed, clients);
  const running = status === 'RUNNING' && state !== undefined ? await runningJob(state.name, clients) : undefined;
  const code = status === 'RUNNING' || status === 'SUCCEEDED' ? 0 : 1;
  const document = {
    ...{ name: month.name ?? '', status, state: state?.name ?? null, snapshot: state?.snapshot ?? null },
    ...{ error: error ?? null, cause: cause === undefined ? null : causeOf(cause) },
    advice: code === 0 ? null : adviceSentence(adviceOn(status, error), name, snapshotOf(state)),
    ...{
      counts: told.counts ?? state?.counts ?? null,
      children: running?.arrayProperties?.statusSummary ?? null,
      failed_jobs: jobs,
    },
    ...{ started_at: month.startDate?.toISOString() ?? null, ended_at: month.stopDate?.toISOString() ?? null },
  };
  if (json) {
    print(out, document);
    return code;
  }
  const where = state === undefined || status === 'SUCCEEDED' ? '' : `, in ${state.name}`;
  out.write(`${document.name}: ${status}${where}\n`);
  if (told.message !== undefined) out.write(wrap(`  ${told.message}\n`, out));
  if (error !== undefined) out.write(wrap(`  ${error}: ${visible(document.cause ?? '')}\n`, out));
  if (document.children) {
    const summary = Object.entries(document.children).filter(([, n]) => n > 0);
    out.write(`  children  ${summary.map(([of, n]) => `${n} ${of.toLowerCase()}`).join(', ')}\n`);
  }
  if (document.counts) {
    out.write(
      table(
        Object.entries(document.counts).map(([what, n]) => [`  ${what}`, n.toLocaleString('en-US')]),
        [1],
      ),
    );
  }
  if (jobs.length > 0) {
    const rows = jobs.map(({ job, index, reason, exit_code, log_stream }) => [
      `  ${index === null ? job : `${job} ${index}`}`,
      exit_code === null ? '' : `exit code ${exit_code}`,
      visible(reason ?? ''),
      log_stream ?? '',
    ]);
    out.write(table([['  JOB', 'EXIT', 'REASON', 'LOG STREAM'], ...rows]));
  }
  if (document.advice !== null) out.write(wrap(`  ${document.advice}\n`, out));
  return code;
}

/** The snapshot that the month is about, after Request has checked it. */
const snapshotOf = (state: Awaited<ReturnType<typeof stateOf>>) =>
  state?.name === 'Request' ? undefined : state?.snapshot;

/** The state that an execution has entered last, and the snapshot that it is about. */
async function stateOf(executionArn: string, { sfn }: Bison) {
  const { events = [] } = await sfn.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 50, includeExecutionData: true }),
  );
  const entered = events.find(({ stateEnteredEventDetails }) => stateEnteredEventDetails)?.stateEnteredEventDetails;
  if (entered?.name === undefined) return undefined;
  const { snapshot, counted } = JSON.parse(entered.input ?? '{}') as {
    snapshot?: unknown;
    counted?: { counts?: Record<string, number> };
  };
  return {
    name: entered.name,
    snapshot: typeof snapshot === 'string' ? snapshot : undefined,
    counts: counted?.counts,
  };
}

/** The job whose end a Cause tells. */
function jobIn(cause: string | undefined): string | undefined {
  try {
    const { JobId } = JSON.parse(cause ?? '') as { JobId?: string };
    return JobId;
  } catch {
    return undefined;
  }
}

async function failedJobs(jobId: string, { batch }: Bison): Promise<FailedJob[]> {
  const jobsOf = async (ids: readonly string[]) =>
    (await batch.send(new DescribeJobsCommand({ jobs: [...ids] }))).jobs ?? [];
  const [parent] = await jobsOf([jobId]);
  if (!parent) return [];
  if (parent.arrayProperties?.size === undefined) return [failedJob(parent)];
  const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ arrayJobId: jobId, jobStatus: 'FAILED' }));
  const ids = jobSummaryList.slice(0, MOST_CHILDREN).flatMap((each) => each.jobId ?? []);
  return ids.length === 0 ? [] : (await jobsOf(ids)).map(failedJob);
}

function failedJob({ jobName = '', arrayProperties, statusReason, attempts = [], container }: JobDetail): FailedJob {
  const last = attempts.at(-1)?.container ?? container;
  return {
    job: jobName,
    index: arrayProperties?.index ?? null,
    reason: statusReason ?? null,
    exit_code: last?.exitCode ?? null,
    log_stream: last?.logStreamName ?? null,
  };
}

const JOB_STATES: Readonly<Record<string, string>> = {
  Riis: 'annotate_riis',
  Annotate: 'annotate',
  Stats: 'calc_stats',
};

/** The job that a state of the month waits for. */
async function runningJob(state: string, { batch, deployment }: Bison): Promise<JobDetail | undefined> {
  const name = JOB_STATES[state];
  if (name === undefined) return undefined;
  const filters = [{ name: 'JOB_NAME', values: [name] }];
  const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ jobQueue: deployment.queue, filters }));
  const ids = jobSummaryList.flatMap(({ jobId }) => jobId ?? []).slice(0, 100);
  if (ids.length === 0) return undefined;
  const { jobs = [] } = await batch.send(new DescribeJobsCommand({ jobs: ids }));
  return jobs.filter(({ status }) => status !== 'SUCCEEDED' && status !== 'FAILED')[0];
}

/**
 * Goes on with a month that failed or was stopped, where it stood.
 *
 * @returns 0; 1 where it cannot be redriven, where that cannot help, or while another month runs
 */
export async function bisonRedrive(name: string | undefined, clients: Bison, out: Output): Promise<number> {
  const { executionArn, status = '', error, name: own_ = '' } = await describe(name, clients);
  if (status === 'RUNNING') throw new Refusal(`${own_} runs: see 'datastream bison status ${own_}'.`);
  if (status === 'SUCCEEDED') throw new Refusal(`${own_} has succeeded: there is nothing to go on with.`);
  const advice = adviceOn(status, error);
  if (advice.helps === 'start') {
    const snapshot = snapshotOf(await stateOf(executionArn, clients));
    throw new Refusal(
      `${own_} ended with ${error}, which a redrive gives again: nothing was done. ${adviceSentence(advice, own_, snapshot)}`,
    );
  }
  const others = await otherMonths(clients, executionArn);
  if (others.length > 0) throw new Refusal([...others, 'Nothing was done.'].join('\n'));
  try {
    await clients.sfn.send(new RedriveExecutionCommand({ executionArn }));
  } catch (error) {
    if ((error as Error).name !== 'ExecutionNotRedrivable') throw error;
    throw new Refusal(
      `${own_} cannot be redriven (${(error as Error).message}): Step Functions redrives for 14 days. Say 'datastream bison start'.`,
    );
  }
  out.write(`${own_}: goes on where it stood. See 'datastream bison status'.\n`);
  return 0;
}

export interface BisonCostOptions {
  /** Bytes of the source in GB of 10^9. Default: those of the newest download in the bucket. */
  readonly sourceGb?: number;
  readonly json?: boolean;
}

/**
 * Queries that read the source: the subset, and of text the count, which is of Parquet in the files' ends. Queries that
 * read what is annotated: the nine results, and the counts that verify them.
 */
const SOURCE_QUERIES = { download: 2, 'open-data': 1 } as const;
const ANNOTATED_QUERIES = 10;
/** Hours that a job of a month takes: an upper bound of what was seen of BISON's own tasks. */
const JOB_HOURS = 1;
const CRAWL_MINUTES = 10;
/** Without an annotated month: a third of the source's rows are of the subset, and Parquet is a fifth of the text. */
const ANNOTATED_SHARE = 1 / 15;
const INGEST = { type: 'r7g.large', hours: 6 } as const;

/**
 * Prints what a month costs at list prices, and what that assumes: what Athena reads of the bytes that are listed, the
 * crawl, the jobs on demand, the ingest's instance, and the server of PostgreSQL that the deployment has made. It lists the
 * bucket and asks for nothing else.
 */
export async function bisonCost({ sourceGb, json }: BisonCostOptions, clients: Bison, out: Output): Promise<number> {
  const { deployment, s3 } = clients;
  const raw = await listed(s3, deployment.bucket, PREFIXES.rawdata);
  const newest = raw.filter(({ key }) => key.endsWith('/occurrence.txt')).at(-1);
  const source = sourceGb === undefined ? newest?.bytes : sourceGb * 1e9;
  if (source === undefined) {
    throw new Refusal(
      `s3://${deployment.bucket}/${PREFIXES.rawdata} has no download to count the bytes of: write --source-gb, such as --source-gb 400.`,
    );
  }
  const subset = (await listed(s3, deployment.bucket, PREFIXES.annotated)).reduce((sum, { bytes }) => sum + bytes, 0);
  const { chunks, ingest, postgres } = deployment;
  const sourceQueries = SOURCE_QUERIES[ingest];
  const reads = [
    ...Array<number>(sourceQueries).fill(source),
    ...Array<number>(ANNOTATED_QUERIES).fill(subset || source * ANNOTATED_SHARE),
  ];
  const hourly = r7gVcpuHourly(deployment.region);
  const instance = own(own(PRICE_LIST, deployment.region)?.on_demand ?? {}, INGEST.type) ?? hourly * 2;
  const jobs = JOB_NAMES.reduce(
    (sum, name) => sum + JOBS[name].vcpus * JOB_HOURS * hourly * (name === 'annotate' ? chunks : 1),
    0,
  );
  const server = postgres === null ? 0 : postgresDollars(postgres);
  const parts = {
    athena: athenaDollars(reads),
    crawler: crawlDollars(CRAWL_MINUTES),
    jobs,
    ingest: ingest === 'download' ? instance * INGEST.hours : 0,
    orchestration: 0.005,
    postgres: server ?? 0,
  };
  const total = Object.values(parts).reduce((sum, each) => sum + each, 0);
  const tooMuch = source > deployment.scanLimitBytes;
  const many = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const assumptions = [
    `${sourceQueries === 1 ? 'One query reads' : `${sourceQueries} queries read`} the source, ${ANNOTATED_QUERIES} what is annotated.`,
    ...(subset === 0 ? ['No month is annotated yet: a fifteenth of the source is assumed.'] : []),
    ...(ingest === 'open-data' ? ['The source is the bytes of the columns in use, not of the whole snapshot.'] : []),
    `The crawl takes ${CRAWL_MINUTES} minutes of ${ANALYTICS_PRICES.crawler_dpus} DPUs.`,
    `Each of ${many(JOB_NAMES.length - 1 + chunks, 'job')} takes ${many(JOB_HOURS, 'hour')} on demand; spot is cheaper.`,
    ...(ingest === 'download' ? [`The ingest takes ${INGEST.hours} hours of ${INGEST.type} on demand.`] : []),
    ...(postgres === null
      ? []
      : [
          server === undefined
            ? `PostgreSQL is not counted: the price of ${postgres.instanceClass} is not known here; see the pricing page of Amazon RDS.`
            : `PostgreSQL runs all month: ${postgres.instanceClass}, ${postgres.storageGb} GB, one endpoint.`,
        ]),
    'What lies in the bucket, logs and transfer are not counted.',
  ];
  if (json) {
    print(out, {
      source_bytes: source,
      scan_limit_bytes: deployment.scanLimitBytes,
      dollars: { ...parts, total },
      assumptions,
      prices_of: ANALYTICS_PRICES.as_of,
    });
  } else {
    const gb = (source / 1e9).toFixed(1);
    out.write(
      table(
        [
          ['WHAT', 'HOW MUCH', 'AT MOST'],
          [
            'Athena',
            `${many(sourceQueries, 'read')} of ${gb} GB, ${ANNOTATED_QUERIES} of what is annotated`,
            dollars(parts.athena),
          ],
          ['crawler', `${CRAWL_MINUTES} minutes`, dollars(parts.crawler)],
          ['jobs', `${chunks} of annotate, ${JOB_NAMES.length - 1} others`, dollars(parts.jobs)],
          ['ingest', parts.ingest === 0 ? 'none' : `${INGEST.hours} hours of ${INGEST.type}`, dollars(parts.ingest)],
          ['orchestration', 'the workflow and its functions', dollars(parts.orchestration)],
          ...(postgres === null ? [] : [['PostgreSQL', postgres.instanceClass, dollars(parts.postgres)]]),
          ['total', '', dollars(total)],
        ],
        [2],
      ),
    );
    for (const assumption of assumptions) out.write(wrap(`${assumption}\n`, out));
    out.write(wrap(`List prices of ${ANALYTICS_PRICES.region} of ${ANALYTICS_PRICES.as_of}.\n`, out));
  }
  if (!tooMuch) return 0;
  throw new Refusal(
    `The source has ${source} bytes, and a query may read ${deployment.scanLimitBytes}: deploy a higher scan_limit_bytes.`,
  );
}

/** Says which keys of the inputs the bucket lacks; the files are not read. @returns 0, 1 where one is missing */
export async function bisonInputsCheck(clients: Bison, out: Output): Promise<number> {
  const { deployment } = clients;
  const missing = await missingInputs(clients);
  for (const key of missing) out.write(`s3://${deployment.bucket}/${key} is missing\n`);
  if (missing.length > 0) {
    throw new Refusal("Put the files into a folder, and say 'datastream bison inputs upload FOLDER'.");
  }
  const inputs = count(keysOf(deployment.regions).length, 'input');
  const told = `s3://${deployment.bucket}/${PREFIXES.input}: ${inputs}, all there. Not checked: what is in the files. 'datastream bison inputs check FOLDER' checks a folder's.`;
  out.write(wrap(`${told}\n`, out));
  return 0;
}

/**
 * Says what is wrong with the inputs of a folder, without AWS. Which files there are, the deployment says; without one,
 * they are those of a deployment with the defaults.
 *
 * @returns 0, 1 where something is wrong, 2 where a deployment is named that is none
 */
export function checkInputs(folder: string, { deployment: file }: BisonOptions, out: Output, err: Output): number {
  const deployment = bisonDeployment(file);
  if ('error' in deployment && file !== undefined) {
    err.write(wrap(`${deployment.error}\n`, err));
    return 2;
  }
  const regions = 'error' in deployment ? DEFAULT_REGIONS : deployment.regions;
  const problems = inputProblems(folder, regions);
  for (const problem of problems) err.write(wrap(`${problem}\n`, err));
  if (problems.length > 0) return 1;
  const told = `${folder}: ${count(keysOf(regions).length, 'input')} with the columns, layers and polygons that the jobs read. Not checked: the values.`;
  out.write(wrap(`${told}\n`, out));
  return 0;
}

/** Uploads the inputs of a folder when `inputProblems` finds none. @returns 0, 1 where nothing is uploaded */
export async function bisonInputsUpload(folder: string, clients: Bison, out: Output): Promise<number> {
  const { deployment, s3 } = clients;
  const problems = inputProblems(folder, deployment.regions);
  if (problems.length > 0) throw new Refusal([...problems, 'Nothing was uploaded.'].join('\n'));
  for (const { key, path } of inputsIn(folder, deployment.regions)) {
    const content = readFileSync(path);
    await s3.send(new PutObjectCommand({ Bucket: deployment.bucket, Key: key, Body: content }));
    out.write(`s3://${deployment.bucket}/${key}  ${content.length.toLocaleString('en-US')} bytes\n`);
  }
  return 0;
}

export interface BisonPreviewOptions {
  readonly limit: number;
  readonly json?: boolean;
}

/** Milliseconds between two looks at a query. */
const LOOK_MS = 1_000;

/** Prints the first rows of a table through Athena, and how many bytes that read. @returns 0, 1 where it fails */
export async function bisonPreview(
  name: string,
  { limit, json }: BisonPreviewOptions,
  clients: Bison,
  out: Output,
): Promise<number> {
  const { athena, deployment, clock } = clients;
  const { TableMetadataList = [] } = await athena.send(
    new ListTableMetadataCommand({ CatalogName: 'AwsDataCatalog', DatabaseName: deployment.database, MaxResults: 50 }),
  );
  const names = TableMetadataList.flatMap(({ Name }) => Name ?? []);
  // 50 are one page: what is not in it is asked for all the same, where its name is possible.
  if (!names.includes(name.toLowerCase()) && (names.length < 50 || !/^[\w-]+$/.test(name))) {
    const write = nearest(name, names) ?? (names.slice(0, 10).join(', ') || 'one when a month was crawled');
    throw new Refusal(`${deployment.database} has no table '${name}': write ${write}.`);
  }
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({
      // A hyphen in a name must be quoted.
      QueryString: `SELECT * FROM "${deployment.database}"."${name.toLowerCase()}" LIMIT ${limit}`,
      WorkGroup: deployment.workgroup,
    }),
  );
  for (;;) {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State, StateChangeReason = 'Athena gives no reason' } = QueryExecution?.Status ?? {};
    if (State === 'FAILED' || State === 'CANCELLED')
      throw new Refusal(`The query ended ${State}: ${StateChangeReason}.`);
    if (State === 'SUCCEEDED') {
      const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId, MaxResults: limit + 1 }));
      const rows = (ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue }) => VarCharValue ?? null));
      const bytes = QueryExecution?.Statistics?.DataScannedInBytes ?? 0;
      const [columns = [], ...cells] = rows;
      if (json) print(out, { table: name.toLowerCase(), columns, rows: cells, bytes });
      else {
        out.write(table([columns, ...cells].map((row) => row.map((cell) => visible(cell ?? '')))));
        out.write(
          `${count(cells.length, 'row')}, ${bytes.toLocaleString('en-US')} bytes read (${dollars(athenaDollars([bytes]))})\n`,
        );
      }
      return 0;
    }
    await clock.sleep(LOOK_MS);
  }
}
