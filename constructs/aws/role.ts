import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { type ITerraformDependable, Lazy } from 'cdktf';
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
  /** The trust policy's conditions: for whom the service may assume the role. Default: none. */
  readonly trustConditions?: Conditions;
  /** The ARN of a managed policy, the role's permissions boundary. Default (also for an empty string): none. */
  readonly permissionsBoundaryArn?: string;
  /** What must exist before. Default: nothing. */
  readonly after?: ITerraformDependable;
  /** When the role is deployed. Default: always. */
  readonly when?: When;
}

/**
 * A role that one service assumes, with one inline policy. A construct that needs a permission grants it to the role.
 */
export class Role extends Construct {
  readonly arn: string;
  readonly name: string;
  /** For `dependsOn`: IAM refuses a second role of the same name. */
  readonly role: IamRole;
  /** For `dependsOn`: the role has no permissions before the policy exists. */
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
      dependsOn: props.after && [props.after],
    });
    this.role = only(role, props.when);
    this.arn = this.role.arn;
    this.name = this.role.name;
    const policy = new IamRolePolicy(this, 'policy', {
      name: props.policyName,
      role: this.role.name,
      // Lazy: other constructs add grants later in the synthesis.
      policy: Lazy.stringValue({ produce: () => this.#document() }),
      // IAM refuses a policy without a statement.
      count: Lazy.numberValue({ produce: () => (this.#grants.length === 0 ? 0 : undefined) }),
    });
    this.policy = only(policy, props.when);
  }

  /** Adds the statement to the role's policy. */
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
