import { DescribeExecutionCommand, StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { readJsonFile } from '../../files/json-file';
import { sentencesOf } from '../../files/wanted';
import { page } from '../../lambdas/carousel/archive';
import {
  type ArchivedFile,
  copyDays,
  extensionDollars,
  fileDollars,
  instancePrices,
  isAlive,
  isArchived,
  type JobSize,
  jobDollars,
  laterExtensionDollars,
  ORCHESTRATION_DOLLARS,
  retryDollars,
} from '../../lambdas/carousel/cost';
import { type Carousel, eachOf, filesLedger, jobsLedger } from '../../lambdas/carousel/deployment';
import { CarouselError } from '../../lambdas/carousel/errors';
import { workMessage } from '../../lambdas/carousel/follower';
import { KEYS, type Row, WAITING_INDEX, yearMonthOf } from '../../lambdas/carousel/ledger';
import { ATTRIBUTES, attributesOf, type Conditions } from '../../lambdas/carousel/query';
import { parseRequest, type Request } from '../../lambdas/carousel/request';
import { cancelRequest, submitRequest } from '../../lambdas/carousel/requester';
import { fileOf, jobOf, leftWaiting, leftWaitingSentence, TurnInput, turnOf } from '../../lambdas/carousel/turn';
import { awsSentence } from '../../packer/aws-errors';
import { ARCHIVE_PRICES, GB, type Tier } from '../../prices/archive';
import { carouselClients, carouselDeployment } from '../aws/carousel';
import { stamp } from '../job-name';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';

export interface CarouselOptions {
  /** The file of what Terraform's output carousel_deployment says. Default: Terraform's state in this folder. */
  readonly deployment?: string;
}

/**
 * Acts on the deployment; every error becomes one sentence.
 *
 * @returns the exit code of the action; 1 for a refused input, 2 where the deployment is not known, 5 where AWS cannot be asked
 */
export async function withCarousel(
  { deployment: file }: CarouselOptions,
  err: Output,
  act: (clients: Carousel) => Promise<number>,
): Promise<number> {
  const deployment = carouselDeployment(file);
  if ('error' in deployment) {
    err.write(wrap(`${deployment.error}\n`, err));
    return 2;
  }
  return guarded(deployment.region, err, () => act(carouselClients(deployment)));
}

/** Every error of an action as one sentence. */
export async function guarded(region: string, err: Output, act: () => Promise<number>): Promise<number> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof InputError) {
      err.write(wrap(`${error.message}\n`, err));
      return error.exitCode;
    }
    const refused = error instanceof CarouselError;
    const gone = GONE.has((error as Error).name)
      ? ` The deployment's tables, buckets and state machine are not all in this account and region: see that the credentials are the deployment's, and that it was not destroyed.`
      : '';
    err.write(wrap(`${refused ? error.message : awsSentence(error, region)}${gone}\n`, err));
    return refused ? 1 : 5;
  }
}

/** What DynamoDB, S3 and Step Functions say of a deployment that is not there. */
const GONE = new Set(['ResourceNotFoundException', 'NoSuchBucket', 'StateMachineDoesNotExist']);

