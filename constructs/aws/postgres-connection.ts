import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { DataAwsPrefixList } from '@cdktf/provider-aws/lib/data-aws-prefix-list';
import { DataAwsRouteTables } from '@cdktf/provider-aws/lib/data-aws-route-tables';
import { DataAwsSecurityGroup } from '@cdktf/provider-aws/lib/data-aws-security-group';
import { DataAwsSubnet } from '@cdktf/provider-aws/lib/data-aws-subnet';
import { DataAwsVpcSecurityGroupRule } from '@cdktf/provider-aws/lib/data-aws-vpc-security-group-rule';
import { DataAwsVpcSecurityGroupRules } from '@cdktf/provider-aws/lib/data-aws-vpc-security-group-rules';
import { DbInstance } from '@cdktf/provider-aws/lib/db-instance';
import { DbSubnetGroup } from '@cdktf/provider-aws/lib/db-subnet-group';
import { GlueConnection } from '@cdktf/provider-aws/lib/glue-connection';
import { GlueCrawler } from '@cdktf/provider-aws/lib/glue-crawler';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group';
import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule';
import { type ITerraformDependable, type Precondition, TerraformIterator } from 'cdktf';
import { Construct } from 'constructs';
import { crawlerGrants } from './catalog';
import { CurrentAws } from './current-aws';
import { derivedName } from './names';
import type { Network } from './network';
import { Role } from './role';
import { checkProps, flag, RULES, requiredText, text, texts, unchecked, whole } from './rules';

/** Where a test of a connection writes its log (Glue Developer Guide, Testing a connection). */
const TEST_LOG_GROUPS = ['/aws-glue/testconnection/output', '/aws-glue/testconnection/error'] as const;

/** The tag that Glue puts on its network interfaces, and that it needs to be allowed to (Managing access, ENI). */
const GLUE_TAG = 'aws-glue-service-resource';

/** A PostgreSQL that is there already. Glue reaches it from the subnet, as a member of the groups. */
export interface ExistingPostgres {
  /** The server's name without port, such as bison.abcdefghijkl.us-east-1.rds.amazonaws.com. */
  readonly endpoint: string;
  /** Default: 5432. */
  readonly port?: number;
  /** The ARN of a secret with `username` and `password`. */
  readonly secretArn: string;
  /** A subnet of the server's VPC, with S3's gateway endpoint or a NAT gateway in its route table. */
  readonly subnetId: string;
  /** Groups of that VPC. One must let all TCP ports in from itself. */
  readonly securityGroupIds: readonly string[];
}

/** A new server. */
export const POSTGRES_DEFAULTS = { instanceClass: 'db.t4g.micro', storageGb: 20 } as const;

export interface PostgresConnectionProps {
  /** The connection's name, and the beginning of every other name here. */
  readonly name: string;
  /** Where a new server stands: a network with isolated subnets in two zones. */
  readonly network?: Network;
  /** The server that is there already, in place of a network. */
  readonly existing?: ExistingPostgres;
  /** Default: bison_input. */
  readonly databaseName?: string;
  /** Of a new server. Default: db.t4g.micro. */
  readonly instanceClass?: string;
  /** Of a new server, in GB. Default: 20. */
  readonly storageGb?: number;
  /** Of a new server. Default: 16. */
  readonly engineVersion?: string;
  /** Whether a new server must be unprotected before it can be destroyed. Default: yes. */
  readonly deletionProtection?: boolean;
  /**
   * Whether Terraform makes the log groups of tests, which an account has once: Glue's error points to them, and Glue
   * does not make them. Default: yes.
   */
  readonly testLogGroups?: boolean;
  /** A crawler that makes tables of the server's tables in a database of the Data Catalog. Default: none. */
  readonly crawl?: {
    /** The database of the Data Catalog, which exists. */
    readonly catalogDatabase: string;
    /** Which tables: database/schema/table, % for any. Default: <databaseName>/lmb/%, the document's schema. */
    readonly path?: string;
  };
  /** Default: none. */
  readonly permissionsBoundaryArn?: string;
}

