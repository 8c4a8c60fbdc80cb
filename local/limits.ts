import type { LocalClock } from './clock';
import { awsError } from './service';

/** A token bucket. Each call takes one token. If the bucket is empty, the call is throttled. */
export interface RateLimit {
  /** The number of tokens in the full bucket. It is full at first. */
  readonly burst: number;
  /** The number of tokens that are added each second. */
  readonly perSecond: number;
  /** AWS's name of the error; default: `ThrottlingException`. */
  readonly error?: string;
}

/** The rates by the name of the operation. An operation without a rate is never throttled. */
export type RateLimits = Readonly<Record<string, RateLimit>>;

const ec2 = (burst: number, perSecond: number): RateLimit => ({ burst, perSecond, error: 'RequestLimitExceeded' });

/**
 * A conservative assumption for Run Command and Fleet Manager. AWS publishes no rates for them. It publishes only the
 * rate of Parameter Store: 40 calls each second (Systems Manager endpoints and quotas).
 */
const SSM: RateLimit = { burst: 20, perSecond: 10 };

/**
 * An account's default rates for the calls of the functions, in a region such as us-east-1.
 * EC2: Amazon EC2 Developer Guide, "Request throttling for the Amazon EC2 API". All Describe calls of the functions
 * have filters or IDs. Step Functions: Developer Guide, "Quotas related to API action throttling". S3 allows 5,500
 * reads and 3,500 writes each second for each prefix. The functions make far fewer.
 */
export const PUBLISHED_LIMITS: RateLimits = {
  RunInstances: ec2(5, 2),
  DescribeInstances: ec2(100, 20),
  DescribeImages: ec2(100, 20),
  DescribeVolumes: ec2(100, 20),
  CreateTags: ec2(100, 5),
  TerminateInstances: ec2(100, 5),
  StopInstances: ec2(50, 5),
  DetachVolume: ec2(50, 5),
  DeleteVolume: ec2(50, 5),
  SendCommand: SSM,
  ListCommands: SSM,
  GetCommandInvocation: SSM,
  CancelCommand: SSM,
  DescribeInstanceInformation: SSM,
  GetParameters: { burst: 40, perSecond: 40 },
  StartExecution: { burst: 1300, perSecond: 300 },
  DescribeExecution: { burst: 300, perSecond: 15 },
  ListExecutions: { burst: 200, perSecond: 5 },
  SendTaskSuccess: { burst: 3000, perSecond: 500 },
  SendTaskFailure: { burst: 3000, perSecond: 500 },
};

/** A call that was throttled. */
export interface Throttled {
  readonly operation: string;
  readonly at: Date;
}

/** The account's token buckets. A throttled call takes no token. */
export class TokenBuckets {
  readonly throttled: Throttled[] = [];
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly clock: LocalClock,
    private readonly limits: RateLimits,
  ) {}

  /** @returns the error if the call is throttled, else undefined */
  take(operation: string): Error | undefined {
    const limit = this.limits[operation];
    if (!limit) return undefined;
    const now = this.clock.now().getTime();
    const bucket = this.#buckets.get(operation) ?? { tokens: limit.burst, at: now };
    const tokens = Math.min(bucket.tokens + ((now - bucket.at) / 1000) * limit.perSecond, limit.burst);
    const throttled = tokens < 1;
    this.#buckets.set(operation, { tokens: throttled ? tokens : tokens - 1, at: now });
    if (!throttled) return undefined;
    this.throttled.push({ operation, at: new Date(now) });
    const error = limit.error ?? 'ThrottlingException';
    return awsError(error, `Rate exceeded (${operation})`, error === 'RequestLimitExceeded' ? 503 : 400);
  }
}
