import { DynamodbTable } from '@cdktf/provider-aws/lib/dynamodb-table';
import { Construct } from 'constructs';
import { FILES_TABLE, JOBS_TABLE, type TableShape } from './table-shapes';

export interface TablesProps {
  readonly filesTableName: string;
  readonly jobsTableName: string;
}

/** The tables of a Carousel: the files' metadata; and requests, their files, and turns. They are billed by request. */
export class Tables extends Construct {
  readonly files: DynamodbTable;
  readonly jobs: DynamodbTable;

  constructor(scope: Construct, id: string, props: TablesProps) {
    super(scope, id);
    this.files = this.#table('files', props.filesTableName, FILES_TABLE);
    this.jobs = this.#table('jobs', props.jobsTableName, JOBS_TABLE);
  }

  #table(id: string, name: string, { hash, range, attributes, indexes }: TableShape): DynamodbTable {
    return new DynamodbTable(this, id, {
      name,
      billingMode: 'PAY_PER_REQUEST',
      hashKey: hash,
      ...(range && { rangeKey: range }),
      attribute: Object.entries(attributes).map(([attribute, type]) => ({ name: attribute, type })),
      globalSecondaryIndex: indexes.map((index) => ({
        name: index.name,
        hashKey: index.hash,
        rangeKey: index.range,
        projectionType: 'ALL',
      })),
      pointInTimeRecovery: { enabled: true },
    });
  }
}
