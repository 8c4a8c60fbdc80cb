import { S3BucketNotification } from '@cdktf/provider-aws/lib/s3-bucket-notification';
import { S3Object } from '@cdktf/provider-aws/lib/s3-object';
import { Aspects } from 'cdktf';
import { Construct } from 'constructs';
import type { PipelinesConfig } from '../../pipelines/model';
import { watchedBuckets } from '../../pipelines/rules';
import { checkOneCopy } from '../aws/one-copy';
import { PrivateBucket } from '../aws/private-bucket';
import { type Check, checkProps, tagSet } from '../aws/rules';
import { Tags } from '../aws/tags';
import { flag, parsedConfig } from './props';

export interface TsdatDataProps {
  /** A parsed `pipelines_config.yml`, of `parsePipelines`. */
  readonly config: PipelinesConfig;
  /**
   * Whether `destroy` deletes the data. It must be deployed before: Terraform reads it from its state. Default: false, and
   * S3 refuses to delete a bucket with objects.
   */
  readonly removeData?: boolean;
  /** Whether buckets that are there are taken over; all of them must be. Default: false. */
  readonly adopt?: boolean;
  /** Tags on every resource that can have them, besides `Project`. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** What each property may be. */
export const DATA_CHECKS: { readonly [Property in keyof Required<TsdatDataProps>]: Check } = {
  config: parsedConfig,
  removeData: flag,
  adopt: flag,
  tags: tagSet,
};

/**
 * The buckets of tsdat's pipelines, with a folder for each input. They are a deployment of their own, since branches
 * share them, and since they outlive a branch's deployment.
 *
 * @throws Error that names a property whose value cannot be deployed
 */
export class TsdatData extends Construct {
  readonly inputBucketName: string;
  readonly outputBucketName: string;

  constructor(scope: Construct, id: string, props: TsdatDataProps) {
    super(scope, id);
    checkOneCopy(this);
    checkProps('TsdatData', props, DATA_CHECKS);
    const { config, removeData = false, adopt = false } = props;
    const make = (name: string, bucketName: string) => {
      const { bucket } = new PrivateBucket(this, name, { bucketName, removeObjects: removeData, adopt });
      if (watchedBuckets(config).includes(bucketName)) {
        new S3BucketNotification(this, `${name}-events`, { bucket: bucket.id, eventbridge: true });
      }
      return bucket;
    };
    const input = make('input', config.inputBucketName);
    if (config.outputBucketName !== config.inputBucketName) make('output', config.outputBucketName);
    // What a user sees in the console, and uploads to. aws-template makes the same.
    const folders = config.pipelines
      .filter(({ type }) => type === 'Ingest')
      .flatMap(({ configs }) => configs.map(({ inputPath = '' }) => inputPath))
      .filter((path) => path !== '');
    for (const key of new Set(folders)) {
      new S3Object(this, `folder-${encodeURIComponent(key)}`, {
        bucket: input.id,
        key,
        content: '',
        forceDestroy: true,
      });
    }
    Aspects.of(this).add(new Tags({ Project: 'cdktf-datastream' }, props.tags));
    this.inputBucketName = config.inputBucketName;
    this.outputBucketName = config.outputBucketName;
  }
}
