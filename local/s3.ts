import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
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
  type S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import { type DiskError, isDiskError } from '../files/disk';
import { HEAD_MS, type Head } from '../lambdas/datastream/inputs';
import type { LocalClock } from './clock';
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
        const { size, mtime } = statSync(file);
        return { ContentLength: size, LastModified: new Date(Math.floor(mtime.getTime() / 1000) * 1000) };
      })
      .on(GetObjectCommand, ({ Bucket = '', Key = '' }) => {
        const text = this.get(Bucket, Key);
        return { Body: { transformToString: async () => text } };
      })
      .on(ListObjectsV2Command, ({ Bucket = '', Prefix = '' }) => ({
        Contents: this.list(Bucket, Prefix).map((Key) => ({ Key })),
      }))
      .on(PutObjectCommand, ({ Bucket = '', Key = '', Body }) => {
        this.put(Bucket, Key, String(Body));
        return {};
      });
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
  put(bucket: string, key: string, body: string): void {
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
