import { DataAwsCallerIdentity } from '@cdktf/provider-aws/lib/data-aws-caller-identity';
import { DataAwsPartition } from '@cdktf/provider-aws/lib/data-aws-partition';
import { DataAwsRegion } from '@cdktf/provider-aws/lib/data-aws-region';
import { Construct } from 'constructs';
import { NOT_IN_CHINA } from './rules';

/** The provider's partition, region and account, for the ARNs of resources that do not exist yet or that have a `*`. */
export class CurrentAws extends Construct {
  /** `aws`, `aws-us-gov`, ... */
  readonly partition: string;
  readonly region: string;
  /** The account's 12 digits. */
  readonly account: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.partition = new DataAwsPartition(this, 'partition', {
      lifecycle: {
        postcondition: [
          { condition: '${self.partition != "aws-cn"}', errorMessage: `The region is of China: ${NOT_IN_CHINA}.` },
        ],
      },
    }).partition;
    // `id` is in versions 5 and 6 of the provider. `name` is deprecated in 6, and its successor `region` is not in 5.
    this.region = new DataAwsRegion(this, 'region').id;
    this.account = new DataAwsCallerIdentity(this, 'account').accountId;
  }

  /** The ARN of a resource of this account in this region. */
  arn(service: string, resource: string): string {
    return `arn:${this.partition}:${service}:${this.region}:${this.account}:${resource}`;
  }

  /** The ARN of a resource in this region that another account may own and share with this one, such as a subnet. */
  anyonesArn(service: string, resource: string): string {
    return `arn:${this.partition}:${service}:${this.region}:*:${resource}`;
  }

  /**
   * The ARN of a resource in this region that AWS or any account may own, such as an image. Its account part is empty.
   */
  sharedArn(service: string, resource: string): string {
    return `arn:${this.partition}:${service}:${this.region}::${resource}`;
  }
}