/**
 * A connection of Glue to PostgreSQL that can be tested at once: to a new server of RDS, or to one that is there. Each
 * error that Glue answers a connection with is answered by a rule here, at plan where something is there already. A new
 * server costs about $21 a month: $11.7 the instance, $2.3 the storage and $7.3 the endpoint of Secrets Manager
 * (AWS's list prices, us-east-1, 2025).
 *
 * @throws Error that names a property whose value AWS would refuse
 */
export class PostgresConnection extends Construct {
  readonly connectionName: string;
  readonly connectionArn: string;
  /** The secret with `username` and `password`; RDS makes and rotates that of a new server. */
  readonly secretArn: string;
  readonly endpoint: string;
  /** The groups that Glue's network interfaces are in. */
  readonly securityGroupIds: readonly string[];
  /** For Glue: what tests the connection, or crawls through it. */
  readonly role: Role;
  /** The least that a person needs who tests the connection: an IAM policy as JSON. */
  readonly operatorPolicy: string;

  constructor(scope: Construct, id: string, props: PostgresConnectionProps) {
    super(scope, id);
    checkProps('PostgresConnection', props, CHECKS);
    const { name, network, existing, databaseName = 'bison_input' } = props;
    if ((network === undefined) === (existing === undefined)) {
      throw new Error(
        `PostgresConnection has ${network ? 'both network and existing' : 'neither network nor existing'}: write network for a new server, or existing for one that is there.`,
      );
    }
    const aws = new CurrentAws(this, 'aws');
    const server = existing ? this.#existing(existing, aws) : this.#new(props, network as Network, databaseName, aws);
    this.securityGroupIds = server.securityGroupIds;
    this.secretArn = server.secretArn;
    this.endpoint = server.endpoint;
    const connection = new GlueConnection(this, 'connection', {
      name,
      connectionType: 'JDBC',
      connectionProperties: {
        JDBC_CONNECTION_URL: `jdbc:postgresql://${server.endpoint}:${server.port}/${databaseName}`,
        JDBC_ENFORCE_SSL: 'true',
        SECRET_ID: server.secretArn,
      },
      // Without all three, Glue is unable to resolve any valid connection.
      physicalConnectionRequirements: {
        subnetId: server.subnetId,
        availabilityZone: server.availabilityZone,
        securityGroupIdList: [...server.securityGroupIds],
      },
      dependsOn: [...server.ready],
      ...(server.preconditions.length > 0 && { lifecycle: { precondition: server.preconditions } }),
    });
    this.connectionName = name;
    this.connectionArn = aws.arn('glue', `connection/${name}`);

    this.role = new Role(this, 'role', {
      roleName: derivedName(name, '-glue'),
      policyName: 'glue',
      service: 'glue.amazonaws.com',
      trustConditions: { StringEquals: { 'aws:SourceAccount': aws.account } },
      ...(props.permissionsBoundaryArn && { permissionsBoundaryArn: props.permissionsBoundaryArn }),
    });
    this.#grant(aws, server);
    if (props.crawl) this.#crawl(props.crawl, props, databaseName, connection.name, aws);
    if (props.testLogGroups ?? true) {
      TEST_LOG_GROUPS.forEach((group, index) => {
        new CloudwatchLogGroup(this, `test-log-${index}`, { name: group, retentionInDays: 30 });
      });
    }
    this.operatorPolicy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'TestConnection',
          Effect: 'Allow',
          Action: ['glue:TestConnection', 'glue:GetConnection', 'glue:GetConnections'],
          Resource: [aws.arn('glue', 'catalog'), this.connectionArn],
        },
        {
          Sid: 'PassRole',
          Effect: 'Allow',
          Action: ['iam:PassRole'],
          Resource: [this.role.arn],
          Condition: { StringEquals: { 'iam:PassedToService': 'glue.amazonaws.com' } },
        },
        {
          Sid: 'ReadTestLog',
          Effect: 'Allow',
          Action: ['logs:GetLogEvents', 'logs:FilterLogEvents', 'logs:DescribeLogStreams'],
          Resource: TEST_LOG_GROUPS.map((group) => aws.arn('logs', `log-group:${group}:*`)),
        },
      ],
    });
  }

  #crawl(
    { catalogDatabase, path = '' }: NonNullable<PostgresConnectionProps['crawl']>,
    { name }: PostgresConnectionProps,
    databaseName: string,
    connectionName: string,
    aws: CurrentAws,
  ): void {
    for (const grant of crawlerGrants(aws, catalogDatabase)) this.role.grant(grant);
    new GlueCrawler(this, 'crawler', {
      name: derivedName(name, '-postgres', 255),
      description: `Makes tables of ${catalogDatabase} from PostgreSQL.`,
      role: this.role.arn,
      databaseName: catalogDatabase,
      jdbcTarget: [{ connectionName, path: path || `${databaseName}/lmb/%` }],
      schemaChangePolicy: { updateBehavior: 'UPDATE_IN_DATABASE', deleteBehavior: 'LOG' },
      dependsOn: [this.role.policy],
    });
  }

  #new(props: PostgresConnectionProps, network: Network, databaseName: string, aws: CurrentAws): Server {
    const { name } = props;
    const { isolatedSubnetIds = [], vpcId } = network as Partial<Network> & Pick<Network, 'vpcId'>;
    if (isolatedSubnetIds.length < 2) {
      throw new Error(
        `network has ${isolatedSubnetIds.length} isolated subnets: write isolatedSubnets: true and zones: 2 for it, since RDS needs two zones.`,
      );
    }
    const [subnetId = ''] = isolatedSubnetIds;
    const subnet = new DataAwsSubnet(this, 'subnet', { id: subnetId });
    const group = new SecurityGroup(this, 'security-group', {
      name: derivedName(name, '-postgres', 255),
      description: `PostgreSQL of ${name}: only members of this group, and S3.`,
      vpcId,
    });
    // "At least one security group must open all ingress ports": from itself, and to itself, all of TCP.
    const itself = {
      securityGroupId: group.id,
      referencedSecurityGroupId: group.id,
      ipProtocol: 'tcp',
      fromPort: 0,
      toPort: 65_535,
    };
    const rules = [
      new VpcSecurityGroupIngressRule(this, 'from-itself', itself),
      new VpcSecurityGroupEgressRule(this, 'to-itself', itself),
      new VpcSecurityGroupEgressRule(this, 'to-s3', {
        securityGroupId: group.id,
        prefixListId: this.#s3PrefixList(aws).id,
        ipProtocol: 'tcp',
        fromPort: 443,
        toPort: 443,
      }),
    ];
    // Glue's interfaces have no public address, and an isolated subnet no NAT: this is the way to the password.
    const endpoint = new VpcEndpoint(this, 'secrets', {
      vpcId,
      serviceName: `com.amazonaws.${aws.region}.secretsmanager`,
      vpcEndpointType: 'Interface',
      subnetIds: [subnetId],
      securityGroupIds: [group.id],
      privateDnsEnabled: true,
      tags: { Name: `${name}-secrets` },
    });
    const subnets = new DbSubnetGroup(this, 'subnets', {
      name: derivedName(name, '-postgres', 255),
      subnetIds: [...isolatedSubnetIds],
    });
    const database = new DbInstance(this, 'server', {
      identifier: derivedName(name, '-postgres', 63),
      engine: 'postgres',
      engineVersion: props.engineVersion ?? '16',
      instanceClass: props.instanceClass ?? POSTGRES_DEFAULTS.instanceClass,
      allocatedStorage: props.storageGb ?? POSTGRES_DEFAULTS.storageGb,
      storageType: 'gp3',
      storageEncrypted: true,
      dbName: databaseName,
      username: 'bison',
      // RDS makes and rotates the password: neither plan nor state has it.
      manageMasterUserPassword: true,
      dbSubnetGroupName: subnets.name,
      vpcSecurityGroupIds: [group.id],
      publiclyAccessible: false,
      deletionProtection: props.deletionProtection ?? true,
      finalSnapshotIdentifier: derivedName(name, '-postgres-final', 255),
      backupRetentionPeriod: 7,
    });
    return {
      endpoint: database.address,
      port: 5432,
      secretArn: database.masterUserSecret.get(0).secretArn,
      subnetId,
      availabilityZone: subnet.availabilityZone,
      securityGroupIds: [group.id],
      preconditions: [],
      ready: [...rules, endpoint],
    };
  }

  #existing(existing: ExistingPostgres, aws: CurrentAws): Server {
    const { endpoint, port = 5432, secretArn, subnetId, securityGroupIds } = existing;
    for (const [property, check] of Object.entries(EXISTING_CHECKS)) {
      check(`existing.${property}`, existing[property as keyof ExistingPostgres]);
    }
    if (securityGroupIds.length === 0) {
      throw new Error('existing.securityGroupIds is []: write a group that lets all TCP ports in from itself.');
    }
    const subnet = new DataAwsSubnet(this, 'subnet', { id: subnetId });
    const prefixList = this.#s3PrefixList(aws);
    const tables = (id: string, name: string, value: string) => {
      const found = new DataAwsRouteTables(this, id, { vpcId: subnet.vpcId, filter: [{ name, values: [value] }] });
      return `${found.fqn}.ids`;
    };
    // The provider leaves a gateway endpoint's route out of what it tells of a table, so EC2 is asked for the tables that
    // have one. A subnet without a table of its own has the VPC's main one.
    const own = tables('own-routes', 'association.subnet-id', subnetId);
    const main = tables('main-routes', 'association.main', 'true');
    const toS3 = tables('s3-routes', 'route.destination-prefix-list-id', prefixList.id);
    const toNat = tables('nat-routes', 'route.nat-gateway-id', 'nat-*');
    securityGroupIds.forEach((group, index) => {
      new DataAwsSecurityGroup(this, `group-${index}`, {
        id: group,
        lifecycle: {
          postcondition: [
            {
              condition: `\${self.vpc_id == ${subnet.fqn}.vpc_id}`,
              errorMessage: `Unable to resolve any valid connection: ${group} is of \${self.vpc_id}, and ${subnetId} of another VPC. Write groups of the subnet's VPC.`,
            },
          ],
        },
      });
    });
    const ids = new DataAwsVpcSecurityGroupRules(this, 'rule-ids', {
      filter: [{ name: 'group-id', values: [...securityGroupIds] }],
    });
    const rules = new DataAwsVpcSecurityGroupRule(this, 'rules', {
      forEach: TerraformIterator.fromList(ids.ids),
      securityGroupRuleId: '${each.value}',
    });
    const open = `anytrue([for rule in ${rules.fqn} : !rule.is_egress && rule.referenced_security_group_id == rule.security_group_id && (rule.ip_protocol == "-1" || (rule.ip_protocol == "tcp" && rule.from_port == 0 && rule.to_port == 65535))])`;
    return {
      endpoint,
      port,
      secretArn,
      subnetId,
      availabilityZone: subnet.availabilityZone,
      securityGroupIds,
      preconditions: [
        {
          condition: `\${length(setintersection(length(${own}) > 0 ? ${own} : ${main}, concat(${toS3}, ${toNat}))) > 0}`,
          errorMessage: `VPC S3 endpoint validation would fail: the route table of ${subnetId} has neither S3's gateway endpoint nor a NAT gateway. Add the gateway endpoint of S3 to this route table.`,
        },
        {
          condition: `\${${open}}`,
          errorMessage: `At least one security group must open all ingress ports: none of ${securityGroupIds.join(', ')} lets all TCP ports (0 to 65535) in from itself; port ${port} alone is not enough. Add that rule to one of them, with the group itself as its source.`,
        },
      ],
      ready: [],
    };
  }

  #s3PrefixList(aws: CurrentAws): DataAwsPrefixList {
    return new DataAwsPrefixList(this, 's3', { name: `com.amazonaws.${aws.region}.s3` });
  }

  /** What Glue needs for a test: the connection, its secret, and network interfaces in this subnet alone. */
  #grant(aws: CurrentAws, server: Server): void {
    const interfaces = aws.arn('ec2', 'network-interface/*');
    const subnet = aws.anyonesArn('ec2', `subnet/${server.subnetId}`);
    this.role.grant({
      sid: 'KnowConnection',
      actions: ['glue:GetConnection'],
      resources: [aws.arn('glue', 'catalog'), this.connectionArn],
    });
    this.role.grant({ sid: 'ReadSecret', actions: ['secretsmanager:GetSecretValue'], resources: [server.secretArn] });
    this.role.grant({
      sid: 'MakeInterfaces',
      actions: ['ec2:CreateNetworkInterface'],
      resources: [
        interfaces,
        subnet,
        ...server.securityGroupIds.map((group) => aws.anyonesArn('ec2', `security-group/${group}`)),
      ],
    });
    this.role.grant({
      sid: 'DeleteInterfaces',
      actions: ['ec2:DeleteNetworkInterface'],
      resources: [interfaces],
      conditions: { ArnEquals: { 'ec2:Subnet': aws.arn('ec2', `subnet/${server.subnetId}`) } },
    });
    this.role.grant({
      sid: 'TagInterfaces',
      actions: ['ec2:CreateTags', 'ec2:DeleteTags'],
      resources: [interfaces],
      conditions: { 'ForAllValues:StringEquals': { 'aws:TagKeys': [GLUE_TAG] } },
    });
    // These actions take no ARN (Service Authorization Reference, Amazon EC2).
    this.role.grant({
      sid: 'SeeNetwork',
      actions: [
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeRouteTables',
        'ec2:DescribeSecurityGroups',
        'ec2:DescribeSubnets',
        'ec2:DescribeVpcAttribute',
        'ec2:DescribeVpcEndpoints',
      ],
      resources: ['*'],
    });
    const logs = TEST_LOG_GROUPS.map((group) => aws.arn('logs', `log-group:${group}:*`));
    this.role.grant({ sid: 'WriteTestLog', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: logs });
  }
}

