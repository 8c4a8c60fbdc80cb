import { Network, PostgresConnection, type PostgresConnectionProps } from '../../../constructs';
import { foundation } from '../../support/foundation';

const EXISTING = {
  endpoint: 'bison.abcdefghijkl.us-east-1.rds.amazonaws.com',
  secretArn: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:bison-AbCdEf',
  subnetId: 'subnet-0123456789abcdef0',
  securityGroupIds: ['sg-0123456789abcdef0', 'sg-1123456789abcdef0'],
};
const fresh = (props: Partial<PostgresConnectionProps> = {}, isolatedSubnets = true) =>
  foundation((stack) => {
    const network = new Network(stack, 'net', { name: 'bison', isolatedSubnets });
    new PostgresConnection(stack, 'pg', { name: 'bison', network, ...props });
  });
const existing = (props: Partial<typeof EXISTING> = {}) =>
  foundation((stack) => new PostgresConnection(stack, 'pg', { name: 'bison', existing: { ...EXISTING, ...props } }));

describe('a connection to a new server', () => {
  const { resource } = fresh();
  const only = (type: string) => Object.values(resource[type] ?? {})[0] ?? {};

  test("names subnet, zone and group, since Glue cannot resolve a connection without them, and the server's URL", () => {
    expect(resource.aws_glue_connection).toEqual({
      pg_connection: {
        name: 'bison',
        connection_type: 'JDBC',
        connection_properties: {
          JDBC_CONNECTION_URL: 'jdbc:postgresql://${aws_db_instance.pg_server.address}:5432/bison_input',
          JDBC_ENFORCE_SSL: 'true',
          SECRET_ID: '${aws_db_instance.pg_server.master_user_secret[0].secret_arn}',
        },
        physical_connection_requirements: {
          subnet_id: '${aws_subnet.net_isolated-0.id}',
          availability_zone: '${data.aws_subnet.pg_subnet.availability_zone}',
          security_group_id_list: ['${aws_security_group.pg_security-group.id}'],
        },
        depends_on: expect.arrayContaining([
          'aws_vpc_endpoint.pg_secrets',
          'aws_vpc_security_group_ingress_rule.pg_from-itself',
        ]),
      },
    });
  });

  test('lets all TCP ports in from its own group and out to it, S3 out, and nobody else', () => {
    const group = '${aws_security_group.pg_security-group.id}';
    const itself = {
      security_group_id: group,
      referenced_security_group_id: group,
      ip_protocol: 'tcp',
      from_port: 0,
      to_port: 65_535,
    };
    expect(resource.aws_vpc_security_group_ingress_rule).toEqual({ 'pg_from-itself': itself });
    expect(resource.aws_vpc_security_group_egress_rule).toEqual({
      'pg_to-itself': itself,
      'pg_to-s3': {
        security_group_id: group,
        prefix_list_id: '${data.aws_prefix_list.pg_s3.id}',
        ip_protocol: 'tcp',
        from_port: 443,
        to_port: 443,
      },
    });
    expect(JSON.stringify(resource.aws_security_group)).not.toContain('0.0.0.0/0');
  });

  test("has S3's gateway endpoint in the route table of the connection's own subnet", () => {
    expect(resource.aws_vpc_endpoint?.net_s3?.route_table_ids).toContain('${aws_route_table.net_isolated-routes.id}');
    expect(resource.aws_route_table_association?.['net_isolated-0-routes']).toEqual({
      subnet_id: '${aws_subnet.net_isolated-0.id}',
      route_table_id: '${aws_route_table.net_isolated-routes.id}',
    });
  });

  test('reaches the password by an endpoint in one zone', () => {
    expect(resource.aws_vpc_endpoint?.pg_secrets).toMatchObject({
      vpc_endpoint_type: 'Interface',
      private_dns_enabled: true,
      subnet_ids: ['${aws_subnet.net_isolated-0.id}'],
      service_name: 'com.amazonaws.${data.aws_region.pg_aws_region.id}.secretsmanager',
    });
  });

  test('is private and encrypted in two zones; RDS keeps the password, and no plan has one', () => {
    expect(only('aws_db_instance')).toEqual({
      identifier: 'bison-postgres',
      engine: 'postgres',
      engine_version: '16',
      instance_class: 'db.t4g.micro',
      allocated_storage: 20,
      storage_type: 'gp3',
      storage_encrypted: true,
      db_name: 'bison_input',
      username: 'bison',
      manage_master_user_password: true,
      db_subnet_group_name: '${aws_db_subnet_group.pg_subnets.name}',
      vpc_security_group_ids: ['${aws_security_group.pg_security-group.id}'],
      publicly_accessible: false,
      deletion_protection: true,
      final_snapshot_identifier: 'bison-postgres-final',
      backup_retention_period: 7,
    });
    expect(only('aws_db_subnet_group').subnet_ids).toHaveLength(2);
    expect(JSON.stringify(resource)).not.toMatch(/"password"/);
  });

  test('has the log groups that the error of a test points to, unless they are there', () => {
    expect(Object.values(resource.aws_cloudwatch_log_group ?? {}).map(({ name }) => name)).toEqual([
      '/aws-glue/testconnection/output',
      '/aws-glue/testconnection/error',
    ]);
    expect(fresh({ testLogGroups: false }).resource).not.toHaveProperty('aws_cloudwatch_log_group');
  });

  test("lets Glue make interfaces in the connection's subnet alone", () => {
    const { Statement } = JSON.parse(String(resource.aws_iam_role_policy?.pg_role_policy?.policy));
    const of = (sid: string) => Statement.find(({ Sid }: { Sid: string }) => Sid === sid);
    expect(of('MakeInterfaces').Resource.join()).toMatch(
      /network-interface\/\*.*subnet\/\$\{aws_subnet.*security-group\/\$\{aws/,
    );
    expect(of('TagInterfaces').Condition).toEqual({
      'ForAllValues:StringEquals': { 'aws:TagKeys': ['aws-glue-service-resource'] },
    });
    const wild = Statement.filter(({ Resource }: { Resource: string[] }) => Resource.includes('*')) as {
      Action: string[];
    }[];
    for (const action of wild.flatMap(({ Action }) => Action)) expect(action).toMatch(/^ec2:Describe/);
  });

  test("crawls the document's schema if it is asked to", () => {
    expect(resource).not.toHaveProperty('aws_glue_crawler');
    expect(fresh({ crawl: { catalogDatabase: 'bison-metadata' } }).resource.aws_glue_crawler).toMatchObject({
      pg_crawler: {
        jdbc_target: [{ path: 'bison_input/lmb/%', connection_name: '${aws_glue_connection.pg_connection.name}' }],
      },
    });
  });

  test('is refused without isolated subnets', () => {
    expect(() => fresh({}, false)).toThrow(
      'network has 0 isolated subnets: write isolatedSubnets: true and zones: 2 for it',
    );
  });
});

describe('a connection to a server that is there', () => {
  test('makes no server, group or endpoint', () => {
    const { resource } = existing();
    expect(Object.keys(resource).sort()).toEqual([
      'aws_cloudwatch_log_group',
      'aws_glue_connection',
      'aws_iam_role',
      'aws_iam_role_policy',
    ]);
    expect(resource.aws_glue_connection?.pg_connection).toMatchObject({
      connection_properties: { JDBC_CONNECTION_URL: `jdbc:postgresql://${EXISTING.endpoint}:5432/bison_input` },
      physical_connection_requirements: {
        subnet_id: EXISTING.subnetId,
        security_group_id_list: EXISTING.securityGroupIds,
      },
    });
  });

  test("looks for S3's endpoint in the subnet's own table, or else in the VPC's main one", () => {
    const { data, resource } = existing();
    // The provider's aws_route_table leaves a gateway endpoint's route out.
    expect(data).not.toHaveProperty('aws_route_table');
    const filters = Object.fromEntries(
      Object.entries(data.aws_route_tables ?? {}).map(([id, { filter }]) => [id, filter]),
    );
    expect(filters).toEqual({
      'pg_own-routes': [{ name: 'association.subnet-id', values: [EXISTING.subnetId] }],
      'pg_main-routes': [{ name: 'association.main', values: ['true'] }],
      'pg_s3-routes': [{ name: 'route.destination-prefix-list-id', values: ['${data.aws_prefix_list.pg_s3.id}'] }],
      'pg_nat-routes': [{ name: 'route.nat-gateway-id', values: ['nat-*'] }],
    });
    const ids = (name: string) => `data.aws_route_tables.pg_${name}-routes.ids`;
    expect(JSON.stringify(resource.aws_glue_connection)).toContain(
      `length(setintersection(length(${ids('own')}) > 0 ? ${ids('own')} : ${ids('main')}, concat(${ids('s3')}, ${ids('nat')}))) > 0`,
    );
  });

  test("answers each of Glue's errors with a check of the plan", () => {
    const { data, resource } = existing();
    const sentences = JSON.stringify({ data, resource })
      .match(/"error_message":"[^"]+"/g)
      ?.join('\n');
    expect(sentences).toContain("neither S3's gateway endpoint nor a NAT gateway");
    expect(sentences).toContain('At least one security group must open all ingress ports');
    expect(sentences).toContain('Unable to resolve any valid connection: sg-1123456789abcdef0 is of');
  });

  test.each([
    [
      { endpoint: 'jdbc:postgresql://db.example.org:5432/bison' },
      'existing.endpoint is "jdbc:postgresql://db.example.org:5432/bison": write the server\'s name alone',
    ],
    [{ secretArn: 'bison' }, 'existing.secretArn is "bison": write the ARN of a secret'],
    [{ subnetId: 'vpc-0123456789abcdef0' }, 'existing.subnetId is "vpc-0123456789abcdef0"'],
    [{ securityGroupIds: [] }, 'existing.securityGroupIds is []'],
  ])('refuses %p', (props, sentence) => {
    expect(() => existing(props)).toThrow(sentence);
  });

  test('or to a new one, and not both', () => {
    const make = (props: object) =>
      foundation((stack) => new PostgresConnection(stack, 'pg', { name: 'bison', ...props }));
    expect(() => make({})).toThrow('PostgresConnection has neither network nor existing');
  });
});
