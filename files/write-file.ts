import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file completely or not at all: into a temporary file of the same folder, which then replaces the file. The
 * old file stays until then, also after an error. The file keeps its permissions, and a symbolic link still points to
 * it. Not write-file-atomic: docs/decisions/dependencies.md says why.
 *
 * @throws Error whose message is one sentence that names the file and says what to do
 */
export function writeFileAtomically(file: string, text: string): void {
  let temporary: string | undefined;
  try {
    const there = existsSync(file);
    const target = there ? realpathSync(file) : file;
    if (there && !statSync(target).isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
    const mode = there ? statSync(target).mode & 0o777 : 0o666;
    const beside = join(dirname(target), `.${basename(target).slice(0, 200)}.${randomBytes(6).toString('hex')}.tmp`);
    const handle = openSync(beside, 'wx', mode);
    temporary = beside;
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(beside, target);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw new Error(`${file}: ${reason(file, (error as NodeJS.ErrnoException).code)}`, { cause: error });
  }
}

function reason(file: string, code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return `the folder ${dirname(file)} does not exist: make it first, or check the path.`;
    case 'ENOTDIR':
      return `${dirname(file)} is no folder: name another place.`;
    case 'EISDIR':
      return 'this is no file: name a file.';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'you have no permission to write there: name another place.';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full: nothing was written.';
    default:
      return `it cannot be written (${code}).`;
  }
}
