import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group';
import { Construct } from 'constructs';
import { orNull } from './optional';

export interface InstanceSecurityGroupProps {
  readonly groupName: string;
  /** Default (also for an empty string): the region's default VPC. */
  readonly vpcId?: string;
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
      // Stated, not left out: so Terraform removes a rule that somebody has added by hand.
      ingress: [],
      egress: [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'], ipv6CidrBlocks: ['::/0'] }],
    }).id;
  }
}
