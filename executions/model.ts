import type { Problem } from '../files/problems';

/**
 * The one model that every dialect of an execution file is normalised into.
 * It is plain JSON: it travels through the state machine and is stored beside the job's output.
 */

/** An S3 object, by its exact key. */
export interface S3Object {
  readonly bucket: string;
  readonly key: string;
}

/** Where the job writes: a bucket and a prefix without trailing slash. */
export interface S3Location {
  readonly bucket: string;
  readonly prefix: string;
}

/**
 * What happens to the instance when its attempt ends, whatever the outcome.
 * `terminate` deletes its volumes with it (unless the file sets `DeleteOnTermination: false`);
 * `stop` keeps instance and volumes; `stop-delete-volumes` keeps the instance alone.
 */
export type InstanceEnd = 'terminate' | 'stop' | 'stop-delete-volumes';

/** Upstream's `retry_backoff_*`: attempt n + 1 waits min(max_s, base_s x rate^(n - 1)) seconds after attempt n. */
export interface RetryBackoff {
  readonly base_s: number;
  readonly max_s: number;
  readonly rate: number;
}

/** An execution file, normalised. Dates may be unresolved until `resolveDates`. */
export interface Execution {
  /** Shell commands, in order; built from `datastream_command_options` where the file has those. */
  readonly commands: readonly string[];
  /** EC2's RunInstances parameters as in the file, without MinCount, MaxCount and InstanceId. */
  readonly instance_parameters: InstanceParameters;
  /** The region that the file names; absent where it names none. */
  readonly region?: string;
  /** The object that must exist, newer than the attempt's start, for the job to succeed; absent: no check. */
  readonly check_object?: S3Object;
  /** Where the execution as run is stored (`execution.json`); absent where the file names no bucket and prefix. */
  readonly output?: S3Location;
  /** Seconds from the attempt's start until the job is cancelled. Default 3600 (upstream's). */
  readonly timeout_s: number;
  /** Further attempts after the first. Default 0. */
  readonly n_retries_allowed: number;
  /** Spot instances, on-demand on the last attempt. Upstream's `ii_cheapo`. Default false. */
  readonly ii_cheapo: boolean;
  /** Instance types to try after `InstanceType` where EC2 has no capacity for it. Absent: none. */
  readonly ii_instance_types?: readonly string[];
  /** The wait before each further attempt; absent: none. */
  readonly retry_backoff?: RetryBackoff;
  readonly instance_end: InstanceEnd;
  /** The dates that were written in place of DATE and DAILY, YYYYMMDD in UTC; absent where none was. */
  readonly dates?: { readonly DATE?: string; readonly DAILY?: string };
}

/** The members of RunInstances that this project reads or sets; all others pass through untouched. */
export interface InstanceParameters {
  readonly ImageId: string;
  readonly InstanceType: string;
  readonly KeyName?: string;
  readonly SecurityGroupIds?: readonly string[];
  readonly IamInstanceProfile?: { readonly Name?: string; readonly Arn?: string };
  readonly TagSpecifications?: readonly {
    readonly ResourceType: string;
    readonly Tags: readonly { readonly Key: string; readonly Value: string }[];
  }[];
  readonly BlockDeviceMappings?: readonly {
    readonly DeviceName: string;
    readonly Ebs?: Readonly<Record<string, unknown>>;
    readonly [member: string]: unknown;
  }[];
  readonly InstanceMarketOptions?: { readonly MarketType?: string; readonly [member: string]: unknown };
  readonly MetadataOptions?: Readonly<Record<string, unknown>>;
  /** Plain text, as boto3 takes it; not base64. */
  readonly UserData?: string;
  readonly SubnetId?: string;
  readonly [member: string]: unknown;
}

/** What the parser gives: the execution where it has no error, and every problem either way. */
export interface ParseResult {
  /** Absent when any problem is an error. */
  readonly execution?: Execution;
  readonly problems: readonly Problem[];
}

/** Facts known where the file is parsed, beyond the file itself. */
export interface ParseOptions {
  /** The state machine's region: a file that names another one is refused. */
  readonly region?: string;
  /** The AMI's architecture where known, to compare with the instance type's. */
  readonly imageArchitecture?: 'arm64' | 'x86_64';
  /** The AMI's root device where known. */
  readonly rootDeviceName?: string;
  /** The deployment's instance profile where known: the functions' role may pass no other. */
  readonly profileName?: string;
}
