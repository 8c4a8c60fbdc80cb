import { closeSync, openSync, readSync } from 'node:fs';

/** A value of a row. An integer beyond JavaScript's own is rounded. */
export type SqliteValue = null | number | string | Buffer;
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** A SQLite database file that is read, page by page; indexes, views and what is not yet in the file are not. */
export interface SqliteFile {
  readonly tables: readonly string[];
  /** The rows of a table in the order of their numbers. @throws Error if there is no such table */
  rows(table: string): Generator<SqliteRow>;
  close(): void;
}

/** The file is no SQLite database, or is not complete. */
export class NoSqlite extends Error {}

const MAGIC = 'SQLite format 3\0';
const LEAF = 0x0d;
const INTERIOR = 0x05;

/**
 * Opens a SQLite database, such as a GeoPackage, to read whole tables (SQLite, Database File Format). Node.js has a
 * SQLite of its own from 22.5 on only.
 *
 * @throws NoSqlite if it is none, or the system's error if the file cannot be read
 */
export function openSqlite(path: string): SqliteFile {
  const handle = openSync(path, 'r');
  try {
    return read(handle, path);
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

function read(handle: number, path: string): SqliteFile {
  const bytes = (from: number, length: number): Buffer => {
    const buffer = Buffer.alloc(length);
    if (readSync(handle, buffer, 0, length, from) < length) throw new NoSqlite(`${path} ends too early.`);
    return buffer;
  };
  const header = Buffer.alloc(100);
  readSync(handle, header, 0, 100, 0);
  if (header.toString('latin1', 0, 16) !== MAGIC) throw new NoSqlite(`${path} is no SQLite database.`);
  if (header.readUInt32BE(56) > 1) throw new NoSqlite(`${path} is not written in UTF-8.`);
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const usable = pageSize - header.readUInt8(20);
  const page = (number: number) => bytes((number - 1) * pageSize, pageSize);

  /** The payload of a cell of a leaf: what does not fit is in overflow pages. */
  const payloadOf = (leaf: Buffer, at: number, size: number): Buffer => {
    const most = usable - 35;
    const least = Math.floor(((usable - 12) * 32) / 255) - 23;
    const fitting = least + ((size - least) % (usable - 4));
    const local = size <= most ? size : fitting <= most ? fitting : least;
    const parts = [leaf.subarray(at, at + local)];
    let next = local < size ? leaf.readUInt32BE(at + local) : 0;
    for (let left = size - local; left > 0; left -= usable - 4) {
      if (next === 0) throw new NoSqlite(`${path} is damaged: a row ends too early.`);
      const overflow = page(next);
      parts.push(overflow.subarray(4, 4 + Math.min(left, usable - 4)));
      next = overflow.readUInt32BE(0);
    }
    return Buffer.concat(parts);
  };

  function* cells(number: number): Generator<{ readonly rowid: number; readonly values: SqliteValue[] }> {
    const content = page(number);
    // The first page begins with the file's header.
    const start = number === 1 ? 100 : 0;
    const kind = content.readUInt8(start);
    const count = content.readUInt16BE(start + 3);
    const pointers = start + (kind === INTERIOR ? 12 : 8);
    if (kind !== LEAF && kind !== INTERIOR) throw new NoSqlite(`${path} is damaged: page ${number} is of no table.`);
    for (let index = 0; index < count; index++) {
      const at = content.readUInt16BE(pointers + 2 * index);
      if (kind === INTERIOR) yield* cells(content.readUInt32BE(at));
      else {
        const size = varint(content, at);
        const rowid = varint(content, size.end);
        yield { rowid: rowid.value, values: recordOf(payloadOf(content, rowid.end, size.value)) };
      }
    }
    if (kind === INTERIOR) yield* cells(content.readUInt32BE(start + 8));
  }

  const schema = new Map<string, { readonly root: number; readonly columns: readonly Column[] }>();
  for (const { values } of cells(1)) {
    const [type, name, , root, sql] = values;
    if (type === 'table') schema.set(String(name), { root: Number(root), columns: columnsOf(String(sql)) });
  }
  return {
    tables: [...schema.keys()],
    *rows(table) {
      const known = schema.get(table);
      if (!known) throw new NoSqlite(`${path} has no table '${table}'.`);
      for (const { rowid, values } of cells(known.root)) {
        yield Object.fromEntries(
          known.columns.map(({ name, isRowid }, index) => [name, isRowid ? rowid : (values[index] ?? null)]),
        );
      }
    },
    close: () => closeSync(handle),
  };
}

/** A number of one to nine bytes, seven bits each and eight of the last. */
function varint(buffer: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = buffer.readUInt8(at + index);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  return { value: value * 256 + buffer.readUInt8(at + 8), end: at + 9 };
}

/** Bytes of the integers of serial types 1 to 6. */
const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8];

function recordOf(payload: Buffer): SqliteValue[] {
  const { value: length, end } = varint(payload, 0);
  const values: SqliteValue[] = [];
  for (let at = end, from = length; at < length; ) {
    const type = varint(payload, at);
    at = type.end;
    const { value, bytes } = fieldOf(payload, from, type.value);
    values.push(value);
    from += bytes;
  }
  return values;
}

function fieldOf(payload: Buffer, at: number, type: number): { readonly value: SqliteValue; readonly bytes: number } {
  if (type === 0) return { value: null, bytes: 0 };
  if (type === 8 || type === 9) return { value: type - 8, bytes: 0 };
  if (type === 7) return { value: payload.readDoubleBE(at), bytes: 8 };
  if (type < 7) {
    const bytes = INTEGER_BYTES[type] as number;
    return { value: bytes === 8 ? Number(payload.readBigInt64BE(at)) : payload.readIntBE(at, bytes), bytes };
  }
  const bytes = (type - (type % 2 === 0 ? 12 : 13)) / 2;
  const content = payload.subarray(at, at + bytes);
  return { value: type % 2 === 0 ? Buffer.from(content) : content.toString('utf8'), bytes };
}

interface Column {
  readonly name: string;
  /** INTEGER PRIMARY KEY: it is the row's number, and the record holds NULL in its place. */
  readonly isRowid: boolean;
}

/** The columns of a CREATE TABLE, without its constraints. */
function columnsOf(sql: string): Column[] {
  const body = sql.slice(sql.indexOf('(') + 1, sql.lastIndexOf(')'));
  const definitions = body.match(/(?:"[^"]*"|'[^']*'|\([^()]*(?:\([^()]*\)[^()]*)*\)|[^,("'])+/g) ?? [];
  return definitions.flatMap((definition) => {
    const [, quoted, plain = ''] = /^\s*(?:["`[]([^"`\]]+)["`\]]|(\w+))/.exec(definition) ?? [];
    if (quoted === undefined && /^(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)$/i.test(plain)) return [];
    const name = quoted ?? plain;
    return name === '' ? [] : [{ name, isRowid: /\bINTEGER\b[^,]*\bPRIMARY\s+KEY\b/i.test(definition) }];
  });
}
