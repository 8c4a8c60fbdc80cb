import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group';
import { Fn, Op, type Precondition } from 'cdktf';
import { Construct } from 'constructs';
import { isSet, orNull } from '../aws/optional';

export interface InstanceSecurityGroupProps {
  readonly groupName: string;
  /** Default (also for an empty string): the region's default VPC. */
  readonly vpcId?: string;
  /** Where instances start; of `vpcId`. Default (also for an empty list): EC2 chooses in the default VPC. */
  readonly subnetIds?: readonly string[];
}

/** Nothing comes in: commands arrive by the SSM agent's own connection. Jobs may fetch from wherever they must. */
export class InstanceSecurityGroup extends Construct {
  readonly groupId: string;

  constructor(scope: Construct, id: string, props: InstanceSecurityGroupProps) {
    super(scope, id);
    this.groupId = new SecurityGroup(this, 'group', {
      name: props.groupName,
      description: 'Instances of datastream executions: nothing in, everything out.',
      vpcId: orNull(props.vpcId),
      lifecycle: { precondition: bothOrNeither(props) },
      // Stated, not left out: so Terraform removes a rule that somebody has added by hand.
      ingress: [],
      egress: [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'], ipv6CidrBlocks: ['::/0'] }],
    }).id;
  }
}

/**
 * With one of the two alone, the group is of another VPC than the instances, and EC2 refuses every launch. A
 * precondition, for a variable's validation may refer to another variable only since Terraform 1.9.
 *
 * @throws Error where synthesis knows both already
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
      // Not `== false` either, which cdktf 0.21 writes as `== undefined`.
      condition: vpc === false ? Op.not(subnets) : subnets === false ? Op.not(vpc) : Op.eq(vpc, subnets),
      errorMessage: `vpc_id is "${vpcId}" and subnet_ids is ${Fn.jsonencode(subnetIds)}: write both, or neither for the default VPC.`,
    },
  ];
}
