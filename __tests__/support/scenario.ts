import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tag, tagOf } from '../../lambdas/instance';
import { virtualClock } from '../../local/clock';
import { EmbeddedCloud, type EmbeddedCloudOptions, LIKE_EC2 } from '../../local/cloud';
import { type ExecutionEnd, type RunningExecution, startExecution } from '../../local/machine';
import type { Shell } from '../../local/ssm';

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

/** What one run of the job's script does; it may sleep on the scenario's clock. */
export type Job = (context: {
  readonly cloud: EmbeddedCloud;
  readonly signal: AbortSignal;
  readonly instanceId: string;
  /** 1 for the first run of the script in this scenario. */
  readonly run: number;
}) => Promise<{ readonly code: number; readonly stdout?: string; readonly stderr?: string }>;

/** Eight minutes of work, then the object. */
export const healthyJob: Job = async ({ cloud, signal }) => {
  await cloud.clock.sleep(480_000, signal);
  if (!signal.aborted) cloud.s3.put(BUCKET, KEY, 'result');
  return { code: 0, stdout: 'done' };
};

export interface Scenario {
  readonly file?: unknown;
  readonly job?: Job;
  /** Instead of `job`: a real shell. */
  readonly shell?: (cloud: { readonly folder: string; readonly clock: EmbeddedCloud['clock'] }) => Shell;
  readonly faults?: EmbeddedCloudOptions['faults'];
  readonly deliver?: EmbeddedCloudOptions['deliver'];
  readonly subnetIds?: readonly string[];
  readonly lifecycle?: EmbeddedCloudOptions['lifecycle'];
  /** What is there an hour before the execution starts. */
  readonly before?: (cloud: EmbeddedCloud) => void;
  /** How long after its end the invariants are looked at, in milliseconds; default: one reaper period. */
  readonly aftermath?: number;
  /** What happens from outside while the execution runs. */
  readonly meanwhile?: (context: { readonly cloud: EmbeddedCloud; readonly execution: RunningExecution }) => void;
}

export interface Played {
  readonly end: ExecutionEnd;
  readonly cloud: EmbeddedCloud;
  /** How the script's runs ended, by instance. A run that was cut off has no code. */
  readonly runs: { readonly instanceId: string; readonly code?: number }[];
  /** The object's date, where it exists. */
  readonly objectDate?: Date;
}

/** A reaper period, and the time that a shutdown takes. */
const AFTERMATH_MS = 600_000 + 120_000;

/** Plays a scenario on virtual time to its end and one reaper period beyond, then checks the invariants that always hold. */
export async function play(scenario: Scenario = {}): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-scenario-'));
  try {
    const clock = virtualClock(new Date('2026-03-01T12:00:00.000Z'));
    const runs: Played['runs'] = [];
    const shell: Shell = async ({ instanceId, signal, ...rest }) => {
      const index = runs.push({ instanceId }) - 1;
      const outcome = scenario.shell
        ? await scenario.shell({ folder, clock })({ instanceId, signal, ...rest })
        : await (scenario.job ?? healthyJob)({ cloud, signal, instanceId, run: index + 1 });
      if (!signal.aborted) runs[index] = { instanceId, code: outcome.code };
      return { stdout: '', stderr: '', ...outcome };
    };
    const cloud = new EmbeddedCloud({
      folder,
      clock,
      shell,
      region: 'us-east-1',
      lifecycle: scenario.lifecycle ?? LIKE_EC2,
      latency: 80,
      ...(scenario.subnetIds && { subnetIds: scenario.subnetIds }),
      ...(scenario.faults && { faults: scenario.faults }),
      ...(scenario.deliver && { deliver: scenario.deliver }),
    });
    scenario.before?.(cloud);
    await clock.run(clock.sleep(3_600_000));
    const execution = startExecution(cloud, scenario.file ?? executionFile(), undefined, 'scenario');
    scenario.meanwhile?.({ cloud, execution });
    const end = await clock.run(execution.result);
    await clock.run(clock.sleep(scenario.aftermath ?? AFTERMATH_MS));
    const object = join(folder, 'buckets', BUCKET, KEY);
    const played = { end, cloud, runs, ...(existsSync(object) && { objectDate: statSync(object).mtime }) };
    expectInvariants(played, scenario.file ?? executionFile());
    return played;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The six invariants of the orchestration, from what the cloud itself has seen, not from what the functions said. */
function expectInvariants({ end, cloud, runs, objectDate }: Played, file: unknown): void {
  const instances = [...cloud.ec2.instances.values()].map(({ api }) => api);

  // 1. At most one live instance per execution and attempt: never even a second one.
  const attempts = instances.map((instance) => tagOf(instance, Tag.attempt));
  expect(new Set(attempts).size).toBe(attempts.length);

  // 2. Nothing of it runs any more.
  expect(
    instances.map((instance) => instance.State.Name).filter((state) => ['pending', 'running'].includes(state)),
  ).toEqual([]);

  // 3. SUCCEEDED exactly when the commands exited 0 and the object, if one was asked for, is fresh.
  const asked = (file as { run_options: { ii_check_s3?: unknown } }).run_options.ii_check_s3;
  const began = instances.at(-1)?.LaunchTime ?? end.endedAt;
  // S3 keeps whole seconds, and the instance is launched within the attempt's first second.
  const fresh = objectDate !== undefined && objectDate.getTime() >= began.getTime() - 1000;
  const didIt = runs.at(-1)?.code === 0 && (!asked || fresh);
  if (end.status === 'SUCCEEDED') expect(didIt).toBe(true);
  // 6. So no failed poll, no late and no second event has changed a healthy job's outcome.
  if (end.status === 'FAILED') expect({ didIt, error: end.error }).toEqual({ didIt: false, error: end.error });

  // 4. The commands run at most once per attempt; an attempt has one instance.
  const ran = runs.map((run) => run.instanceId);
  expect(new Set(ran).size).toBe(ran.length);

  // 5. It has ended, and not by some limit of its length: timeout_s and half an hour for each attempt.
  const options = (file as { run_options: { timeout_s?: number; n_retries_allowed?: number } }).run_options;
  const seconds = (end.endedAt.getTime() - end.startedAt.getTime()) / 1000;
  expect(seconds).toBeLessThan(((options.timeout_s ?? 3600) + 1800) * ((options.n_retries_allowed ?? 0) + 1));
  expect(end.transitions).toBeLessThan(1000);
}
