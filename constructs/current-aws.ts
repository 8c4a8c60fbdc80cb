import { DataAwsCallerIdentity } from '@cdktf/provider-aws/lib/data-aws-caller-identity';
import { DataAwsPartition } from '@cdktf/provider-aws/lib/data-aws-partition';
import { DataAwsRegion } from '@cdktf/provider-aws/lib/data-aws-region';
import { Construct } from 'constructs';

/** Where the provider deploys to; for the ARNs of things that do not exist yet, or never by one name. */
export class CurrentAws extends Construct {
  /** `aws`, `aws-us-gov`, ... */
  readonly partition: string;
  readonly region: string;
  /** The account's 12 digits. */
  readonly account: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.partition = new DataAwsPartition(this, 'partition').partition;
    this.region = new DataAwsRegion(this, 'region').name;
    this.account = new DataAwsCallerIdentity(this, 'account').accountId;
  }

  /** The ARN of a resource of this account in this region. */
  arn(service: string, resource: string): string {
    return `arn:${this.partition}:${service}:${this.region}:${this.account}:${resource}`;
  }

  /** The ARN of a resource that AWS or anyone may own in this region, such as an image: its account part is empty. */
  sharedArn(service: string, resource: string): string {
    return `arn:${this.partition}:${service}:${this.region}::${resource}`;
  }
}
