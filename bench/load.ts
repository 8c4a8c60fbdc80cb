import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FUNCTION_MEMORY_MB } from '../constructs/datastream/functions';
import { tagOf } from '../lambdas/datastream/instance';
import { Tag } from '../lambdas/datastream/tags';
import { virtualClock } from '../local/clock';
import { EmbeddedCloud, LIKE_EC2 } from '../local/cloud';
import { PUBLISHED_LIMITS } from '../local/limits';
import { type ExecutionEnd, startExecution } from '../local/machine';
import { costOf } from '../prices/orchestration';
import { type Figure, median } from './report';

const JOB_MS = 480_000;
/** The job's `timeout_s`. It counts from the launch. The last of 1,000 executions takes longer from start to end. */
const TIMEOUT_S = 900;
const REAPER_PERIOD_MS = 600_000;
/** An execution that still runs after this time counts as one that never ends. */
const DAY_MS = 86_400_000;

/** The result of many executions that start at the same moment, under AWS's rates. */
export interface Load {
  /** The number of executions for each result: SUCCEEDED, or the name of the error. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** How often each invariant was broken. */
  readonly broken: Readonly<Record<string, number>>;
  /** Seconds from the start to the launch of the last instance, and to the start of the last job's commands. */
  readonly lastLaunch: number;
  readonly lastCommand: number;
  /** Seconds from an instance's launch to the start of its commands. */
  readonly toCommand: { readonly median: number; readonly longest: number };
  /** Seconds from the end of a job to TerminateInstances: the median and the maximum. */
  readonly toTerminate: { readonly median: number; readonly longest: number };
  /** By operation: all calls, and the most calls in one second. */
  readonly calls: Readonly<Record<string, { readonly all: number; readonly peak: number }>>;
  /** Seconds of the reaper's longest call. The reaper's time-out is 120 s. */
  readonly longestReaper: number;
  /** Retries of a state because of throttling, all executions together. */
  readonly throttled: number;
  /** The average cost of an execution's orchestration. */
  readonly dollars: number;
}

