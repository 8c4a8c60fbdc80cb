import { accessSync, constants, statfsSync } from 'node:fs';

/** What the operating system answers where the computer cannot write, whatever a program does. */
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

/** And where the path is wrong. */
const PATH: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of this path is not a folder',
  EEXIST: 'this is not a folder',
  EISDIR: 'this is a folder',
  ENOENT: 'nothing can be made there',
  ENAMETOOLONG: 'the path is too long',
};

/** Less is as good as nothing. */
const FREE_BYTES = 1024 * 1024;

/** An error of the file system, with the path where it was met. */
export type DiskError = Error & { readonly code: string; readonly path?: string };

/** Whether a disk is at fault, full, read-only or another user's, and neither the program nor its input. */
export function isDiskError(error: unknown): error is DiskError {
  return String((error as NodeJS.ErrnoException | undefined)?.code) in DISK;
}

/**
 * One sentence that names the path, what is wrong there, and what to do.
 *
 * @param path what was to be written
 * @param error what the file system has answered
 * @param remedy what the user can do, as the sentence's end
 */
export function diskSentence(path: string, error: unknown, remedy: string): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return `${path}: ${DISK[code] ?? PATH[code] ?? `this cannot be written (${code})`}: ${remedy}.`;
}

/**
 * The sentence of whatever a program could not write, for a program's end; undefined for any other error.
 *
 * @param remedy what the user can do
 */
export function fileErrorSentence(error: unknown, remedy: string): string | undefined {
  const isOfFiles = (each: unknown) =>
    String((each as NodeJS.ErrnoException | undefined)?.code) in { ...DISK, ...PATH };
  const { cause, message, path } = error as DiskError & { readonly cause?: unknown };
  // Whoever has caught it already knows better what to do.
  if (isOfFiles(cause)) return message;
  return isOfFiles(error) && path !== undefined ? diskSentence(path, error, remedy) : undefined;
}

/** Why nothing can be written to a folder, as far as can be told without writing; undefined where nothing is wrong. */
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
