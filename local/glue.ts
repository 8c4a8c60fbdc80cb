import type { LocalClock } from './clock';
import { type Database, identifier, literal } from './duckdb';
import type { EmbeddedS3 } from './s3';
import { awsError, type Service } from './service';

/** Hears what is done with somebody's credentials: an action of IAM, and a bucket, `bucket/key` or `table/database/name`. */
export type Access = (action: string, resource: string) => void;

/** A column, with its type by Athena's name: `bigint`, `double`, `string`. */
export interface Column {
  readonly Name: string;
  readonly Type: string;
}

/** A table of the Data Catalog: what files mean. */
export interface CatalogTable {
  readonly database: string;
  readonly name: string;
  /** `s3://bucket/folder/` */
  readonly location: string;
  /** How its files are written: Parquet, or text with a header whose fields this character parts. */
  readonly format: 'parquet' | { readonly delimiter: string };
  readonly columns: readonly Column[];
  /** Of the files that a crawl has found. */
  readonly bytes?: number;
  readonly updatedAt: Date;
}

/** The Data Catalog. Names are lower case, as Glue keeps them. */
export class EmbeddedCatalog {
  readonly tables = new Map<string, CatalogTable>();

  get(database: string, name: string): CatalogTable | undefined {
    return this.tables.get(keyOf(database, name));
  }

  put(table: CatalogTable): void {
    this.tables.set(keyOf(table.database, table.name), table);
  }

  /** @returns whether there was one */
  drop(database: string, name: string): boolean {
    return this.tables.delete(keyOf(database, name));
  }
}

const keyOf = (database: string, name: string) => `${database}.${name}`.toLowerCase();

/** A crawler, as far as it decides what is crawled. */
export interface EmbeddedCrawler {
  readonly database: string;
  /** Folders: `s3://bucket/folder/`. Each becomes a table. */
  readonly targets: readonly string[];
  /** Before the name of each table. Default: nothing. */
  readonly tablePrefix?: string;
}

/** How one crawl goes. */
export interface Crawl {
  /** Milliseconds from StartCrawler until it runs; READY with the crawl before until then. Default: 0. */
  readonly beginsAfter?: number;
  /** How long it runs, in milliseconds. Infinity: it never ends. Default: ten minutes. */
  readonly takes?: number;
  /** Why it fails. Default: it succeeds. */
  readonly error?: string;
}

interface Crawling extends EmbeddedCrawler {
  targets: readonly string[];
  state: 'READY' | 'RUNNING' | 'STOPPING';
  /** Whether a crawl was started that has not ended. */
  busy: boolean;
  startedAt?: Date;
  lastCrawl?: { readonly Status: 'SUCCEEDED' | 'FAILED'; readonly StartTime: string; readonly ErrorMessage?: string };
}

const CRAWL_MS = 600_000;
/** A crawler writes to the catalog while it is STOPPING (AWS Glue API, Crawler): about a minute. */
const STOPPING_MS = 60_000;

/** AWS Glue: crawlers that look at the files of S3, and the tables that they make in the Data Catalog. */
export class EmbeddedGlue {
  /** How many crawls have begun. */
  crawls = 0;
  readonly #crawlers = new Map<string, Crawling>();

  /**
   * @param database looks at the files
   * @param crawl how the n-th crawl goes, from 1
   * @param access hears what a crawler does with its role
   */
  constructor(
    private readonly clock: LocalClock,
    private readonly service: Service,
    private readonly s3: EmbeddedS3,
    private readonly catalog: EmbeddedCatalog,
    private readonly database: () => Promise<Database>,
    private readonly crawl: (crawl: number) => Crawl = () => ({}),
    private readonly access: Access = () => {},
  ) {}

  define(name: string, crawler: EmbeddedCrawler): void {
    this.#crawlers.set(name, { ...crawler, state: 'READY', busy: false });
  }

