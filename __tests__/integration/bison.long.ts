import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { bisonCalls, bisonDeployerPolicy, deniedBison, unusedBison } from '../support/bison-calls';
import { aws } from '../support/deployed';
import { type Moto, type SentRequest, startMoto } from '../support/moto';
import { type Finished, ROOT, succeed, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const VARIABLES = [
  '-var=region=us-east-1',
  '-var=datastream_arn=arn:aws:states:us-east-1:123456789012:stateMachine:datastream',
];

/** The emulation takes many calls at once. */
const AT_ONCE = '-parallelism=50';

/** What only a later change of the deployment calls. */
const CHANGES = /:(Update|Untag|Publish|Modify|RemoveTags)|lambda:GetFunctionConfiguration$/;

/** What no call shows, and why it is needed. */
const UNSEEN = [
  // GetFunction leaves the tags out for whoever may not list them (Lambda API Reference, GetFunction).
  'Functions: lambda:ListTags',
  // RDS makes the password with the deployer's credentials (RDS User Guide, Password management with Secrets Manager).
  'PasswordOfPostgres: secretsmanager:CreateSecret',
  'PasswordOfPostgres: secretsmanager:TagResource',
  'KeyOfPostgres: kms:DescribeKey',
  // Of the first deployment of an account (IAM User Guide, Using service-linked roles).
  'FirstUse: iam:CreateServiceLinkedRole',
];

interface Connection {
  readonly PhysicalConnectionRequirements: {
    readonly SubnetId: string;
    readonly SecurityGroupIdList: readonly string[];
  };
}

interface Group {
  readonly GroupId: string;
  readonly IpPermissions: readonly { readonly IpRanges?: readonly unknown[] }[];
  readonly IpPermissionsEgress: readonly unknown[];
}

describeWith(['terraform', 'moto_server', 'aws'], 'BISON with PostgreSQL on an emulated AWS', () => {
  let moto: Moto;
  const requests: SentRequest[] = [];
  let workspace: Workspace;
  let folder: string;
  let apply: Finished;
  let destroy: Finished;
  let outputs: Record<string, { readonly value: unknown }>;
  const seen: Record<string, unknown> = {};

  beforeAll(async () => {
    moto = await startMoto({}, (request) => requests.push(request));
    workspace = new Workspace(moto.endpoint);
    const ask = <Answer>(...args: string[]) => aws<Answer>(args, workspace.environment);
    const outdir = path.join(workspace.folder, 'bison', 'cdktf.out');
    mkdirSync(outdir, { recursive: true });
    await succeed(path.join(ROOT, 'node_modules', '.bin', 'tsx'), ['main.ts'], {
      cwd: ROOT,
      env: {
        ...workspace.environment,
        CDKTF_OUTDIR: outdir,
        // The emulation loses a connection's type, and its update never ends: it is applied once.
        CDKTF_CONTEXT_JSON: JSON.stringify({
          systems: ['bison'],
          bison: { postgres: { deletionProtection: false } },
        }),
      },
    });
    folder = path.join(outdir, 'stacks', 'bison');
    await workspace.terraformSucceeds(folder, 'init', '-input=false');
    apply = await workspace.terraform(folder, 'apply', '-input=false', '-auto-approve', AT_ONCE, ...VARIABLES);
    if (apply.code !== 0) return;
    outputs = JSON.parse(await workspace.terraformSucceeds(folder, 'output', '-json'));
    const look = (questions: Readonly<Record<string, readonly string[]>>) =>
      Promise.all(
        Object.entries(questions).map(async ([name, [service = '', operation = '', query = '', ...rest]]) => {
          seen[name] = await ask(service, operation, '--query', query, ...rest);
        }),
      );
    await look({
      crawler: ['glue', 'get-crawler', 'Crawler', '--name', 'bison'],
      databases: ['glue', 'get-databases', 'DatabaseList[].Name'],
      workgroup: ['athena', 'get-work-group', 'WorkGroup.Configuration', '--work-group', 'bison'],
      definitions: ['batch', 'describe-job-definitions', 'sort(jobDefinitions[].jobDefinitionName)'],
      machines: ['stepfunctions', 'list-state-machines', 'stateMachines[].name'],
      schedules: ['scheduler', 'list-schedules', 'Schedules[].Name'],
      server: ['rds', 'describe-db-instances', 'DBInstances[0]'],
      connection: ['glue', 'get-connection', 'Connection', '--name', 'bison'],
      endpoints: ['ec2', 'describe-vpc-endpoints', 'VpcEndpoints[?VpcEndpointType==`Gateway`]'],
    });
    const { SubnetId, SecurityGroupIdList } = (seen.connection as Connection).PhysicalConnectionRequirements;
    const tables = `Name=association.subnet-id,Values=${SubnetId}`;
    await look({
      subnets: ['ec2', 'describe-subnets', 'Subnets[].AvailabilityZone', '--subnet-ids', SubnetId],
      tables: ['ec2', 'describe-route-tables', 'RouteTables[].RouteTableId', '--filters', tables],
      groups: ['ec2', 'describe-security-groups', 'SecurityGroups', '--group-ids', ...SecurityGroupIdList],
    });
    seen.state = readFileSync(path.join(folder, '../../../terraform.bison.tfstate'), 'utf8');
    destroy = await workspace.terraform(folder, 'destroy', '-input=false', '-auto-approve', AT_ONCE, ...VARIABLES);
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  test('applies', () => {
    expect(apply).toMatchObject({ code: 0 });
  });

  test("has the document's names", () => {
    expect(seen).toMatchObject({
      crawler: {
        DatabaseName: 'bison-metadata',
        TablePrefix: 'gbif-odr-',
        Targets: { S3Targets: [{ Path: 's3://bison-123456789012-us-east-1/rawdata/' }] },
      },
      databases: ['bison-metadata'],
      workgroup: {
        EnforceWorkGroupConfiguration: true,
        ResultConfiguration: { OutputLocation: 's3://bison-123456789012-us-east-1/queries/' },
      },
      definitions: ['bison-annotate', 'bison-annotate_riis', 'bison-calc_stats'],
      machines: ['bison-month'],
      schedules: ['bison-month'],
    });
  });

  test("the connection has subnet, zone and group; S3's endpoint is in the table of its own subnet", () => {
    expect(seen.connection).toMatchObject({
      ConnectionProperties: {
        JDBC_CONNECTION_URL: expect.stringMatching(/^jdbc:postgresql:\/\/[^:/]+:5432\/bison_input$/),
        JDBC_ENFORCE_SSL: 'true',
        SECRET_ID: expect.stringMatching(/^arn:aws:secretsmanager:/),
      },
      PhysicalConnectionRequirements: { AvailabilityZone: (seen.subnets as string[])[0] },
    });
    const [table] = seen.tables as string[];
    const gateways = seen.endpoints as { ServiceName: string; RouteTableIds: string[] }[];
    expect(gateways.find(({ ServiceName }) => ServiceName.endsWith('.s3'))?.RouteTableIds).toContain(table);
  });

  test('its group lets all TCP ports in from itself, and nobody else; the server is private, and its password nowhere', () => {
    const [group] = seen.groups as Group[];
    const itself = { IpProtocol: 'tcp', FromPort: 0, ToPort: 65_535, UserIdGroupPairs: [{ GroupId: group?.GroupId }] };
    expect(group?.IpPermissions).toHaveLength(1);
    expect(group?.IpPermissions[0]).toMatchObject(itself);
    expect(group?.IpPermissions[0]?.IpRanges ?? []).toEqual([]);
    expect(group?.IpPermissionsEgress).toContainEqual(expect.objectContaining({ FromPort: 0, ToPort: 65_535 }));
    expect(seen.server).toMatchObject({ PubliclyAccessible: false, StorageEncrypted: true });
    expect(String(seen.state)).not.toMatch(/"password": "[^"]/);
  });

  test("the output that the command reads names this deployment, and the operator's policy is one of IAM's", () => {
    expect(JSON.parse(String(outputs.bison_deployment?.value))).toMatchObject({
      stateMachineArn: 'arn:aws:states:us-east-1:123456789012:stateMachine:bison-month',
      bucket: 'bison-123456789012-us-east-1',
      database: 'bison-metadata',
      workgroup: 'bison',
      queue: 'bison',
    });
    expect(JSON.parse(String(outputs.operator_policy?.value)).Statement.length).toBeGreaterThan(5);
  });

  test("the deployer's policy allows every call of an apply and a removal, and no other than those of a change", () => {
    const values = { ACCOUNT: '123456789012', REGION: 'us-east-1', PREFIX: 'bison', DATABASE: 'bison-metadata' };
    const calls = bisonCalls(requests);

    expect(calls.length).toBeGreaterThan(300);
    expect(deniedBison(calls, bisonDeployerPolicy(values))).toEqual([]);
    expect(unusedBison(calls, bisonDeployerPolicy(values)).filter((each) => !CHANGES.test(each))).toEqual(UNSEEN);
  });

  test('leaves nothing when it is destroyed', () => {
    expect(destroy).toMatchObject({ code: 0 });
    const state = JSON.parse(readFileSync(path.join(folder, '../../../terraform.bison.tfstate'), 'utf8'));
    expect(state.resources).toEqual([]);
  });
});
