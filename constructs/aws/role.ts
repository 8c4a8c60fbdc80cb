import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import { only, orNull, type When } from './optional';

/** IAM's condition block: operator, key, value. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** One Allow statement. */
export interface Grant {
  /** Letters and digits: what the statement is for. */
  readonly sid: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** Default: none. */
  readonly conditions?: Conditions;
}

export interface RoleProps {
  readonly roleName: string;
  /** The name of the role's one inline policy. */
  readonly policyName: string;
  /** The service that assumes the role, e.g. `lambda.amazonaws.com`. */
  readonly service: string;
  /** What the service must say for whom it assumes the role. Default: nothing. */
  readonly trustConditions?: Conditions;
  /** A managed policy that bounds the role. Default (also for an empty string): none. */
  readonly permissionsBoundaryArn?: string;
  /** When it is deployed. Default: always. */
  readonly when?: When;
}

/** A role that one service assumes, with one inline policy; whatever needs a permission grants it to the role. */
export class Role extends Construct {
  readonly arn: string;
  readonly name: string;
  /** To depend on: IAM refuses a second role of one name. */
  readonly role: IamRole;
  /** To depend on: before it exists the role may do nothing. */
  readonly policy: IamRolePolicy;
  readonly #grants: Grant[] = [];

  constructor(scope: Construct, id: string, props: RoleProps) {
    super(scope, id);
    const role = new IamRole(this, 'role', {
      name: props.roleName,
      assumeRolePolicy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: props.service },
            Action: 'sts:AssumeRole',
            Condition: props.trustConditions,
          },
        ],
      }),
      permissionsBoundary: orNull(props.permissionsBoundaryArn),
    });
    this.role = only(role, props.when);
    this.arn = this.role.arn;
    this.name = this.role.name;
    const policy = new IamRolePolicy(this, 'policy', {
      name: props.policyName,
      role: this.role.name,
      // Grants come in while the rest of the tree is built.
      policy: Lazy.stringValue({ produce: () => this.#document() }),
    });
    this.policy = only(policy, props.when);
  }

  /** Allows the role what the statement says. */
  grant(grant: Grant): void {
    this.#grants.push(grant);
  }

  #document(): string {
    return JSON.stringify({
      Version: '2012-10-17',
      Statement: this.#grants.map(({ sid, actions, resources, conditions }) => ({
        Sid: sid,
        Effect: 'Allow',
        Action: actions,
        Resource: resources,
        Condition: conditions,
      })),
    });
  }
}

/**
 * To log a state machine's executions. Log delivery belongs to the account, not to a log group. Step Functions checks
 * these rights when the state machine is created, and documents them on `*`, DescribeLogGroups too (Step Functions
 * Developer Guide, "IAM Policies for logging to CloudWatch Logs").
 */
export function deliverLogs(): Grant {
  return {
    sid: 'DeliverLogs',
    actions: [
      'logs:CreateLogDelivery',
      'logs:DeleteLogDelivery',
      'logs:DescribeLogGroups',
      'logs:DescribeResourcePolicies',
      'logs:GetLogDelivery',
      'logs:ListLogDeliveries',
      'logs:PutResourcePolicy',
      'logs:UpdateLogDelivery',
    ],
    resources: ['*'],
  };
}
