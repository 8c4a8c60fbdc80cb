import { zipSync } from 'fflate';

/** The first moment that ZIP knows, which it counts in local time. */
const FIRST_MOMENT = new Date(1980, 0, 1);
/** Regular file, rw-r--r--: Lambda cannot load a file that others may not read. */
const UNIX_MODE = 0o100644;

/**
 * A ZIP archive as a pure function of its files: sorted by name, without dates, owners or the umask, compressed by the
 * same code on every version of Node.js. The archives that cdktf makes of a folder carry the files' times, and so another
 * hash in every checkout.
 *
 * @param files contents by file name
 */
export function zip(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const sorted = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(
    zipSync(Object.fromEntries(sorted), { level: 9, mtime: FIRST_MOMENT, os: 3, attrs: UNIX_MODE * 0x10000 }),
  );
}
