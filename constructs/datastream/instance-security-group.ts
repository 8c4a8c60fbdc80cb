import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group';
import { Fn, Op, type Precondition } from 'cdktf';
import { Construct } from 'constructs';
import { isSet, orNull } from '../aws/optional';

export interface InstanceSecurityGroupProps {
  readonly groupName: string;
  /** Default (also for an empty string): the region's default VPC. */
  readonly vpcId?: string;
  /** Subnets of `vpcId` for the instances. Default (also for an empty list): EC2 chooses one in the default VPC. */
  readonly subnetIds?: readonly string[];
}

/**
 * Allows no inbound traffic: the SSM agent opens the connection by which commands arrive. Allows all outbound traffic:
 * jobs may fetch from anywhere.
 */
export class InstanceSecurityGroup extends Construct {
  readonly groupId: string;

  constructor(scope: Construct, id: string, props: InstanceSecurityGroupProps) {
    super(scope, id);
    this.groupId = new SecurityGroup(this, 'group', {
      name: props.groupName,
      description: 'Instances of datastream executions: nothing in, everything out.',
      vpcId: orNull(props.vpcId),
      lifecycle: { precondition: bothOrNeither(props) },
      // An explicit empty list: Terraform then removes a rule that somebody has added by hand.
      ingress: [],
      egress: [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'], ipv6CidrBlocks: ['::/0'] }],
    }).id;
  }
}

/**
 * If only one of the two is set, the group and the instances are in different VPCs, and EC2 refuses every launch. This
 * is a precondition: only since Terraform 1.9 may a variable's validation refer to another variable.
 *
 * @throws Error if synthesis already knows both values
 */
function bothOrNeither({ vpcId = '', subnetIds = [] }: InstanceSecurityGroupProps): Precondition[] {
  const [vpc, subnets] = [isSet(vpcId), isSet(subnetIds)];
  if (typeof vpc === 'boolean' && typeof subnets === 'boolean') {
    if (vpc === subnets) return [];
    throw new Error(
      `vpcId is ${JSON.stringify(vpcId)} and subnetIds is ${JSON.stringify(subnetIds)}: write both, or neither for the default VPC.`,
    );
  }
  return [
    {
      // Not `== false`: cdktf 0.21 writes it as `== undefined`.
      condition: vpc === false ? Op.not(subnets) : subnets === false ? Op.not(vpc) : Op.eq(vpc, subnets),
      errorMessage: `vpc_id is "${vpcId}" and subnet_ids is ${Fn.jsonencode(subnetIds)}: write both, or neither for the default VPC.`,
    },
  ];
}
