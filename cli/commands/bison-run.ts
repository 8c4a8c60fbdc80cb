import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { JOB_NAMES, JOBS, type JobName } from '../../constructs/bison/jobs';
import { DEFAULT_REGIONS, DOWNLOAD_KEY, SNAPSHOT } from '../../constructs/bison/names';
import { claim } from '../../files/claim';
import { type DiskError, diskSentence } from '../../files/disk';
import { readJsonFile } from '../../files/json-file';
import { nearest } from '../../files/nearest';
import { sentencesOf } from '../../files/wanted';
import { EmbeddedBison } from '../../local/bison';
import { virtualClock } from '../../local/clock';
import { hasDuckDb, NoDuckDb } from '../../local/duckdb';
import { bashShell } from '../../local/shell';
import { athenaDollars, crawlDollars, r7gVcpuHourly } from '../../prices/analytics';
import { PRICES } from '../../prices/orchestration';
import { causeOf } from '../bison-cause';
import { inputProblems } from '../bison-inputs';
import { interruption, localPlace } from '../local-place';
import { dollars } from '../output/dollars';
import { problemLines } from '../output/problem-lines';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';
import { checkFile } from './validate';

const positive = z.number().positive();

/** A run file: a month on this computer. Paths are relative to the file. */
const RunFile = z.strictObject({
  snapshot: z.string().regex(SNAPSHOT, 'write the first day of a month, such as 2025-11-01'),
  /** The execution file of the ingest. */
  ingest: z.string(),
  /** The folder that stands for GBIF: zips by the keys of downloads, and species.json. */
  gbif: z.string(),
  /** The folder with the RIIS list and the regions. */
  inputs: z.string(),
  chunks: z.int().min(2).max(100).default(8),
  /** Bytes that a query may read. Default: 2 TiB. */
  scan_limit_bytes: z
    .int()
    .min(10_000_000)
    .default(2 * 2 ** 40),
  /** Virtual minutes of each step. */
  minutes: z
    .strictObject({
      download: positive.max(1440).default(180),
      ingest: positive.max(700).default(40),
      crawl: positive.max(60).default(10),
      job: positive.max(180).default(20),
    })
    .prefault({}),
});
type RunFile = z.output<typeof RunFile>;

export interface BisonRunOptions {
  readonly local?: boolean;
  readonly folder: string;
  /** `name=command` each: bash runs the command in place of a job's program. */
  readonly image: readonly string[];
}

/** Where the crawler looks. */
const RAW = /^rawdata\/\d{7}-\d{15}\/occurrence\.txt$/;

/** The states that a user is told of. */
const TOLD = [
  'Request',
  'Riis',
  'AwaitDownload',
  'Ingest',
  'Crawl',
  'Describe',
  'Subset',
  'Annotate',
  'Aggregate',
  'Verify',
  'Stats',
  'Publish',
];

/**
 * Runs a month on the embedded cloud: hours pass in seconds, the ingest's commands are those of the execution file, and
 * the deployed queries run on DuckDB.
 *
 * @returns the exit code: 0 succeeded, 1 failed or the file has a problem, 2 it cannot be run here, 130 stopped
 */
export async function bisonRun(file: string, options: BisonRunOptions, out: Output, err: Output): Promise<number> {
  const refuse = (sentence: string, code = 2) => {
    err.write(wrap(`${sentence}\n`, err));
    return code;
  };
  if (!options.local) {
    return refuse(
      `This command runs a month on the embedded cloud: say 'datastream bison run --local ${file}'. A deployed workflow is started by 'datastream bison start'.`,
    );
  }
  const read = readRunFile(file, err);
  if (typeof read === 'number') return read;
  const images = imagesOf(options.image);
  if ('error' in images) return refuse(images.error);
  if (!hasDuckDb()) return refuse(new NoDuckDb().message);
  const place = localPlace(options.folder);
  if ('error' in place) return refuse(place.error);
  const folder = join(options.folder, 'bison');
  const claimed = claim(folder);
  try {
    if ('heldBy' in claimed) {
      return refuse(
        `Another month runs in ${folder}, as process ${claimed.heldBy}: wait for its end, or name another --folder.`,
      );
    }
    return await play(read, images.commands, { folder, scratch: place.scratch }, out, err);
  } finally {
    rmSync(place.scratch, { recursive: true, force: true });
    if ('release' in claimed) claimed.release();
  }
}

type Read = RunFile & { readonly execution: unknown; readonly bucket: string };

