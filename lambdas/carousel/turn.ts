import * as z from 'zod';
import type { Tier } from '../../prices/archive';
import type { LeftOut } from './choice';
import type { ArchivedFile } from './cost';
import type { Row } from './ledger';
import { Job } from './request';

const TIERS = ['Expedited', 'Standard', 'Bulk'] as const satisfies readonly Tier[];

/** What a turn's execution is started with. Everything that is left out is the deployment's. */
export const TurnInput = z.strictObject({
  /** An earlier turn to go on with, by its ID. */
  turn: z.string().min(1).optional(),
  /** The requests that wait; or the objects below a prefix of the archive. */
  requests: z
    .union([z.literal('waiting'), z.strictObject({ bucket: z.string().min(1), prefix: z.string() })])
    .optional(),
  /** A CSV file in S3 of bucket, key and perhaps version. */
  manifest: z
    .string()
    .regex(/^s3:\/\/[^/]+\/.+$/, 'write the address of an object such as s3://bucket/key')
    .optional(),
  /** What runs on the files of a prefix or a manifest. */
  job: Job.optional(),
  tier: z.enum(TIERS).optional(),
  days: z.int().min(1).max(365).optional(),
  budget_dollars: z.number().positive('write the dollars that the turn may cost, such as 50').optional(),
  concurrency: z.int().min(1).max(500).optional(),
});
export type TurnInput = z.output<typeof TurnInput>;

/** Where a turn stands, between the states of its machine. */
export const TurnState = z.looseObject({
  turn: z.string(),
  input: z.unknown(),
  /** Whether the state's function is to be called again. */
  more: z.boolean().default(false),
  /** How far Plan has listed: the next key to list after, and how many parts are written. */
  listed: z.object({ after: z.string(), parts: z.int() }).optional(),
  error: z.looseObject({ Error: z.string(), Cause: z.string() }).optional(),
});
export type TurnState = z.output<typeof TurnState>;

/** What each state of the machine sends to its function. */
export function turnEvent() {
  return z.object({
    execution: z.string(),
    name: z.string(),
    started: z.string(),
    state: z.unknown(),
  });
}

/** The defaults of a deployment. */
export interface TurnDefaults {
  readonly tier: Tier;
  readonly days: number;
  readonly budgetDollars: number;
  readonly concurrency: number;
  readonly maxWaitTurns: number;
  readonly turnTimeoutHours: number;
}

/** States of a file in a turn. */
export type FileState = 'CHOSEN' | 'REQUESTED' | 'VERIFIED' | 'FAILED';
/** States of a job in a turn. The last three are final. `RETURNED`: its request waits again. */
export type JobState = 'WAITING' | 'CLAIMED' | 'SUBMITTED' | 'SUCCEEDED' | 'FAILED' | 'RETURNED';

export const OPEN_JOBS = ['WAITING', 'CLAIMED', 'SUBMITTED'] as const satisfies readonly JobState[];

/** A file of a turn. */
export interface TurnFile extends ArchivedFile {
  readonly state: FileState;
  /** For how many days its copy is asked for; absent in a turn that began before this was kept: the turn's days then. */
  readonly days?: number;
  /** The keys of the jobs that read it. */
  readonly jobs: readonly string[];
  readonly error?: string;
  /** Until when a copy lived that was there before the turn. */
  readonly expiry_before?: string;
  readonly verified_at?: number;
}

/** A job of a turn. */
export interface TurnJob {
  /** Its key in the turn. */
  readonly job: string;
  readonly state: JobState;
  readonly request: string;
  readonly definition: string;
  /** As JSON: the parameters of the request. */
  readonly parameters: string;
  readonly run: 'file' | 'all';
  /** The file that it reads; of a job for all files the address of their list. */
  readonly input: string;
  /** The key of the object that it writes. */
  readonly output: string;
  /** Of the job in AWS Batch. */
  readonly job_id?: string;
  readonly claimed_at?: number;
  readonly submitted_at?: number;
  readonly attempt: number;
  readonly error?: string;
}

export function fileOf(row: Row): TurnFile {
  return row as unknown as TurnFile;
}

export function jobOf(row: Row): TurnJob {
  return row as unknown as TurnJob;
}

/** A turn's own row. */
export interface Turn {
  readonly turn: string;
  readonly execution: string;
  readonly state: 'RUNNING' | 'ENDED';
  readonly started: string;
  readonly deadline: string;
  readonly tier: Tier;
  readonly days: number;
  readonly concurrency: number;
  readonly estimate: number;
  readonly token?: string;
  /** Jobs that are not final; a hint, which a look corrects. */
  readonly open: number;
  /** As JSON: what the plan left waiting. Absent where nothing was, and in a turn that began before this was kept. */
  readonly left?: string;
}

/** What a turn left waiting. */
export interface LeftWaiting {
  readonly requests: number;
  readonly files: number;
  readonly jobs: number;
  readonly budget_dollars: number;
  /** The least budget with which a turn chooses any of it, rounded up to a cent. */
  readonly cheapest_dollars: number;
}

/** @returns what the turn left waiting for lack of budget; undefined where nothing was */
export function leftWaiting({ left }: Pick<Turn, 'left'>): LeftWaiting | undefined {
  if (left === undefined) return undefined;
  const { requests, files, jobs, budgetDollars, cheapestDollars } = JSON.parse(left) as LeftOut & {
    budgetDollars: number;
  };
  // Sums of prices are not exact: 0.07 * 100 is above 7.
  const cheapest_dollars = Math.ceil(Number((cheapestDollars * 100).toFixed(6))) / 100;
  return { requests, files, jobs, budget_dollars: budgetDollars, cheapest_dollars };
}

/** The same as a sentence for the user. */
export function leftWaitingSentence(left: LeftWaiting): string {
  const of = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  const parts = `${of(left.requests, 'request')} with ${of(left.files, 'file')} and ${of(left.jobs, 'job')}`;
  const verb = left.requests === 1 ? 'waits' : 'wait';
  return `${parts} still ${verb}: the budget of $${left.budget_dollars} has no room for them; the cheapest that waits needs $${left.cheapest_dollars.toFixed(2)}.`;
}

export function turnOf(row: Row): Turn {
  return row as unknown as Turn;
}

/** Keys of a turn's objects in the output bucket. */
export const turnKeys = (turn: string) => ({
  plan: `turns/${turn}/plan.jsonl`,
  report: `turns/${turn}/report.json`,
  listing: (part: number) => `turns/${turn}/listing-${part}.jsonl`,
  manifest: (request: string) => `turns/${turn}/manifest-${request}.csv`,
});