/** Where the connection leads, and what must hold before it is made. */
interface Server {
  readonly endpoint: string;
  readonly port: number;
  readonly secretArn: string;
  readonly subnetId: string;
  readonly availabilityZone: string;
  readonly securityGroupIds: readonly string[];
  readonly preconditions: Precondition[];
  readonly ready: readonly ITerraformDependable[];
}

const CHECKS = {
  name: requiredText({
    pattern: '^[a-z][a-z0-9-]{0,50}$',
    write: '1 to 51 lower-case letters, digits and hyphens that begin with a letter (names of RDS)',
  }),
  network: unchecked,
  existing: unchecked,
  databaseName: text({
    pattern: '^[a-z_][a-z0-9_]{0,62}$',
    write: '1 to 63 lower-case letters, digits and underscores',
  }),
  instanceClass: text({ pattern: '^db[.][a-z0-9]+[.][a-z0-9]+$', write: 'a class of RDS such as db.t4g.micro' }),
  storageGb: whole(20, 65_536, 'GB of gp3 storage'),
  engineVersion: text({ pattern: '^[0-9]{2}([.][0-9]+)?$', write: 'a version of PostgreSQL such as 16' }),
  deletionProtection: flag,
  testLogGroups: flag,
  crawl: unchecked,
  permissionsBoundaryArn: text(RULES.permissionsBoundary),
};

const EXISTING_CHECKS = {
  endpoint: requiredText({
    pattern: '^[A-Za-z0-9][A-Za-z0-9.-]*$',
    write: "the server's name alone, such as bison.abcdefghijkl.us-east-1.rds.amazonaws.com, without jdbc: and port",
  }),
  port: whole(1, 65_535, "the server's port"),
  secretArn: requiredText({
    pattern: '^arn:aws[a-z-]*:secretsmanager:.+$',
    write: 'the ARN of a secret with username and password',
  }),
  subnetId: requiredText(RULES.subnet),
  securityGroupIds: texts(RULES.securityGroup),
};
