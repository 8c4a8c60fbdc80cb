import { crc32, deflateRawSync } from 'node:zlib';

/** 1 January 1980, 00:00, the first moment that ZIP knows: the same bytes whenever the archive is made. */
const DOS_DATE = 0x0021;
const DOS_TIME = 0;
/** Regular file, rw-r--r--: Lambda cannot load a file that others may not read. */
const UNIX_MODE = 0o100644;

/**
 * A ZIP archive as a pure function of its files: sorted by name, without dates, owners or the umask.
 * The archives that cdktf makes of a folder carry the files' times, and so another hash in every checkout.
 *
 * @param files contents by file name
 */
export function zip(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const contents: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const fileName = Buffer.from(name);
    const compressed = deflateRawSync(data);
    const entry = entryHeader(fileName.length, crc32(data), compressed.length, data.length);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), entry, fileName, compressed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(UNIX_MODE * 0x10000, 6);
    tail.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([20, 3]); // version 2.0, Unix
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), madeBy, entry, tail, fileName]));
    contents.push(local);
    offset += local.length;
  }
  const directorySize = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(directorySize, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...contents, ...directory, end]);
}

/** The fields that a file's local header and its directory entry have in common (APPNOTE.TXT 4.3.7 and 4.3.12). */
function entryHeader(nameLength: number, crc: number, compressedSize: number, size: number): Buffer {
  const header = Buffer.alloc(26);
  header.writeUInt16LE(20, 0); // version needed: 2.0
  header.writeUInt16LE(8, 4); // method: deflate
  header.writeUInt16LE(DOS_TIME, 6);
  header.writeUInt16LE(DOS_DATE, 8);
  header.writeUInt32LE(crc, 10);
  header.writeUInt32LE(compressedSize, 14);
  header.writeUInt32LE(size, 18);
  header.writeUInt16LE(nameLength, 22);
  return header;
}
