import { Network, type NetworkProps } from '../../../constructs';
import { foundation } from '../../support/foundation';

const network = (props: NetworkProps) => foundation((stack) => new Network(stack, 'net', props));

describe('Network', () => {
  test('is a VPC with public subnets in two zones, and nothing that costs by the hour', () => {
    const { resource } = network({ name: 'jobs' });

    expect(resource).toEqual({
      aws_vpc: {
        net_vpc: {
          cidr_block: '10.0.0.0/16',
          enable_dns_hostnames: true,
          enable_dns_support: true,
          tags: { Name: 'jobs' },
        },
      },
      aws_default_security_group: {
        'net_default-security-group': { vpc_id: '${aws_vpc.net_vpc.id}', ingress: [], egress: [] },
      },
      aws_internet_gateway: { net_gateway: { vpc_id: '${aws_vpc.net_vpc.id}', tags: { Name: 'jobs' } } },
      aws_route_table: { 'net_public-routes': { vpc_id: '${aws_vpc.net_vpc.id}', tags: { Name: 'jobs-public' } } },
      aws_route: {
        net_internet: {
          route_table_id: '${aws_route_table.net_public-routes.id}',
          destination_cidr_block: '0.0.0.0/0',
          gateway_id: '${aws_internet_gateway.net_gateway.id}',
        },
      },
      aws_subnet: Object.fromEntries(
        [0, 1].map((zone) => [
          `net_public-${zone}`,
          {
            vpc_id: '${aws_vpc.net_vpc.id}',
            cidr_block: `\${cidrsubnet("10.0.0.0/16", 4, ${zone})}`,
            availability_zone: `\${element(data.aws_availability_zones.net_zones.names, ${zone})}`,
            map_public_ip_on_launch: true,
            tags: { Name: `jobs-public-${zone}` },
          },
        ]),
      ),
      aws_route_table_association: Object.fromEntries(
        [0, 1].map((zone) => [
          `net_public-${zone}-routes`,
          {
            subnet_id: `\${aws_subnet.net_public-${zone}.id}`,
            route_table_id: '${aws_route_table.net_public-routes.id}',
          },
        ]),
      ),
      aws_vpc_endpoint: Object.fromEntries(
        ['s3', 'dynamodb'].map((service) => [
          `net_${service}`,
          {
            vpc_id: '${aws_vpc.net_vpc.id}',
            service_name: `com.amazonaws.\${data.aws_region.net_region.id}.${service}`,
            vpc_endpoint_type: 'Gateway',
            route_table_ids: ['${aws_route_table.net_public-routes.id}'],
            tags: { Name: `jobs-${service}` },
          },
        ]),
      ),
    });
  });

  test('has isolated subnets without a route to the Internet, but with the endpoints', () => {
    const { resource } = network({ name: 'jobs', zones: 3, isolatedSubnets: true });
    const isolated = Object.entries(resource.aws_subnet ?? {}).filter(([id]) => id.includes('isolated'));

    expect(Object.keys(resource.aws_subnet ?? {})).toHaveLength(6);
    expect(isolated.map(([, { map_public_ip_on_launch }]) => map_public_ip_on_launch)).toEqual([false, false, false]);
    expect(new Set(Object.values(resource.aws_subnet ?? {}).map(({ cidr_block }) => cidr_block)).size).toBe(6);
    expect(Object.values(resource.aws_route ?? {}).map(({ route_table_id }) => route_table_id)).toEqual([
      '${aws_route_table.net_public-routes.id}',
    ]);
    for (const { route_table_ids } of Object.values(resource.aws_vpc_endpoint ?? {})) {
      expect(route_table_ids).toEqual([
        '${aws_route_table.net_public-routes.id}',
        '${aws_route_table.net_isolated-routes.id}',
      ]);
    }
  });

  test.each<[Partial<NetworkProps>, string]>([
    [{ cidr: '10.0.0.0' }, 'cidr is "10.0.0.0": write an IPv4 range from /16 to /22'],
    [{ cidr: '10.0.0.0/8' }, 'cidr is "10.0.0.0/8"'],
    [{ zones: 0 }, 'zones is 0: write a whole number from 1 to 4'],
    [{ name: '' }, 'name is "": write 1 to 64 letters'],
    [{ nat: true } as never, 'Network has no property nat'],
  ])('refuses %j', (props, message) => {
    expect(() => network({ name: 'jobs', ...props })).toThrow(message);
  });
});

describe('Network.existing', () => {
  const VPC = 'vpc-0123456789abcdef0';
  const existing = (props: Partial<Parameters<typeof Network.existing>[2]>) => {
    let found: ReturnType<typeof Network.existing> | undefined;
    const synthesised = foundation((stack) => {
      found = Network.existing(stack, 'net', { vpcId: VPC, subnetIds: ['subnet-0123456789abcdef0'], ...props });
    });
    return { ...synthesised, found };
  };

  test("reads the document's subnet, and its plan names the setting that is not as it must be", () => {
    const { data, resource } = existing({ securityGroupId: 'sg-0123456789abcdef0' });

    expect(resource).toEqual({});
    expect(data).toEqual({
      aws_subnet: {
        'net_subnet-0': {
          id: 'subnet-0123456789abcdef0',
          lifecycle: {
            postcondition: [
              {
                condition: `\${self.vpc_id == "${VPC}"}`,
                error_message: `Subnet subnet-0123456789abcdef0 is of \${self.vpc_id}, not of ${VPC}: write a subnet of that VPC.`,
              },
              {
                condition: '${self.map_public_ip_on_launch}',
                error_message: expect.stringContaining('set "Auto-assign public IPv4 address" of the subnet to True'),
              },
            ],
          },
        },
      },
    });
  });

  test('hands the security group on, if there is one', () => {
    expect(existing({}).found?.securityGroupIds).toEqual([]);
    expect(existing({ securityGroupId: 'sg-0123456789abcdef0' }).found?.securityGroupIds).toEqual([
      'sg-0123456789abcdef0',
    ]);
  });

  test.each([
    [{ vpcId: 'my-vpc' }, 'vpcId is "my-vpc": write the ID of a VPC'],
    [{ subnetIds: [] }, 'subnetIds is []: write at least one subnet of vpc-'],
    [{ subnetIds: ['subnet-x'] }, 'subnetIds[0] is "subnet-x"'],
    [{ securityGroupId: 'default' }, 'securityGroupId is "default"'],
  ])('refuses %j', (props, message) => {
    expect(() => existing(props)).toThrow(message);
  });
});
