import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import type { Definition } from '../../constructs/aws/states-language';
import { virtualClock } from '../../local/clock';
import { type Code, EmbeddedCloud, type EmbeddedCloudOptions, LIKE_EC2 } from '../../local/cloud';
import { type RunningExecution, startExecution } from '../../local/machine';
import type { Faults } from '../../local/service';
import type { Shell } from '../../local/ssm';
import { brokenInvariants, type Evidence, longest } from './invariants';

export const BUCKET = 'scenario-bucket';
export const KEY = 'run/ngen-run.tar.gz';

/** An execution file of 2025 that asks for an object and terminates its instance. */
export function executionFile(runOptions: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) {
  return {
    commands: ["runuser -l ec2-user -c './job'"],
    run_options: {
      ii_terminate_instance: true,
      ii_delete_volume: true,
      ii_check_s3: { bucket: BUCKET, prefix: KEY },
      timeout_s: 3600,
      ...runOptions,
    },
    instance_parameters: {
      ImageId: 'ami-0123456789abcdef0',
      InstanceType: 't4g.large',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 32, VolumeType: 'gp3' } }],
    },
    ...rest,
  };
}

/** One run of the job's script. It may sleep on the scenario's clock. */
export type Job = (context: {
  readonly cloud: EmbeddedCloud;
  readonly signal: AbortSignal;
  readonly instanceId: string;
  /** 1 for the first run of the script in this scenario. */
  readonly run: number;
}) => Promise<{ readonly code: number; readonly stdout?: string; readonly stderr?: string }>;

/** Works for eight minutes, then writes the object. */
export const healthyJob: Job = async ({ cloud, signal }) => {
  await cloud.clock.sleep(480_000, signal);
  if (!signal.aborted) cloud.s3.put(BUCKET, KEY, 'result');
  return { code: 0, stdout: 'done' };
};

export interface Scenario {
  readonly file?: unknown;
  readonly job?: Job;
  /** A real shell, in place of `job`. */
  readonly shell?: (cloud: { readonly folder: string; readonly clock: EmbeddedCloud['clock'] }) => Shell;
  readonly faults?: EmbeddedCloudOptions['faults'];
  readonly deliver?: EmbeddedCloudOptions['deliver'];
  readonly subnetIds?: readonly string[];
  /** The deployment at the execution's start. Default: the present code and machine. */
  readonly deployment?: { readonly code: Code; readonly machine: Definition };
  readonly lifecycle?: EmbeddedCloudOptions['lifecycle'];
  /** The keys in `BUCKET` that must exist before anything is launched. Default: none. */
  readonly inputs?: readonly string[];
  /** What answers beyond S3. Default: nothing does. */
  readonly web?: EmbeddedCloudOptions['web'];
  /** Called an hour before the execution starts. */
  readonly before?: (cloud: EmbeddedCloud) => void;
  /** Milliseconds from the execution's end to the check of the invariants. Default: a reaper period and two minutes. */
  readonly aftermath?: number;
  /** Called immediately before the execution starts. */
  readonly onStart?: (cloud: EmbeddedCloud) => void;
  /** Called immediately after the execution has started, for events from outside. */
  readonly meanwhile?: (context: { readonly cloud: EmbeddedCloud; readonly execution: RunningExecution }) => void;
}

export type Played = Evidence;

/** An execution on virtual time that has just been started. */
export interface Live {
  readonly cloud: EmbeddedCloud;
  readonly execution: RunningExecution;
  /** Lets time pass until the execution has ended. An execution that takes longer than allowed is stopped. */
  end(): Promise<void>;
  /** Lets the execution end and the reaper do its work. @returns the evidence for the invariants */
  finish(): Promise<Played>;
}

/** The script's own lock. The script runs once on an instance, and a second run ends with the result of the first. */
interface Lock {
  readonly boot: unknown;
  readonly code: Promise<number>;
}

/** The script's own time-out. Before SSM's time-out, the script ends the commands and reports it. */
async function inTime(
  clock: EmbeddedCloud['clock'],
  seconds: number,
  signal: AbortSignal,
  job: (signal: AbortSignal) => ReturnType<Job>,
): ReturnType<Job> {
  const over = new AbortController();
  const late = clock.sleep(seconds * 1000, AbortSignal.any([over.signal, signal])).then(() => {
    if (signal.aborted || over.signal.aborted) return { code: -1 };
    over.abort();
    return { code: 124, stderr: `datastream: the commands were ended after ${seconds} s\n` };
  });
  const done = job(AbortSignal.any([over.signal, signal])).then((outcome) => {
    if (over.signal.aborted) return late;
    over.abort();
    return outcome;
  });
  return Promise.race([done, late]);
}

function withResolver<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** EC2 compares the parameters of each ClientToken with those of its first call, even if it refused the first call. */
function comparesClientTokens(): Faults {
  const launches = new Map<string, string>();
  return (operation, _call, input) => {
    const { ClientToken } = input as RunInstancesCommandInput;
    if (operation !== 'RunInstances' || !ClientToken) return undefined;
    const parameters = JSON.stringify(input);
    const earlier = launches.get(ClientToken) ?? parameters;
    launches.set(ClientToken, earlier);
    return earlier === parameters ? undefined : { error: 'IdempotentParameterMismatch' };
  };
}

