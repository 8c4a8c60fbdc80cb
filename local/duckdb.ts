import type { DuckDBConnection } from '@duckdb/node-api';

/** A row of a query's result. What JavaScript's numbers cannot hold, such as BIGINT, is a text. */
export type Row = Readonly<Record<string, unknown>>;

/** A database in memory that reads and writes the files of this computer. */
export interface Database {
  /** Runs statements. @returns the rows of the last one. @throws Error with DuckDB's message */
  query(sql: string): Promise<Row[]>;
  /** The tables that a statement names, as `"schema"."table"`. @throws Error where it is no SQL of DuckDB */
  tables(sql: string): string[];
  close(): void;
}

/** DuckDB is missing on this computer. */
export class NoDuckDb extends Error {
  constructor() {
    super(
      "The queries of a local run need DuckDB (@duckdb/node-api, 70 MB), which is not installed: say 'npm ci' in the checkout, without --omit=dev.",
    );
  }
}

/** Whether DuckDB is installed. It is loaded by the first `openDatabase`. */
export function hasDuckDb(): boolean {
  try {
    require.resolve('@duckdb/node-api');
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens a database in memory, in UTC as Athena's.
 *
 * @throws NoDuckDb if DuckDB is not installed
 */
export async function openDatabase(): Promise<Database> {
  if (!hasDuckDb()) throw new NoDuckDb();
  // Loaded here, because it is a native module that few commands need.
  const { DuckDBInstance } = require('@duckdb/node-api') as typeof import('@duckdb/node-api');
  // Nothing may be fetched: what DuckDB does not have built in is not needed.
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    query: (sql) => rowsOf(connection, sql),
    tables: (sql) => [...connection.getTableNames(sql, true)],
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowObjectsJson() as Row[];
}

/** A text as a literal of SQL. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** A name as a quoted identifier of SQL. */
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;
