import { DataAwsAvailabilityZones } from '@cdktf/provider-aws/lib/data-aws-availability-zones';
import { DataAwsRegion } from '@cdktf/provider-aws/lib/data-aws-region';
import { DataAwsSubnet } from '@cdktf/provider-aws/lib/data-aws-subnet';
import { DefaultSecurityGroup } from '@cdktf/provider-aws/lib/default-security-group';
import { InternetGateway } from '@cdktf/provider-aws/lib/internet-gateway';
import { Route } from '@cdktf/provider-aws/lib/route';
import { RouteTable } from '@cdktf/provider-aws/lib/route-table';
import { RouteTableAssociation } from '@cdktf/provider-aws/lib/route-table-association';
import { Subnet } from '@cdktf/provider-aws/lib/subnet';
import { Vpc } from '@cdktf/provider-aws/lib/vpc';
import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint';
import { Fn } from 'cdktf';
import { Construct } from 'constructs';
import { checkProps, flag, RULES, requiredText, text, texts, whole } from './rules';

/** Where jobs run: the subnets of one VPC. */
export interface JobNetwork {
  /** The ID of the VPC. */
  readonly vpcId: string;
  /** Subnets whose instances get a public address by themselves. */
  readonly subnetIds: readonly string[];
  /** Security groups for instances. Empty: who launches instances makes a group that lets nothing in. */
  readonly securityGroupIds: readonly string[];
}

export interface NetworkProps {
  /** The Name tag of the VPC, and the beginning of its subnets' names. */
  readonly name: string;
  /** The VPC's IPv4 range, from /16 to /22; each subnet is a sixteenth of it. Default: 10.0.0.0/16. */
  readonly cidr?: string;
  /** In how many Availability Zones there is a subnet: 1 to 4. A region with fewer gets two in one. Default: 2. */
  readonly zones?: number;
  /** Whether each zone also has a subnet without a way to or from the Internet. Default: no. */
  readonly isolatedSubnets?: boolean;
}

export interface ExistingNetworkProps {
  /** The ID of the VPC. */
  readonly vpcId: string;
  /** Subnets of that VPC. Each must assign public IPv4 addresses automatically. */
  readonly subnetIds: readonly string[];
  /** A security group of that VPC, such as its default one. Default: a new group that lets nothing in. */
  readonly securityGroupId?: string;
}

/**
 * A VPC for jobs: public subnets whose instances get an address by themselves, an internet gateway, gateway endpoints of
 * S3 and DynamoDB, and a default security group without rules. It has no NAT gateway, so that nothing costs by the hour.
 *
 * @throws Error that names a property whose value AWS would refuse
 */
export class Network extends Construct implements JobNetwork {
  /** The ID of the VPC. */
  readonly vpcId: string;
  /** The public subnets, one for each zone. */
  readonly subnetIds: readonly string[];
  /** The subnets without the Internet, one for each zone; empty without `isolatedSubnets`. */
  readonly isolatedSubnetIds: readonly string[];
  /** None: who launches instances makes a group that lets nothing in. */
  readonly securityGroupIds: readonly string[] = [];

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    checkProps('Network', props, {
      name: requiredText(RULES.prefix),
      cidr: text(RULES.cidr),
      zones: whole(1, 4, 'zones; a region with fewer gets two subnets in one'),
      isolatedSubnets: flag,
    });
    const { name, cidr = '10.0.0.0/16', zones = 2, isolatedSubnets = false } = props;
    const vpc = new Vpc(this, 'vpc', {
      cidrBlock: cidr,
      enableDnsSupport: true,
      enableDnsHostnames: true,
      tags: { Name: name },
    });
    this.vpcId = vpc.id;
    // Terraform manages the rules of the group that AWS has made with the VPC: none in, none out.
    new DefaultSecurityGroup(this, 'default-security-group', { vpcId: vpc.id, ingress: [], egress: [] });
    const gateway = new InternetGateway(this, 'gateway', { vpcId: vpc.id, tags: { Name: name } });
    const zoneNames = new DataAwsAvailabilityZones(this, 'zones', {
      state: 'available',
      // Not Local Zones: they have few instance types.
      filter: [{ name: 'opt-in-status', values: ['opt-in-not-required'] }],
    }).names;