const REAPER_PERIOD_MS = 600_000;
/** A reaper period and the time of a shutdown. */
const AFTERMATH_MS = REAPER_PERIOD_MS + 120_000;
/** The reaper detaches the volume of a stopped instance and deletes the detached volume: one period for each step. */
const VOLUMES_MS = 2 * REAPER_PERIOD_MS;

/** The instances that run. */
const runningIn = ({ ec2 }: EmbeddedCloud) =>
  [...ec2.instances].filter(([, { api }]) => ['pending', 'running'].includes(api.State.Name)).map(([id]) => id);

/** Starts a scenario between two calls of the reaper, so that the reaper runs during a job of some minutes. */
export async function begin(scenario: Scenario = {}): Promise<Live> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-scenario-'));
  const clock = virtualClock(new Date('2026-03-01T12:00:00.000Z'));
  const runs: { instanceId: string; code?: number }[] = [];
  const locks = new Map<string, Lock>();
  const shell: Shell = async ({ instanceId, signal, ...rest }) => {
    const boot = cloud.ec2.instances.get(instanceId)?.running;
    const lock = /^(?:datastream_)?lock="[^"]*\/(datastream-\w+)"/m.exec(rest.script)?.[1];
    const first = lock && !scenario.shell ? locks.get(instanceId + lock) : undefined;
    if (first) return { stdout: '', stderr: '', code: first.boot === boot ? await first.code : 1 };
    const own = withResolver<number>();
    if (lock) locks.set(instanceId + lock, { boot, code: own.promise });
    const index = runs.push({ instanceId }) - 1;
    const seconds = Number(/timeout --foreground -k 10 (\d+)/.exec(rest.script)?.[1]);
    const outcome = scenario.shell
      ? await scenario.shell({ folder, clock })({ instanceId, signal, ...rest })
      : await inTime(clock, seconds, signal, (until) =>
          (scenario.job ?? healthyJob)({ cloud, signal: until, instanceId, run: index + 1 }),
        );
    if (!signal.aborted) runs[index] = { instanceId, code: outcome.code };
    own.resolve(signal.aborted ? 1 : outcome.code);
    return { stdout: '', stderr: '', ...outcome };
  };
  const cloud = new EmbeddedCloud({
    folder,
    clock,
    shell,
    region: 'us-east-1',
    lifecycle: scenario.lifecycle ?? LIKE_EC2,
    latency: 80,
    ...(scenario.deployment && { code: scenario.deployment.code, definition: scenario.deployment.machine }),
    ...(scenario.subnetIds && { subnetIds: scenario.subnetIds }),
    ...(scenario.web && { web: scenario.web }),
    faults: (...call) => {
      if (call[0] === 'RunInstances') launchedWithout.push(...(scenario.inputs ?? []).filter((key) => !isThere(key)));
      return otherParameters(...call) ?? scenario.faults?.(...call);
    },
    ...(scenario.deliver && { deliver: scenario.deliver }),
  });
  const isThere = (key: string) => existsSync(join(folder, 'buckets', BUCKET, key));
  const launchedWithout: string[] = [];
  const otherParameters = comparesClientTokens();
  scenario.before?.(cloud);
  await clock.run(clock.sleep((scenario.before ? 3_600_000 : 0) + 200_000));
  const file = scenario.file ?? executionFile();
  scenario.onStart?.(cloud);
  const execution = startExecution(cloud, file, undefined, 'scenario');
  scenario.meanwhile?.({ cloud, execution });
  let endless = false;
  const end = async () => {
    const over = clock.sleep(longest(file) * 1000).then(() => true as const);
    endless = (await clock.run(Promise.race([execution.result, over]))) === true;
    if (endless) execution.stop();
  };
  const finish = async () => {
    try {
      await end();
      const ended = await clock.run(execution.result);
      await clock.run(clock.sleep(scenario.aftermath ?? AFTERMATH_MS));
      const running = runningIn(cloud);
      if (cloud.ec2.volumes.length > 0) await clock.run(clock.sleep(VOLUMES_MS));
      const object = join(folder, 'buckets', BUCKET, KEY);
      const objectDate = existsSync(object) ? statSync(object).mtime : undefined;
      return { file, end: ended, cloud, running, runs, endless, launchedWithout, ...(objectDate && { objectDate }) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return { cloud, execution, end, finish };
}

/**
 * Runs a scenario on virtual time to its end and checks the invariants after a reaper period.
 * @throws Error if an invariant is broken
 */
export async function play(scenario: Scenario = {}): Promise<Played> {
  const played = await (await begin(scenario)).finish();
  const broken = brokenInvariants(played);
  if (broken.length > 0) {
    throw new Error(broken.map(({ invariant, sentence }) => `Invariant ${invariant}: ${sentence}`).join('\n'));
  }
  return played;
}
