import {
  BatchWriteItemCommand,
  type CreateTableCommandInput,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { create, type Store } from 'dynalite/db';
import { checkTypes, checkValidations } from 'dynalite/validations';
import type { TableShape } from '../constructs/carousel/table-shapes';
import type { LocalClock } from './clock';
import { awsError, type Caller, type Service } from './service';

type Action = (store: Store, data: object, done: (error: Error | null, output: object) => void) => void;
interface Validation {
  readonly types: object;
  readonly custom?: unknown;
}

/** dynalite's modules of each operation. Its server loads them in the same way. */
const OPERATIONS: readonly (readonly [new (input: never) => { readonly input: object }, Action, Validation])[] = [
  [GetItemCommand, require('dynalite/actions/getItem'), require('dynalite/validations/getItem')],
  [PutItemCommand, require('dynalite/actions/putItem'), require('dynalite/validations/putItem')],
  [UpdateItemCommand, require('dynalite/actions/updateItem'), require('dynalite/validations/updateItem')],
  [DeleteItemCommand, require('dynalite/actions/deleteItem'), require('dynalite/validations/deleteItem')],
  [QueryCommand, require('dynalite/actions/query'), require('dynalite/validations/query')],
  [ScanCommand, require('dynalite/actions/scan'), require('dynalite/validations/scan')],
  [BatchWriteItemCommand, require('dynalite/actions/batchWriteItem'), require('dynalite/validations/batchWriteItem')],
];
const createTable: Action = require('dynalite/actions/createTable');
const describeTable: Action = require('dynalite/actions/describeTable');

/**
 * DynamoDB: dynalite's tables in memory, without its HTTP server, so that a call takes a fraction of a millisecond and no
 * virtual time. Expressions, conditions, indexes and limits are dynalite's, which is tested against DynamoDB.
 */
export class EmbeddedDynamoDb {
  readonly #store: Store = create({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  #ready: Promise<void> = Promise.resolve();

  constructor(
    private readonly clock: LocalClock,
    private readonly service: Service,
  ) {
    for (const [command, operation, validation] of OPERATIONS) {
      service.on(command as new (input: object) => { readonly input: object }, (input) =>
        this.#run(operation, input, validation),
      );
    }
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<DynamoDBClient, 'send'> {
    return this.service.client(caller) as Pick<DynamoDBClient, 'send'>;
  }

  /** Makes a table, before the first call. */
  table(name: string, shape: TableShape): void {
    const input = tableInput(name, shape);
    const before = this.#ready;
    this.#ready = before.then(async () => {
      await promised(this.#store, createTable, input);
      for (;;) {
        const found = await promised(this.#store, describeTable, { TableName: name });
        if ((found as { Table: { TableStatus: string } }).Table.TableStatus === 'ACTIVE') return;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
  }

  async #run(operation: Action, input: object, { types, custom }: Validation): Promise<object> {
    const release = this.clock.hold();
    try {
      await this.#ready;
      // The SDK sends no undefined members.
      const data = checkTypes(JSON.parse(JSON.stringify(input)), types);
      checkValidations(data, types, custom, this.#store);
      return await promised(this.#store, operation, data);
    } catch (error) {
      throw sdkError(error);
    } finally {
      release();
    }
  }
}

/** What CreateTable takes for a table. */
export function tableInput(name: string, { hash, range, attributes, indexes }: TableShape): CreateTableCommandInput {
  const keys = (hashKey: string, rangeKey?: string) => [
    { AttributeName: hashKey, KeyType: 'HASH' as const },
    ...(rangeKey === undefined ? [] : [{ AttributeName: rangeKey, KeyType: 'RANGE' as const }]),
  ];
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: keys(hash, range),
    AttributeDefinitions: Object.entries(attributes).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    GlobalSecondaryIndexes: indexes.map((index) => ({
      IndexName: index.name,
      KeySchema: keys(index.hash, index.range),
      Projection: { ProjectionType: 'ALL' },
    })),
  };
}

function promised(store: Store, operation: Action, data: object): Promise<object> {
  return new Promise((resolve, reject) => {
    operation(store, data, (error, output) => (error ? reject(error) : resolve(output)));
  });
}

/** dynalite's errors are answers, with the type in their body. */
function sdkError(error: unknown): unknown {
  const { body, statusCode } = error as {
    body?: { __type: string; message?: string; Message?: string };
    statusCode?: number;
  };
  if (!body) return error;
  const name = body.__type.split('#').at(-1) ?? body.__type;
  return awsError(name, body.message ?? body.Message ?? name, statusCode);
}
