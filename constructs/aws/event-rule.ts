import { CloudwatchEventRule } from '@cdktf/provider-aws/lib/cloudwatch-event-rule';
import { CloudwatchEventTarget } from '@cdktf/provider-aws/lib/cloudwatch-event-target';
import { LambdaPermission } from '@cdktf/provider-aws/lib/lambda-permission';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';

/** A function that a rule can call. */
export interface RuleTarget {
  readonly arn: string;
  readonly functionName: string;
  readonly function: ITerraformDependable;
}

export interface EventRuleProps {
  readonly ruleName: string;
  readonly description: string;
  /** The event pattern, for events of the account's default bus (EventBridge User Guide, event patterns). */
  readonly pattern?: Readonly<Record<string, unknown>>;
  /** When it calls, in place of a pattern: EventBridge's `cron(...)` in UTC, or `rate(...)`. */
  readonly schedule?: string;
  readonly target: RuleTarget;
  /** The target's ID in the rule. Default: one that Terraform makes. */
  readonly targetId?: string;
  /** What the function gets: values of the event by their names, and a text with `<name>`. Default: the event. */
  readonly input?: { readonly paths: Readonly<Record<string, string>>; readonly template: string };
  /** A resource that must exist first: AWS refuses a second one of its name. */
  readonly after: ITerraformDependable;
}

/** An EventBridge rule that calls one function, and the permission that lets this rule call it. */
export class EventRule extends Construct {
  /** For `dependsOn`: the rule calls its function. */
  readonly target: CloudwatchEventTarget;

  constructor(scope: Construct, id: string, props: EventRuleProps) {
    super(scope, id);
    const { input } = props;
    const rule = new CloudwatchEventRule(this, 'rule', {
      name: props.ruleName,
      description: props.description,
      eventPattern: props.pattern && JSON.stringify(props.pattern),
      scheduleExpression: props.schedule,
      // PutRule overwrites an existing rule of this name: a second deployment of the same names must fail before it.
      dependsOn: [props.target.function, props.after],
    });
    const permission = new LambdaPermission(this, 'permission', {
      functionName: props.target.functionName,
      action: 'lambda:InvokeFunction',
      principal: 'events.amazonaws.com',
      sourceArn: rule.arn,
    });
    this.target = new CloudwatchEventTarget(this, 'target', {
      rule: rule.name,
      targetId: props.targetId,
      arn: props.target.arn,
      inputTransformer: input && { inputPaths: { ...input.paths }, inputTemplate: input.template },
      dependsOn: [permission],
    });
  }
}