/** @param executions the number of executions that start at once on one embedded cloud; each has an 8-minute job */
export async function load(executions: number): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-load-'));
  try {
    const clock = virtualClock(new Date('2026-01-01T00:00:00Z'));
    const begun = clock.now().getTime();
    const since = () => (clock.now().getTime() - begun) / 1000;
    const seconds = new Map<string, Map<number, number>>();
    const runs: { readonly instanceId: string; readonly started: number; ended?: number }[] = [];
    const terminated = new Map<string, number>();
    const cloud = new EmbeddedCloud({
      folder,
      clock,
      region: 'us-east-1',
      lifecycle: LIKE_EC2,
      latency: 80,
      limits: PUBLISHED_LIMITS,
      shell: async ({ instanceId, signal }) => {
        const run: (typeof runs)[number] = { instanceId, started: since() };
        runs.push(run);
        await clock.sleep(JOB_MS, signal);
        if (signal.aborted) return { code: 137, stdout: '', stderr: '' };
        cloud.s3.put('bench', executionOf(instanceId), '');
        run.ended = since();
        return { code: 0, stdout: '', stderr: '' };
      },
      faults: (operation, _call, input, caller) => {
        if (caller === undefined) return undefined;
        const each = seconds.get(operation) ?? new Map<number, number>();
        const second = Math.floor(since());
        seconds.set(operation, each.set(second, (each.get(second) ?? 0) + 1));
        for (const id of operation === 'TerminateInstances' ? (input as { InstanceIds: string[] }).InstanceIds : []) {
          terminated.set(id, since());
        }
        return undefined;
      },
    });
    const executionOf = (instanceId: string) => {
      const instance = cloud.ec2.instances.get(instanceId);
      return (instance && tagOf(instance.api, Tag.execution)?.split(':').at(-1)) ?? '';
    };
    const launchedAt = (instanceId: string) =>
      ((cloud.ec2.instances.get(instanceId)?.api.LaunchTime?.getTime() ?? 0) - begun) / 1000;
    const started = Array.from({ length: executions }, (_, index) => {
      const name = `load-${index}`;
      return startExecution(cloud, fileFor(name), undefined, name);
    });
    const ends: ExecutionEnd[] = [];
    const all = Promise.all(started.map(async ({ result }) => ends.push(await result)));
    await clock.run(Promise.race([all, clock.sleep(DAY_MS)]));
    await clock.run(clock.sleep(REAPER_PERIOD_MS + LIKE_EC2.ended));

    const instances = [...cloud.ec2.instances.values()];
    const attempts = instances.map(({ api }) => `${tagOf(api, Tag.execution)} ${tagOf(api, Tag.attempt)}`);
    const succeeded = new Set(
      ends.filter(({ status }) => status === 'SUCCEEDED').map(({ arn }) => arn.split(':').at(-1)),
    );
    const done = new Set(
      runs.filter(({ ended }) => ended !== undefined).map(({ instanceId }) => executionOf(instanceId)),
    );
    const outcomes: Record<string, number> = {};
    for (const { status, error } of ends) outcomes[error ?? status] = (outcomes[error ?? status] ?? 0) + 1;
    const waits = runs.flatMap(({ instanceId, ended }) => {
      const at = terminated.get(instanceId);
      return at !== undefined && ended !== undefined ? [at - ended] : [];
    });
    const transitions = ends.reduce((sum, end) => sum + end.transitions, 0);
    return {
      outcomes,
      broken: {
        'an attempt has one instance': attempts.length - new Set(attempts).size,
        'no instance is left': instances.filter(({ api }) => api.State.Name !== 'terminated').length,
        'SUCCEEDED only when it is true': [...succeeded].filter((name) => !done.has(name ?? '')).length,
        'the commands run once': runs.length - new Set(runs.map(({ instanceId }) => instanceId)).size,
        'every execution ends': executions - ends.length,
        'a healthy job succeeds': [...done].filter((name) => !succeeded.has(name)).length,
      },
      lastLaunch: Math.max(...instances.map(({ api }) => launchedAt(api.InstanceId))),
      lastCommand: Math.max(...runs.map((run) => run.started)),
      toCommand: middleAndEnd(runs.map(({ instanceId, started }) => started - launchedAt(instanceId))),
      toTerminate: middleAndEnd(waits),
      calls: Object.fromEntries(
        [...seconds].map(([operation, each]) => {
          const counts = [...each.values()];
          return [operation, { all: counts.reduce((a, b) => a + b), peak: Math.max(...counts) }];
        }),
      ),
      longestReaper:
        Math.max(...cloud.invocations.map((each) => (each.function === 'reaper' ? each.milliseconds : 0))) / 1000,
      throttled: cloud.invocations.filter(({ error }) => /Throttling|RequestLimit/.test(error ?? '')).length,
      dollars: costOf(transitions, cloud.invocations, FUNCTION_MEMORY_MB).dollars / executions,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function middleAndEnd(values: readonly number[]): { median: number; longest: number } {
  return { median: median(values), longest: Math.max(...values) };
}

/** The figures of a load. They are the same on every computer, since the jitter has a fixed seed. */
export function loadFigures(executions: number, result: Load): Figure[] {
  const section = `${executions.toLocaleString('en')} executions of 8 minutes that start at once, under AWS’s rate limits`;
  const figure = (name: string, value: number, unit: string, beside = ''): Figure => ({
    section,
    name,
    value,
    unit,
    ...(beside && { beside }),
  });
  const broken = Object.values(result.broken).reduce((sum, each) => sum + each);
  const { burst = 0, perSecond = 1 } = PUBLISHED_LIMITS.RunInstances ?? {};
  const soonest = Math.max(executions - burst, 0) / perSecond;
  return [
    figure('executions that did not succeed', executions - (result.outcomes.SUCCEEDED ?? 0), '', 'none'),
    figure('invariants broken', broken, '', 'none'),
    figure('last launch', result.lastLaunch, 's', `RunInstances allows it after ${soonest} s`),
    figure('last start of commands', result.lastCommand, 's'),
    figure('launch to the commands’ start, median', result.toCommand.median, 's', 'boot and registration: 35 s'),
    figure('launch to the commands’ start, longest', result.toCommand.longest, 's'),
    figure('end of the commands to TerminateInstances, median', result.toTerminate.median, 's'),
    figure('end of the commands to TerminateInstances, longest', result.toTerminate.longest, 's'),
    figure('throttled calls of a function for each execution', result.throttled / executions, ''),
    figure('cost of an execution’s orchestration', result.dollars, '$'),
    figure('longest call of the reaper', result.longestReaper, 's', 'its limit: 120 s'),
    ...Object.entries(result.calls)
      .sort(([, one], [, other]) => other.peak - one.peak)
      .map(([operation, { peak }]) => figure(`${operation}, peak`, peak, 'calls/s', rate(operation))),
  ];
}

function rate(operation: string): string {
  const limit = PUBLISHED_LIMITS[operation];
  return limit ? `AWS allows ${limit.burst} at once, then ${limit.perSecond} a second` : '';
}

const fileFor = (name: string) => ({
  commands: ['./job'],
  run_options: {
    ii_terminate_instance: true,
    ii_check_s3: { bucket: 'bench', prefix: name },
    timeout_s: TIMEOUT_S,
  },
  instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.large' },
});
