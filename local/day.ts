import { rmSync } from 'node:fs';
import { FUNCTION_MEMORY_MB } from '../constructs/datastream/functions';
import { type Matrix, minutesOf } from '../executions/matrix/expand';
import { type Start, startsAt } from '../executions/matrix/schedule';
import { temporaryFolder } from '../files/temporary-folder';
import { tagOf } from '../lambdas/datastream/instance';
import { Tag } from '../lambdas/datastream/tags';
import { type Cost, costOf } from '../prices/orchestration';
import { virtualClock } from './clock';
import { EmbeddedCloud, LIKE_EC2 } from './cloud';
import { PUBLISHED_LIMITS, type Throttled } from './limits';
import { EmbeddedScheduler, type Firing } from './scheduler';
import type { Faults } from './service';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** After the last hour a planner still starts jobs: Lambda's time-out, with its two retries. */
const PLANNER_MS = 3 * 900_000;

export interface DayOptions {
  /** The first moment of virtual time, a full minute. */
  readonly from: Date;
  /** How many hours schedules fire. */
  readonly hours: number;
  /** How long each job's commands run, in seconds. No shell runs: time alone passes. */
  readonly jobSeconds: number;
  /** By default every schedule fires once, at its time. */
  readonly fires?: Firing;
  /** By default no call fails. */
  readonly faults?: Faults;
}

/** A job of the matrix, as it was played. */
export interface PlayedJob {
  readonly start: Start;
  /** Seconds from the schedule's time to RunInstances; undefined where no instance was launched. */
  readonly launchedAfter?: number;
  /** `SUCCEEDED`, the error's name, or `MISSING` where the job was not started. */
  readonly outcome: string;
}

export interface Day {
  /** Every job that the schedules of these hours start. */
  readonly jobs: readonly PlayedJob[];
  /** Executions that no schedule of these hours stands for. */
  readonly unexpected: readonly string[];
  /** Calls that AWS's published rates have throttled. */
  readonly throttled: readonly Throttled[];
  /** The planner's calls, and what they cost. */
  readonly planner: Cost;
  /** Rounds that failed at every try. */
  readonly deadLetters: number;
}

/**
 * Plays hours of a matrix in virtual time: its schedules, the planner, the state machine and its functions, under AWS's
 * published rates. A job is a wait, and writes whatever object its state machine looks for.
 */
export async function playDay(matrix: Matrix, options: DayOptions): Promise<Day> {
  const { from, hours, jobSeconds, faults = () => undefined } = options;
  const folder = temporaryFolder('day');
  try {
    const clock = virtualClock(from);
    const cloud: EmbeddedCloud = new EmbeddedCloud({
      folder,
      clock,
      matrix,
      region: 'us-east-1',
      lifecycle: LIKE_EC2,
      latency: 80,
      limits: PUBLISHED_LIMITS,
      shell: async ({ signal }) => {
        await clock.sleep(jobSeconds * 1000, signal);
        return { code: signal.aborted ? 137 : 0, stdout: '', stderr: '' };
      },
      faults: (operation, call, input, caller) => {
        if (operation === 'HeadObject') {
          const { Bucket, Key } = input as { Bucket: string; Key: string };
          cloud.s3.put(Bucket, Key, '');
        }
        return faults(operation, call, input, caller);
      },
    });
    new EmbeddedScheduler(cloud, matrix, options.fires).run(new Date(from.getTime() + hours * HOUR_MS));
    await clock.run(clock.sleep(hours * HOUR_MS + PLANNER_MS));
    const executions = [...cloud.sfn.executions.values()].filter((each) => 'ended' in each);
    await clock.run(Promise.all(executions.map(({ ended }) => ended)));
    const outcomes = new Map(executions.map(({ name, status, error }) => [name, error ?? status]));

    const launches = new Map<string, number>();
    for (const { api } of cloud.ec2.instances.values()) {
      const name = tagOf(api, Tag.execution)?.split(':').at(-1) ?? '';
      const at = api.LaunchTime?.getTime() ?? 0;
      launches.set(name, Math.min(launches.get(name) ?? at, at));
    }
    const jobs = startsOf(matrix, from, hours).map((start): PlayedJob => {
      const at = launches.get(start.name);
      return {
        start,
        ...(at !== undefined && { launchedAfter: (at - start.scheduled.getTime()) / 1000 }),
        outcome: outcomes.get(start.name) ?? 'MISSING',
      };
    });
    return {
      jobs,
      unexpected: unexpectedIn(outcomes.keys(), jobs),
      throttled: cloud.throttled,
      planner: costOf(
        0,
        cloud.invocations.filter((each) => each.function === 'planner'),
        FUNCTION_MEMORY_MB,
      ),
      deadLetters: cloud.deadLetters.length,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every job that the schedules of some hours start. */
export function startsOf(matrix: Matrix, from: Date, hours: number): Start[] {
  const minutes = new Set(minutesOf(matrix).keys());
  return Array.from({ length: hours * 60 }, (_, minute) => new Date(from.getTime() + minute * MINUTE_MS))
    .filter((time) => minutes.has(time.toISOString().slice(11, 16)))
    .flatMap((time) => startsAt(matrix, time));
}

/** The names that are none of these jobs'. */
export function unexpectedIn(names: Iterable<string>, jobs: readonly PlayedJob[]): string[] {
  const expected = new Set(jobs.map(({ start }) => start.name));
  return [...names].filter((name) => !expected.has(name));
}
