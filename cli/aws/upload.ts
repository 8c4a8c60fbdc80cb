import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';

/** A place for files in S3. */
export interface S3Place {
  readonly bucket: string;
  /** Ends with a slash, or is empty. */
  readonly prefix: string;
}

/** Reads `s3://bucket/prefix`. @returns undefined where it is none */
export function s3Place(uri: string): S3Place | undefined {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(uri) ?? [];
  const folder = prefix.replace(/\/+$/, '');
  return bucket === undefined ? undefined : { bucket, prefix: folder === '' ? '' : `${folder}/` };
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json; charset=utf-8',
};

/**
 * Puts texts into S3, for browsers: with their type, and never from a cache, because the next ones have the same names.
 *
 * @param texts by name; the end of a name says its type
 * @returns the URI of each
 * @throws Error of the SDK
 */
export async function upload(
  texts: Readonly<Record<string, string>>,
  { bucket, prefix }: S3Place,
  s3: Pick<S3Client, 'send'>,
): Promise<string[]> {
  const uris: string[] = [];
  for (const [name, Body] of Object.entries(texts)) {
    const ContentType = TYPES[name.split('.').at(-1) ?? ''];
    const Key = `${prefix}${name}`;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType, CacheControl: 'no-cache' }));
    uris.push(`s3://${bucket}/${Key}`);
  }
  return uris;
}
