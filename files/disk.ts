import { accessSync, constants, statfsSync } from 'node:fs';

/** Error codes that say that the computer cannot write there, whatever the program does. */
const DISK: Readonly<Record<string, string>> = {
  EACCES: 'you have no permission to write there',
  EPERM: 'you have no permission to write there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota of the disk is used up',
  EFBIG: 'the file would be larger than is allowed here',
  EIO: 'the disk cannot be read or written',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** Error codes that say that the path is wrong. */
const PATH: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of this path is not a folder',
  EEXIST: 'this is not a folder',
  EISDIR: 'this is a folder',
  ENOENT: 'nothing can be made there',
  ENAMETOOLONG: 'the path is too long',
};

/** A disk with less free space counts as full. */
const FREE_BYTES = 1024 * 1024;

/** A file system error, with the path where it occurred. */
export type DiskError = Error & { readonly code: string; readonly path?: string };

/** Whether the disk is the cause (full, read-only, no permission), not the program or its input. */
export function isDiskError(error: unknown): error is DiskError {
  return String((error as NodeJS.ErrnoException | undefined)?.code) in DISK;
}

/**
 * One sentence that names the path, what is wrong there, and what to do.
 *
 * @param path the path that was to be written
 * @param error the file system's error
 * @param remedy what the user can do; it ends the sentence
 */
export function diskSentence(path: string, error: unknown, remedy: string): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return `${path}: ${DISK[code] ?? PATH[code] ?? `this cannot be written (${code})`}: ${remedy}.`;
}

/**
 * The sentence about a file that could not be written, for the end of a program. Undefined for any other error.
 *
 * @param remedy what the user can do
 */
export function fileErrorSentence(error: unknown, remedy: string): string | undefined {
  const isOfFiles = (each: unknown) =>
    String((each as NodeJS.ErrnoException | undefined)?.code) in { ...DISK, ...PATH };
  const { cause, message, path } = error as DiskError & { readonly cause?: unknown };
  // The code that has caught the error already says what to do.
  if (isOfFiles(cause)) return message;
  return isOfFiles(error) && path !== undefined ? diskSentence(path, error, remedy) : undefined;
}

/** The reason why a folder cannot be written to, as far as can be known without writing; undefined if there is none. */
export function diskErrorOf(folder: string): DiskError | undefined {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize >= FREE_BYTES) return undefined;
    return Object.assign(new Error(), { code: 'ENOSPC', path: folder });
  } catch (error) {
    return error as DiskError;
  }
}
