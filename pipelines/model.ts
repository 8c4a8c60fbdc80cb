/** How often a Cron pipeline runs. */
export const SCHEDULES = ['Hourly', 'Daily', 'Weekly', 'Monthly'] as const;
export type Schedule = (typeof SCHEDULES)[number];

export const TYPES = ['Ingest', 'VAP'] as const;
export type PipelineType = (typeof TYPES)[number];

export const TRIGGERS = ['S3', 'Cron'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** A parsed `pipelines_config.yml`. */
export interface PipelinesConfig {
  /** The organization or user on GitHub that owns both repositories. */
  readonly githubOrg: string;
  /** The repository of the pipelines, made from tsdat's pipeline-template. */
  readonly pipelinesRepoName: string;
  /** The repository of this file, made from tsdat's aws-template. */
  readonly awsRepoName: string;
  /** 12 digits. */
  readonly accountId: string;
  readonly region: string;
  readonly inputBucketName: string;
  readonly outputBucketName: string;
  /** Whether the buckets are this product's to make. Default: false. */
  readonly createBuckets: boolean;
  /** The connection to GitHub, of CodeConnections. */
  readonly connectionArn: string;
  readonly pipelines: readonly Pipeline[];
}

export interface Pipeline {
  /** Also the folder below `pipelines/` in the repository. */
  readonly name: string;
  readonly type: PipelineType;
  readonly trigger: Trigger;
  /** Only of a Cron pipeline. Default: Daily. */
  readonly schedule?: Schedule;
  readonly configs: readonly PipelineConfig[];
}

/** A site, or another set of files, that a pipeline runs for. */
export interface PipelineConfig {
  readonly id: string;
  /** Relative to the repository. */
  readonly configFilePath: string;
  /** A prefix of keys, without a leading slash and with a last one; `''` is the whole bucket. */
  readonly inputPath?: string;
}
