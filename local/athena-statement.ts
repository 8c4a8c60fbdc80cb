/** A table's name, with its database. */
interface Named {
  readonly database: string;
  readonly name: string;
}

/** A statement of Athena, as far as DuckDB needs it otherwise: what is written around the SELECT. */
export type Statement = {
  /** The database of names that have none. */
  readonly database: string | undefined;
} & (
  | { readonly kind: 'select'; readonly select: string }
  | { readonly kind: 'drop'; readonly table: Named; readonly ifExists: boolean }
  | ({
      readonly kind: 'create';
      readonly table: Named;
      /** `s3://bucket/folder/`. Default: one of the workgroup's. */
      readonly location?: string;
    } & Written)
  | ({ readonly kind: 'unload'; readonly location: string } & Written)
);

interface Written {
  readonly select: string;
  /** The options of DuckDB's COPY. */
  readonly format: string;
  readonly buckets?: number;
  readonly bucketedBy?: readonly string[];
}

const NAME = '(?:"[^"]+"|`[^`]+`|\\w+)';
const TABLE = `(?:(${NAME})\\.)?(${NAME})`;
const DROP = new RegExp(`^DROP\\s+TABLE\\s+(IF\\s+EXISTS\\s+)?${TABLE}$`, 'i');
const CREATE = new RegExp(`^CREATE\\s+TABLE\\s+${TABLE}\\s+WITH\\s*(?=\\()`, 'i');
const UNLOAD = /^UNLOAD\s*(?=\()/i;

/**
 * Reads a statement of Athena's SQL: SELECT, CREATE TABLE … WITH (…) AS SELECT, UNLOAD (…) TO … WITH (…), DROP TABLE.
 * The SELECT itself is kept to what Trino and DuckDB both have.
 *
 * @throws Error with a message of Athena's manner for any other statement, and for properties that are not known here
 */
export function statementOf(text: string, database: string | undefined): Statement {
  const sql = text.trim().replace(/;$/, '').trim();
  const named = (schema: string | undefined, name = ''): Named => {
    const of = schema === undefined ? database : bare(schema);
    if (of === undefined) throw new Error(`Table ${bare(name)} has no database: name it with its database.`);
    return { database: of, name: bare(name) };
  };
  if (/^(SELECT|WITH)\b/i.test(sql)) return { kind: 'select', select: sql, database };
  const drop = DROP.exec(sql);
  if (drop) return { kind: 'drop', table: named(drop[2], drop[3]), ifExists: drop[1] !== undefined, database };
  const create = CREATE.exec(sql);
  if (create) {
    const [properties, rest] = parenthesis(sql.slice(create[0].length));
    const select = /^AS\s+([\s\S]+)$/i.exec(rest)?.[1];
    if (select === undefined) throw new Error(`FAILED: ParseException: CREATE TABLE needs AS SELECT: ${excerpt(sql)}`);
    const { external_location: location, ...others } = propertiesOf(properties);
    const { bucketed_by, bucket_count, ...format } = others;
    return {
      kind: 'create',
      table: named(create[1], create[2]),
      select: unwrapped(select),
      ...(location !== undefined && { location: folder(String(location)) }),
      format: copyOptions(format),
      ...(bucketed_by !== undefined && { bucketedBy: bucketed_by as string[], buckets: Number(bucket_count) }),
      database,
    };
  }
  if (UNLOAD.test(sql)) {
    const [select, rest] = parenthesis(sql.slice((UNLOAD.exec(sql) as RegExpExecArray)[0].length));
    const [, location, properties = '()'] = /^TO\s+'([^']+)'\s*(?:WITH\s*(\([\s\S]*\)))?$/i.exec(rest) ?? [];
    if (location === undefined) throw new Error(`FAILED: ParseException: UNLOAD needs TO 's3://…': ${excerpt(sql)}`);
    const format = copyOptions(propertiesOf(parenthesis(properties)[0]));
    return { kind: 'unload', select: unwrapped(select), location: folder(location), format, database };
  }
  throw new Error(
    `The embedded Athena carries out SELECT, CREATE TABLE AS, UNLOAD and DROP TABLE, not: ${excerpt(sql)}`,
  );
}

const bare = (name: string) => name.replace(/^["`]|["`]$/g, '').toLowerCase();
const folder = (location: string) => (location.endsWith('/') ? location : `${location}/`);
const excerpt = (sql: string) => (sql.length > 80 ? `${sql.slice(0, 80)}…` : sql);

/** A query without the parentheses around all of it. */
function unwrapped(select: string): string {
  const text = select.trim();
  if (!text.startsWith('(')) return text;
  const [inner, rest] = parenthesis(text);
  return rest === '' ? unwrapped(inner) : text;
}

/** The content of the parenthesis that a text begins with, and the rest of the text. */
function parenthesis(text: string): readonly [string, string] {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]/g)) {
    if (token === '(') depth++;
    else if (token === ')' && --depth === 0) return [text.slice(1, index).trim(), text.slice(index + 1).trim()];
  }
  throw new Error(`FAILED: ParseException: a parenthesis is not closed: ${excerpt(text)}`);
}

type Properties = Readonly<Record<string, string | number | readonly string[]>>;

function propertiesOf(text: string): Properties {
  const pattern = /(\w+)\s*=\s*(?:'((?:[^']|'')*)'|ARRAY\s*\[([^\]]*)\]|(\d+))\s*(?:,|$)/gi;
  return Object.fromEntries(
    Array.from(text.matchAll(pattern), ([, name = '', quoted, array, number]) => [
      name.toLowerCase(),
      quoted?.replaceAll("''", "'") ??
        array?.split(',').map((each) => each.trim().replace(/^'|'$/g, '')) ??
        Number(number),
    ]),
  );
}

/** The options of DuckDB's COPY for the properties of a table or an UNLOAD (Athena User Guide, UNLOAD and CTAS). */
function copyOptions({ format = 'PARQUET', field_delimiter = '\u0001', ...rest }: Properties): string {
  const { compression, write_compression = compression, ...unknown } = rest;
  const [other] = Object.keys(unknown);
  if (other !== undefined) throw new Error(`The embedded Athena does not know the property ${other}.`);
  if (/^PARQUET$/i.test(String(format))) return `FORMAT PARQUET, COMPRESSION ${String(write_compression ?? 'SNAPPY')}`;
  if (!/^TEXTFILE$/i.test(String(format))) throw new Error(`The embedded Athena does not write ${String(format)}.`);
  const packed = write_compression === undefined || /^GZIP$/i.test(String(write_compression));
  // Athena packs text with gzip unless it is told otherwise, and quotes nothing.
  const delimiter = String(field_delimiter).replaceAll("'", "''");
  return `FORMAT CSV, HEADER false, DELIMITER '${delimiter}', QUOTE '', NULLSTR '\\N', COMPRESSION ${packed ? 'gzip' : 'none'}`;
}
