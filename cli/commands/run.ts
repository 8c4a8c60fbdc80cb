import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { shellQuote } from '../../executions/datastream-command/quoting';
import { STDERR_CHARACTERS } from '../../executions/ssm-limits';
import { type DiskError, diskSentence, isDiskError } from '../../files/disk';
import { fetchHead } from '../../lambdas/datastream/inputs';
import { attemptHash } from '../../lambdas/datastream/instance';
import { withoutLines } from '../../lambdas/datastream/script';
import { Tag } from '../../lambdas/datastream/tags';
import { realClock } from '../../local/clock';
import { AT_ONCE, EmbeddedCloud, type Invocation } from '../../local/cloud';
import { type ExecutionEnd, startExecution } from '../../local/machine';
import { RECORD_NAME, type RecordedInstance, type Recording, Records, type Stream } from '../../local/records';
import { bashShell } from '../../local/shell';
import { readExecutionFile } from '../execution-file';
import { defaultName, impossibleName, nameTaken } from '../job-name';
import { cannotWrite, localPlace, SIGNALS } from '../local-place';
import { JobLines } from '../output/job-lines';
import { problemLines } from '../output/problem-lines';
import { type ProgressView, progressView } from '../output/progress';
import { visible } from '../output/visible';
import { wrap } from '../output/wrap';
import { checkFile } from './validate';

type Output = NodeJS.WriteStream;

/** How many characters of the job's output are shown, counted from the end. */
const SHOWN = 4000;
/** The longest wait for the reaper after Ctrl-C. */
const REAPER_WAIT_MS = 5000;

export interface RunOptions {
  readonly local?: boolean;
  readonly folder: string;
  /** The execution's name. Default: the file's name and the time. */
  readonly name?: string;
  /** Leave the instances' folders. Default: they are deleted at the end. */
  readonly keep?: boolean;
}

/** An execution file that is to be run here. */
export interface LocalJob {
  /** The execution's name. */
  readonly name: string;
  /** Whether the name may get a number where an execution has it already. Default: false. */
  readonly mayNumber?: boolean;
  /** The content of the file. */
  readonly input: unknown;
  /** What to call it in messages: the file, or the execution whose file it is. */
  readonly label: string;
}

/** How often the job's output is kept, and how often a request to stop is looked for, in milliseconds. */
const BEAT_MS = 200;

/**
 * Runs one execution file on the embedded cloud and prints what happens.
 *
 * @returns the exit code: 0 succeeded, 1 failed or refused, 2 the file is not readable as JSON or cannot run here, 130
 * stopped
 */
export async function run(file: string, options: RunOptions, out: Output, err: Output): Promise<number> {
  if (!options.local) {
    err.write(
      "This command runs jobs on the embedded cloud: say 'datastream run --local FILE'.\n" +
        'On AWS, start an execution of the deployed state machine:\n' +
        `  datastream start ${shellQuote(file)}\n`,
    );
    return 2;
  }
  const content = readExecutionFile(file);
  if ('error' in content) {
    err.write(wrap(`${content.error}\n`, err));
    return 2;
  }
  for (const line of content.repeated) err.write(wrap(`${line}\n`, err));
  const job = { input: content.value, label: file };
  const named =
    options.name === undefined ? { name: defaultName(file, realClock.now()), mayNumber: true } : { name: options.name };
  return runJob({ ...job, ...named }, options, out, err);
}

/**
 * Runs one job on the embedded cloud and prints what happens. Its record and its output stay below the folder, and with
 * `keep` the instances' folders too.
 *
 * @returns the exit code, as of `run`
 */
export async function runJob(
  job: LocalJob,
  { folder, keep = false }: Pick<RunOptions, 'folder' | 'keep'>,
  out: Output,
  err: Output,
): Promise<number> {
  const refuse = (sentence: string) => {
    err.write(wrap(`${sentence}\n`, err));
    return 2;
  };
  const { execution, problems } = checkFile(job.input);
  for (const problem of problems) err.write(problemLines(problem, err));
  if (!execution || problems.some(({ severity }) => severity === 'error')) {
    err.write(`${job.label}: nothing was started.\n`);
    return 1;
  }
  if (!RECORD_NAME.test(job.name)) return refuse(impossibleName(job.name));
  const place = localPlace(folder);
  if ('error' in place) return refuse(place.error);
  try {
    const recording = begin(job, folder);
    if (!recording) return refuse(nameTaken(job.name));
    const region = execution.region ?? 'us-east-1';
    const scratch = keep ? made(recording.kept) : place.scratch;
    recording.update({ disks: scratch });
    return await runLocally(job.input, recording, { folder, scratch, region, keep }, out, err);
  } catch (error) {
    const broken = diskErrorIn(error);
    if (!broken) throw error;
    return refuse(diskSentence(broken.path ?? resolve(folder), broken, STOPPED));
  } finally {
    rmSync(place.scratch, { recursive: true, force: true });
  }
}

function made(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return realpathSync(folder);
}

