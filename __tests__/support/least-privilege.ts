import { Tag } from '../../lambdas/datastream/tags';
/** An IAM policy as this project writes it. */
export interface Policy {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * The actions in use that take no ARN. Their resource can only be `*` (Service Authorization Reference: Amazon EC2,
 * AWS Systems Manager, Amazon Message Gateway Service, Amazon Message Delivery Service, Amazon CloudWatch Logs, Amazon ECR).
 */
export const WITHOUT_RESOURCES: ReadonlySet<string> = new Set([
  'ec2:DescribeImages',
  'ec2:DescribeInstances',
  'ec2:DescribeVolumes',
  'ecr:GetAuthorizationToken',
  'ssm:CancelCommand',
  'ssm:DescribeInstanceInformation',
  'ssm:GetCommandInvocation',
  'ssm:ListCommands',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
  'ec2messages:AcknowledgeMessage',
  'ec2messages:DeleteMessage',
  'ec2messages:FailMessage',
  'ec2messages:GetEndpoint',
  'ec2messages:GetMessages',
  'ec2messages:SendReply',
  'logs:CreateLogDelivery',
  'logs:DeleteLogDelivery',
  // This action takes an ARN, but Step Functions needs it on `*` (see constructs/datastream/state-machine.ts).
  'logs:DescribeLogGroups',
  'logs:DescribeResourcePolicies',
  'logs:GetLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:UpdateLogDelivery',
]);

/** Resource types that RunInstances only refers to. The resources exist already and do not have the project's tags. */
const REFERRED =
  /:(subnet|security-group|key-pair|placement-group|launch-template|capacity-reservation|image|snapshot)\//;

/** One sentence for each part of a policy that allows too much. */
export function violations(policy: Policy): string[] {
  return policy.Statement.flatMap((statement) => [
    ...(statement.Effect === 'Allow' ? [] : [`${statement.Sid}: ${statement.Effect} is not Allow`]),
    ...statement.Action.flatMap((action) =>
      [wildcardAction, wildcardResource, untaggedMutation, untaggedCommand, passRole, everybodysBuckets].flatMap(
        (rule) => rule(action, statement).map((found) => `${statement.Sid}: ${action} ${found}`),
      ),
    ),
  ]);
}

function wildcardAction(action: string): string[] {
  return /[*?]/.test(action) ? ['has a wildcard'] : [];
}

function wildcardResource(action: string, { Resource }: Statement): string[] {
  if (WITHOUT_RESOURCES.has(action)) return [];
  // An ARN whose resource is only `*` is as broad as `*`. everybodysBuckets checks buckets.
  return Resource.some((arn) => arn === '*' || /^arn:[^:]*:(?!s3:)[^:]*:[^:]*:[^:]*:\*$/.test(arn))
    ? ['takes an ARN but is allowed on *']
    : [];
}

/** The values that a condition requires for a key. A missing key does not satisfy its operator. */
function demanded({ Condition }: Statement, key: string): readonly string[] {
  return ['StringEquals', 'ArnEquals'].flatMap((operator) => Condition?.[operator]?.[key] ?? []);
}

function untaggedMutation(action: string, statement: Statement): string[] {
  if (!action.startsWith('ec2:') || /^ec2:(Describe|Get)/.test(action)) return [];
  const resources = action === 'ec2:RunInstances' ? statement.Resource.filter((arn) => !REFERRED.test(arn)) : [1];
  if (resources.length === 0) return [];
  const created = demanded(statement, `aws:RequestTag/${Tag.stateMachine}`);
  const existing = demanded(statement, `aws:ResourceTag/${Tag.stateMachine}`);
  if (![...created, ...existing].some((arn) => arn.includes(':stateMachine:') && !arn.includes('*'))) {
    return ["does not demand the state machine's tag"];
  }
  if (action !== 'ec2:CreateTags') return [];
  if (demanded(statement, 'ec2:CreateAction').includes('RunInstances')) return [];
  const keys = [statement.Condition?.['ForAllValues:StringLike']?.['aws:TagKeys'] ?? []].flat();
  return keys.length > 0 && keys.every((key) => /^datastream:(token|command)/.test(key))
    ? []
    : ['may write any tag on what exists'];
}

function untaggedCommand(action: string, statement: Statement): string[] {
  if (action !== 'ssm:SendCommand') return [];
  const instances = statement.Resource.some((arn) => !arn.endsWith('::document/AWS-RunShellScript'));
  return instances && demanded(statement, `ssm:resourceTag/${Tag.stateMachine}`).length === 0
    ? ["does not demand the state machine's tag"]
    : [];
}

/** Services that this project's roles are passed to: EC2 for instances, Glue for a crawler. */
const PASSED_TO: ReadonlySet<string> = new Set(['ec2.amazonaws.com', 'glue.amazonaws.com']);

function passRole(action: string, statement: Statement): string[] {
  if (action !== 'iam:PassRole') return [];
  const services = demanded(statement, 'iam:PassedToService');
  return [
    ...(services.length === 1 && PASSED_TO.has(services[0] ?? '')
      ? []
      : ['is not bound to a service that needs a role']),
    ...(statement.Resource.some((arn) => arn.includes('*')) ? ['is not bound to one role'] : []),
  ];
}

function everybodysBuckets(action: string, { Resource, Condition }: Statement): string[] {
  if (!action.startsWith('s3:') || !Resource.some((arn) => /:s3:::\*/.test(arn))) return [];
  const account = Condition?.StringLike?.['aws:ResourceAccount'];
  return account && account !== '*' ? [] : ["is allowed on other accounts' buckets"];
}
