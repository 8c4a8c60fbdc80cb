import type { LocalClock } from './clock';
import { awsError } from './service';

/** A token bucket: each call takes one token, and is throttled when there is none. */
export interface RateLimit {
  /** How many tokens the bucket holds; it begins full. */
  readonly burst: number;
  /** How many tokens come back each second. */
  readonly perSecond: number;
  /** AWS's name of the error; default: `ThrottlingException`. */
  readonly error?: string;
}

/** By the name of the operation. What has no entry is never throttled. */
export type RateLimits = Readonly<Record<string, RateLimit>>;

const ec2 = (burst: number, perSecond: number): RateLimit => ({ burst, perSecond, error: 'RequestLimitExceeded' });

/**
 * AWS publishes rates of Parameter Store alone (40 each second; Systems Manager endpoints and quotas), none of Run
 * Command and Fleet Manager: assumed, and on the safe side.
 */
const SSM: RateLimit = { burst: 20, perSecond: 10 };

/**
 * An account's default rates for what the functions call, in a region such as us-east-1.
 * EC2: Amazon EC2 Developer Guide, "Request throttling for the Amazon EC2 API"; the functions' Describe calls all have
 * filters or IDs. Step Functions: Developer Guide, "Quotas related to API action throttling". S3 has 5,500 reads and
 * 3,500 writes each second and prefix, which nothing here comes near.
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
  DescribeExecution: { burst: 300, perSecond: 15 },
  ListExecutions: { burst: 200, perSecond: 5 },
  SendTaskSuccess: { burst: 3000, perSecond: 500 },
  SendTaskFailure: { burst: 3000, perSecond: 500 },
};

/** The account's buckets. A throttled call takes no token. */
export class TokenBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly clock: LocalClock,
    private readonly limits: RateLimits,
  ) {}

  /** @returns the error of a call that is throttled */
  take(operation: string): Error | undefined {
    const limit = this.limits[operation];
    if (!limit) return undefined;
    const now = this.clock.now().getTime();
    const bucket = this.#buckets.get(operation) ?? { tokens: limit.burst, at: now };
    const tokens = Math.min(bucket.tokens + ((now - bucket.at) / 1000) * limit.perSecond, limit.burst);
    const throttled = tokens < 1;
    this.#buckets.set(operation, { tokens: throttled ? tokens : tokens - 1, at: now });
    if (!throttled) return undefined;
    const error = limit.error ?? 'ThrottlingException';
    return awsError(error, `Rate exceeded (${operation})`, error === 'RequestLimitExceeded' ? 503 : 400);
  }
}
