import type { Pipeline, PipelineConfig, PipelinesConfig, Schedule } from './model';

/** The times of aws-template (pipelines_config.py since 30 August 2024), in UTC. */
const CRON: Readonly<Record<Schedule, string>> = {
  Hourly: 'cron(0 0/1 * * ? *)',
  Daily: 'cron(0 2 * * ? *)',
  Weekly: 'cron(30 2 ? * 1 *)',
  Monthly: 'cron(0 3 1 * ? *)',
};

/** The schedule of a Cron pipeline that names none. */
export const DEFAULT_SCHEDULE: Schedule = 'Daily';

/** EventBridge's expression for the schedule of a Cron pipeline. */
export function cronOf({ schedule = DEFAULT_SCHEDULE }: Pick<Pipeline, 'schedule'>): string {
  return CRON[schedule];
}

/** Where tsdat's storage is in the output bucket: below this, `data/` and `ancillary/`. */
export const STORAGE_PREFIX = 'storage/root/';

/**
 * The bucket and the prefix that an S3 pipeline watches. A VAP reads what an Ingest has written, so a path below
 * `storage/` is one of the output bucket; a VAP that watched the input bucket would come before the Ingest.
 */
export function watched(
  { inputBucketName, outputBucketName }: Pick<PipelinesConfig, 'inputBucketName' | 'outputBucketName'>,
  { type }: Pick<Pipeline, 'type'>,
  { inputPath = '' }: Pick<PipelineConfig, 'inputPath'>,
): { readonly bucket: string; readonly prefix: string } {
  const bucket = type === 'VAP' && inputPath.startsWith('storage/') ? outputBucketName : inputBucketName;
  return { bucket, prefix: inputPath };
}

/** The buckets that some S3 pipeline watches. */
export function watchedBuckets(config: PipelinesConfig): readonly string[] {
  const all = config.pipelines
    .filter(({ trigger }) => trigger === 'S3')
    .flatMap((pipeline) => pipeline.configs.map((each) => watched(config, pipeline, each).bucket));
  return [...new Set(all)].sort();
}

/** The EventBridge pattern of an S3 pipeline (S3 User Guide, "Using EventBridge"). */
export function objectPattern(bucket: string, prefix: string) {
  return {
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: { bucket: { name: [bucket] }, ...(prefix !== '' && { object: { key: [{ prefix }] } }) },
  };
}

/**
 * The input that EventBridge makes of an S3 event: aws-template's own, S3's notification. `id` is the event's, by which
 * the handler knows a second delivery. EventBridge puts quotes around the values (EventBridge User Guide, "Input
 * transformation").
 */
export const OBJECT_INPUT = {
  paths: { bucket: '$.detail.bucket.name', key: '$.detail.object.key', id: '$.id', time: '$.time' },
  template: '{"Records":[{"s3":{"bucket":{"name":<bucket>},"object":{"key":<key>}}}],"id":<id>,"time":<time>}',
} as const;

/** An S3 event as EventBridge sends it. */
export interface ObjectEvent {
  readonly id: string;
  readonly time: string;
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: { readonly bucket: { readonly name: string }; readonly object: { readonly key: string } };
}

/** Whether a pattern of `objectPattern` lets an event pass. */
export function matchesObject(pattern: ReturnType<typeof objectPattern>, event: ObjectEvent): boolean {
  const keys = pattern.detail.object?.key;
  return (
    pattern.source.includes(event.source) &&
    pattern['detail-type'].includes(event['detail-type']) &&
    pattern.detail.bucket.name.includes(event.detail.bucket.name) &&
    (keys === undefined || keys.some(({ prefix }) => event.detail.object.key.startsWith(prefix)))
  );
}

/** The input of `OBJECT_INPUT` for an event. */
export function objectInput(event: ObjectEvent): unknown {
  const values: Readonly<Record<string, string>> = {
    bucket: event.detail.bucket.name,
    key: event.detail.object.key,
    id: event.id,
    time: event.time,
  };
  return JSON.parse(OBJECT_INPUT.template.replace(/<(\w+)>/g, (_, name: string) => JSON.stringify(values[name])));
}

/** What the handler reads from its environment; the same on AWS and on this computer. */
export function functionEnvironment({
  config,
  pipeline,
  site,
  branch,
  name,
  records,
}: {
  readonly config: PipelinesConfig;
  readonly pipeline: Pipeline;
  readonly site: PipelineConfig;
  readonly branch: string;
  /** The function's name. */
  readonly name: string;
  /** The bucket of records. */
  readonly records: string;
}): Record<string, string> {
  return {
    PIPELINE_NAME: pipeline.name,
    PIPELINE_TYPE: pipeline.type,
    PIPELINE_TRIGGER: pipeline.trigger,
    CONFIG_ID: site.id,
    CONFIG_FILE: site.configFilePath,
    BRANCH: branch,
    FUNCTION_NAME: name,
    INPUT_BUCKET: config.inputBucketName,
    INPUT_PREFIX: site.inputPath ?? '',
    RECORDS_BUCKET: records,
    // tsdat's own variable (tsdat.io.storage.FileSystemS3).
    TSDAT_S3_BUCKET_NAME: config.outputBucketName,
    ...(pipeline.trigger === 'Cron' && { SCHEDULE: pipeline.schedule ?? DEFAULT_SCHEDULE }),
  };
}
