import * as z from 'zod';
import type { Problem } from '../files/problems';
import { isRecord } from '../files/values';
import type { instanceParametersShape } from './run-instances';

/**
 * The model into which every dialect of an execution file is normalised.
 * It is plain JSON: the state machine's states pass it on, and it is stored beside the job's output.
 */

/** An S3 object, by its exact key. */
export const S3Object = z.object({ bucket: z.string(), key: z.string() });
export type S3Object = z.infer<typeof S3Object>;

/** Where the job writes: a bucket and a prefix without trailing slash. */
export const S3Location = z.object({ bucket: z.string(), prefix: z.string() });
export type S3Location = z.infer<typeof S3Location>;

/**
 * What happens to the instance when its attempt ends, whatever the outcome.
 * `terminate` deletes its volumes with it (unless the file sets `DeleteOnTermination: false`);
 * `stop` keeps instance and volumes; `stop-delete-volumes` keeps only the instance.
 */
export const InstanceEnd = z.enum(['terminate', 'stop', 'stop-delete-volumes']);
export type InstanceEnd = z.infer<typeof InstanceEnd>;

/** Upstream's `retry_backoff_*`: attempt n + 1 waits min(max_s, base_s x rate^(n - 1)) seconds after attempt n. */
export const RetryBackoff = z.object({ base_s: z.number(), max_s: z.number(), rate: z.number() });
export type RetryBackoff = z.infer<typeof RetryBackoff>;

/** What a job waits for before its launch: seconds from the execution's start, and URIs in which ranges may stand. */
export const WaitInputs = z.object({ wait_s: z.number(), uris: z.array(z.string()) });
export type WaitInputs = z.infer<typeof WaitInputs>;

/** RunInstances' members as in the file, without those that the state machine sets itself. */
export type InstanceParameters = Omit<z.infer<typeof instanceParametersShape>, 'MinCount' | 'MaxCount' | 'ClientToken'>;

/** An execution file, normalised. Dates may be unresolved until `resolveDates`. */
export const Execution = z.object({
  /** Shell commands, in order; built from `datastream_command_options` if the file has these. */
  commands: z.array(z.string()),
  /** The parser checks every member. Later only EC2 reads them, so no function's code has their schema. */
  instance_parameters: z.custom<InstanceParameters>(isRecord),
  /** The region that the file names; absent if it names none. */
  region: z.string().optional(),
  /** The job succeeds only if this object exists and is newer than the attempt's start. Absent: no check. */
  check_object: S3Object.optional(),
  /** The place of `execution.json`, the execution as run; absent if the file names no bucket and prefix. */
  output: S3Location.optional(),
  /** Seconds from the attempt's start until the job is cancelled. Default 3600 (upstream's). */
  timeout_s: z.number(),
  /** Further attempts after the first. Default 0. */
  n_retries_allowed: z.number(),
  /** Spot instances, on-demand on the last attempt. Upstream's `ii_cheapo`. Default false. */
  ii_cheapo: z.boolean(),
  /** Instance types to try if EC2 has no capacity for `InstanceType`. Absent: none. */
  ii_instance_types: z.array(z.string()).optional(),
  /** The wait before each further attempt; absent: none. */
  retry_backoff: RetryBackoff.optional(),
  /** The objects that must exist before the first launch, and for how many seconds from the start; absent: none. */
  ii_wait_inputs: WaitInputs.optional(),
  instance_end: InstanceEnd,
  /** The dates that replaced DATE and DAILY, YYYYMMDD in UTC; absent if nothing was replaced. */
  dates: z.object({ DATE: z.string().optional(), DAILY: z.string().optional() }).optional(),
});
export type Execution = z.infer<typeof Execution>;

/** The parser's result: the execution, if the file has no error, and every problem. */
export interface ParseResult {
  /** Absent when any problem is an error. */
  readonly execution?: Execution;
  readonly problems: readonly Problem[];
}

/** Facts that the caller of the parser knows and the file does not have. */
export interface ParseOptions {
  /** The state machine's region. A file with another region has an error. */
  readonly region?: string;
  /** The AMI's architecture, if known, to compare with the instance type's. */
  readonly imageArchitecture?: 'arm64' | 'x86_64';
  /** The deployment's instance profile, if known. The functions' role may pass no other profile. */
  readonly profileName?: string;
}
