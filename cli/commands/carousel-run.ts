import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { claim } from '../../files/claim';
import { type DiskError, diskSentence } from '../../files/disk';
import { nearest } from '../../files/nearest';
import { sentencesOf } from '../../files/wanted';
import { filesLedger, jobsLedger } from '../../lambdas/carousel/deployment';
import { CarouselError } from '../../lambdas/carousel/errors';
import type { KnownJobs } from '../../lambdas/carousel/known-job';
import { KEYS, yearMonthOf } from '../../lambdas/carousel/ledger';
import { attributesOf } from '../../lambdas/carousel/query';
import type { Report } from '../../lambdas/carousel/reporter';
import { submitRequest } from '../../lambdas/carousel/requester';
import { Tag } from '../../lambdas/carousel/tags';
import { fileOf, jobOf, leftWaitingSentence, TurnInput, turnKeys } from '../../lambdas/carousel/turn';
import type { Container } from '../../local/batch';
import { EmbeddedCarousel, OUTPUTS } from '../../local/carousel';
import { virtualClock } from '../../local/clock';
import type { CloudEvent } from '../../local/events';
import { bashShell } from '../../local/shell';
import { GB } from '../../prices/archive';
import { interruption, localPlace } from '../local-place';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';
import { InputError, readInput } from './carousel';

const positive = z.number().positive();

/** A turn file: an archive, job definitions, requests and a turn's input, for this computer. */
const TurnFile = z.strictObject({
  archive: z.strictObject({
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'write the name of a bucket'),
    storage_class: z.enum(['GLACIER', 'DEEP_ARCHIVE', 'STANDARD']).default('GLACIER'),
    /** Of each file. */
    gb: positive.max(5_000).default(1),
    files: z
      .array(z.string().min(1).max(1024))
      .min(1)
      .superRefine((keys, context) => {
        const seen = new Set<string>();
        for (const [index, key] of keys.entries()) {
          if (seen.has(key))
            context.addIssue({ code: 'custom', path: [index], message: 'the list has this key twice: leave one out' });
          seen.add(key);
        }
      }),
  }),
  jobs: z.record(
    z.string(),
    z.strictObject({
      image: z.string().optional(),
      command: z.array(z.string()).min(1),
      parameters: z.record(z.string(), z.string()).default({}),
      vcpus: z.int().min(1).default(1),
      memory_mib: z.int().min(4).default(4096),
      timeout_seconds: z.int().min(60).default(3600),
      attempts: z.int().min(1).max(10).default(3),
      /** What bash runs in place of the image; the container's command are its arguments. */
      stand_in: z.string().optional(),
      /** Virtual minutes that a job takes. */
      minutes: positive.default(30),
    }),
  ),
  requests: z.array(z.unknown()).default([]),
  turn: TurnInput.default({ requests: 'waiting' }),
});

export interface CarouselRunOptions {
  readonly local?: boolean;
  readonly folder: string;
  /** `NAME=COMMAND`: what stands for the container of a job definition. */
  readonly image?: readonly string[];
  readonly seed: number;
}

/** HDF5's signature: an archived file here is that, and zeros. */
const HDF5 = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The states that a user wants to see. */
const STATES = ['Plan', 'Restore', 'Follow', 'Report'];

/** The turn's ID. */
const TURN = 'turn-local';

const FIRST_MOMENT = new Date('2026-01-05T09:00:00Z');

/**
 * Runs a turn on the embedded cloud: its days pass in a moment, and its jobs are commands of this computer.
 *
 * @returns the exit code: 0 the turn succeeded, 1 it failed or the file has an error, 2 wrong options or this computer cannot write, 130 after Ctrl-C
 */
