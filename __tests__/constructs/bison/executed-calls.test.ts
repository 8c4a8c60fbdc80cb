import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bison } from '../../../cli/aws/bison';
import { batchSubmit } from '../../../cli/commands/batch-submit';
import {
  bisonCost,
  bisonInputsCheck,
  bisonInputsUpload,
  bisonPreview,
  bisonRedrive,
  bisonStart,
  bisonStatus,
} from '../../../cli/commands/bison';
import { DATABASE, DEFAULT_REGIONS } from '../../../constructs/bison/names';
import { BISON_MACHINE, BISON_QUEUE, WORKGROUP } from '../../../local/bison';
import type { Caller, Faults } from '../../../local/service';
import { EXAMPLE, type MonthOptions, OCCURRENCES, testMonth } from '../../support/bison';
import { bisonPolicies, NAMES } from '../../support/bison-policies';
import type { Statement } from '../../support/least-privilege';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

/** What was done, and on what. */
interface Done {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

const FEW = `${OCCURRENCES.split('\n').slice(0, 121).join('\n')}\n`;
const glue = (resource: string) => `arn:aws:glue:us-east-1:000000000000:${resource}`;
const JOB = 'arn:aws:batch:us-east-1:000000000000:job/id';

/** The roles of the deployment, by who acts here. */
const ROLES: Readonly<Record<string, string>> = {
  machine: 'workflow_role',
  crawler: 'catalog_role',
  gbif: 'gbif-role',
  annotate_riis: 'annotate_riis_job-role',
  annotate: 'annotate_job-role',
  calc_stats: 'calc_stats_job-role',
  operator: 'operator',
};

/** The actions of IAM that one call of an API needs, and on what. */
function needed(operation: string, given: unknown, who: string): (readonly [string, string])[] {
  const input = given as Record<string, string>;
  const workgroup = who === 'operator' ? 'bison' : '<workgroup.name>';
  const athena = `arn:aws:athena:us-east-1:000000000000:workgroup/${workgroup}`;
  const definition = (name = '') =>
    who === 'operator' ? `bison-${name}` : `<${name.replace(/:.*/, '')}_definition.name>`;
  switch (operation) {
    case 'Invoke':
      return [['lambda:InvokeFunction', `<${input.FunctionName}_function.arn>:1`]];
    case 'StartExecution':
      return [['states:StartExecution', String(input.stateMachineArn)]];
    case 'ListTagsForResource':
      return [['states:ListTagsForResource', String(input.resourceArn)]];
    case 'ListExecutions':
      return [['states:ListExecutions', String(input.stateMachineArn)]];
    case 'DescribeExecution':
    case 'GetExecutionHistory':
    case 'RedriveExecution':
      return [[`states:${operation}`, String(input.executionArn)]];
    case 'UpdateCrawler':
      return [
        ['glue:UpdateCrawler', '<catalog_crawler.arn>'],
        ['iam:PassRole', '<catalog_role.arn>'],
      ];
    case 'StartCrawler':
    case 'GetCrawler':
      return [[`glue:${operation}`, '<catalog_crawler.arn>']];
    case 'GetTable':
    case 'CreateTable':
    case 'BatchDeleteTable':
      return [[`glue:${operation}`, glue(`table/${input.DatabaseName}/any`)]];
    case 'StartQueryExecution':
    case 'StopQueryExecution':
    case 'GetQueryExecution':
    case 'GetQueryResults':
      return [[`athena:${operation}`, athena]];
    case 'ListTableMetadata':
      return [['athena:ListTableMetadata', `arn:aws:athena:us-east-1:000000000000:datacatalog/${input.CatalogName}`]];
    case 'SubmitJob':
      return [
        ['batch:SubmitJob', '<queue.arn>'],
        ['batch:SubmitJob', `arn:aws:batch:us-east-1:000000000000:job-definition/${definition(input.jobDefinition)}`],
        ...(input.tags ? [['batch:TagResource', JOB] as const] : []),
      ];
    case 'TerminateJob':
      return [['batch:TerminateJob', JOB]];
    case 'DescribeJobs':
    case 'ListJobs':
    case 'DescribeJobDefinitions':
    case 'DescribeJobQueues':
      return [[`batch:${operation}`, '*']];
    case 'ListObjectsV2':
      return [['s3:ListBucket', `arn:aws:s3:::${input.Bucket}`]];
    case 'HeadObject':
      return [['s3:GetObject', `arn:aws:s3:::${input.Bucket}/${input.Key}`]];
    case 'PutObject':
      return [['s3:PutObject', `arn:aws:s3:::${input.Bucket}/${input.Key}`]];
    case 'GetSecretValue':
      return [['secretsmanager:GetSecretValue', '<gbif-account.arn>']];
    default:
      throw new Error(`${operation} of ${who} is not known: add what it needs.`);
  }
}

const allows = ({ Action, Resource }: Statement, { action, resource }: Done) =>
  Action.includes(action) &&
  Resource.some((arn) =>
    new RegExp(
      `^${arn
        .split('*')
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    ).test(resource),
  );

/** What AWS does of itself for a call, as its documentation demands it: no call of the scenarios shows it. */
const OF_ITSELF: Readonly<Record<string, readonly string[]>> = {
  // Step Functions Developer Guide, IAM policies for integrated services: how it hears of the end of what it waits for.
  workflow_role: [
    ...['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
    ...['states:DescribeExecution', 'states:StopExecution', 'batch:DescribeJobs', 'athena:GetQueryExecution'],
    // Athena User Guide, Access to workgroups and to S3: results in parts, and the catalogue.
    ...['glue:GetDatabase', 'glue:GetPartitions', 's3:GetBucketLocation', 's3:ListBucketMultipartUploads'],
    'athena:GetDataCatalog',
    ...['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
  ],
  // Glue Developer Guide, Crawler prerequisites.
  catalog_role: [
    ...['s3:GetBucketLocation', 'glue:GetDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:UpdateTable'],
    ...['glue:GetPartition', 'glue:GetPartitions', 'glue:BatchGetPartition', 'glue:BatchCreatePartition'],
    ...['glue:BatchUpdatePartition', 'logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
  ],
  // Athena reads and writes with the operator's credentials; the console reads logs and stops months and queries.
  operator: [
    ...['glue:GetDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:GetPartitions'],
    ...['s3:GetBucketLocation', 's3:GetObject', 'athena:StopQueryExecution'],
    ...['states:StopExecution', 'logs:GetLogEvents'],
  ],
};

describe('the calls of the local scenarios', () => {
  const policies = bisonPolicies();
  const done: Done[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'bison-calls-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const hear: Faults = (operation, _call, input, caller = 'machine') => {
    const role = ROLES[caller];
    // The functions of the ingest's machine are the datastream's, which has a test of its own.
    const invoked = (input as { FunctionName?: string }).FunctionName;
    const another = operation === 'Invoke' && invoked !== 'gbif' && invoked !== 'verifier';
    if (role === undefined || another) return undefined;
    for (const [action, resource] of needed(operation, input, caller)) done.push({ role, action, resource });
    return undefined;
  };
  const scene = (options: MonthOptions = {}) =>
    testMonth({
      occurrences: FEW,
      chunks: 2,
      faults: hear,
      access: (who, action, resource) => {
        const arn = action.startsWith('s3:') ? `arn:aws:s3:::${resource}` : glue(resource);
        done.push({ role: ROLES[who] ?? who, action, resource: arn });
      },
      ...options,
    });

  beforeAll(async () => {
    const { month, clock } = scene();
    const first = month.start({}, 'one');
    await clock.run(first.ended);
    expect(first.status).toBe('SUCCEEDED');

    // Stopped while a query runs, and while jobs run.
    for (const state of ['Subset', 'Annotate']) {
      const stopped = scene();
      const execution = stopped.month.start({}, 'stopped', ({ state: at, type }) => {
        if (at === state && type === 'entered') stopped.clock.after(1_000, () => execution.stop());
      });
      await stopped.clock.run(execution.ended);
      await stopped.clock.run(stopped.clock.sleep(3_600_000));
      expect(execution.status).toBe('ABORTED');
    }
    await operate();
  });

  /** What an operator does with the command, from the inputs to a look at the counts. */
  async function operate(): Promise<void> {
    let broken = true;
    const { month, clock } = scene({
      inputs: false,
      container: async (_job, name, standIn) => (broken && name === 'annotate' ? { code: 1 } : standIn()),
    });
    const operator: Caller = { name: 'operator', ended: () => false, kill: () => {} };
    const clients: Bison = {
      athena: month.athena.client(operator),
      batch: month.batch.client(operator),
      s3: month.cloud.s3.client(operator),
      sfn: month.cloud.sfn.client(operator),
      clock,
      deployment: {
        stateMachineArn: BISON_MACHINE,
        region: 'us-east-1',
        ...{ bucket: month.bucket, database: DATABASE, workgroup: WORKGROUP, queue: BISON_QUEUE },
        ...{ ingest: 'download', regions: DEFAULT_REGIONS, scanLimitBytes: 2 ** 41 },
        ...{ dataStreamArn: month.cloud.stateMachineArn, chunks: 2, postgres: null },
      },
    };
    const out = { write: () => true };
    const run = (act: Promise<number>) => clock.run(act);
    await run(bisonInputsUpload(join(EXAMPLE, 'input'), clients, out));
    await run(bisonInputsCheck(clients, out));
    await run(bisonStart({}, clients, out));
    await run(bisonStatus(undefined, {}, clients, out));
    await clock.run(clock.sleep(8 * 3_600_000));
    expect(await run(bisonStatus(undefined, {}, clients, out))).toBe(1);
    broken = false;
    await run(bisonRedrive(undefined, clients, out));
    await clock.run(clock.sleep(5 * 60_000));
    await run(bisonStatus(undefined, {}, clients, out));
    await clock.run(clock.sleep(3 * 3_600_000));
    expect(await run(bisonStatus(undefined, {}, clients, out))).toBe(0);
    await run(bisonPreview('county_counts_2025_11_01', { limit: 2 }, clients, out));
    await run(bisonCost({}, clients, out));
    const options = { queue: BISON_QUEUE, region: 'us-east-1', parameter: { snapshot: '2025-11-01' }, env: {} };
    expect(await run(batchSubmit('annotate_riis', options, out, out, clients.batch, clock.now()))).toBe(0);
  }

  test('are all allowed by the policies of the deployment', () => {
    const refused = done.filter((each) => !policies[each.role]?.Statement.some((statement) => allows(statement, each)));

    expect(done.length).toBeGreaterThan(500);
    expect(new Set(done.map(({ role }) => role))).toEqual(new Set(Object.values(ROLES)));
    expect([...new Set(refused.map(({ role, action, resource }) => `${role}: ${action} on ${resource}`))]).toEqual([]);
  });

  test('are all that the policies allow, beside what AWS does of itself', () => {
    const unused = Object.values(ROLES).flatMap((role) =>
      (policies[role]?.Statement ?? []).flatMap((statement) =>
        // Logs of functions and of the machine are AWS's doing.
        /^(Log|Deliver)/.test(statement.Sid)
          ? []
          : statement.Action.filter(
              (action) =>
                !OF_ITSELF[role]?.includes(action) &&
                !done.some((each) => each.role === role && each.action === action && allows(statement, each)),
            ).map((action) => `${role}: ${action} (${statement.Sid})`),
      ),
    );

    expect(unused).toEqual([]);
  });

  test('name the deployment that the policies are of', () => {
    expect(NAMES.BISON_MACHINE).toMatch(/:stateMachine:bison-month$/);
    expect(JSON.stringify(policies.operator)).toContain(NAMES.BISON_MACHINE);
  });
});
