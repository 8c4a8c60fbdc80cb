import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from '../../files/sqlite';
import { describeWith } from '../support/tools';

const folder = mkdtempSync(join(tmpdir(), 'sqlite-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Each page size that SQLite has; 100,000 bytes do not fit in a page, and 3,000 rows not in a leaf. */
const PROGRAM = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute(f"PRAGMA page_size = {sys.argv[2]}")
database.execute('''CREATE TABLE "all kinds" (id INTEGER PRIMARY KEY, "a b" TEXT, price DECIMAL(10, 2), raw BLOB,
  CHECK (length("a b") >= 0), UNIQUE (id, raw))''')
rows = [(n * 7, f"name {n} ʻ", n / 4, bytes([n % 256]) * (n % 50)) for n in range(1, 3001)]
rows += [(30_000, "x" * 100_000, -1, None), (2**40, "", 2**45, b"z" * 5000), (2**41, None, -(2**20), b"")]
database.executemany('INSERT INTO "all kinds" VALUES (?, ?, ?, ?)', rows)
database.execute("CREATE INDEX i ON \\"all kinds\\" (price)")
database.execute("CREATE TABLE empty (a, b)")
database.commit()
`;

describeWith(['python3'], 'a file that SQLite has written', () => {
  test.each([512, 1024, 4096, 65_536])('is read in pages of %d bytes', (pageSize) => {
    const path = join(folder, `${pageSize}.db`);
    const { status, stderr } = spawnSync('python3', ['-c', PROGRAM, path, String(pageSize)], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const file = openSqlite(path);
    const rows = [...file.rows('all kinds')];

    expect(file.tables).toEqual(['all kinds', 'empty']);
    expect([...file.rows('empty')]).toEqual([]);
    expect(rows).toHaveLength(3003);
    expect(rows[0]).toEqual({ id: 7, 'a b': 'name 1 ʻ', price: 0.25, raw: Buffer.from([1]) });
    expect(rows[2999]).toEqual({ id: 21_000, 'a b': 'name 3000 ʻ', price: 750, raw: Buffer.alloc(0) });
    expect(rows.slice(3000)).toEqual([
      { id: 30_000, 'a b': 'x'.repeat(100_000), price: -1, raw: null },
      { id: 2 ** 40, 'a b': '', price: 2 ** 45, raw: Buffer.alloc(5000, 'z') },
      { id: 2 ** 41, 'a b': null, price: -(2 ** 20), raw: Buffer.alloc(0) },
    ]);
    file.close();
  });
});
