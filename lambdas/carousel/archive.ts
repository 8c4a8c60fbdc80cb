import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ObjectStorageClass,
  PutObjectCommand,
  RestoreObjectCommand,
} from '@aws-sdk/client-s3';
import type { Tier } from '../../prices/archive';
import { type ArchivedFile, isArchived } from './cost';
import type { S3 } from './deployment';
import { ErrorName } from './errors';

/** S3 lists keys in the order of their bytes. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

interface Page {
  readonly files: readonly ArchivedFile[];
  /** The last key, if there are more. */
  readonly after?: string;
}

/** Lists up to 1,000 objects with the state of their copies. */
export async function page(s3: S3, Bucket: string, Prefix: string, StartAfter: string): Promise<Page> {
  const { Contents = [], IsTruncated } = await s3.send(
    new ListObjectsV2Command({
      Bucket,
      ...(Prefix && { Prefix }),
      ...(StartAfter && { StartAfter }),
      OptionalObjectAttributes: ['RestoreStatus'],
    }),
  );
  const files = Contents.map(({ Key = '', Size = 0, ETag = '', StorageClass, RestoreStatus }) => ({
    key: Key,
    bytes: Size,
    etag: ETag,
    storageClass: (StorageClass ?? 'STANDARD') as ObjectStorageClass,
    ...(RestoreStatus?.IsRestoreInProgress && { restoring: true }),
    ...(RestoreStatus?.RestoreExpiryDate && { expiry: RestoreStatus.RestoreExpiryDate.toISOString() }),
  }));
  const last = files.at(-1)?.key;
  return { files, ...(IsTruncated && last !== undefined && { after: last }) };
}

/**
 * The states of some objects. One call tells of 1,000 neighbours, and leaps over those in between.
 *
 * @param keys sorted by their bytes
 * @param pages calls at most
 * @returns those that exist, and the first key that is not known yet, if the calls were too few
 */
export async function statesOf(
  s3: S3,
  bucket: string,
  keys: readonly string[],
  pages = Number.POSITIVE_INFINITY,
): Promise<{ readonly files: ArchivedFile[]; readonly rest?: string }> {
  const files: ArchivedFile[] = [];
  const wanted = new Set(keys);
  let index = 0;
  let after = '';
  for (let call = 0; index < keys.length; call++) {
    const next = keys[index] as string;
    if (call >= pages) return { files, rest: next };
    // A key that sorts before this one and after nearly all others that do.
    const before = next.slice(0, -1);
    const from = byBytes(after, before) > 0 ? after : before;
    const found = await page(s3, bucket, '', from);
    files.push(...found.files.filter(({ key }) => wanted.has(key)));
    if (found.after === undefined) break;
    after = found.after;
    while (index < keys.length && byBytes(keys[index] as string, after) <= 0) index++;
  }
  return { files };
}

/** What RestoreObject has answered. */
export type Restored = 'requested' | 'in progress' | 'extended' | 'not archived' | 'missing';

/**
 * Asks for a restore, or for more days of a copy. Repeating it changes nothing.
 *
 * @param days from now, or from the end of the restore
 */
export async function restore(s3: S3, bucket: string, file: ArchivedFile, tier: Tier, days: number): Promise<Restored> {
  try {
    const { $metadata } = await s3.send(
      new RestoreObjectCommand({
        Bucket: bucket,
        Key: file.key,
        // A copy that lives is extended: S3 takes no tier then (S3 API, RestoreObject).
        RestoreRequest:
          file.expiry === undefined ? { Days: days, GlacierJobParameters: { Tier: tier } } : { Days: days },
      }),
    );
    return $metadata.httpStatusCode === 200 ? 'extended' : 'requested';
  } catch (error) {
    const { name } = error as Error;
    if (name === 'RestoreAlreadyInProgress') return 'in progress';
    if (name === 'InvalidObjectState' || name === 'ObjectAlreadyInActiveTierError') return 'not archived';
    if (name === 'NoSuchKey' || name === 'NotFound') return 'missing';
    throw error;
  }
}

/** The first eight bytes of every HDF5 file (HDF5 File Format Specification, superblock). */
const HDF5 = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

/** What was seen of a file that a turn waits for. */
export type Verified =
  | { readonly is: 'readable'; readonly expiry?: string }
  | { readonly is: 'restoring' }
  | { readonly is: 'archived' }
  | { readonly is: 'wrong'; readonly error: string };

/** Looks whether a file is there to be read, is the one that was planned, and is an HDF5 file. */
export async function verify(s3: S3, bucket: string, file: ArchivedFile, now: Date): Promise<Verified> {
  const wrong = (name: string, cause: string): Verified => ({ is: 'wrong', error: `${name}: ${cause}` });
  const address = `s3://${bucket}/${file.key}`;
  let head: { ETag?: string; ContentLength?: number; Restore?: string; StorageClass?: string };
  try {
    head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: file.key }));
  } catch (error) {
    if (!['NotFound', 'NoSuchKey'].includes((error as Error).name)) throw error;
    return wrong(ErrorName.InputMissing, `${address} no longer exists.`);
  }
  if (head.ETag !== file.etag || head.ContentLength !== file.bytes) {
    return wrong(ErrorName.InputChanged, `${address} is not the object that was planned: it has been written since.`);
  }
  const expiry = /expiry-date="([^"]+)"/.exec(head.Restore ?? '')?.[1];
  if (isArchived({ storageClass: head.StorageClass ?? 'STANDARD' })) {
    if (/ongoing-request="true"/.test(head.Restore ?? '')) return { is: 'restoring' };
    if (expiry === undefined || Date.parse(expiry) <= now.getTime()) return { is: 'archived' };
  }
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: file.key, Range: 'bytes=0-7' }));
  const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
  if (!bytes.equals(HDF5)) {
    return wrong(
      ErrorName.InputChanged,
      `${address} begins with ${bytes.toString('hex') || 'nothing'}: it is no HDF5 file.`,
    );
  }
  return { is: 'readable', ...(expiry !== undefined && { expiry: new Date(expiry).toISOString() }) };
}

/** Reads an object as text; undefined if there is none. */
export async function readText(s3: S3, Bucket: string, Key: string): Promise<string | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return await Body?.transformToString();
  } catch (error) {
    if (['NoSuchKey', 'NotFound'].includes((error as Error).name)) return undefined;
    throw error;
  }
}

export async function writeText(s3: S3, Bucket: string, Key: string, Body: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
}
