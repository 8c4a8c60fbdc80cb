import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket';
import { S3BucketLifecycleConfiguration } from '@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration';
import { S3BucketPublicAccessBlock } from '@cdktf/provider-aws/lib/s3-bucket-public-access-block';
import { Construct } from 'constructs';

export interface PrivateBucketProps {
  readonly bucketName: string;
  /** Whether `destroy` deletes the objects too. Terraform reads it from its state: it counts once it is applied. */
  readonly removeObjects: boolean;
  /** When objects below these prefixes are deleted. Default: never. */
  readonly expiry?: { readonly days: number; readonly prefixes: readonly string[] };
  /** Whether the deployment takes over a bucket that is there. Default: no. */
  readonly adopt?: boolean;
}

/** A bucket without public access. S3 encrypts every object by itself (SSE-S3). */
export class PrivateBucket extends Construct {
  readonly bucket: S3Bucket;

  constructor(scope: Construct, id: string, props: PrivateBucketProps) {
    super(scope, id);
    this.bucket = new S3Bucket(this, 'bucket', { bucket: props.bucketName, forceDestroy: props.removeObjects });
    if (props.adopt) this.bucket.importFrom(props.bucketName);
    new S3BucketPublicAccessBlock(this, 'access', {
      bucket: this.bucket.id,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const { expiry } = props;
    if (!expiry) return;
    new S3BucketLifecycleConfiguration(this, 'lifecycle', {
      bucket: this.bucket.id,
      rule: expiry.prefixes.map((prefix) => ({
        id: `expire ${prefix}`,
        status: 'Enabled',
        filter: [{ prefix }],
        expiration: [{ days: expiry.days }],
        // A broken upload's parts are not listed, and would be paid for.
        abortIncompleteMultipartUpload: [{ daysAfterInitiation: 7 }],
      })),
    });
  }
}
