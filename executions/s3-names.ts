/**
 * S3's rules for general purpose bucket names (S3 User Guide, "Bucket naming rules"): 3 to 63 characters of lower case
 * letters, digits, dots and hyphens, a letter or digit at both ends, no two dots side by side.
 */
export const BUCKET_NAME = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** S3 refuses names that look like an IPv4 address. */
const IP_ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;

/** Longest object key, in bytes of UTF-8 (S3 User Guide, "Naming Amazon S3 objects"). */
const KEY_BYTES = 1024;

/** The error of a bucket name, as one sentence; undefined if S3 accepts the name. */
export function bucketProblem(name: string): string | undefined {
  if (name === '') return "Write the bucket's name.";
  if (/^s3:\/\//i.test(name) || name.includes('/')) {
    return "Write the bucket's name alone, without s3:// and without a path.";
  }
  if (BUCKET_NAME.test(name) && !IP_ADDRESS.test(name)) return undefined;
  const why = name.includes('_')
    ? ' An underscore cannot be part of it.'
    : /[A-Z]/.test(name)
      ? ' Capital letters cannot be part of it.'
      : '';
  return `No S3 bucket can have this name: write 3 to 63 lower case letters, digits, dots and hyphens.${why}`;
}

/** The error of the key of the object to check, as one sentence; undefined if the key is valid. */
export function keyProblem(key: string): string | undefined {
  if (key === '') return 'Write the whole key of the object, for example results/ngen-run.tar.gz.';
  if (/^s3:\/\//i.test(key)) return 'Write the key alone, without s3:// and without the bucket.';
  if (key.endsWith('/')) return 'This names a folder, not an object: write the whole key of one object.';
  if (Buffer.byteLength(key) > KEY_BYTES) return `S3 keys have at most ${KEY_BYTES} bytes: write a shorter key.`;
  return undefined;
}

/** A prefix without the slashes at its end. */
export function trimPrefix(prefix: string): string {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === '/') end -= 1;
  return prefix.slice(0, end);
}

/** A key below a prefix; only the key if the prefix is empty. */
export function joinKey(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`;
}
