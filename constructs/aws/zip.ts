import { zipSync } from 'fflate';

/** The earliest time that ZIP can store. ZIP stores local time. */
const FIRST_MOMENT = new Date(1980, 0, 1);
/** Regular file, rw-r--r--: Lambda cannot load a file that others may not read. */
const UNIX_MODE = 0o100644;

/**
 * A ZIP archive whose bytes depend only on its files. Files are sorted by name, without dates, owners or the umask. The
 * same code compresses them on every version of Node.js. cdktf's own archive of a folder contains the files' times, so
 * its hash differs in every checkout.
 *
 * @param files contents by file name
 */
export function zip(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const sorted = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(
    zipSync(Object.fromEntries(sorted), { level: 9, mtime: FIRST_MOMENT, os: 3, attrs: UNIX_MODE * 0x10000 }),
  );
}
