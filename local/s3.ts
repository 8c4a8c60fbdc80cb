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
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type DiskError, isDiskError } from '../files/disk';
import type { LocalClock } from './clock';
import { awsError, type Caller, type Service } from './service';

/** S3 as far as the functions use it: buckets are folders, objects are files, the time of a file is its LastModified. */
export class EmbeddedS3 {
  /**
   * @param folder holds a folder for each bucket
   * @param onDiskError told when an object cannot be written, which S3 never says; the function's call fails as well
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

  /** @param caller the function whose client it is; default: none */
  client(caller?: Caller): Pick<S3Client, 'send'> {
    return this.service.client(caller) as Pick<S3Client, 'send'>;
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

  /** Writes an object, dated by the cloud's clock. */
  put(bucket: string, key: string, body: string): void {
    const file = this.#file(bucket, key);
    // Written beside it and renamed, so that another local run never reads half of it.
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
    // `..`, a double or a last slash: S3 would take them as they are, a folder cannot.
    if (file !== root + sep + key || bucket.includes('..')) {
      throw awsError('InvalidRequest', `The key '${key}' cannot be a file below the folder of bucket ${bucket}.`);
    }
    return file;
  }
}