/** @returns the file and its ingest; or the exit code where something is wrong with them, after all of it was told */
function readRunFile(file: string, err: Output): Read | number {
  const tell = (problem: string) => err.write(wrap(`${problem}\n`, err));
  const content = readJsonFile(file);
  if ('error' in content) {
    tell(content.error);
    return 2;
  }
  const parsed = RunFile.safeParse(content.value);
  if (!parsed.success) {
    for (const problem of sentencesOf(parsed.error, content.value)) tell(`${file}: ${problem}`);
    err.write('Nothing was started.\n');
    return 1;
  }
  const from = (path: string) => resolve(dirname(file), path);
  const run = {
    ...parsed.data,
    gbif: from(parsed.data.gbif),
    inputs: from(parsed.data.inputs),
    ingest: from(parsed.data.ingest),
  };
  const ingest = readJsonFile(run.ingest);
  const { execution, problems } = 'error' in ingest ? { execution: undefined, problems: [] } : checkFile(ingest.value);
  const errors = problems.filter(({ severity }) => severity === 'error');
  for (const problem of errors) err.write(problemLines(problem, err));
  const object = execution?.check_object;
  const sentences = [
    ...('error' in ingest ? [ingest.error] : []),
    ...(execution && !RAW.test(object?.key ?? '')
      ? [
          `${run.ingest} checks ${object ? `the object ${object.key}` : 'no object'}: write ii_check_s3 with the key rawdata/KEY/occurrence.txt of a download.`,
        ]
      : []),
    ...downloadProblems(run.gbif),
    ...inputProblems(run.inputs, DEFAULT_REGIONS),
  ];
  for (const sentence of sentences) tell(sentence);
  if (errors.length === 0 && sentences.length === 0 && object && !('error' in ingest)) {
    return { ...run, execution: ingest.value, bucket: object.bucket };
  }
  err.write('Nothing was started.\n');
  return 1;
}

function downloadProblems(folder: string): string[] {
  if (!existsSync(folder)) return [`There is no folder ${folder}: write another "gbif".`];
  const zips = readdirSync(folder).filter((name) => name.endsWith('.zip'));
  if (zips.length === 0)
    return [`${folder} has no download: put a zip of GBIF's there, such as 0004219-251025141854904.zip.`];
  const wrong = zips.filter((name) => !DOWNLOAD_KEY.test(name.replace(/\.zip$/, '')));
  return [
    ...wrong.map(
      (name) => `${join(folder, name)} is not named after a key of GBIF's, such as 0004219-251025141854904.zip.`,
    ),
    ...(existsSync(join(folder, 'species.json'))
      ? []
      : [`${join(folder, 'species.json')} is missing: it is what GBIF's species API answers.`]),
  ];
}