  /** The crawlers that run. */
  get live(): readonly string[] {
    return [...this.#crawlers].flatMap(([name, { busy }]) => (busy ? [name] : []));
  }

  startCrawler(parameters: unknown): Promise<unknown> {
    const { Name } = parameters as { Name: string };
    return this.service.call('StartCrawler', parameters, () => {
      const crawler = this.#crawler(Name);
      if (crawler.busy) throw awsError('CrawlerRunningException', `Crawler with name ${Name} has already started`);
      void this.#run(crawler);
      return {};
    });
  }

  updateCrawler(parameters: unknown): Promise<unknown> {
    const { Name, Targets } = parameters as { Name: string; Targets?: { S3Targets?: { Path: string }[] } };
    return this.service.call('UpdateCrawler', parameters, () => {
      const crawler = this.#crawler(Name);
      if (crawler.busy) throw awsError('CrawlerRunningException', `Crawler with name ${Name} is running`);
      if (Targets) crawler.targets = (Targets.S3Targets ?? []).map(({ Path }) => Path);
      return {};
    });
  }

  getCrawler(parameters: unknown): Promise<unknown> {
    const { Name } = parameters as { Name: string };
    return this.service.call('GetCrawler', parameters, () => {
      const { state, database, targets, tablePrefix, startedAt, lastCrawl } = this.#crawler(Name);
      return {
        Crawler: {
          Name,
          State: state,
          DatabaseName: database,
          Targets: { S3Targets: targets.map((Path) => ({ Path })) },
          ...(tablePrefix !== undefined && { TablePrefix: tablePrefix }),
          CrawlElapsedTime: startedAt ? this.clock.now().getTime() - startedAt.getTime() : 0,
          ...(lastCrawl && { LastCrawl: lastCrawl }),
        },
      };
    });
  }

  getTable(parameters: unknown): Promise<unknown> {
    const { DatabaseName, Name } = parameters as { DatabaseName: string; Name: string };
    return this.service.call('GetTable', parameters, () => {
      const table = this.catalog.get(DatabaseName, Name);
      if (!table) throw awsError('EntityNotFoundException', `Entity Not Found (Table ${Name} not found)`);
      const { columns, location, updatedAt, format, bytes } = table;
      return {
        Table: {
          Name: table.name,
          DatabaseName: table.database,
          UpdateTime: updatedAt.toISOString(),
          StorageDescriptor: { Columns: columns, Location: location },
          Parameters: {
            classification: format === 'parquet' ? 'parquet' : 'csv',
            ...(bytes !== undefined && { sizeKey: String(bytes) }),
          },
          TableType: 'EXTERNAL_TABLE',
        },
      };
    });
  }

  createTable(parameters: unknown): Promise<unknown> {
    const { DatabaseName, TableInput } = parameters as {
      DatabaseName: string;
      TableInput: { Name: string; StorageDescriptor: { Columns: Column[]; Location: string } };
    };
    const { Name, StorageDescriptor } = TableInput;
    return this.service.call('CreateTable', parameters, () => {
      if (this.catalog.get(DatabaseName, Name))
        throw awsError('AlreadyExistsException', `Table ${Name} already exists.`);
      this.catalog.put({
        database: DatabaseName,
        name: Name,
        location: StorageDescriptor.Location,
        format: 'parquet',
        columns: StorageDescriptor.Columns,
        updatedAt: this.clock.now(),
      });
      return {};
    });
  }

  batchDeleteTable(parameters: unknown): Promise<unknown> {
    const { DatabaseName, TablesToDelete } = parameters as { DatabaseName: string; TablesToDelete: string[] };
    return this.service.call('BatchDeleteTable', parameters, () => {
      const missing = TablesToDelete.filter((name) => !this.catalog.drop(DatabaseName, name));
      return {
        Errors: missing.map((TableName) => ({
          TableName,
          ErrorDetail: { ErrorCode: 'EntityNotFoundException', ErrorMessage: 'Table not found' },
        })),
      };
    });
  }

  #crawler(name: string): Crawling {
    const crawler = this.#crawlers.get(name);
    if (!crawler) throw awsError('EntityNotFoundException', `Crawler ${name} not found`);
    return crawler;
  }