function begin({ name, mayNumber, input }: LocalJob, folder: string): Recording | undefined {
  const records = new Records(resolve(folder));
  for (let number = 1; ; number++) {
    const recording = records.begin(number === 1 ? name : `${name}-${number}`, input, realClock.now());
    if (recording || !mayNumber) return recording;
  }
}

const STOPPED = 'the job is stopped, and could not be carried out here';

/** An error of the disk, also as the reason of another error. */
function diskErrorIn(error: unknown): DiskError | undefined {
  const { cause } = error as { readonly cause?: unknown };
  return [error, cause].find(isDiskError);
}

async function runLocally(
  input: unknown,
  recording: Recording,
  { folder, scratch, region, keep: isKept }: { folder: string; scratch: string; region: string; keep: boolean },
  out: Output,
  err: Output,
): Promise<number> {
  let broken: string | undefined;
  const onDiskError = (error: DiskError) => {
    broken ??= diskSentence(error.path ?? folder, error, STOPPED);
    execution.stop();
  };
  /** Writes the record or the output: what goes wrong there stops the job. */
  const keep = (write: () => void) => {
    try {
      write();
    } catch (error) {
      const found = diskErrorIn(error);
      if (!found) throw error;
      onDiskError(found);
    }
  };
  const view = progressView(out);
  const { job: showJob } = view;
  const lines = showJob && new JobLines(showJob);
  const reaped = signalled<Invocation>();
  const shell = bashShell({ buckets: join(folder, 'buckets'), scratch, clock: realClock, onDiskError });
  const cloud = new EmbeddedCloud({
    folder,
    clock: realClock,
    shell: async (command) => {
      const attempt = attemptOf(cloud, command.instanceId);
      const logs = `datastream-${attemptHash(execution.arn, attempt)}.d/logs`;
      const onGain = lines && ((stream: Stream, bytes: Buffer) => lines.take(stream, bytes));
      keep(() => recording.keepOutput(attempt, join(scratch, command.instanceId, logs), onGain));
      const ended = await shell(command);
      keep(() => {
        recording.keepExitCode(attempt, ended.code);
        // The rest of the output comes before the states that follow.
        recording.beat();
      });
      lines?.end();
      return ended;
    },
    region,
    lifecycle: AT_ONCE,
    latency: 5,
    web: fetchHead,
    onDiskError,
    onInvocation: (invocation) => {
      if (invocation.function === 'reaper') reaped.resolve(invocation);
    },
  });
  const standing = () => {
    const last = lastState(cloud, execution.arn);
    return { ...(last && { state: last.name, state_input: last.input }), instances: instancesIn(cloud) };
  };
  const execution = startExecution(
    cloud,
    input,
    (progress) => {
      // What the job has written comes before the state that follows.
      if (progress.type === 'entered') keep(() => recording.beat());
      view.show(progress);
      if (progress.type === 'entered') keep(() => recording.update(standing()));
    },
    recording.name,
  );
  const stop = () => execution.stop();
  // The handler stays for a second Ctrl-C, which would otherwise end the clean-up and leave the job's processes
  // running.
  for (const signal of SIGNALS) process.on(signal, stop);
  const beat = setInterval(() => {
    keep(() => recording.beat());
    if (recording.mustStop) stop();
  }, BEAT_MS);
  try {
    const end = await execution.result;
    keep(() => recording.beat());
    lines?.end();
    if (end.status === 'ABORTED' && !broken) await showReaper(view, cloud, reaped.promise);
    view.end();
    // Wait until the instance has terminated.
    await realClock.sleep(AT_ONCE.ended + 50);
    clearInterval(beat);
    keep(() => {
      recording.beat();
      recording.update({
        ...standing(),
        status: end.status,
        ended_at: end.endedAt.toISOString(),
        ...(end.output && { output: end.output }),
        ...(end.error !== undefined && { error: end.error }),
        ...(end.cause !== undefined && { cause: end.cause }),
        orchestration_dollars: end.cost.dollars,
      });
    });
    if (!broken) printEnd(recording.name, end, cloud, folder, lines !== undefined, isKept ? scratch : undefined, out);
    if (end.status === 'FAILED') {
      // The job's own writes, to a bucket or to its disk, may have met the same error.
      const remedy = 'the job may have failed by that alone';
      broken = cannotWrite(resolve(folder, 'buckets'), remedy) ?? cannotWrite(dirname(scratch), remedy);
    }
    if (broken) {
      err.write(wrap(`${broken}\n`, err));
      return 2;
    }
    return { SUCCEEDED: 0, FAILED: 1, TIMED_OUT: 1, ABORTED: 130 }[end.status];
  } finally {
    clearInterval(beat);
    view.end();
    for (const signal of SIGNALS) process.off(signal, stop);
    for (const { running } of cloud.ec2.instances.values()) running.abort();
  }
}

function attemptOf(cloud: EmbeddedCloud, instanceId: string): number {
  const tags = cloud.ec2.instances.get(instanceId)?.api.Tags ?? [];
  return Number(tags.find(({ Key }) => Key === Tag.attempt)?.Value ?? 1);
}

