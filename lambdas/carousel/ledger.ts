import { createHash } from 'node:crypto';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, type Conditions } from './query';

export type Dynamo = Pick<DynamoDBClient, 'send'>;

/** The two tables of a deployment. */
export interface Tables {
  /** The files' metadata: `BasicFusionFiles`. */
  readonly files: string;
  /** Requests, their files, and turns: `DataCarouselJobs`. */
  readonly jobs: string;
}

/** A row. Lists are of strings. */
export type Row = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** The index of requests that wait, the oldest first. A request that does not wait has no `waiting`, and is not in it. */
export const WAITING_INDEX = { name: 'Waiting', hash: 'waiting', range: 'since' } as const;

/** The indexes of the files' table. */
export const FILE_INDEXES = [
  { name: 'MISR_Path', hash: 'MISR_Path', range: 'FilePath' },
  { name: 'YearMonth', hash: 'YearMonth', range: 'FilePath' },
] as const;

/** The parts of a turn: `turn`, `file#...` and `job#...` of `turn#<id>`. */
export const KEYS = {
  request: (id: string) => ({ pk: `request#${id}`, sk: 'request' }),
  requestFile: (id: string, key: string) => ({ pk: `request#${id}`, sk: `file#${hashOf(key)}` }),
  turn: (id: string) => ({ pk: `turn#${id}`, sk: 'turn' }),
  turnFile: (id: string, key: string) => ({ pk: `turn#${id}`, sk: `file#${hashOf(key)}` }),
  turnJob: (id: string, job: string) => ({ pk: `turn#${id}`, sk: `job#${job}` }),
  /** The one turn that runs. */
  running: { pk: 'turn', sk: 'running' },
} as const;

/** A short name of a key or another text, the same each time: a sort key holds 1,024 bytes, and so does a key of S3. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 20);
}

/** Longest batch of BatchWriteItem (API reference). */
const BATCH = 25;

/** Reads and writes rows of one table. Every read is consistent but those of an index. */
export class Ledger {
  constructor(
    private readonly dynamo: Dynamo,
    readonly table: string,
  ) {}

  async get(key: Row): Promise<Row | undefined> {
    const { Item } = await this.dynamo.send(
      new GetItemCommand({ TableName: this.table, Key: toItem(key), ConsistentRead: true }),
    );
    return Item && toRow(Item);
  }