export async function carouselRun(
  file: string,
  options: CarouselRunOptions,
  out: Output,
  err: Output,
): Promise<number> {
  const refuse = (sentence: string, code = 2) => {
    err.write(wrap(`${sentence}\n`, err));
    return code;
  };
  if (!options.local)
    return refuse("A turn on AWS is started by 'datastream carousel start': say --local to run a turn file here.");
  let turnFile: z.output<typeof TurnFile>;
  let images: Readonly<Record<string, string>>;
  try {
    turnFile = readTurnFile(file);
    images = imagesOf(options.image ?? [], Object.keys(turnFile.jobs));
  } catch (error) {
    if (error instanceof InputError) return refuse(error.message, error.exitCode);
    throw error;
  }
  const missing = missingManifest(turnFile.turn.manifest, join(options.folder, 'carousel', 'buckets'));
  if (missing) return refuse(`${file}: ${missing}`, 1);
  const place = localPlace(options.folder);
  if ('error' in place) return refuse(place.error);
  const { scratch } = place;
  const clock = virtualClock(FIRST_MOMENT);
  const folder = join(options.folder, 'carousel');
  const claimed = claim(folder);
  if ('heldBy' in claimed) {
    rmSync(scratch, { recursive: true, force: true });
    return refuse(
      `Another turn runs in ${folder}, as process ${claimed.heldBy}: wait for its end, or name another --folder.`,
    );
  }
  // Each run is a turn of its own: an object of an earlier one must not count. Manifests are the user's.
  const outputs = join(folder, 'buckets', OUTPUTS);
  rmSync(join(folder, 'buckets', turnFile.archive.bucket), { recursive: true, force: true });
  for (const name of existsSync(outputs) ? readdirSync(outputs) : []) {
    if (name !== 'manifests') rmSync(join(outputs, name), { recursive: true, force: true });
  }
  let broken: string | undefined;
  const onDiskError = (error: DiskError) => {
    broken ??= diskSentence(error.path ?? folder, error, 'name another --folder');
  };
  const shell = bashShell({ buckets: join(folder, 'buckets'), scratch, clock, onDiskError });
  const failures: string[] = [];
  const container: Container = async ({ definition, command, environment, jobId, signal }) => {
    const { stand_in, minutes = 30 } = turnFile.jobs[definition] ?? {};
    const script = scriptOf(images[definition] ?? stand_in, command, environment);
    const { code, stderr } = await shell({ script, instanceId: jobId, signal });
    await clock.sleep(minutes * 60_000, signal);
    if (code !== 0) failures.push(`${definition}: exit code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    return { code };
  };
  const { archive } = turnFile;
  /** What the user calls each request. */
  const requesters = new Map<string, string>();
  let planned: Map<string, string> | undefined;
  const requesterOf = (job: string): string | undefined => {
    // No job has an event before the plan is written.
    planned ??= requestsOfJobs(cloud.s3.get(OUTPUTS, turnKeys(TURN).plan));
    return requesters.get(planned.get(job) ?? '');
  };
  const cloud = new EmbeddedCarousel({
    folder,
    clock,
    container,
    jobs: knownJobs(turnFile),
    defaults: { tier: 'Bulk', days: 3, budgetDollars: 50, concurrency: 50, maxWaitTurns: 12, turnTimeoutHours: 96 },
    archiveBucket: archive.bucket,
    seed: options.seed,
    deliver: (event) => {
      const told = sentenceOf(event, requesterOf);
      if (told) out.write(`  ${passed(clock.now())}  ${told}\n`);
      return [500];
    },
    onDiskError,
  });
  const interrupted = interruption();
  try {
    for (const key of archive.files)
      cloud.s3.archive(archive.bucket, key, archive.storage_class, Math.round(archive.gb * GB), HDF5);
    const clients = cloud.clients();
    await clock.run(
      filesLedger(clients).putAll(
        archive.files.map((key) => {
          const attributes = attributesOf(key);
          const { Year, Month } = attributes;
          return { FilePath: key, ...attributes, ...(Year && Month && { YearMonth: yearMonthOf(Year, Month) }) };
        }),
      ),
    );
    const problems: string[] = [];
    const accepted: string[] = [];
    const usernames = turnFile.requests.map((body) => (body as { username?: unknown } | null)?.username);
    for (const [index, body] of turnFile.requests.entries()) {
      try {
        const { request, file_count } = await clock.run(submitRequest(body, clients));
        const { username, job_description = '' } = body as { username: string; job_description?: string };
        const twice = usernames.filter((each) => each === username).length > 1;
        requesters.set(request, twice ? `${username}, request ${request}` : username);
        accepted.push(
          `request ${request}: ${count(file_count, 'file')} for ${username}${job_description && `, ${job_description}`}\n`,
        );
      } catch (error) {
        if (!(error instanceof CarouselError)) throw error;
        problems.push(...error.message.split('\n').map((problem) => `${file}: requests.${index}: ${problem}`));
      }
    }
    if (problems.length > 0) return refuse(problems.join('\n'), 1);
    for (const line of accepted) out.write(line);
    let last = '';
    const execution = cloud.start(turnFile.turn, TURN, ({ state }) => {
      // Every look enters Follow again.
      if (state !== last && STATES.includes(state)) out.write(`  ${passed(clock.now())}  ${state}\n`);
      last = state;
    });
    interrupted.signal.addEventListener('abort', () => execution.stop());
    await clock.run(execution.ended);
    if (broken !== undefined) return refuse(broken);
    out.write(`${TURN}: ${execution.status} after ${passed(clock.now())}\n`);
    if (interrupted.signal.aborted) return 130;
    for (const failure of new Set(failures)) err.write(wrap(`  ${failure}\n`, err));
    if (execution.error) err.write(wrap(`  ${execution.error}: ${execution.cause ?? ''}\n`, err));
    const ledger = jobsLedger(clients);
    if (await clock.run(ledger.get(KEYS.turn(TURN)))) {
      const [files, jobs] = await clock.run(
        Promise.all(['file#', 'job#'].map((part) => ledger.query(KEYS.turn(TURN).pk, part))),
      );
      const problems = grouped([
        ...(files ?? []).map(fileOf).map(({ key, error }) => ({ what: key, error })),
        ...(jobs ?? []).map(jobOf).map(({ job, input, error }) => ({ what: onFor(input, requesterOf(job)), error })),
      ]);
      const { report } = turnKeys(TURN);
      printReport(JSON.parse(cloud.s3.get(OUTPUTS, report)) as Report, problems, outputs, join(outputs, report), out);
    }
    return execution.status === 'SUCCEEDED' ? 0 : 1;
  } finally {
    cloud.close();
    interrupted.done();
    rmSync(scratch, { recursive: true, force: true });
    claimed.release();
  }
}

function readTurnFile(file: string): z.output<typeof TurnFile> {
  const value = readInput(file);
  const read = TurnFile.safeParse(value);
  if (read.success) return read.data;
  throw new InputError(
    sentencesOf(read.error, value)
      .map((problem) => `${file}: ${problem}`)
      .join('\n'),
  );
}

/** @returns a sentence where the manifest that the turn names is not in the local bucket */
function missingManifest(manifest: string | undefined, buckets: string): string | undefined {
  // Another address is refused by Plan, as on AWS.
  if (!manifest?.startsWith(`s3://${OUTPUTS}/manifests/`)) return undefined;
  const path = join(buckets, manifest.slice('s3://'.length));
  return existsSync(path)
    ? undefined
    : `turn.manifest is ${JSON.stringify(manifest)}, which does not exist: write its lines of bucket,key into ${path}.`;
}

function imagesOf(options: readonly string[], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    options.map((option) => {
      const [, name = '', command = ''] = /^([^=]+)=(.+)$/s.exec(option) ?? [];
      if (names.includes(name)) return [name, command];
      const near = nearest(name, names);
      throw new InputError(
        `--image ${option} names no job definition of the file: write ${near ?? names.join(' or ')}=COMMAND.`,
      );
    }),
  );
}

function knownJobs({ jobs }: z.output<typeof TurnFile>): KnownJobs {
  return Object.fromEntries(
    Object.entries(jobs).map(([name, { command, parameters, vcpus, timeout_seconds, attempts }]) => [
      name,
      { command, parameters, vcpus, timeoutSeconds: timeout_seconds, attempts },
    ]),
  );
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The container's command, or what stands for it: a text of bash whose arguments are that command. */
function scriptOf(
  standIn: string | undefined,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): string {
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`);
  const words = command.map(quoted).join(' ');
  return [...exports, standIn === undefined ? words : `bash -c ${quoted(standIn)} ${words}`].join('\n');
}

/** The request of each job of a plan. */
function requestsOfJobs(plan: string): Map<string, string> {
  const lines = plan.trimEnd().split('\n');
  return new Map(
    lines.flatMap((line) => {
      const { job } = JSON.parse(line) as { job?: { job: string; request: string } };
      return job ? [[job.job, job.request] as const] : [];
    }),
  );
}

const onFor = (input: string, requester: string | undefined) =>
  `${input.replace(/^s3:\/\/[^/]+\//, '')}${requester === undefined ? '' : ` for ${requester}`}`;

/** What an event tells a user. */
function sentenceOf(
  { 'detail-type': type, detail }: CloudEvent,
  requesterOf: (job: string) => string | undefined,
): string | undefined {
  if (type === 'Object Restore Completed') return `restored ${(detail.object as { key: string }).key}`;
  if (type === 'Object Restore Expired') return `copy expired of ${(detail.object as { key: string }).key}`;
  if (type !== 'Batch Job State Change') return undefined;
  const { jobDefinition, status, parameters, tags } = detail as {
    jobDefinition: string;
    status: string;
    parameters: Record<string, string>;
    tags: Record<string, string>;
  };
  const input = parameters.s3_input_file ?? parameters.manifest ?? 'its files';
  return `${jobDefinition} ${status.toLowerCase()} on ${onFor(input, requesterOf(tags[Tag.job] ?? ''))}`;
}

/** One line for each error, however many files and jobs have it. */
function grouped(all: readonly { readonly what: string; readonly error?: string }[]): string[] {
  const byError = new Map<string, string[]>();
  for (const { what, error } of all) if (error) byError.set(error, [...(byError.get(error) ?? []), what]);
  return [...byError].map(
    ([error, [first, ...more]]) => `${first}${more.length > 0 ? ` and ${more.length} more` : ''}: ${error}`,
  );
}

/** Virtual time since the beginning: `0d 07:31`. */
function passed(now: Date): string {
  const minutes = Math.round((now.getTime() - FIRST_MOMENT.getTime()) / 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(minutes / 1440)}d ${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`;
}

function printReport(
  { files, jobs, dollars, outputs, waiting }: Report,
  problems: readonly string[],
  folder: string,
  path: string,
  out: Output,
): void {
  const money = (value: number) => `$${value.toFixed(2)}`;
  out.write(
    table([
      ['  files', `${files.chosen} chosen, ${files.verified} verified, ${files.failed} failed`],
      ['  jobs', `${jobs.succeeded} succeeded, ${jobs.failed} failed, ${jobs.returned} returned`],
      ['  cost', `${money(dollars.actual)}, estimated ${money(dollars.estimate)}`],
      ['  report', path],
    ]),
  );
  if (waiting) out.write(wrap(`  ${leftWaitingSentence(waiting)}\n`, out));
  for (const problem of problems.slice(0, 20)) out.write(wrap(`  ${problem}\n`, out));
  for (const output of outputs) {
    const object = join(folder, output);
    if (existsSync(object)) out.write(`  ${object}\n`);
  }
}
