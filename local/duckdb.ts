import type { DuckDBConnection } from '@duckdb/node-api';

/** A row of a query's result. What JavaScript's numbers cannot hold, such as BIGINT, is a text. */
export type Row = Readonly<Record<string, unknown>>;

/** The tables and columns that a SELECT names, in lower case. */
export interface Uses {
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  /** Whether all columns are meant: `SELECT *`. */
  readonly all: boolean;
  readonly columns: ReadonlySet<string>;
}

/** A database in memory that reads and writes the files of this computer. */
export interface Database {
  /** Runs statements. @returns the rows of the last one. @throws Error with DuckDB's message */
  query(sql: string): Promise<Row[]>;
  /** What a SELECT names. @throws Error where it is no SELECT of DuckDB's SQL */
  uses(select: string): Promise<Uses>;
  /** Ends it, and the queries that run. */
  close(): Promise<void>;
}

/** DuckDB is missing on this computer. */
export class NoDuckDb extends Error {
  constructor() {
    super(
      "The queries of a local run need DuckDB (@duckdb/node-api, 70 MB), which is not installed: say 'npm ci' in the checkout, or 'npm install @duckdb/node-api' beside the package.",
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
  const running = new Set<Promise<unknown>>();
  const query = async (sql: string): Promise<Row[]> => {
    const rows = rowsOf(connection, sql);
    running.add(rows);
    try {
      return await rows;
    } finally {
      running.delete(rows);
    }
  };
  return {
    query,
    uses: async (select) => {
      const [row] = await query(`SELECT json_serialize_sql(${literal(select)}) AS tree`);
      const tree = JSON.parse(String(row?.tree)) as { error: boolean; error_message?: string };
      if (tree.error) throw new Error(String(tree.error_message));
      return usesOf(tree);
    },
    close: async () => {
      // A connection that is closed while a query runs waits for it, and the query for this thread.
      connection.interrupt();
      await Promise.allSettled(running);
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Reads the tree of a SELECT as DuckDB serialises it. What a WITH names is no table. */
function usesOf(tree: unknown): Uses {
  const tables: { schema: string; name: string }[] = [];
  const columns = new Set<string>();
  const own = new Set<string>();
  let all = false;
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const each of node) walk(each);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const { type, table_name, schema_name, column_names, cte_map } = node as Record<string, unknown>;
    if (type === 'BASE_TABLE') {
      tables.push({ schema: String(schema_name).toLowerCase(), name: String(table_name).toLowerCase() });
    }
    if (type === 'STAR') all = true;
    if (type === 'COLUMN_REF') columns.add(String((column_names as string[]).at(-1)).toLowerCase());
    for (const { key } of (cte_map as { map?: { key: string }[] } | undefined)?.map ?? []) own.add(key.toLowerCase());
    for (const each of Object.values(node)) walk(each);
  };
  walk(tree);
  return { tables: tables.filter(({ schema, name }) => schema !== '' || !own.has(name)), all, columns };
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowObjectsJson() as Row[];
}

/** A text as a literal of SQL. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** A name as a quoted identifier of SQL. */
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;
