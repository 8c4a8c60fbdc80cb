import * as z from 'zod';
import { type ResultRow, row } from '../lambdas/datastream/result-row';
import type { Launched, Summary } from '../lambdas/datastream/stopper';
import { knownPrices } from './price-list';
import type { Status } from './statuses';

/** An execution in a list. */
export interface Listed {
  readonly name: string;
  readonly status: Status;
  readonly startedAt: Date;
  readonly endedAt?: Date;
}

/** An execution with all that is known of it. */
export interface Execution extends Listed {
  /** The execution file that it was started with. */
  readonly input: unknown;
  readonly error?: string;
  readonly cause?: string;
  /** The state that it is in, or in which it ended; absent where that is not known. */
  readonly state?: string;
  readonly facts: Facts;
}

/** An instance of an execution that still exists, or existed until recently. */
export interface InstanceOf {
  readonly instance_id: string;
  readonly attempt: number;
  readonly state: string;
}

/** What a job has written. */
export interface JobOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** Absent while it runs, and where the command has left none. */
  readonly exitCode?: number;
  /** Where the whole log is, `s3://...`. */
  readonly log?: string;
  /** Why this is only the end of the output; absent where it is all of it. */
  readonly partial?: string;
}

/** A job's output while it comes. */
export interface OutputReader {
  /** What it has gained since the last call, from its beginning. */
  read(): Promise<string>;
  /** Seconds between two looks; and how long after a job's end the last of its output may take to be there. */
  readonly every: number;
}

export interface ListFilter {
  readonly status?: Status;
  /** Executions that were started at this time or later; default: all. */
  readonly since?: Date;
  readonly limit: number;
}

/** Where executions are: of a deployed state machine, or of the embedded cloud. Every command asks by this alone. */
export interface Executions {
  /** For prices: the region's. */
  readonly region: string;
  /** The youngest first. */
  list(filter: ListFilter): Promise<readonly Listed[]>;
  /** @returns undefined where there is no execution of this name */
  find(name: string): Promise<Execution | undefined>;
  instances(execution: Execution): Promise<readonly InstanceOf[]>;
  /** @returns undefined where no job of the attempt has begun */
  output(execution: Execution, attempt: number): Promise<JobOutput | undefined>;
  /**
   * @returns undefined where no job of the attempt has begun; in one sentence why its output cannot be read while it comes
   */
  follow(
    execution: Execution,
    attempt: number,
    stream: 'stdout' | 'stderr',
  ): Promise<OutputReader | { readonly error: string } | undefined>;
  /** Stops an execution that runs; its instance ends. */
  stop(execution: Pick<Execution, 'name'>): Promise<void>;
}

const EarlierError = z.object({
  attempt: z.number(),
  Error: z.string(),
  Cause: z.string(),
  launches: z.array(z.custom<Launched>()).optional(),
});

/** What the states have left in an execution's data; what is not there is not known yet. */
const Facts = z.object({
  attempt: z.number().optional().catch(undefined),
  attempts: z.number().optional().catch(undefined),
  instance_id: z.string().optional().catch(undefined),
  /** The attempts before the last one. */
  errors: z.array(EarlierError).catch([]),
  summary: z
    .custom<Summary>((value) => typeof value === 'object' && value !== null)
    .optional()
    .catch(undefined),
});
export type Facts = z.infer<typeof Facts>;

/** Reads the facts from the output of an execution or the input of one of its states. It never throws. */
export function factsIn(data: unknown): Facts {
  return Facts.parse(typeof data === 'object' && data !== null ? data : {});
}

/** An execution as a row of `--json`. What is not known is null. */
export interface ExecutionRow extends ResultRow {
  /** ISO 8601. */
  readonly started_at: string;
  readonly ended_at: string | null;
}

export function rowOf(execution: Execution, region: string): ExecutionRow {
  const { name, status, input, error, cause, startedAt, endedAt, facts } = execution;
  const { attempts, ...rest } = row(
    { name, status, input, error, cause },
    startedAt,
    endedAt,
    facts.summary,
    region,
    knownPrices(),
  );
  return {
    ...rest,
    attempts: attempts ?? facts.attempt ?? null,
    started_at: startedAt.toISOString(),
    ended_at: endedAt?.toISOString() ?? null,
  };
}

/** The instance of an attempt; undefined where it has none yet. */
export function instanceOfAttempt(
  { attempt, instance_id, errors, summary }: Facts,
  number: number,
): string | undefined {
  const launches = [...errors.flatMap((each) => each.launches ?? []), ...(summary?.launches ?? [])];
  const launched = launches.findLast((each) => each.attempt === number)?.instance_id;
  return launched ?? (attempt === number ? instance_id : undefined);
}