  async #run(crawler: Crawling): Promise<void> {
    const { beginsAfter = 0, takes = CRAWL_MS, error } = this.crawl(++this.crawls);
    crawler.busy = true;
    if (beginsAfter > 0) await this.clock.sleep(beginsAfter);
    const begun = this.clock.now();
    crawler.startedAt = begun;
    crawler.state = 'RUNNING';
    if (takes === Number.POSITIVE_INFINITY) return;
    await this.clock.sleep(takes);
    const end = (failed: string | undefined) => {
      crawler.lastCrawl = {
        Status: failed === undefined ? 'SUCCEEDED' : 'FAILED',
        StartTime: begun.toISOString(),
        ...(failed !== undefined && { ErrorMessage: failed }),
      };
    };
    let failed = error;
    if (failed === undefined) {
      try {
        for (const target of crawler.targets) await this.#look(crawler, target);
      } catch (thrown) {
        failed = (thrown as Error).message;
      }
    }
    crawler.state = 'STOPPING';
    await this.clock.sleep(STOPPING_MS);
    end(failed);
    crawler.state = 'READY';
    crawler.busy = false;
  }

  /**
   * Makes the table of a folder. An empty folder has none. Where files below it do not look alike, each file and each
   * folder in it becomes a table (AWS Glue Developer Guide, How a crawler determines when to create partitions).
   */
  async #look({ database, tablePrefix = '' }: Crawling, target: string): Promise<void> {
    const { bucket, prefix } = placeOf(target);
    this.access('s3:ListBucket', bucket);
    const groups = new Map<string, string[]>();
    for (const key of filesBelow(this.s3, target)) {
      this.access('s3:GetObject', `${bucket}/${key}`);
      const [first = '', ...rest] = key.slice(prefix.length).split('/');
      const group = rest.length > 0 ? `${first}/` : '';
      groups.set(group, [...(groups.get(group) ?? []), key]);
    }
    const release = this.clock.hold();
    try {
      const looked = await Promise.all(
        [...groups].map(async ([group, files]) => ({ group, files, ...(await this.#described(target, files)) })),
      );
      const shape = ({ format, columns }: (typeof looked)[number]) => JSON.stringify([format, columns]);
      const alike = new Set(looked.map(shape)).size <= 1;
      const put = (folder: string, location: string, { format, columns, files }: (typeof looked)[number]) => {
        // What is no letter, digit or _ of a folder's name becomes _ (AWS Glue Developer Guide, How a crawler works).
        const name = tablePrefix + folder.toLowerCase().replace(/[^a-z0-9_]/g, '_');
        const action = this.catalog.get(database, name) ? 'glue:UpdateTable' : 'glue:CreateTable';
        this.access(action, `table/${database}/${name}`);
        this.catalog.put({
          database,
          name,
          ...{ location, format, columns, updatedAt: this.clock.now() },
          bytes: (alike ? looked.flatMap((each) => each.files) : files).reduce(
            (sum, key) => sum + this.s3.sizeOf(bucket, key),
            0,
          ),
        });
      };
      for (const one of alike ? looked.slice(0, 1) : looked) {
        if (alike) put(target.replace(/\/$/, '').split('/').at(-1) ?? '', target, one);
        else if (one.group) put(one.group.slice(0, -1), target + one.group, one);
        else for (const key of one.files) put(key.split('/').at(-1) ?? '', target, one);
      }
    } finally {
      release();
    }
  }

  async #described(target: string, files: readonly string[]): Promise<Pick<CatalogTable, 'format' | 'columns'>> {
    const format = formatOf(this.s3, files[0] as string, target);
    const described = await (await this.database()).query(
      `DESCRIBE SELECT * FROM ${readerOf(format, pathsOf(this.s3, target, files), 'as they look')}`,
    );
    return {
      format,
      columns: described.map(({ column_name, column_type }) => ({
        Name: String(column_name).toLowerCase(),
        Type: athenaType(String(column_type)),
      })),
    };
  }
}

/** The bucket and the prefix of `s3://bucket/prefix`. */
export function placeOf(location: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(location) ?? [];
  return { bucket, prefix };
}

/** The keys of the files below a folder that are data: those that begin with `_` or `.` are not. */
export function filesBelow(s3: EmbeddedS3, location: string): string[] {
  const { bucket, prefix } = placeOf(location);
  return s3.list(bucket, prefix).filter((key) => !/(^|\/)[_.][^/]*$/.test(key) && s3.sizeOf(bucket, key) > 0);
}

/** The files of this computer that keys of a location's bucket are. */
export function pathsOf(s3: EmbeddedS3, location: string, keys: readonly string[]): string[] {
  const { bucket } = placeOf(location);
  return keys.map((key) => s3.pathOf(bucket, key));
}

function formatOf(s3: EmbeddedS3, key: string, location: string): CatalogTable['format'] {
  const [header = ''] = s3.beginningOf(placeOf(location).bucket, key).split('\n');
  if (header.startsWith('PAR1')) return 'parquet';
  return { delimiter: header.includes('\t') ? '\t' : ',' };
}

/**
 * What reads files in DuckDB's SQL. A tab parts GBIF's fields, which nothing quotes.
 *
 * @param columns as they look: with the types that their values have; as text: every one is text
 */
export function readerOf(
  format: CatalogTable['format'],
  paths: readonly string[],
  columns: 'as they look' | 'as text',
): string {
  const files = `[${paths.map(literal).join(', ')}]`;
  if (format === 'parquet') return `read_parquet(${files}, union_by_name = true)`;
  const quotes = format.delimiter === '\t' ? `quote = '', escape = ''` : `quote = '"', escape = '"'`;
  const types =
    columns === 'as text'
      ? "all_varchar = true, nullstr = '\\N'"
      : "auto_type_candidates = ['BIGINT', 'DOUBLE', 'VARCHAR'], nullstr = ['', '\\N']";
  return `read_csv(${files}, delim = ${literal(format.delimiter)}, header = true, ${quotes}, ${types})`;
}

const ATHENA_TYPES: Readonly<Record<string, string>> = {
  VARCHAR: 'string',
  INTEGER: 'int',
  HUGEINT: 'decimal(38,0)',
  FLOAT: 'float',
  'TIMESTAMP WITH TIME ZONE': 'timestamp',
};

/** Athena's name of a type of DuckDB. */
export const athenaType = (type: string) => ATHENA_TYPES[type] ?? type.toLowerCase();

/** What reads a table in DuckDB's SQL. A number of a text file that is none is NULL, as Hive's reader has it. */
export function viewOf(s3: EmbeddedS3, { location, format, columns }: CatalogTable): string {
  const files = filesBelow(s3, location);
  const names = columns.map(({ Name, Type }) => ({ name: identifier(Name), type: duckType(Type) }));
  if (files.length === 0) {
    return `SELECT ${names.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${name}`).join(', ')} WHERE false`;
  }
  const text = format !== 'parquet';
  const fields = names.map(({ name, type }) =>
    text && type !== 'VARCHAR' ? `TRY_CAST(NULLIF(${name}, '') AS ${type}) AS ${name}` : name,
  );
  return `SELECT ${fields.join(', ')} FROM ${readerOf(format, pathsOf(s3, location, files), 'as text')}`;
}

const duckType = (type: string) => (type === 'string' ? 'VARCHAR' : type === 'int' ? 'INTEGER' : type.toUpperCase());