/** An input that cannot be used. The exit code is `validate`'s: 2 for a file that cannot be read, else 1. */
export class InputError extends Error {
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** @throws InputError where the file cannot be read or is not JSON */
export function readInput(file: string): unknown {
  const read = readJsonFile(file);
  if ('error' in read) throw new InputError(read.error, 2);
  return read.value;
}

const dollars = (value: number) => `$${value >= 0.1 || value === 0 ? value.toFixed(2) : value.toPrecision(2)}`;

/** Submits requests. @returns 0, 1 where a request is refused: nothing is written of it */
export async function carouselSubmit(
  files: readonly string[],
  clients: Carousel,
  out: Output,
  err: Output,
): Promise<number> {
  return guarded(clients.deployment.region, err, async () => {
    // What is wrong with any file is told before the first is written.
    const bodies = files.map((file) => [file, readInput(file)] as const);
    requestsIn(bodies, clients);
    for (const [file, body] of bodies) {
      const { request, file_count } = await submitRequest(body, clients);
      out.write(
        wrap(`request ${request}: ${count(file_count, 'file')} of ${file}. It waits for the next turn.\n`, out),
      );
    }
    return 0;
  });
}

/** @throws InputError with everything that is wrong with any of the files */
function requestsIn(
  bodies: readonly (readonly [file: string, body: unknown])[],
  { deployment }: Pick<Carousel, 'deployment'>,
): Request[] {
  const read = bodies.map(([file, body]) => ({ file, ...parseRequest(body, deployment.jobs) }));
  const problems = read.flatMap((each) =>
    'problems' in each ? each.problems.map((problem) => `${each.file}: ${problem}`) : [],
  );
  if (problems.length > 0) throw new InputError(problems.join('\n'));
  return read.flatMap((each) => ('request' in each ? [each.request] : []));
}

export interface CostOptions {
  readonly tier?: Tier;
  readonly days?: number;
  readonly json?: boolean;
}

/**
 * Prints what requests cost if one turn serves them all. It lists the archive and asks for nothing else.
 *
 * @returns 0, 1 where a request is refused or a file cannot be had
 */
export async function carouselCost(
  files: readonly string[],
  { tier, days, json }: CostOptions,
  clients: Carousel,
  out: Output,
  err: Output,
): Promise<number> {
  const { deployment, clock } = clients;
  return guarded(deployment.region, err, async () => {
    const requests = requestsIn(
      files.map((file) => [file, readInput(file)] as const),
      clients,
    );
    const options = { tier: tier ?? deployment.defaults.tier, days: days ?? deployment.defaults.days };
    const now = clock.now();
    const archive = await listArchive(clients, deployment.archivePrefix);
    const byKey = new Map(archive.map((file) => [file.key, file]));
    const wanted = requests.map((request) => ({ request, keys: keysOf(request, archive) }));
    const distinct = [...new Set(wanted.flatMap(({ keys }) => keys))];
    const missing = distinct.filter((key) => !byKey.has(key));
    if (missing.length > 0) {
      throw new InputError(
        `${count(missing.length, 'file')} such as ${missing[0]} is not in s3://${deployment.archiveBucket}: write keys that are.`,
      );
    }
    const sizesOf = new Map<string, JobSize[]>();
    for (const { request, keys } of wanted) {
      const size = deployment.jobs[request.job.definition] as JobSize;
      for (const key of keys) sizesOf.set(key, [...(sizesOf.get(key) ?? []), size]);
    }
    const parts = distinct.map((key) => {
      const file = byKey.get(key) as ArchivedFile;
      const copy = copyDays(options.days, sizesOf.get(key) ?? []);
      const restore = fileDollars(file, options.tier, copy, now);
      if (restore === undefined) {
        throw new InputError(`${key} is in ${file.storageClass}, which has no ${options.tier}: write another --tier.`);
      }
      return {
        dollars: restore + extensionDollars(file, copy, now),
        later: laterExtensionDollars(file, options.tier, deployment.defaults.turnTimeoutHours),
      };
    });
    const jobs = wanted.map(({ request, keys }) => {
      const runs = request.job.run === 'all' ? 1 : keys.length;
      const size = deployment.jobs[request.job.definition] as JobSize;
      return {
        runs,
        dollars: runs * jobDollars(size, deployment.region),
        retries: runs * retryDollars(size, deployment.region),
      };
    });
    const sumOf = <Each>(all: readonly Each[], value: (each: Each) => number) =>
      all.reduce((sum, each) => sum + value(each), 0);
    const restores = sumOf(parts, (each) => each.dollars);
    const jobsDollars = sumOf(jobs, (each) => each.dollars);
    const retries = sumOf(jobs, (each) => each.retries);
    const extensions = sumOf(parts, (each) => each.later);
    const runs = sumOf(jobs, (each) => each.runs);
    const alone = sumOf(wanted, ({ keys }) => keys.length);
    const orchestration = distinct.length * ORCHESTRATION_DOLLARS;
    const total = restores + jobsDollars + orchestration;
    const archived = distinct.filter((key) => !isAlive(byKey.get(key) as ArchivedFile, now)).length;
    const gb = sumOf(distinct, (key) => byKey.get(key)?.bytes ?? 0) / GB;
    const instances = instancePrices(deployment.region);
    if (json) {
      const rounded = (value: number) => Number(value.toFixed(6));
      const document = {
        ...options,
        files: distinct.length,
        to_restore: archived,
        gb: rounded(gb),
        jobs: runs,
        dollars: {
          restores: rounded(restores),
          jobs: rounded(jobsDollars),
          orchestration: rounded(orchestration),
          total: rounded(total),
        },
        not_counted_at_worst: { retries: rounded(retries), extensions: rounded(extensions) },
        prices_of: ARCHIVE_PRICES.as_of,
        instance_prices_of: instances.as_of,
      };
      out.write(`${JSON.stringify(document, null, 2)}\n`);
      return 0;
    }
    out.write(
      table([
        ['WHAT', 'HOW MUCH', 'ESTIMATE'],
        [
          'restores and copies',
          `${count(archived, 'file')}, ${gb.toFixed(1)} GB, ${options.tier}, ${count(options.days, 'day')}`,
          dollars(restores),
        ],
        ['jobs', `${count(runs, 'job')}, one whole time-out each, on demand`, dollars(jobsDollars)],
        ['orchestration', count(distinct.length, 'file'), dollars(orchestration)],
        ['total', '', dollars(total)],
      ]),
    );
    const shared =
      alone > distinct.length ? ` The requests share files: ${alone} restores alone, ${distinct.length} together.` : '';
    out.write(
      wrap(
        `A turn compares this with its budget. Not in it: jobs whose hosts AWS takes back run again, for ${dollars(retries)} more at worst; copies are extended while their jobs are unfinished, for ${dollars(extensions)} more at worst, in the turn's ${deployment.defaults.turnTimeoutHours} hours.\n`,
        out,
      ),
    );
    out.write(
      wrap(
        `List prices: S3 of ${ARCHIVE_PRICES.region} of ${ARCHIVE_PRICES.as_of}, instances of ${instances.region} of ${instances.as_of}.${shared}\n`,
        out,
      ),
    );
    return 0;
  });
}

async function listArchive({ s3, deployment }: Carousel, prefix: string): Promise<ArchivedFile[]> {
  const files: ArchivedFile[] = [];
  let after: string | undefined = '';
  while (after !== undefined) {
    const found: Awaited<ReturnType<typeof page>> = await page(s3, deployment.archiveBucket, prefix, after);
    files.push(...found.files);
    after = found.after;
  }
  return files;
}

/** The keys of a request; of a query those whose names say what it demands. */
function keysOf({ files, conditions = {} }: Request, archive: readonly ArchivedFile[]): string[] {
  if (files) return [...files];
  return archive.flatMap(({ key }) => {
    const attributes: Conditions = { FilePath: key, ...attributesOf(key) };
    return ATTRIBUTES.every((each) => conditions[each] === undefined || attributes[each] === conditions[each])
      ? [key]
      : [];
  });
}

export interface StartOptions {
  readonly input?: string;
  readonly tier?: Tier;
  readonly days?: number;
  readonly budget?: number;
  readonly resume?: string;
}

/** Starts a turn. @returns 0, 1 where the input is refused */
export async function carouselStart(
  { input, tier, days, budget, resume }: StartOptions,
  clients: Carousel,
  out: Output,
  err: Output,
): Promise<number> {
  return guarded(clients.deployment.region, err, async () => {
    const written = input === undefined ? {} : readInput(input);
    const whole = {
      ...(input === undefined && resume === undefined && { requests: 'waiting' }),
      ...(written as object),
      ...(resume !== undefined && { turn: resume }),
      ...(tier && { tier }),
      ...(days && { days }),
      ...(budget && { budget_dollars: budget }),
    };
    const read = TurnInput.safeParse(whole);
    if (!read.success) throw new InputError(sentencesOf(read.error, whole).join('\n'));
    const name = `turn-${stamp(clients.clock.now())}`;
    const { executionArn } = await clients.sfn.send(
      new StartExecutionCommand({
        stateMachineArn: clients.deployment.stateMachineArn,
        name,
        input: JSON.stringify(whole),
      }),
    );
    out.write(
      wrap(
        `turn ${resume ?? name}: started as ${executionArn}. See 'datastream carousel status ${resume ?? name}'.\n`,
        out,
      ),
    );
    return 0;
  });
}

/** Prints how a turn or a request stands; without an ID, the turn that runs and the requests that wait. @returns 0, 1 where something failed, 2 where there is none of the ID */
export async function carouselStatus(
  id: string | undefined,
  clients: Carousel,
  out: Output,
  err: Output,
): Promise<number> {
  return guarded(clients.deployment.region, err, async () => {
    const ledger = jobsLedger(clients);
    if (id === undefined) return overview(clients, out);
    const turn = await ledger.get(KEYS.turn(id));
    if (turn) return turnStatus(turn, clients, out);
    const request = await ledger.get(KEYS.request(id));
    if (request) return requestStatus(request, clients, out);
    const refused = await refusedTurn(id, clients, out);
    if (refused !== undefined) return refused;
    err.write(
      wrap(`There is no turn and no request '${id}': write an ID that 'datastream carousel status' prints.\n`, err),
    );
    return 2;
  });
}

async function overview(clients: Carousel, out: Output): Promise<number> {
  const ledger = jobsLedger(clients);
  const running = await ledger.get(KEYS.running);
  out.write(running ? `turn ${running.turn} runs\n` : 'no turn runs\n');
  const waiting = await ledger.index(WAITING_INDEX.name, WAITING_INDEX.hash, 'yes');
  out.write(`waiting: ${count(waiting.length, 'request')}\n`);
  const rows = waiting.map(({ request, UserName, FileCount, turns_waited, JobDescription }) =>
    [request, UserName, FileCount, turns_waited, JobDescription].map(String),
  );
  if (rows.length > 0) out.write(table([['REQUEST', 'USER', 'FILES', 'TURNS', 'WHAT'], ...rows]));
  return 0;
}

const countsOf = (states: readonly string[]) =>
  [...new Set(states)]
    .map((state) => `${states.filter((each) => each === state).length} ${state.toLowerCase()}`)
    .join(', ') || 'none';

async function turnStatus(row: Row, clients: Carousel, out: Output): Promise<number> {
  const turn = turnOf(row);
  const ledger = jobsLedger(clients);
  const files = (await ledger.query(`turn#${turn.turn}`, 'file#')).map(fileOf);
  const jobs = (await ledger.query(`turn#${turn.turn}`, 'job#')).map(jobOf);
  const { status, error, cause } = await clients.sfn.send(
    new DescribeExecutionCommand({ executionArn: turn.execution }),
  );
  out.write(`turn ${turn.turn}: ${status}, ${turn.tier}, estimated ${dollars(turn.estimate)}\n`);
  out.write(`  files  ${countsOf(files.map(({ state }) => state))}\n`);
  out.write(`  jobs   ${countsOf(jobs.map(({ state }) => state))}\n`);
  const left = leftWaiting(turn);
  if (left) out.write(wrap(`  ${leftWaitingSentence(left)}\n`, out));
  if (error) out.write(wrap(`  ${error}: ${cause ?? ''}\n`, out));
  for (const { output, state } of jobs)
    if (state === 'SUCCEEDED') out.write(`  s3://${clients.deployment.outputBucket}/${output}\n`);
  return status === 'RUNNING' || status === 'SUCCEEDED' ? 0 : 1;
}

/** A turn that Plan has not planned yet, or has refused: nothing is written of it. @returns undefined where there is none */
async function refusedTurn(id: string, { sfn, deployment }: Carousel, out: Output): Promise<number | undefined> {
  const executionArn = `${deployment.stateMachineArn.replace(':stateMachine:', ':execution:')}:${id}`;
  try {
    const { status, error, cause } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    out.write(`turn ${id}: ${status}, not planned\n`);
    if (error) out.write(wrap(`  ${error}: ${cause ?? ''}\n`, out));
    return status === 'RUNNING' || status === 'SUCCEEDED' ? 0 : 1;
  } catch (error) {
    // An ID with a space or the like is no name of an execution.
    if (['ExecutionDoesNotExist', 'InvalidArn'].includes((error as Error).name)) return undefined;
    throw error;
  }
}

async function requestStatus(
  { request, state, turns_waited, UserName }: Row,
  clients: Carousel,
  out: Output,
): Promise<number> {
  const files = await jobsLedger(clients).query(`request#${request}`, 'file#');
  out.write(`request ${request} of ${UserName}: ${state}, ${count(Number(turns_waited), 'turn')} waited\n`);
  out.write(`  files  ${countsOf(files.map((file) => String(file.state)))}\n`);
  for (const { key, error } of files) if (error) out.write(wrap(`  ${key}: ${error}\n`, out));
  const outputs = new Set(files.flatMap(({ output }) => (output === undefined ? [] : [String(output)])));
  for (const output of outputs) out.write(`  s3://${clients.deployment.outputBucket}/${output}\n`);
  return state === 'FAILED' ? 1 : 0;
}

/** Takes a request back, or stops a turn. @returns 0, 2 where there is nothing to cancel */
export async function carouselCancel(
  id: string | undefined,
  { turn }: { readonly turn?: boolean },
  clients: Carousel,
  out: Output,
  err: Output,
): Promise<number> {
  return guarded(clients.deployment.region, err, async () => {
    if (turn) {
      const running = await jobsLedger(clients).get(KEYS.running);
      if (!running || (id !== undefined && running.turn !== id)) {
        err.write(`No turn${id === undefined ? '' : ` ${id}`} runs, so that there is nothing to stop.\n`);
        return 2;
      }
      await clients.sfn.send(new StopExecutionCommand({ executionArn: String(running.execution), error: 'Cancelled' }));
      out.write(
        wrap(`turn ${running.turn}: stopped. Its jobs are terminated, and its requests wait for another turn.\n`, out),
      );
      return 0;
    }
    if (id === undefined) {
      err.write("Name a request, or the turn that runs by '--turn'.\n");
      return 2;
    }
    if (await cancelRequest(id, clients)) {
      out.write(wrap(`request ${id}: cancelled. A turn that has already chosen its files goes on with them.\n`, out));
      return 0;
    }
    err.write(wrap(`There is no request '${id}' that waits: see 'datastream carousel status'.\n`, err));
    return 2;
  });
}

/** Calls at once: 80,000 files take some minutes. */
const AT_ONCE = 20;

export interface LoadOptions {
  readonly prefix?: string;
  /** Where HSDS is called from this computer. */
  readonly hsdsEndpoint?: string;
}

/**
 * Fills the table of files from the archive, and with HSDS the indexer's queue; then compares the table with what HSDS
 * lists.
 *
 * @returns 0, 1 where the prefix has no object
 */
export async function carouselLoad(
  options: LoadOptions,
  clients: Carousel,
  out: Output,
  err: Output,
  fetcher = fetch,
): Promise<number> {
  const { deployment, sqs } = clients;
  return guarded(deployment.region, err, async () => {
    const prefix = options.prefix ?? deployment.archivePrefix;
    if (!prefix.startsWith(deployment.archivePrefix)) {
      throw new InputError(
        `--prefix is ${prefix}, which is not below the archive's prefix: write one that begins with ${deployment.archivePrefix}.`,
      );
    }
    const files = (await listArchive(clients, prefix)).filter(({ key }) => !key.endsWith('/'));
    if (files.length === 0)
      throw new InputError(`No object is below s3://${deployment.archiveBucket}/${prefix}: write another --prefix.`);
    const ledger = filesLedger(clients);
    let sent = 0;
    let plain = 0;
    await eachOf(files, AT_ONCE, async (file) => {
      const attributes = attributesOf(file.key);
      if (attributes.Orbit === undefined) plain++;
      const { Year, Month } = attributes;
      const row = await ledger.update(
        { FilePath: file.key },
        {
          ...attributes,
          ...(Year && Month && { YearMonth: yearMonthOf(Year, Month) }),
          Size: file.bytes,
          ETag: file.etag,
          StorageClass: file.storageClass,
        },
      );
      if (!deployment.hsds || row?.IndexedAt !== undefined) return;
      await sqs.send(new SendMessageCommand(workMessage(deployment.archiveBucket, file, deployment.hsds)));
      sent++;
    });
    const archived = files.filter(isArchived).length;
    out.write(`${count(files.length, 'file')} in ${deployment.tables.files}, ${archived} of them archived\n`);
    if (plain > 0)
      out.write(
        wrap(`${count(plain, 'file')} without an orbit in the name: a query finds them by FilePath alone.\n`, out),
      );
    if (!deployment.hsds) return 0;
    out.write(`${count(sent, 'file')} sent to be indexed\n`);
    await compareWithHsds(files, options, clients, out, fetcher);
    return 0;
  });
}

/** Says which files HSDS does not list yet. */
async function compareWithHsds(
  files: readonly ArchivedFile[],
  { hsdsEndpoint }: LoadOptions,
  { deployment }: Carousel,
  out: Output,
  fetcher: typeof fetch,
): Promise<void> {
  const { HS_USERNAME = '', HS_PASSWORD = '' } = process.env;
  const { endpoint, domain } = deployment.hsds as NonNullable<Carousel['deployment']['hsds']>;
  const at = hsdsEndpoint ?? endpoint;
  const listed = new Set<string>();
  try {
    const folders = new Set(files.map(({ key }) => key.split('/').slice(0, -1).join('/')));
    for (const folder of folders) {
      const url = `${at}/domains?domain=${encodeURIComponent(`${domain}${folder}/`)}`;
      const reply = await fetcher(url, {
        headers: { authorization: `Basic ${Buffer.from(`${HS_USERNAME}:${HS_PASSWORD}`).toString('base64')}` },
      });
      if (!reply.ok && reply.status !== 404) throw new Error(`HTTP ${reply.status}`);
      const { domains = [] } = reply.ok ? ((await reply.json()) as { domains?: { name: string }[] }) : {};
      for (const { name } of domains) listed.add(name.replace(domain, ''));
    }
  } catch (error) {
    out.write(
      wrap(
        `HSDS at ${at} was not asked (${(error as Error).message}): call this from its network, or name it by --hsds-endpoint, with HS_USERNAME and HS_PASSWORD.\n`,
        out,
      ),
    );
    return;
  }
  const left = files.filter(({ key }) => !listed.has(key));
  out.write(`HSDS lists ${files.length - left.length} of ${count(files.length, 'file')}\n`);
  for (const { key } of left.slice(0, 20)) out.write(`  not yet  ${key}\n`);
  if (left.length > 20) out.write(`  and ${left.length - 20} more\n`);
}
