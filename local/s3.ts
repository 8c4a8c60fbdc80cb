import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandInput,
  ListObjectsV2Command,
  PutObjectCommand,
  RestoreObjectCommand,
  type RestoreObjectCommandInput,
  type S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import { type DiskError, isDiskError } from '../files/disk';
import { HEAD_MS, type Head } from '../lambdas/datastream/inputs';
import { ARCHIVE_PRICES, type ArchiveClass, type Tier } from '../prices/archive';
import type { LocalClock } from './clock';
import type { Emit } from './events';
import { awsError, type Caller, type Service } from './service';

/** The object that a URL of S3 names, by its host or by its path; undefined for other hosts. */
function s3ObjectOf(url: string): { readonly Bucket: string; readonly Key: string } | undefined {
  const { hostname, pathname } = new URL(url);
  const host = /^(?:(.+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com$/.exec(hostname);
  if (!host) return undefined;
  const [, Bucket = '', Key = ''] = /^\/([^/]+)\/(.+)$/.exec(host[1] ? `/${host[1]}${pathname}` : pathname) ?? [];
  return { Bucket, Key: decodeURIComponent(Key) };
}

/** The parts of S3 that the functions use. Buckets are folders. Objects are files. LastModified is the file's time. */
export class EmbeddedS3 {
  /**
   * @param folder contains a folder for each bucket
   * @param onDiskError called if this computer cannot write an object; the function's call then fails too
   */
  constructor(
    private readonly clock: LocalClock,
    readonly folder: string,
    private readonly service: Service,
    private readonly onDiskError: (error: DiskError) => void = () => {},
  ) {
    service
      .on(HeadObjectCommand, ({ Bucket = '', Key = '' }) => {
        const file = this.#file(Bucket, Key);
        if (!existsSync(file) || !statSync(file).isFile()) throw awsError('NotFound', 'NotFound', 404);
        const { LastModified, ETag, Size } = described(file);
        const archived = this.#archived(Bucket, Key);
        return {
          ContentLength: Size,
          LastModified,
          ETag,
          ...(archived && { StorageClass: archived.storageClass, Restore: restoreHeader(archived) }),
        };
      })
      .on(GetObjectCommand, ({ Bucket = '', Key = '', Range }) => {
        const archived = this.#archived(Bucket, Key);
        if (archived && archived.expiry === undefined) {
          throw awsError('InvalidObjectState', "The operation is not valid for the object's storage class", 403);
        }
        const bytes = this.#read(Bucket, Key, Range);
        return {
          Body: { transformToString: async () => bytes.toString('utf8'), transformToByteArray: async () => bytes },
        };
      })
      .on(ListObjectsV2Command, ({ Bucket = '', Prefix = '', StartAfter, ContinuationToken, MaxKeys = 1000 }) => {
        const after = ContinuationToken ?? StartAfter ?? '';
        const keys = this.list(Bucket, Prefix).filter((key) => key > after);
        const page = keys.slice(0, MaxKeys);
        const IsTruncated = keys.length > page.length;
        return {
          Contents: page.map((Key) => {
            const { LastModified, ETag, Size } = described(this.#file(Bucket, Key));
            const archived = this.#archived(Bucket, Key);
            const RestoreStatus = archived && {
              IsRestoreInProgress: archived.restoring,
              RestoreExpiryDate: archived.expiry,
            };
            return {
              Key,
              Size,
              ETag,
              LastModified,
              StorageClass: this.#classes.get(`${Bucket}/${Key}`) ?? 'STANDARD',
              RestoreStatus,
            };
          }),
          IsTruncated,
          ...(IsTruncated && { NextContinuationToken: page.at(-1) }),
        };
      })
      .on(RestoreObjectCommand, (input) => this.#restore(input))
      .on(PutObjectCommand, ({ Bucket = '', Key = '', Body }) => {
        this.put(Bucket, Key, Body instanceof Uint8Array ? Body : String(Body));
        return {};
      });
  }

  /** Every restore that was begun, in order; a test counts them. */
  readonly restoresBegun: { readonly key: string }[] = [];
  /** The storage classes of objects that `archive` has made. */
  readonly #classes = new Map<string, string>();
  /** What is archived, by bucket and key. */
  readonly #archive = new Map<string, Archived>();
  /** Where restores tell of their ends, and how long they take; by default nothing is told, and each takes the longest. */
  #glacier: { readonly emit: Emit; readonly random: () => number } = { emit: () => {}, random: () => 1 };

  /** Lets restores take their time in this cloud. @param random a number from 0 up to 1 */
  glacier(emit: Emit, random: () => number): void {
    this.#glacier = { emit, random };
  }

  /**
   * Makes an archived object. Its file is sparse, so that it may have any size.
   *
   * @param head its first bytes; the rest is zeros
   */
  archive(bucket: string, key: string, storageClass: string, bytes: number, head: Uint8Array): void {
    this.put(bucket, key, '');
    const file = this.#file(bucket, key);
    writeFileSync(file, head);
    const handle = openSync(file, 'r+');
    ftruncateSync(handle, bytes);
    closeSync(handle);
    utimesSync(file, this.clock.now(), this.clock.now());
    this.#archive.delete(`${bucket}/${key}`);
    this.#classes.set(`${bucket}/${key}`, storageClass);
    if (storageClass in ARCHIVE_PRICES.retrieval) {
      this.#archive.set(`${bucket}/${key}`, { storageClass: storageClass as ArchiveClass, restoring: false });
    }
  }

  /** When a copy expires; undefined where none lives. */
  copyExpiry(bucket: string, key: string): Date | undefined {
    return this.#archived(bucket, key)?.expiry;
  }

  /** Whether an object can be read now. */
  readable(bucket: string, key: string): boolean {
    const archived = this.#archived(bucket, key);
    return existsSync(this.#file(bucket, key)) && (!archived || archived.expiry !== undefined);
  }

  /** Deletes an object. */
  remove(bucket: string, key: string): void {
    rmSync(this.#file(bucket, key), { force: true });
    this.#archive.delete(`${bucket}/${key}`);
  }

  /** Ends a copy before its time. */
  expireNow(bucket: string, key: string): void {
    const archived = this.#archive.get(`${bucket}/${key}`);
    if (archived) archived.expiry = undefined;
  }

  #archived(bucket: string, key: string): Archived | undefined {
    const archived = this.#archive.get(`${bucket}/${key}`);
    if (archived?.expiry && archived.expiry <= this.clock.now()) archived.expiry = undefined;
    return archived;
  }

  #restore({ Bucket = '', Key = '', RestoreRequest }: RestoreObjectCommandInput) {
    if (!existsSync(this.#file(Bucket, Key))) throw awsError('NoSuchKey', 'The specified key does not exist.', 404);
    const archived = this.#archived(Bucket, Key);
    if (!archived) throw awsError('InvalidObjectState', 'Restore is not allowed for this storage class', 403);
    const { Days = 1, GlacierJobParameters } = RestoreRequest ?? {};
    if (archived.restoring) throw awsError('RestoreAlreadyInProgress', 'Object restore is already in progress', 409);
    if (archived.expiry) {
      this.#expire(Bucket, Key, archived, Days);
      return { $metadata: { httpStatusCode: 200 } };
    }
    const tier = (GlacierJobParameters?.Tier ?? 'Standard') as Tier;
    const hours = HOURS[archived.storageClass][tier];
    if (!hours) throw awsError('InvalidArgument', `${tier} is not supported for ${archived.storageClass}`);
    const { emit, random } = this.#glacier;
    const [least, most] = hours;
    archived.restoring = true;
    this.restoresBegun.push({ key: Key });
    this.clock.after((least + (most - least) * random()) * 3_600_000, () => {
      archived.restoring = false;
      this.#expire(Bucket, Key, archived, Days);
      emit('aws.s3', 'Object Restore Completed', this.#detail(Bucket, Key, archived));
    });
    return { $metadata: { httpStatusCode: 202 } };
  }

  /** Some days from now, and then at midnight UTC (S3 User Guide, restoring an archived object). */
  #expire(bucket: string, key: string, archived: Archived, days: number): void {
    const expiry = new Date(this.clock.now().getTime() + days * 86_400_000);
    expiry.setUTCHours(24, 0, 0, 0);
    archived.expiry = expiry;
    this.clock.after(expiry.getTime() - this.clock.now().getTime(), () => {
      // An extension has set another one.
      if (archived.expiry && archived.expiry > this.clock.now()) return;
      archived.expiry = undefined;
      this.#glacier.emit('aws.s3', 'Object Restore Expired', this.#detail(bucket, key, archived));
    });
  }

  #detail(bucket: string, key: string, archived: Archived): Record<string, unknown> {
    const { Size, ETag } = described(this.#file(bucket, key));
    return {
      bucket: { name: bucket },
      object: { key, size: Size, etag: ETag.replaceAll('"', '') },
      'restore-expiry-time': archived.expiry?.toISOString(),
      'source-storage-class': archived.storageClass,
    };
  }

  #read(bucket: string, key: string, range: string | undefined): Buffer {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (from === undefined || to === undefined) return Buffer.from(this.get(bucket, key));
    const file = this.#file(bucket, key);
    if (!existsSync(file)) throw awsError('NoSuchKey', 'The specified key does not exist.', 404);
    const bytes = Buffer.alloc(Number(to) - Number(from) + 1);
    const handle = openSync(file, 'r');
    const read = readSync(handle, bytes, 0, bytes.length, Number(from));
    closeSync(handle);
    return bytes.subarray(0, read);
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<S3Client, 'send'> {
    return this.service.client(caller) as Pick<S3Client, 'send'>;
  }

  /**
   * HEAD requests over HTTPS. Those of S3's hosts that are signed, or name a bucket that is here, are answered from here.
   *
   * @param caller the function that sends them
   * @param web answers all others
   */
  head(caller: Caller, web: Head): Head {
    return (url, headers) => {
      const object = s3ObjectOf(url);
      const here = object && ('authorization' in headers || existsSync(join(resolve(this.folder), object.Bucket)));
      return here ? this.#inTime(this.#head(caller, object)) : web(url, headers);
    };
  }

  async #head(caller: Caller, object: HeadObjectCommandInput): ReturnType<Head> {
    try {
      await this.client(caller).send(new HeadObjectCommand(object));
      return { status: 200, headers: new Headers() };
    } catch (error) {
      // What the SDK makes of an answer over the wire keeps that answer.
      const { $metadata, $response } = error as S3ServiceException;
      const status = $metadata?.httpStatusCode;
      if (status === undefined) throw error;
      return { status, headers: new Headers($response?.headers) };
    }
  }

  /** A request that is given up when no answer comes, on the cloud's clock. */
  async #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = this.clock.after(HEAD_MS, () => reject(new DOMException('No answer came in time.', 'TimeoutError')));
    });
    answer.catch(() => {});
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel();
    }
  }

  /** Reads an object as text. @throws NoSuchKey if there is none */
  get(bucket: string, key: string): string {
    const file = this.#file(bucket, key);
    if (!existsSync(file) || !statSync(file).isFile()) {
      throw awsError('NoSuchKey', `The specified key does not exist: s3://${bucket}/${key}`, 404);
    }
    return readFileSync(file, 'utf8');
  }

  /** The size of an object in bytes. */
  sizeOf(bucket: string, key: string): number {
    return statSync(this.#file(bucket, key)).size;
  }

  /** The file that an object is, whether it exists or not. */
  pathOf(bucket: string, key: string): string {
    return this.#file(bucket, key);
  }

  /** The first bytes of an object, at most 4,096, as text. */
  beginningOf(bucket: string, key: string): string {
    return this.#read(bucket, key, 'bytes=0-4095').toString('utf8');
  }

  /** The keys of a bucket that begin with a prefix. */
  list(bucket: string, prefix: string): string[] {
    const root = join(resolve(this.folder), bucket);
    if (!existsSync(root)) return [];
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(root, join(parentPath, name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  /** Writes an object. Its LastModified is the time of the cloud's clock. */
  put(bucket: string, key: string, body: string | Uint8Array): void {
    const file = this.#file(bucket, key);
    // The file is renamed when it is complete, so another local run never reads an incomplete object.
    const part = `${file}.part.${process.pid}`;
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(part, body);
      utimesSync(part, this.clock.now(), this.clock.now());
      renameSync(part, file);
    } catch (error) {
      rmSync(part, { force: true });
      if (isDiskError(error)) this.onDiskError(Object.assign(error, { path: file }));
      throw error;
    }
  }

  #file(bucket: string, key: string): string {
    const root = join(resolve(this.folder), bucket);
    const file = resolve(root, key);
    // S3 allows `..`, a double slash and a final slash in a key. A path of a file does not keep them.
    if (file !== root + sep + key || bucket.includes('..')) {
      throw awsError('InvalidRequest', `The key '${key}' cannot be a file below the folder of bucket ${bucket}.`);
    }
    return file;
  }
}

/** An object of an archive class. */
interface Archived {
  readonly storageClass: ArchiveClass;
  restoring: boolean;
  /** Of its copy. */
  expiry?: Date | undefined;
}

/** How many hours a restore takes, at least and at most (S3 User Guide, archive retrieval options). */
const HOURS: Readonly<Record<ArchiveClass, Readonly<Partial<Record<Tier, readonly [number, number]>>>>> = {
  GLACIER: { Expedited: [1 / 60, 5 / 60], Standard: [3, 5], Bulk: [5, 12] },
  DEEP_ARCHIVE: { Standard: [9, 12], Bulk: [24, 48] },
};

/** An object's date, size and tag. S3's dates are whole seconds. The tag is of size and date: files may be huge. */
function described(file: string) {
  const { size, mtime } = statSync(file);
  const hash = createHash('md5').update(`${size} ${mtime.getTime()}`).digest('hex');
  return { Size: size, LastModified: new Date(Math.floor(mtime.getTime() / 1000) * 1000), ETag: `"${hash}"` };
}

function restoreHeader({ restoring, expiry }: Archived): string | undefined {
  if (restoring) return 'ongoing-request="true"';
  return expiry && `ongoing-request="false", expiry-date="${expiry.toUTCString()}"`;
}