  /** The rows of a partition whose sort key begins with a text. */
  async query(pk: string, begins: string, pages = Number.POSITIVE_INFINITY): Promise<Row[]> {
    return this.#pages(
      {
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :begins)',
        ExpressionAttributeValues: toItem({ ':pk': pk, ':begins': begins }),
        ConsistentRead: true,
      },
      pages,
    );
  }

  /** The rows of an index with a value, in the order of its other key. */
  async index(IndexName: string, attribute: string, value: string): Promise<Row[]> {
    return this.#pages({
      IndexName,
      KeyConditionExpression: '#attribute = :value',
      ExpressionAttributeNames: { '#attribute': attribute },
      ExpressionAttributeValues: toItem({ ':value': value }),
    });
  }

  async #pages(query: object, pages = Number.POSITIVE_INFINITY): Promise<Row[]> {
    const rows: Row[] = [];
    let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
    for (let page = 0; page < pages; page++) {
      const found = await this.dynamo.send(new QueryCommand({ TableName: this.table, ...query, ExclusiveStartKey }));
      rows.push(...(found.Items ?? []).map(toRow));
      ExclusiveStartKey = found.LastEvaluatedKey;
      if (!ExclusiveStartKey) break;
    }
    return rows;
  }

  /** Every row, in parts. */
  async scan(): Promise<Row[]> {
    const rows: Row[] = [];
    let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
    do {
      const found = await this.dynamo.send(new ScanCommand({ TableName: this.table, ExclusiveStartKey }));
      rows.push(...(found.Items ?? []).map(toRow));
      ExclusiveStartKey = found.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return rows;
  }

  /** Writes a row that is not there yet. @returns whether it was written */
  async create(row: Row, unless = 'pk'): Promise<boolean> {
    return happened(
      this.dynamo.send(
        new PutItemCommand({
          TableName: this.table,
          Item: toItem(row),
          ConditionExpression: 'attribute_not_exists(#key)',
          ExpressionAttributeNames: { '#key': unless },
        }),
      ),
    );
  }

  /** Writes rows, whatever is there. */
  async putAll(rows: readonly Row[]): Promise<void> {
    await this.#batches(rows.map((row) => ({ PutRequest: { Item: toItem(row) } })));
  }

  async #batches(all: readonly object[]): Promise<void> {
    let left = [...all];
    while (left.length > 0) {
      const batch = left.splice(0, BATCH);
      const { UnprocessedItems } = await this.dynamo.send(
        new BatchWriteItemCommand({ RequestItems: { [this.table]: batch } }),
      );
      left = [...(UnprocessedItems?.[this.table] ?? []), ...left];
    }
  }

  /** Deletes a row, where an attribute has a value. @returns whether it had */
  async remove(key: Row, attribute: string, value: string): Promise<boolean> {
    return happened(
      this.dynamo.send(
        new DeleteItemCommand({
          TableName: this.table,
          Key: toItem(key),
          ConditionExpression: '#attribute = :value',
          ExpressionAttributeNames: { '#attribute': attribute },
          ExpressionAttributeValues: toItem({ ':value': value }),
        }),
      ),
    );
  }

  /**
   * Changes attributes of a row, where the condition holds.
   *
   * @param set attributes to set; those that are undefined are removed
   * @param when values that attributes must have: one of a list, or undefined for none; default: no condition
   * @param add numbers to add; default: none
   * @returns the whole row afterwards; undefined where the condition does not hold
   */
  async update(
    key: Row,
    set: Row,
    when: Readonly<Record<string, string | readonly string[] | undefined>> = {},
    add: Readonly<Record<string, number>> = {},
  ): Promise<Row | undefined> {
    const names: Record<string, string> = {};
    const values: Record<string, string | number | boolean | readonly string[]> = {};
    const name = (attribute: string) => {
      names[`#${attribute}`] = attribute;
      return `#${attribute}`;
    };
    const value = (label: string, each: string | number | boolean | readonly string[]) => {
      values[`:${label}`] = each;
      return `:${label}`;
    };
    const sets = Object.entries(set).flatMap(([attribute, each]) =>
      each === undefined ? [] : [`${name(attribute)} = ${value(attribute, each)}`],
    );
    const removes = Object.entries(set).flatMap(([attribute, each]) => (each === undefined ? [name(attribute)] : []));
    const adds = Object.entries(add).map(
      ([attribute, each]) => `${name(attribute)} ${value(`add_${attribute}`, each)}`,
    );
    const conditions = Object.entries(when).map(([attribute, each]) => {
      if (each === undefined) return `attribute_not_exists(${name(attribute)})`;
      const options = [each].flat().map((option, index) => value(`when_${attribute}_${index}`, option));
      return `${name(attribute)} IN (${options.join(', ')})`;
    });
    const clauses = [
      ...(sets.length > 0 ? [`SET ${sets.join(', ')}`] : []),
      ...(removes.length > 0 ? [`REMOVE ${removes.join(', ')}`] : []),
      ...(adds.length > 0 ? [`ADD ${adds.join(', ')}`] : []),
    ];
    try {
      const { Attributes } = await this.dynamo.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: toItem(key),
          UpdateExpression: clauses.join(' '),
          ...(conditions.length > 0 && { ConditionExpression: conditions.join(' AND ') }),
          ExpressionAttributeNames: names,
          ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: toItem(values) }),
          ReturnValues: 'ALL_NEW',
        }),
      );
      return toRow(Attributes ?? {});
    } catch (error) {
      if (isRefused(error)) return undefined;
      throw error;
    }
  }
}

/** The files that conditions select, by the narrowest index; without one of its attributes the whole table is read. */
export async function filesWith(ledger: Ledger, conditions: Conditions): Promise<Row[]> {
  const { FilePath, MISR_Path, Year, Month } = conditions;
  const yearMonth = Year !== undefined && Month !== undefined ? yearMonthOf(Year, Month) : undefined;
  const found =
    FilePath !== undefined
      ? [await ledger.get({ FilePath })]
      : MISR_Path !== undefined
        ? await ledger.index('MISR_Path', 'MISR_Path', MISR_Path)
        : yearMonth !== undefined
          ? await ledger.index('YearMonth', 'YearMonth', yearMonth)
          : await ledger.scan();
  return found.flatMap((row) =>
    row && ATTRIBUTES.every((each) => conditions[each] === undefined || row[each] === conditions[each]) ? [row] : [],
  );
}

/** The hash key of an index: `2015-12`. */
export function yearMonthOf(year: string, month: string): string {
  return `${year}-${month.padStart(2, '0')}`;
}

function isRefused(error: unknown): boolean {
  return (error as Error).name === 'ConditionalCheckFailedException';
}

async function happened(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

function toItem(row: Row): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) => (value === undefined ? [] : [[name, toValue(value)]])),
  );
}

function toValue(value: string | number | boolean | readonly string[]): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  return { L: value.map((S) => ({ S })) };
}

function toRow(item: Record<string, AttributeValue>): Row {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      value.S ??
        (value.N === undefined ? undefined : Number(value.N)) ??
        value.BOOL ??
        (value.L ?? []).map(({ S = '' }) => S),
    ]),
  );
}