    const subnets = (kind: 'public' | 'isolated', first: number): { ids: string[]; table: RouteTable } => {
      const table = new RouteTable(this, `${kind}-routes`, { vpcId: vpc.id, tags: { Name: `${name}-${kind}` } });
      const ids = Array.from({ length: zones }, (_, zone) => {
        const subnet = new Subnet(this, `${kind}-${zone}`, {
          vpcId: vpc.id,
          cidrBlock: Fn.cidrsubnet(cidr, 4, first + zone),
          availabilityZone: Fn.element(zoneNames, zone),
          // Otherwise an instance of AWS Batch cannot reach ECS, and its jobs stay RUNNABLE.
          mapPublicIpOnLaunch: kind === 'public',
          tags: { Name: `${name}-${kind}-${zone}` },
        });
        new RouteTableAssociation(this, `${kind}-${zone}-routes`, { subnetId: subnet.id, routeTableId: table.id });
        return subnet.id;
      });
      return { ids, table };
    };
    const open = subnets('public', 0);
    new Route(this, 'internet', {
      routeTableId: open.table.id,
      destinationCidrBlock: '0.0.0.0/0',
      gatewayId: gateway.id,
    });
    const isolated = isolatedSubnets ? subnets('isolated', 4) : undefined;
    this.subnetIds = open.ids;
    this.isolatedSubnetIds = isolated?.ids ?? [];

    const region = new DataAwsRegion(this, 'region').id;
    const tables = [open.table, ...(isolated ? [isolated.table] : [])].map((table) => table.id);
    for (const service of ['s3', 'dynamodb'] as const) {
      new VpcEndpoint(this, service, {
        vpcId: vpc.id,
        serviceName: `com.amazonaws.${region}.${service}`,
        vpcEndpointType: 'Gateway',
        routeTableIds: tables,
        tags: { Name: `${name}-${service}` },
      });
    }
  }

  /**
   * A network that is there already. The plan fails where a subnet is not of the VPC, and where it does not assign public
   * addresses: jobs would wait for ever.
   *
   * @throws Error that names a property whose value AWS would refuse
   */
  static existing(scope: Construct, id: string, props: ExistingNetworkProps): JobNetwork {
    return new ExistingNetwork(scope, id, props);
  }
}

class ExistingNetwork extends Construct implements JobNetwork {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];

  constructor(scope: Construct, id: string, props: ExistingNetworkProps) {
    super(scope, id);
    checkProps('Network.existing', props, {
      vpcId: requiredText(RULES.vpc),
      subnetIds: texts(RULES.subnet),
      securityGroupId: text(RULES.securityGroup),
    });
    const { vpcId, subnetIds, securityGroupId } = props;
    if (!Array.isArray(subnetIds) || subnetIds.length === 0) {
      throw new Error(`subnetIds is ${JSON.stringify(subnetIds)}: write at least one subnet of ${vpcId}.`);
    }
    this.vpcId = vpcId;
    this.securityGroupIds = securityGroupId ? [securityGroupId] : [];
    this.subnetIds = subnetIds.map(
      (subnetId, index) =>
        new DataAwsSubnet(this, `subnet-${index}`, {
          id: subnetId,
          lifecycle: {
            postcondition: [
              {
                condition: `\${self.vpc_id == "${vpcId}"}`,
                errorMessage: `Subnet ${subnetId} is of \${self.vpc_id}, not of ${vpcId}: write a subnet of that VPC.`,
              },
              {
                condition: '${self.map_public_ip_on_launch}',
                errorMessage: `Subnet ${subnetId} does not assign public IPv4 addresses, so jobs would stay RUNNABLE: set "Auto-assign public IPv4 address" of the subnet to True (MapPublicIpOnLaunch).`,
              },
            ],
          },
        }).id,
    );
  }
}
