import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformStack, Testing } from 'cdktf';
import { Bison } from '../../../constructs/bison/bison';
import { BUCKET, DATA_STREAM_ARN, NETWORK } from '../../support/bison-stack';
import type { Statement } from '../../support/least-privilege';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const CLI = path.join(__dirname, '../../../cli');
const OF_BISON = /^(bison.*|batch(-submit)?)\.ts$/;

/** What Athena does with the caller's credentials, when it runs a query (Athena User Guide, Access to the Data Catalog). */
const ATHENAS_OWN = [
  'glue:GetDatabase',
  'glue:GetTable',
  'glue:GetTables',
  'glue:GetPartitions',
  's3:GetObject',
  's3:GetBucketLocation',
];

/** The actions of IAM that are called otherwise than their operations. */
const ACTIONS: Readonly<Record<string, string>> = { ListObjectsV2: 'ListBucket' };

/** Every operation that the commands of BISON send, as an action of IAM. */
function actionsOfCommands(): string[] {
  const files = ['', 'commands', 'aws'].flatMap((folder) =>
    readdirSync(path.join(CLI, folder))
      .filter((file) => OF_BISON.test(file))
      .map((file) => path.join(CLI, folder, file)),
  );
  const actions = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const services = Array.from(
      text.matchAll(/import \{([^}]+)\} from '@aws-sdk\/client-(\w+)'/g),
      ([, names = '', service = '']) => ({
        names,
        service: service.replace('sfn', 'states'),
      }),
    );
    return Array.from(text.matchAll(/new (\w+)Command\(/g), ([, operation = '']) => {
      const service = services.find(({ names }) => names.includes(`${operation}Command`))?.service;
      return `${service}:${ACTIONS[operation] ?? operation}`;
    });
  });
  return [...new Set(actions)].sort();
}

test("the operator's policy allows what the commands of BISON call, and no more", () => {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  const { operatorPolicy } = new Bison(stack, 'bison', {
    dataStreamArn: DATA_STREAM_ARN,
    bucket: BUCKET,
    network: NETWORK,
  });
  const { Statement: statements } = JSON.parse(operatorPolicy) as { Statement: Statement[] };
  const allowed = statements.flatMap(({ Action }) => Action);

  expect(actionsOfCommands()).toEqual(expect.arrayContaining(['states:StartExecution', 's3:PutObject']));
  expect(allowed.filter((action) => !ATHENAS_OWN.includes(action)).sort()).toEqual(actionsOfCommands());
  const wild = statements.filter(({ Resource }) => Resource.includes('*')).map(({ Sid }) => Sid);
  expect(wild).toEqual(['SeeJobs']);
});
