import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { parse } from 'csv-parse/sync';
import type * as z from 'zod';
import { sentencesOf } from '../../files/wanted';
import { type ArchiveClass, tiersOf } from '../../prices/archive';
import { CLIENT } from '../runtime/clients';
import { systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { byBytes, page, readText, statesOf, writeText } from './archive';
import { choose, type LeftOut, leftOut, type Waiting } from './choice';
import {
  type ArchivedFile,
  copyDays,
  extensionDollars,
  fileDollars,
  isAlive,
  isArchived,
  jobDollars,
  ORCHESTRATION_DOLLARS,
} from './cost';
import { type Carousel, deploymentOf, jobsLedger } from './deployment';
import { CarouselError, ErrorName } from './errors';
import { executionRuns } from './execution';
import type { KnownJob } from './known-job';
import { hashOf, KEYS, type Row, WAITING_INDEX } from './ledger';
import { type Job, problemsOfJob } from './request';
import { writeRequest } from './requester';
import { type TurnDefaults, TurnInput, TurnState, turnEvent, turnKeys } from './turn';

export type PlannerClients = Pick<Carousel, 'dynamo' | 's3' | 'sfn' | 'clock' | 'deployment'>;

const PlannerEvent = turnEvent();

/** Calls of ListObjectsV2 in one call of the function: 100,000 objects, about 30 s. */
const PAGES = 100;

/** The storage class whose archive tiers a turn does not restore. */
const INTELLIGENT = 'INTELLIGENT_TIERING';

/**
 * Plan: finds the files of the turn and their states, chooses within the budget, and writes the plan. It asks S3 for
 * nothing but lists, so that everything that is wrong is told before a cent is spent.
 *
 * @returns the turn's state; with `more`, the state calls again
 * @throws InvalidInput, BudgetExceeded, InputMissing, TierImpossible, TurnRunning; nothing was restored then
 */
export async function plan(event: z.infer<typeof PlannerEvent>, clients: PlannerClients, log: Log): Promise<TurnState> {
  const known = TurnState.safeParse(event.state);
  const state: TurnState = known.success && known.data.listed ? known.data : await begin(event, clients);
  const input = TurnInput.parse(state.input);
  if (input.turn !== undefined && (await resume(state.turn, event.execution, clients))) {
    return { turn: state.turn, input, more: false };
  }
  const options = { ...clients.deployment.defaults, ...optionsOf(input) };
  const earlier = await writtenPlan(state.turn, clients);
  const found = earlier ? undefined : await listing(state, input, clients);
  if (found && 'state' in found) return found.state;
  const planned = earlier ?? (await planTurn(found as Found, input, options, state.turn, clients));
  await write(state.turn, event, planned, options, clients);
  log.info('the turn is planned', {
    turn: state.turn,
    files: planned.files.length,
    jobs: planned.jobs.length,
    dollars: planned.dollars,
  });
  return { turn: state.turn, input, more: false };
}

/** Checks the input, and makes this the one turn that runs. */
async function begin(
  { state, name, execution }: z.infer<typeof PlannerEvent>,
  clients: PlannerClients,
): Promise<TurnState> {
  const read = TurnInput.safeParse(state);
  const problems = read.success ? problemsOf(read.data, clients) : sentencesOf(read.error, state);
  if (!read.success || problems.length > 0) throw new CarouselError(ErrorName.InvalidInput, problems.join('\n'));
  const turn = read.data.turn ?? name;
  await claimTurn(turn, execution, clients);
  return { turn, input: read.data, more: true, listed: { after: '', parts: 0 } };
}

function problemsOf(input: TurnInput, { deployment }: PlannerClients): string[] {
  const { requests, manifest, job, turn } = input;
  const problems: string[] = [];
  if (requests !== undefined && manifest !== undefined) {
    problems.push('The input has both requests and manifest: write one of them.');
  }
  const manifests = `s3://${deployment.outputBucket}/manifests/`;
  if (manifest !== undefined && !manifest.startsWith(manifests)) {
    problems.push(
      `manifest is ${JSON.stringify(manifest)}, which the planner may not read: put it below ${manifests}.`,
    );
  }
  const explicit = manifest !== undefined || typeof requests === 'object';
  if (typeof requests === 'object' && requests.bucket !== deployment.archiveBucket) {
    problems.push(
      `requests.bucket is ${JSON.stringify(requests.bucket)}, which is not the archive: write ${deployment.archiveBucket}.`,
    );
  }
  if (typeof requests === 'object' && !requests.prefix.startsWith(deployment.archivePrefix)) {
    problems.push(
      `requests.prefix is ${JSON.stringify(requests.prefix)}, which is not below the archive's prefix: write one that begins with ${deployment.archivePrefix}.`,
    );
  }
  if (explicit && !job && turn === undefined) {
    problems.push('The input names files, but no job: write job with a definition of the deployment.');
  }
  if (!explicit && job) {
    problems.push('The input has a job, but names no files: leave it out, since each request that waits has its own.');
  }
  if (job) problems.push(...problemsOfJob(job, deployment.jobs));
  return problems;
}

function optionsOf({ tier, days, budget_dollars, concurrency }: TurnInput): Partial<TurnDefaults> {
  return {
    ...(tier && { tier }),
    ...(days && { days }),
    ...(budget_dollars && { budgetDollars: budget_dollars }),
    ...(concurrency && { concurrency }),
  };
}

/** @throws TurnRunning while another execution's turn runs; TurnSettling until what a stopped one left is settled */
async function claimTurn(turn: string, execution: string, clients: PlannerClients): Promise<void> {
  const ledger = jobsLedger(clients);
  const row = { ...KEYS.running, turn, execution };
  if (await ledger.create(row)) return;
  const running = await ledger.get(KEYS.running);
  if (running?.execution === execution) return;
  if (running && !(await executionRuns(String(running.execution), clients))) {
    // Its jobs may still run: until the reaper has stopped them, a second job of the same pair could begin.
    throw new CarouselError(
      ErrorName.TurnSettling,
      `Turn ${running.turn} was stopped, and its jobs are being terminated: the reaper lets the next turn begin within ten minutes.`,
    );
  }
  throw new CarouselError(
    ErrorName.TurnRunning,
    `Turn ${running?.turn ?? 'another'} runs: wait for its end, or stop it by 'datastream carousel cancel --turn'.`,
  );
}

/** Goes on with a turn that was planned before. @returns whether there is such a plan */
async function resume(turn: string, execution: string, clients: PlannerClients): Promise<boolean> {
  const ledger = jobsLedger(clients);
  const known = await ledger.get(KEYS.turn(turn));
  if (!known) {
    await ledger.remove(KEYS.running, 'execution', execution);
    throw new CarouselError(
      ErrorName.InvalidInput,
      `turn is ${JSON.stringify(turn)}, which was never planned: write the ID of a turn that began, or leave it out.`,
    );
  }
  const rows = await ledger.query(`turn#${turn}`, 'job#');
  const waiting = new Set<string>();
  for (const { pk, sk, state, attempt, request } of rows) {
    if (state !== 'RETURNED') continue;
    const asked = await ledger.get(KEYS.request(String(request)));
    if (asked?.state !== 'WAITING') continue;
    waiting.add(String(sk));
    await ledger.update(
      { pk, sk },
      { state: 'WAITING', error: undefined, attempt: Number(attempt) + 1 },
      { state: 'RETURNED' },
    );
  }
  const open = rows.filter(
    ({ sk, state }) => waiting.has(String(sk)) || ['WAITING', 'CLAIMED', 'SUBMITTED'].includes(String(state)),
  );
  // What was verified is looked at again: its copy may have expired.
  for (const file of await ledger.query(`turn#${turn}`, 'file#')) {
    if (file.state !== 'FAILED' || String(file.error).startsWith(ErrorName.InputExpired)) {
      await ledger.update({ pk: file.pk, sk: file.sk }, { state: 'CHOSEN', error: undefined, expiry: undefined });
    }
  }
  const now = clients.clock.now();
  await ledger.update(KEYS.turn(turn), {
    execution,
    state: 'RUNNING',
    token: undefined,
    // What the plan left waiting, other turns may have served since.
    left: undefined,
    open: open.length,
    deadline: new Date(now.getTime() + clients.deployment.defaults.turnTimeoutHours * 3_600_000).toISOString(),
  });
  return true;
}

/** A request of the turn, with what is known of it. */
interface Asked {
  readonly id: string;
  readonly since: number;
  readonly turnsWaited: number;
  readonly files: readonly string[];
  readonly job: Job;
}

interface Found {
  readonly requests: readonly Asked[];
  readonly files: ReadonlyMap<string, ArchivedFile>;
}

/** What the turn may take. @returns the state to be called with again, where there is more to list */
async function listing(
  state: TurnState,
  input: TurnInput,
  clients: PlannerClients,
): Promise<Found | { state: TurnState }> {
  const { s3, deployment } = clients;
  const { archiveBucket, outputBucket } = deployment;
  const { after, parts } = state.listed ?? { after: '', parts: 0 };
  const prefix = typeof input.requests === 'object' ? input.requests.prefix : undefined;
  const requests = prefix === undefined ? await requestsOf(input, state.turn, clients) : [];
  let files: ArchivedFile[] = [];
  let rest: string | undefined;
  if (prefix === undefined) {
    const keys = [...new Set(requests.flatMap((request) => request.files))].sort(byBytes);
    const from = after === '' ? 0 : keys.findIndex((key) => byBytes(key, after) >= 0);
    const found = await statesOf(s3, archiveBucket, from < 0 ? [] : keys.slice(from), PAGES);
    ({ files, rest } = found);
  } else {
    let next: string | undefined = after;
    for (let call = 0; call < PAGES && next !== undefined; call++) {
      const listed: Awaited<ReturnType<typeof page>> = await page(s3, archiveBucket, prefix, next);
      files.push(...listed.files);
      next = listed.after;
    }
    rest = next;
  }
  const keys = turnKeys(state.turn);
  if (rest !== undefined) {
    await writeText(s3, outputBucket, keys.listing(parts), lines(files));
    return { state: { ...state, more: true, listed: { after: rest, parts: parts + 1 } } };
  }
  for (let part = 0; part < parts; part++) {
    const text = await readText(s3, outputBucket, keys.listing(part));
    files.push(...(text ?? '').split('\n').flatMap((line) => (line ? [JSON.parse(line) as ArchivedFile] : [])));
  }
  const byKey = new Map(files.map((file) => [file.key, file]));
  if (prefix === undefined) return { requests, files: byKey };
  if (byKey.size === 0) {
    throw new CarouselError(
      ErrorName.InputMissing,
      `No object is below s3://${archiveBucket}/${prefix}: write another prefix.`,
    );
  }
  return { requests: [explicit(state.turn, [...byKey.keys()].sort(byBytes), input)], files: byKey };
}

const lines = (all: readonly unknown[]) => all.map((each) => `${JSON.stringify(each)}\n`).join('');

function explicit(turn: string, files: readonly string[], { job }: TurnInput): Asked {
  return { id: hashOf(turn).slice(0, 12), since: 0, turnsWaited: 0, files, job: job as Job };
}

async function requestsOf(input: TurnInput, turn: string, clients: PlannerClients): Promise<Asked[]> {
  if (input.manifest !== undefined) return [explicit(turn, await manifestKeys(input.manifest, clients), input)];
  const ledger = jobsLedger(clients);
  const rows = await ledger.index(WAITING_INDEX.name, WAITING_INDEX.hash, 'yes');
  const requests: Asked[] = [];
  for (const row of rows) {
    // The index may be behind.
    const current = await ledger.get({ pk: row.pk, sk: row.sk });
    if (current?.state !== 'WAITING') continue;
    const id = String(current.request);
    const files = await ledger.query(`request#${id}`, 'file#');
    requests.push({
      id,
      since: Number(current.since),
      turnsWaited: Number(current.turns_waited),
      files: files.flatMap(({ key, state }) => (state === 'WAITING' ? [String(key)] : [])),
      job: JSON.parse(String(current.job)) as Job,
    });
  }
  return requests;
}

/** The keys of a manifest as S3 Batch Operations and S3 Inventory write it: bucket,key[,version], keys URL-encoded. */
async function manifestKeys(address: string, { s3, deployment }: PlannerClients): Promise<string[]> {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(address) ?? [];
  const text = await readText(s3, bucket, key);
  if (text === undefined)
    throw new CarouselError(ErrorName.InputMissing, `There is no manifest ${address}: write another address.`);
  const problems: string[] = [];
  const keys = new Set<string>();
  let rows: string[][] = [];
  try {
    rows = parse(text, { relax_column_count: true, skip_empty_lines: true, bom: true });
  } catch (error) {
    problems.push(`${address} is no CSV: ${(error as Error).message}.`);
  }
  for (const [index, [of = '', encoded = '', version]] of rows.entries()) {
    const line = `Line ${index + 1} of the manifest`;
    const name = decoded(encoded);
    if (of !== deployment.archiveBucket)
      problems.push(
        `${line} has the bucket ${JSON.stringify(of)}, which is not the archive: write ${deployment.archiveBucket}.`,
      );
    else if (name === '') problems.push(`${line} has no key: write bucket,key.`);
    else if (!name.startsWith(deployment.archivePrefix))
      problems.push(`${line} has the key ${name}, which is not below ${deployment.archivePrefix}.`);
    else if (version)
      problems.push(`${line} has a version: leave it out, since jobs read an object's present version.`);
    else keys.add(name);
  }
  if (keys.size === 0 && problems.length === 0) problems.push(`${address} is empty: write lines of bucket,key.`);
  if (problems.length > 0) {
    const more = problems.length > 20 ? `\nand ${problems.length - 20} more.` : '';
    throw new CarouselError(ErrorName.InvalidInput, `${problems.slice(0, 20).join('\n')}${more}`);
  }
  return [...keys].sort(byBytes);
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

/** A job that the turn is to run. */
interface PlannedJob {
  readonly job: string;
  readonly request: string;
  readonly definition: string;
  readonly parameters: string;
  readonly run: 'file' | 'all';
  readonly input: string;
  readonly output: string;
}

/** What the turn is to do. */
interface Planned {
  readonly files: readonly (ArchivedFile & { readonly days: number; readonly jobs: readonly string[] })[];
  readonly jobs: readonly PlannedJob[];
  /** Files of requests that cannot be had, with the reason. */
  readonly failed: readonly { readonly request: string; readonly key: string; readonly error: string }[];
  readonly dollars: number;
  /** What waits, since the budget has no room for it. Absent where nothing does. */
  readonly left?: LeftOut & { readonly budgetDollars: number };
  readonly explicit?: Asked;
}

/**
 * Chooses, and prices. What is wrong with a file that the input names ends the turn; what is wrong with a file of one of
 * many requests fails that file alone.
 */
async function planTurn(
  { requests, files }: Found,
  input: TurnInput,
  options: TurnDefaults,
  turn: string,
  { clock, deployment }: PlannerClients,
): Promise<Planned> {
  const now = clock.now();
  const named = input.manifest !== undefined || typeof input.requests === 'object';
  const failed: { request: string; key: string; error: string }[] = [];
  /** By the key of the file, which several requests may share. */
  const impossible = new Map<string, CarouselError>();
  const usable = requests.map((request) => ({
    ...request,
    files: request.files.filter((key) => {
      const problem = problemOf(key, files.get(key), options, now, deployment.archiveBucket);
      if (!problem) return true;
      // The tier is the turn's, and so it is for all: a file of another request would need another turn. A class that no
      // tier restores is the request's own mistake, and must not stop the turns of others.
      const ofTheTurn = problem.name === ErrorName.TierImpossible && files.get(key)?.storageClass !== INTELLIGENT;
      if (named || ofTheTurn) impossible.set(key, problem);
      else failed.push({ request: request.id, key, error: `${problem.name}: ${problem.message}` });
      return false;
    }),
  }));
  const [first] = impossible.values();
  if (first) {
    const more = impossible.size > 1 ? ` So it is with ${impossible.size - 1} more.` : '';
    throw new CarouselError(first.name, `${first.message}${more}`);
  }
  const definitionsOf = new Map<string, Set<KnownJob>>();
  for (const { files: keys, job } of usable) {
    const known = knownJob(job, deployment.jobs);
    for (const key of keys) definitionsOf.set(key, (definitionsOf.get(key) ?? new Set()).add(known));
  }
  const daysOf = (key: string) => copyDays(options.days, [...(definitionsOf.get(key) ?? [])]);
  const price = (key: string) => {
    const file = files.get(key) as ArchivedFile;
    const days = daysOf(key);
    return (
      (fileDollars(file, options.tier, days, now) ?? 0) + extensionDollars(file, days, now) + ORCHESTRATION_DOLLARS
    );
  };
  const waiting = usable
    .map(
      ({ id, since, turnsWaited, files: keys, job }): Waiting => ({
        id,
        since,
        turnsWaited,
        files: keys,
        jobDollars: jobDollars(knownJob(job, deployment.jobs), deployment.region),
        whole: job.run === 'all',
      }),
    )
    .filter(
      (each, index) =>
        each.files.length > 0 && !(each.whole && failed.some(({ request }) => request === usable[index]?.id)),
    );
  const choice = choose(waiting, price, options.budgetDollars, options.maxWaitTurns);
  const all = new Set(waiting.flatMap((each) => each.files));
  if (named && choice.files.length < all.size) {
    const dollars = choose(waiting, price, Number.MAX_SAFE_INTEGER, options.maxWaitTurns).dollars;
    throw new CarouselError(
      ErrorName.BudgetExceeded,
      `${all.size} files and their jobs are estimated at $${dollars.toFixed(2)} with tier ${options.tier} for ${options.days} days, and the budget is $${options.budgetDollars.toFixed(2)}: write a budget_dollars of as much, or name fewer files.`,
    );
  }
  const left = leftOut(waiting, choice, price);
  const chosen = new Set(choice.files);
  const jobs = usable.flatMap((request): PlannedJob[] => {
    const { definition, parameters, run } = request.job;
    const make = (input: string, name: string): PlannedJob => {
      const job = hashOf(`${request.id}\n${name}`);
      const base =
        name
          .split('/')
          .at(-1)
          ?.replace(/\.[^.]*$/, '') || request.id;
      const output = `output/${definition}/${turn}/${request.id}/${job.slice(0, 6)}-${base}.npz`;
      return { job, request: request.id, definition, parameters: JSON.stringify(parameters), run, input, output };
    };
    if (run === 'all') {
      if (!choice.whole.includes(request.id)) return [];
      return [make(`s3://${deployment.outputBucket}/${turnKeys(turn).manifest(request.id)}`, 'all')];
    }
    return request.files.filter((key) => chosen.has(key)).map((key) => make(key, key));
  });
  const jobsOf = new Map<string, string[]>();
  const byRequest = new Map(usable.map((request) => [request.id, request]));
  for (const { job, run, input: key, request } of jobs) {
    for (const each of run === 'file' ? [key] : (byRequest.get(request)?.files ?? [])) {
      jobsOf.set(each, [...(jobsOf.get(each) ?? []), job]);
    }
  }
  return {
    // A file that was chosen for a part of a request only has jobs; others are not restored.
    files: choice.files.flatMap((key) => {
      const file = files.get(key);
      const its = jobsOf.get(key);
      return file && its ? [{ ...file, days: daysOf(key), jobs: its }] : [];
    }),
    jobs,
    failed,
    dollars: choice.dollars,
    ...(left && { left: { ...left, budgetDollars: options.budgetDollars } }),
    ...(named && usable[0] && { explicit: usable[0] }),
  };
}

function knownJob(job: Job, jobs: Readonly<Record<string, KnownJob>>): KnownJob {
  // A deployment may have lost a definition since the request; its jobs fail then, and cost nothing.
  return jobs[job.definition] ?? { command: [], parameters: {}, vcpus: 0, timeoutSeconds: 0, attempts: 1 };
}

function problemOf(
  key: string,
  file: ArchivedFile | undefined,
  { tier, days }: TurnDefaults,
  now: Date,
  bucket: string,
): CarouselError | undefined {
  const address = `s3://${bucket}/${key}`;
  if (!file)
    return new CarouselError(ErrorName.InputMissing, `${address} does not exist: leave it out, or write another key.`);
  if (file.storageClass === INTELLIGENT) {
    return new CarouselError(
      ErrorName.TierImpossible,
      `${address} is in Intelligent-Tiering, whose archive tiers a turn does not restore: copy it to GLACIER or DEEP_ARCHIVE.`,
    );
  }
  if (!isArchived(file) || isAlive(file, now) || fileDollars(file, tier, days, now) !== undefined) return undefined;
  return new CarouselError(
    ErrorName.TierImpossible,
    `${address} is in ${file.storageClass}, which has no ${tier}: write tier ${tiersOf(file.storageClass as ArchiveClass).join(' or ')}.`,
  );
}

/** The plan of a call whose reply was lost: another choice could cost more than the budget, together with the first. */
async function writtenPlan(turn: string, { s3, deployment }: PlannerClients): Promise<Planned | undefined> {
  const text = await readText(s3, deployment.outputBucket, turnKeys(turn).plan);
  if (text === undefined) return undefined;
  const [head = '{}', ...rest] = text.trimEnd().split('\n');
  const all = rest.map((line) => JSON.parse(line) as { job?: PlannedJob; file?: Planned['files'][number] });
  return {
    ...(JSON.parse(head) as Pick<Planned, 'dollars' | 'failed' | 'left' | 'explicit'>),
    files: all.flatMap(({ file }) => file ?? []),
    jobs: all.flatMap(({ job }) => job ?? []),
  };
}

/** Writes the plan, the request of an explicit turn, and the rows that the other functions go by. The turn's own row is the last. */
async function write(
  turn: string,
  { execution, started }: z.infer<typeof PlannerEvent>,
  planned: Planned,
  options: TurnDefaults,
  clients: PlannerClients,
): Promise<void> {
  const ledger = jobsLedger(clients);
  const { s3, deployment, clock } = clients;
  const keys = turnKeys(turn);
  const { files: planFiles, jobs: planJobs, ...head } = planned;
  const parts = [head, ...planFiles.map((file) => ({ file })), ...planJobs.map((job) => ({ job }))];
  await writeText(s3, deployment.outputBucket, keys.plan, lines(parts));
  if (planned.explicit) {
    const { id, files, job } = planned.explicit;
    const request = { username: `turn ${turn}`, job_description: 'the files of a turn of its own', job };
    await writeRequest(request, files, clients, clock.now(), id);
  }
  for (const { request, run } of planned.jobs) {
    if (run !== 'all') continue;
    const its = planned.files.filter(({ jobs }) =>
      jobs.some((job) =>
        planned.jobs.some((each) => each.job === job && each.request === request && each.run === 'all'),
      ),
    );
    const rows = its.map(
      ({ key }) => `${deployment.archiveBucket},${encodeURIComponent(key).replaceAll('%2F', '/')}\n`,
    );
    await writeText(s3, deployment.outputBucket, keys.manifest(request), rows.join(''));
  }
  for (const { request, key, error } of planned.failed) {
    await ledger.update(KEYS.requestFile(request, key), { state: 'FAILED', error }, { state: 'WAITING' });
  }
  const rows: Row[] = [
    ...planned.jobs.map((job) => ({ ...KEYS.turnJob(turn, job.job), ...job, state: 'WAITING', attempt: 1 })),
    ...planned.files.map(
      (file): Row => ({ ...KEYS.turnFile(turn, file.key), ...file, expiry_before: file.expiry, state: 'CHOSEN' }),
    ),
  ];
  await ledger.putAll(rows);
  await ledger.putAll([
    {
      ...KEYS.turn(turn),
      turn,
      execution,
      state: 'RUNNING',
      started,
      deadline: new Date(Date.parse(started) + options.turnTimeoutHours * 3_600_000).toISOString(),
      tier: options.tier,
      days: options.days,
      concurrency: options.concurrency,
      estimate: planned.dollars,
      open: planned.jobs.length,
      files: planned.files.length,
      left: planned.left && JSON.stringify(planned.left),
    },
  ]);
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createPlanner = (clients: PlannerClients, log?: Log) =>
  createHandler('planner', PlannerEvent, (event, lines) => plan(event, clients, lines), log);

export const handler = lazily(() =>
  createPlanner({
    dynamo: new DynamoDBClient(CLIENT),
    s3: new S3Client(CLIENT),
    sfn: new SFNClient(CLIENT),
    clock: systemClock,
    deployment: deploymentOf(environment('DEPLOYMENT')),
  }),
);
