/** What the operating system answers where a disk, or somebody's permissions, are at fault and not the program. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'you have no permission to write there',
  EPERM: 'you have no permission to write there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota of the disk is used up',
  EFBIG: 'the file would be larger than is allowed here',
  ENOTDIR: 'a part of this path is no folder',
  ENOENT: 'the folder does not exist',
  EISDIR: 'this is a folder',
  ENAMETOOLONG: 'the path is too long',
  EIO: 'the disk cannot be read or written',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** Whether an error is of the disk: full, read-only, another user's, or not there. */
export function isDiskError(error: unknown): error is NodeJS.ErrnoException {
  return String((error as NodeJS.ErrnoException | undefined)?.code) in REASONS;
}

/**
 * One sentence that names the path, what is wrong there, and what to do.
 *
 * @param path what was to be written
 * @param remedy what the user can do, as the sentence's end
 */
export function diskSentence(path: string, error: unknown, remedy: string): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return `${path}: ${REASONS[code] ?? `this cannot be written (${code})`}: ${remedy}.`;
}
