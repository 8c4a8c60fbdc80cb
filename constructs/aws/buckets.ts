import type { CurrentAws } from './current-aws';
import { whenSet } from './optional';
import type { Grant } from './role';

/** The buckets that jobs read and write. */
export class Buckets {
  readonly #aws: CurrentAws;
  readonly #bucket: string | undefined;

  /**
   * @param bucket the only bucket; undefined or empty: every bucket of the account, since execution files name theirs
   */
  constructor(aws: CurrentAws, bucket: string | undefined) {
    this.#aws = aws;
    this.#bucket = bucket;
  }

  /** A statement on the bucket itself. */
  grant(sid: string, actions: readonly string[]): Grant {
    return this.#grant(sid, actions, '');
  }

  /** A statement on its objects. @param key a key, may hold `*` */
  grantObjects(sid: string, actions: readonly string[], key = '*'): Grant {
    return this.#grant(sid, actions, `/${key}`);
  }

  #grant(sid: string, actions: readonly string[], path: string): Grant {
    const bucket = whenSet(this.#bucket, this.#bucket ?? '', '*');
    return {
      sid,
      actions,
      resources: [`arn:${this.#aws.partition}:s3:::${bucket}${path}`],
      // A bucket's ARN has no account: without this condition, "every bucket" would include other accounts' buckets. A
      // bucket that was named may belong to another account.
      conditions: { StringLike: { 'aws:ResourceAccount': whenSet(this.#bucket, '*', this.#aws.account) } },
    };
  }
}