function imagesOf(options: readonly string[]): { commands: Readonly<Record<string, string>> } | { error: string } {
  const commands: Record<string, string> = {};
  for (const option of options) {
    const [, name = '', command = ''] = /^([^=]+)=(.+)$/s.exec(option) ?? [];
    if (!(JOB_NAMES as string[]).includes(name)) {
      const near = nearest(name, JOB_NAMES) ?? JOB_NAMES.join(' or ');
      return { error: `--image ${option} names no job of BISON: write ${near}=COMMAND.` };
    }
    commands[name] = command;
  }
  return { commands };
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

async function play(
  run: Read,
  images: Readonly<Record<string, string>>,
  { folder, scratch }: { readonly folder: string; readonly scratch: string },
  out: Output,
  err: Output,
): Promise<number> {
  // The day after the snapshot, when the schedule starts a month.
  const begun = new Date(`${run.snapshot.slice(0, 8)}02T00:00:00Z`);
  const clock = virtualClock(begun);
  const buckets = join(folder, 'buckets');
  // Each run is a month of its own: what an earlier one has published must not end it.
  rmSync(join(buckets, run.bucket), { recursive: true, force: true });
  let broken: string | undefined;
  const onDiskError = (error: DiskError) => {
    broken ??= diskSentence(error.path ?? folder, error, 'name another --folder');
  };
  const failures: string[] = [];
  const bash = bashShell({
    buckets,
    scratch,
    clock,
    onDiskError,
    standIns: ['bison'],
    environment: { DATASTREAM_GBIF: run.gbif },
  });
  const { download, ingest, crawl, job } = run.minutes;
  const bison = new EmbeddedBison({
    folder,
    clock,
    shell: async (command) => {
      const ended = await bash(command);
      await clock.sleep(ingest * 60_000, command.signal);
      return ended;
    },
    gbif: run.gbif,
    making: { takes: download * 60_000 },
    ingest: run.execution,
    chunks: run.chunks,
    scanLimitBytes: run.scan_limit_bytes,
    jobMinutes: job,
    crawl: () => ({ takes: crawl * 60_000 }),
    container: async ({ command, environment, jobId, signal }, name, standIn) => {
      const image = images[name];
      if (image === undefined) return standIn();
      const exports = Object.entries(environment).map(([variable, value]) => `export ${variable}=${quoted(value)}`);
      const script = [...exports, `bash -c ${quoted(image)} ${command.map(quoted).join(' ')}`].join('\n');
      const { code, stderr } = await bash({ script, instanceId: jobId.replace(':', '-'), signal });
      await clock.sleep(job * 60_000, signal);
      if (code !== 0) failures.push(`${name}: exit code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
      return { code };
    },
    onDiskError,
    tell: (message) => failures.push(message),
  });
  const interrupted = interruption();
  try {
    bison.upload(run.inputs);
    const passed = () => {
      const minutes = Math.round((clock.now().getTime() - begun.getTime()) / 60_000);
      return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
    };
    const execution = bison.start({ snapshot: run.snapshot }, 'month', ({ state, type }) => {
      if (type === 'entered' && TOLD.includes(state)) out.write(`  ${passed()}  ${state}\n`);
    });
    interrupted.signal.addEventListener('abort', () => execution.stop());
    await clock.run(execution.ended);
    if (interrupted.signal.aborted) {
      const manifest = join(buckets, run.bucket, `summary/${run.snapshot}/manifest.json`);
      const end = existsSync(manifest) ? 'the counts are published' : 'nothing was published';
      err.write(`Stopped in ${execution.used.at?.name ?? 'Request'}: ${end}.\n`);
      return 130;
    }
    if (broken !== undefined) {
      err.write(wrap(`${broken}\n`, err));
      return 2;
    }
    out.write(`month of ${run.snapshot}: ${execution.status} after ${passed()} hours\n`);
    for (const failure of new Set(failures)) err.write(wrap(`  ${failure}\n`, err));
    if (execution.error) err.write(wrap(`  ${execution.error}: ${causeOf(execution.cause)}\n`, err));
    printFigures(bison, execution, run, out);
    if (execution.status !== 'SUCCEEDED') return 1;
    for (const place of [`summary/${run.snapshot}/manifest.json`, `output/${run.snapshot}/`]) {
      out.write(`  ${join(buckets, run.bucket, place)}\n`);
    }
    return 0;
  } finally {
    await bison.close();
    interrupted.done();
  }
}

function printFigures(
  bison: EmbeddedBison,
  execution: ReturnType<EmbeddedBison['start']>,
  { minutes }: RunFile,
  out: Output,
): void {
  const { counts } = (execution.output ?? {}) as { counts?: Readonly<Record<string, number>> };
  if (counts) {
    const n = (value: number) => value.toLocaleString('en-US');
    const { source = 0, subset = 0, annotated = 0, county = 0, state = 0, aiannh = 0 } = counts;
    out.write(
      table([
        ['  rows', `${n(source)} of GBIF, ${n(subset)} in the subset, ${n(annotated)} annotated`],
        ['  regions', `${n(county)} in a county, ${n(state)} in a state, ${n(aiannh)} in an AIANNH area`],
      ]),
    );
  }
  const bytes = [...bison.athena.scanned.values()];
  const jobs = [...bison.batch.jobs.values()].filter(({ arraySize }) => arraySize === undefined);
  const jobDollars = jobs.reduce(
    (sum, { jobDefinition, attempts }) =>
      sum + attempts * (minutes.job / 60) * JOBS[jobDefinition as JobName].vcpus * r7gVcpuHourly('us-east-1'),
    0,
  );
  const functions = bison.cloud.invocations
    .filter(({ function: name }) => name === 'gbif' || name === 'verifier')
    .reduce(
      (sum, { milliseconds }) => sum + PRICES.request + ((milliseconds + 500) / 1000) * 0.25 * PRICES.gbSecond,
      0,
    );
  const { transitions } = execution.used;
  const all = [
    [
      'orchestration',
      `${count(transitions, 'transition')} and the functions`,
      transitions * PRICES.transition + functions,
    ],
    [
      'Athena',
      `${count(bytes.length, 'query').replace('querys', 'queries')}, ${bytes.reduce((sum, each) => sum + each, 0).toLocaleString('en-US')} bytes`,
      athenaDollars(bytes),
    ],
    ['crawler', count(bison.glue.crawls, 'crawl'), bison.glue.crawls * crawlDollars(minutes.crawl)],
    ['jobs', `${count(jobs.length, 'job')}, on demand`, jobDollars],
  ] as const;
  out.write(
    table(
      all.map(([what, howMuch, cost]) => [`  ${what}`, howMuch, dollars(cost)]),
      [2],
    ),
  );
}
