import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveDates } from '../../executions/datastream-command/dates';
import type { Matrix } from '../../executions/matrix/expand';
import { loadMatrix } from '../../executions/matrix/load';
import { pinnedInput } from '../../executions/matrix/pinned';
import type { Start } from '../../executions/matrix/schedule';
import { parseExecution } from '../../executions/parse';
import type { Budget } from '../../lambdas/datastream/budget';
import type { Log } from '../../lambdas/runtime/handler';
import { virtualClock } from '../../local/clock';
import { EmbeddedCloud, LIKE_EC2 } from '../../local/cloud';
import { startsOf } from '../../local/day';
import { PUBLISHED_LIMITS } from '../../local/limits';
import { EmbeddedScheduler, type Firing } from '../../local/scheduler';
import type { Faults } from '../../local/service';
import { EXAMPLES } from './cli';
import { expanded } from './matrices';

/** The matrix of the examples: 5 lines, 125 jobs a day. */
export function rivers(): Matrix {
  const loaded = loadMatrix(join(EXAMPLES, 'schedules/rivers.matrix.json'));
  if ('error' in loaded) throw new Error(loaded.error);
  return expanded(loaded.value, { templates: loaded.templates });
}

/** An execution as Step Functions has started it. */
export interface Started {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

const HOUR_MS = 3_600_000;
/** A state machine whose executions only begin and end. */
const WAITING = { StartAt: 'Job', States: { Job: { Type: 'Wait', Seconds: 600, End: true } } };

/** Rounds of a matrix under faults: the planner as Lambda runs it, and executions that only begin and end. */
export class Rounds {
  readonly cloud: EmbeddedCloud;
  readonly scheduler: EmbeddedScheduler;
  /** The jobs of two days before and after the first moment, by the name of their execution. */
  readonly #known: ReadonlyMap<string, Start>;

  constructor(
    readonly matrix: Matrix,
    readonly from: Date,
    options: { readonly faults?: Faults; readonly fires?: Firing; readonly budget?: Budget; readonly log?: Log } = {},
  ) {
    const clock = virtualClock(from);
    this.cloud = new EmbeddedCloud({
      folder: mkdtempSync(join(tmpdir(), 'datastream-rounds-')),
      clock,
      matrix,
      region: 'us-east-1',
      lifecycle: LIKE_EC2,
      latency: 80,
      limits: PUBLISHED_LIMITS,
      shell: () => Promise.reject(new Error('No shell runs in a round.')),
      ...(options.faults && { faults: options.faults }),
      ...(options.budget && { budget: options.budget }),
      ...(options.log && { log: options.log }),
    });
    this.cloud.sfn.define(this.cloud.stateMachineArn, WAITING);
    const known = startsOf(matrix, new Date(from.getTime() - 48 * HOUR_MS), 96);
    this.#known = new Map(known.map((start) => [start.name, start]));
    this.scheduler = new EmbeddedScheduler(this.cloud, matrix, options.fires);
  }

  /** Every execution that was started. */
  get started(): Started[] {
    return [...this.cloud.sfn.executions.values()].map(({ name, startDate, ...rest }) => ({
      name,
      input: (rest as { input: unknown }).input as Started['input'],
      at: startDate,
    }));
  }

  /** Lets the schedules of some hours fire, and their planners end. */
  async play(hours: number): Promise<void> {
    const { clock } = this.cloud;
    this.scheduler.run(new Date(clock.now().getTime() + hours * HOUR_MS));
    await clock.run(clock.sleep(hours * HOUR_MS + 3 * 900_000));
  }

  /** What is not as it must be: with the jobs that were scheduled in the first hours, and with all that was started. */
  broken(hours: number): string[] {
    // A name starts once, and a job's name of a day is one: a job that ran twice would have a name that nothing expects.
    const names = new Set(this.started.map(({ name }) => name));
    const jobs = startsOf(this.matrix, this.from, hours);
    return [
      ...jobs.filter(({ name }) => !names.has(name)).map(({ name }) => `${name} is missing`),
      ...this.started.flatMap((each) => this.#wrongDate(each)),
    ];
  }

  /** A start whose execution would run another day than the job that starts on time. */
  #wrongDate({ name, input, at }: Started): string[] {
    const start = this.#known.get(name);
    if (!start) return [`${name} is no job of the matrix`];
    const seen = resolved(input, at);
    const isPinned = JSON.stringify(input) !== JSON.stringify(start.job.input);
    const wanted = isPinned
      ? resolved(pinnedInput(start), start.scheduled)
      : resolved(start.job.input, start.scheduled);
    return seen === wanted ? [] : [`${name} has other dates: ${seen} instead of ${wanted}`];
  }
}

function resolved(input: unknown, at: Date): string {
  const { execution } = parseExecution(input);
  if (!execution) throw new Error('The input has errors.');
  const { dates: _, ...rest } = resolveDates(execution, at);
  return JSON.stringify(rest);
}