function instancesIn(cloud: EmbeddedCloud): RecordedInstance[] {
  return [...cloud.ec2.instances.values()].map(({ api }) => ({
    instance_id: api.InstanceId,
    attempt: attemptOf(cloud, api.InstanceId),
    state: api.State.Name,
  }));
}

function lastState(cloud: EmbeddedCloud, arn: string) {
  const execution = cloud.sfn.executions.get(arn);
  return execution && 'used' in execution ? execution.used.last : undefined;
}

function signalled<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Shows what the reaper does after Ctrl-C. The execution is stopped, and the reaper ends what is left, as on AWS. */
async function showReaper(view: ProgressView, cloud: EmbeddedCloud, reaped: Promise<Invocation>): Promise<void> {
  view.note('Stopped. The reaper ends what the execution has left:');
  const invocation = await Promise.race([reaped, realClock.sleep(REAPER_WAIT_MS)]);
  const ended = (invocation?.result ?? []) as readonly { instance_id: string; state: string }[];
  for (const { instance_id, state } of ended) view.note(`reaper: instance ${instance_id} is ${state}`);
  if (ended.length === 0) {
    const live = [...cloud.ec2.instances.values()].filter(({ api }) => ['pending', 'running'].includes(api.State.Name));
    view.note(
      live.length === 0
        ? 'reaper: no instance was left'
        : 'reaper: has not answered; the instance ends with this command',
    );
  }
}

/**
 * @param isShown whether the job's output has been shown as it came
 * @param kept the folder of the instances' disks, where they are kept
 */
function printEnd(
  name: string,
  end: ExecutionEnd,
  cloud: EmbeddedCloud,
  folder: string,
  isShown: boolean,
  kept: string | undefined,
  out: Output,
): void {
  const seconds = ((end.endedAt.getTime() - end.startedAt.getTime()) / 1000).toFixed(1);
  const row = (label: string, text: string) => out.write(wrap(`  ${label.padEnd(11)}${text}\n`, out));
  out.write(`\n${end.status} after ${seconds} s${end.error ? `: ${end.error}` : ''}\n`);
  if (end.cause) out.write(wrap(`${indent(visible(end.cause))}\n`, out));

  const job = [...cloud.ssm.commands.values()].at(-1);
  if (job?.stdout.trim() && !isShown) out.write(`\n  output of the job\n${shown(job.stdout)}\n`);
  // The Cause of CommandFailed already has the end of standard error, unless SSM has kept only its beginning.
  const told = end.error === 'CommandFailed' && (job?.stderr.length ?? 0) <= STDERR_CHARACTERS;
  // The rows below show the script's own lines.
  const stderr = withoutLines(job?.stderr ?? '');
  if (stderr.trim() && !told && !isShown) out.write(`\n  standard error of the job\n${shown(stderr)}\n`);
  out.write('\n');
  const object = end.output?.object as { bucket: string; key: string; size: number } | undefined;
  if (object) {
    row(
      'object',
      `s3://${object.bucket}/${object.key} (${object.size} bytes), here: ${join(folder, 'buckets', object.bucket, object.key)}`,
    );
  }
  const result = end.output?.result as { notes?: readonly string[]; log?: string; log_not_kept?: string } | undefined;
  for (const note of result?.notes ?? []) row('note', note);
  if (result?.log) row('log', `${result.log}, here: ${localFolder(folder, result.log)}`);
  if (result?.log_not_kept) row('log', `not kept: ${result.log_not_kept}`);
  const dates = (end.output?.job as { dates?: Record<string, string> } | undefined)?.dates;
  if (dates)
    row(
      'dates',
      Object.entries(dates)
        .map(([name, date]) => `${name} = ${date}`)
        .join(', '),
    );
  row('execution', name);
  for (const { api } of cloud.ec2.instances.values()) row('instance', `${api.InstanceId} ${api.State.Name}`);
  if (kept !== undefined) {
    row('kept', `${kept}, a folder for each instance; delete them by:`);
    row('', `rm -r ${shellQuote(kept)}`);
  }
  const { dollars, transitions, requests, gbSeconds } = end.cost;
  row('cost', `$${dollars.toFixed(6)} for the orchestration on AWS, without the instance:`);
  row('', `${transitions} state transitions, ${requests} Lambda requests, ${gbSeconds.toFixed(2)} GB-s`);
}

/** The path on this computer of an s3:// URL of the embedded S3. */
function localFolder(folder: string, url: string): string {
  return join(folder, 'buckets', url.replace(/^s3:\/\//, ''));
}

/** The end of the job's output, from the beginning of a line, with control characters made visible. */
function shown(text: string): string {
  const all = text.trim();
  const end = all.slice(-SHOWN);
  const left = all.length - end.length;
  const lines = left > 0 ? `... ${left} characters before this\n${end.slice(end.indexOf('\n') + 1)}` : end;
  return indent(visible(lines), '  | ');
}

function indent(text: string, by = '  '): string {
  return text
    .split('\n')
    .map((line) => by + line)
    .join('\n');
}
