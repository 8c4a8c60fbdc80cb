import { inflateRawSync } from 'node:zlib';
import { zip } from '../../../constructs/aws/zip';

const files = { 'b.js': Buffer.from('exports.handler = 1;'.repeat(20)), 'a.js.map': Buffer.from('{}') };

/** What a reader of ZIP sees: the central directory, and each file's data by its offset. */
function entries(archive: Buffer) {
  const end = archive.length - 22;
  expect(archive.readUInt32LE(end)).toBe(0x06054b50);
  const found = [];
  let at = archive.readUInt32LE(end + 16);
  for (let index = 0; index < archive.readUInt16LE(end + 10); index++) {
    expect(archive.readUInt32LE(at)).toBe(0x02014b50);
    const nameLength = archive.readUInt16LE(at + 28);
    const local = archive.readUInt32LE(at + 42);
    expect(archive.readUInt32LE(local)).toBe(0x04034b50);
    const start = local + 30 + archive.readUInt16LE(local + 26);
    found.push({
      name: archive.toString('utf8', at + 46, at + 46 + nameLength),
      mode: (archive.readUInt32LE(at + 38) >>> 16).toString(8),
      date: archive.readUInt16LE(at + 14),
      data: inflateRawSync(archive.subarray(start, start + archive.readUInt32LE(at + 20))).toString(),
    });
    at += 46 + nameLength;
  }
  expect(at).toBe(end);
  return found;
}

test('holds the files, sorted, readable by all, of 1 January 1980', () => {
  expect(entries(zip(files))).toEqual([
    { name: 'a.js.map', mode: '100644', date: 0x21, data: '{}' },
    { name: 'b.js', mode: '100644', date: 0x21, data: 'exports.handler = 1;'.repeat(20) },
  ]);
});

test('does not depend on the order of the files', () => {
  const reversed = Object.fromEntries(Object.entries(files).reverse());

  expect(zip(reversed).equals(zip(files))).toBe(true);
});
