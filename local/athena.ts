import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, utimesSync } from 'node:fs';
import {
  type AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  ListTableMetadataCommand,
  type QueryExecution,
  StartQueryExecutionCommand,
  type StartQueryExecutionCommandInput,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { type Statement, statementOf } from './athena-statement';
import type { LocalClock } from './clock';
import { type Database, identifier, literal, type Row, type Uses } from './duckdb';
import { type Access, athenaType, type CatalogTable, type EmbeddedCatalog, filesBelow, placeOf, viewOf } from './glue';
import type { EmbeddedS3 } from './s3';
import { awsError, type Caller, type Service } from './service';

/** A workgroup whose settings are enforced. */
export interface EmbeddedWorkgroup {
  /** Where results go: `s3://bucket/folder/`. */
  readonly outputLocation: string;
  /** A query that reads more bytes is cancelled. Default: none is. */
  readonly scanLimitBytes?: number;
}

/** How one query goes, beside what it says. */
export interface QueryFate {
  /** Why it fails. Default: for its own reasons only. */
  readonly error?: string;
}

interface Query {
  readonly api: QueryExecution;
  readonly waiting: (() => void)[];
  columns: readonly string[];
  rows: readonly Row[];
  /** Set by StopQueryExecution. */
  readonly abort: AbortController;
}

/** Seconds that a query takes however little it reads, and bytes that Athena reads a second; both as seen on small data. */
const LEAST_MS = 2_000;
const BYTES_PER_SECOND = 2 ** 30;

/** Athena: the workgroups' queries, carried out by DuckDB on the files of the embedded S3. */
export class EmbeddedAthena {
  readonly queries = new Map<string, Query>();
  readonly #tokens = new Map<string, string>();
  readonly #workgroups = new Map<string, EmbeddedWorkgroup>();

  /**
   * @param database carries the queries out
   * @param fate how the n-th query goes, from 1
   * @param access hears what is read and written with the credentials of who has started the query
   */
  constructor(
    private readonly clock: LocalClock,
    private readonly service: Service,
    private readonly s3: EmbeddedS3,
    private readonly catalog: EmbeddedCatalog,
    private readonly database: () => Promise<Database>,
    private readonly fate: (query: number, sql: string) => QueryFate = () => ({}),
    private readonly access: Access = () => {},
  ) {
    service
      .on(StartQueryExecutionCommand, (input) => ({ QueryExecutionId: this.#start(input) }))
      .on(GetQueryExecutionCommand, ({ QueryExecutionId }) => ({ QueryExecution: this.#query(QueryExecutionId).api }))
      .on(GetQueryResultsCommand, ({ QueryExecutionId }) => this.#results(this.#query(QueryExecutionId)))
      .on(StopQueryExecutionCommand, ({ QueryExecutionId }) => {
        this.#query(QueryExecutionId).abort.abort();
        return {};
      })
      .on(ListTableMetadataCommand, ({ DatabaseName }) => ({
        TableMetadataList: [...this.catalog.tables.values()]
          .filter(({ database: of }) => of === DatabaseName)
          .map(({ name, columns }) => ({ Name: name, Columns: columns.map((each) => ({ ...each })) })),
      }));
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<AthenaClient, 'send'> {
    return this.service.client(caller) as Pick<AthenaClient, 'send'>;
  }

  define(name: string, workgroup: EmbeddedWorkgroup): void {
    this.#workgroups.set(name, workgroup);
  }

  /** The queries that run. */
  get live(): readonly string[] {
    return [...this.queries].flatMap(([id, { api }]) => (hasEnded(api) ? [] : [id]));
  }

  /** Bytes that each query has read, by its ID. */
  get scanned(): ReadonlyMap<string, number> {
    return new Map([...this.queries].map(([id, { api }]) => [id, api.Statistics?.DataScannedInBytes ?? 0]));
  }

  /** Resolves when a query has ended. */
  async untilEnded(id: string): Promise<QueryExecution> {
    const query = this.#query(id);
    if (!hasEnded(query.api)) await new Promise<void>((resolve) => query.waiting.push(resolve));
    return query.api;
  }

  #query(id = ''): Query {
    const query = this.queries.get(id);
    if (!query) throw awsError('InvalidRequestException', `QueryExecution ${id} was not found`);
    return query;
  }

  #start({
    QueryString = '',
    WorkGroup = '',
    ClientRequestToken,
    QueryExecutionContext,
  }: StartQueryExecutionCommandInput) {
    const workgroup = this.#workgroups.get(WorkGroup);
    if (!workgroup) throw awsError('InvalidRequestException', `WorkGroup ${WorkGroup} is not found.`);
    // A token names one query (Athena API, StartQueryExecution).
    const earlier = ClientRequestToken && this.#tokens.get(ClientRequestToken);
    if (earlier) return earlier;
    const id = randomUUID();
    if (ClientRequestToken) this.#tokens.set(ClientRequestToken, id);
    const query: Query = {
      api: {
        QueryExecutionId: id,
        Query: QueryString,
        WorkGroup,
        QueryExecutionContext: QueryExecutionContext ?? {},
        ResultConfiguration: { OutputLocation: `${workgroup.outputLocation}${id}.csv` },
        Status: { State: 'RUNNING', SubmissionDateTime: this.clock.now() },
        Statistics: { DataScannedInBytes: 0, EngineExecutionTimeInMillis: 0 },
      },
      waiting: [],
      columns: [],
      rows: [],
      abort: new AbortController(),
    };
    this.queries.set(id, query);
    void this.#run(query, workgroup, this.queries.size);
    return id;
  }

  async #run(query: Query, { scanLimitBytes = Number.POSITIVE_INFINITY }: EmbeddedWorkgroup, number: number) {
    const { api, abort } = query;
    const begun = this.clock.now().getTime();
    const end = (State: 'SUCCEEDED' | 'FAILED' | 'CANCELLED', StateChangeReason?: string) => {
      Object.assign(api.Status ?? {}, { State, CompletionDateTime: this.clock.now() });
      if (StateChangeReason !== undefined) Object.assign(api.Status ?? {}, { StateChangeReason });
      Object.assign(api.Statistics ?? {}, { EngineExecutionTimeInMillis: this.clock.now().getTime() - begun });
      for (const tell of query.waiting.splice(0)) tell();
    };
    try {
      const sql = api.Query ?? '';
      const { error } = this.fate(number, sql);
      const statement = statementOf(sql, api.QueryExecutionContext?.Database);
      api.StatementType = statement.kind === 'drop' ? 'DDL' : 'DML';
      const bytes = statement.kind === 'drop' ? 0 : await this.#held(() => this.#look(statement.select, statement));
      Object.assign(api.Statistics ?? {}, { DataScannedInBytes: Math.min(bytes, scanLimitBytes) });
      await this.clock.sleep(LEAST_MS + (bytes / BYTES_PER_SECOND) * 1000, abort.signal);
      if (abort.signal.aborted) return end('CANCELLED', 'Query cancelled by user');
      if (bytes > scanLimitBytes) return end('CANCELLED', 'Query cancelled! : Bytes scanned limit was exceeded');
      if (error !== undefined) return end('FAILED', error);
      await this.#held(() => this.#carryOut(query, statement));
      end('SUCCEEDED');
    } catch (error) {
      end('FAILED', (error as Error).message);
    }
  }

  /** No virtual time passes while DuckDB works. */
  async #held<T>(work: () => Promise<T>): Promise<T> {
    const release = this.clock.hold();
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** Makes the tables that a statement reads known to DuckDB. @returns how many bytes it reads */
  async #look(select: string, { database }: Statement): Promise<number> {
    const db = await this.database();
    let bytes = 0;
    const uses = await db.uses(select);
    const named = new Map(
      uses.tables.map(({ schema, name }) => {
        const of = schema || (database ?? 'default');
        return [`${of}.${name}`, { schema: of, name }];
      }),
    );
    for (const { schema, name } of named.values()) {
      const table = this.catalog.get(schema, name);
      this.access('glue:GetTable', `table/${schema}/${name}`);
      if (!table) throw new Error(`TABLE_NOT_FOUND: Table 'awsdatacatalog.${schema}.${name}' does not exist`);
      await db.query(`CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`);
      await db.query(`CREATE OR REPLACE VIEW ${identifier(schema)}.${identifier(name)} AS ${viewOf(this.s3, table)}`);
      bytes += await this.#bytesOf(table, uses, db);
    }
    if (database !== undefined) {
      await db.query(`CREATE SCHEMA IF NOT EXISTS ${identifier(database)}; USE ${identifier(database)}`);
    }
    return bytes;
  }

  /**
   * Athena reads the whole of a text file, and of Parquet the columns that a query uses (Athena User Guide, Columnar
   * storage formats).
   */
  async #bytesOf(table: CatalogTable, { all, columns }: Uses, db: Database): Promise<number> {
    const { bucket } = placeOf(table.location);
    const files = filesBelow(this.s3, table.location);
    this.access('s3:ListBucket', bucket);
    for (const key of files) this.access('s3:GetObject', `${bucket}/${key}`);
    if (table.format !== 'parquet' || files.length === 0 || all) {
      return files.reduce((sum, key) => sum + this.s3.sizeOf(bucket, key), 0);
    }
    const used = table.columns.filter(({ Name }) => columns.has(Name)).map(({ Name }) => literal(Name));
    if (used.length === 0) return 0;
    const paths = files.map((key) => literal(this.s3.pathOf(bucket, key)));
    const [row] = await db.query(
      `SELECT sum(total_compressed_size)::DOUBLE AS bytes FROM parquet_metadata([${paths.join(', ')}]) WHERE lower(path_in_schema) IN (${used.join(', ')})`,
    );
    return Number(row?.bytes ?? 0);
  }

  async #carryOut(query: Query, statement: Statement): Promise<void> {
    const db = await this.database();
    switch (statement.kind) {
      case 'drop':
        if (!this.catalog.drop(statement.table.database, statement.table.name) && !statement.ifExists) {
          throw new Error(`TABLE_NOT_FOUND: Table ${statement.table.name} does not exist`);
        }
        return;
      case 'create': {
        const { table, buckets, bucketedBy, format, select } = statement;
        // An enforced workgroup writes below its own results (Athena User Guide, CTAS considerations).
        const { location = ownFolder(query.api) } = statement;
        if (this.catalog.get(table.database, table.name)) {
          throw new Error(`TABLE_ALREADY_EXISTS: Table '${table.database}.${table.name}' already exists`);
        }
        await this.#write(db, { select, location, format, buckets, bucketedBy });
        const described = await db.query(`DESCRIBE ${select}`);
        this.access('glue:CreateTable', `table/${table.database}/${table.name}`);
        this.catalog.put({
          ...table,
          location,
          format: 'parquet',
          columns: described.map(({ column_name, column_type }) => ({
            Name: String(column_name).toLowerCase(),
            Type: athenaType(String(column_type)),
          })),
          updatedAt: this.clock.now(),
        });
        return;
      }
      case 'unload':
        return this.#write(db, statement);
      default: {
        const rows = await db.query(statement.select);
        query.rows = rows;
        query.columns = (await db.query(`DESCRIBE ${statement.select}`)).map(({ column_name }) => String(column_name));
        const { bucket, prefix } = placeOf(query.api.ResultConfiguration?.OutputLocation ?? '');
        const cell = (value: unknown) => (value === null ? '' : `"${String(value).replaceAll('"', '""')}"`);
        const lines = [query.columns, ...rows.map((row) => query.columns.map((each) => row[each] ?? null))];
        this.access('s3:PutObject', `${bucket}/${prefix}`);
        this.s3.put(bucket, prefix, lines.map((line) => `${line.map(cell).join(',')}\n`).join(''));
      }
    }
  }

  /** Writes what a query selects below a folder, which must be empty; in one file or none, or one for each bucket. */
  async #write(
    db: Database,
    {
      select,
      location,
      format,
      buckets = 1,
      bucketedBy = [],
    }: { select: string; location: string; format: string; buckets?: number; bucketedBy?: readonly string[] },
  ): Promise<void> {
    const { bucket, prefix } = placeOf(location);
    const folder = prefix.replace(/\/$/, '');
    if (filesBelow(this.s3, location).length > 0) {
      throw new Error(`HIVE_PATH_ALREADY_EXISTS: Target directory ${location} already exists and is not empty`);
    }
    mkdirSync(this.s3.pathOf(bucket, folder), { recursive: true });
    const id = randomUUID().replaceAll('-', '');
    const written: string[] = [];
    const copy = async (from: string, name: string) => {
      const file = this.s3.pathOf(bucket, `${folder}/${name}`);
      written.push(file);
      this.access('s3:PutObject', `${bucket}/${folder}/${name}`);
      await db.query(`COPY (${from}) TO ${literal(file)} (${format})`);
    };
    const suffix = format.includes('PARQUET') ? '.parquet' : '';
    try {
      if (bucketedBy.length === 0) {
        // A query without a row writes no file.
        const [row] = await db.query(`SELECT count(*)::DOUBLE AS n FROM (${select})`);
        if (row?.n !== 0) await copy(select, `${id}${suffix}`);
      } else {
        await db.query(`CREATE OR REPLACE TEMP TABLE bucketed AS ${select}`);
        const keys = bucketedBy.map(identifier).join(', ');
        for (let index = 0; index < buckets; index++) {
          const name = `${id}_bucket-${String(index).padStart(5, '0')}${suffix}`;
          await copy(`SELECT * FROM bucketed WHERE hash(${keys}) % ${buckets} = ${index}`, name);
        }
      }
    } catch (error) {
      for (const file of written) rmSync(file, { force: true });
      throw error;
    }
    for (const file of written) if (existsSync(file)) utimesSync(file, this.clock.now(), this.clock.now());
  }

  #results({ api, rows, columns }: Query) {
    if (api.Status?.State !== 'SUCCEEDED') {
      throw awsError(
        'InvalidRequestException',
        `Query did not finish successfully. Final query state: ${api.Status?.State}`,
      );
    }
    const data = (cells: readonly unknown[]) => ({
      Data: cells.map((value) => (value === null || value === undefined ? {} : { VarCharValue: String(value) })),
    });
    return {
      ResultSet: {
        // The header is the first row (Athena API, GetQueryResults).
        Rows: [
          ...(columns.length > 0 ? [data(columns)] : []),
          ...rows.map((row) => data(columns.map((each) => row[each]))),
        ],
        ResultSetMetadata: { ColumnInfo: columns.map((Name) => ({ Name, Type: 'varchar' })) },
      },
    };
  }
}

const ownFolder = ({ ResultConfiguration, QueryExecutionId }: QueryExecution) =>
  `${ResultConfiguration?.OutputLocation?.replace(/[^/]*$/, '')}tables/${QueryExecutionId}/`;

const hasEnded = ({ Status }: QueryExecution) => !['QUEUED', 'RUNNING'].includes(Status?.State ?? '');
