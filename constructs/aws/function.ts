import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function';
import { Construct } from 'constructs';
import type { Sources } from './bundle';
import { Code } from './code';
import { only, type When } from './optional';
import type { Role } from './role';

export interface NodeFunctionProps {
  readonly sources: Sources;
  /** The source that the function runs. Also the service's name in the logs, and a part of the log statement's sid. */
  readonly role: string;
  /** The function's name in Lambda. */
  readonly functionName: string;
  readonly description: string;
  /** Lambda gives CPU in proportion to memory. */
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** The function's role. The construct adds the permission to write the function's log. */
  readonly executionRole: Role;
  /** Environment variables besides those that every function has. Default: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Texts that it finds beside its code, by name. A change of them is a change of its code. Default: none. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether each deployment publishes a version. Earlier versions stay. Default: no. */
  readonly versions?: boolean;
  readonly logRetentionDays: number;
  /** When it is deployed. Default: always. */
  readonly when?: When;
}

/** A Lambda function (Node.js 22, arm64) with a log group of its own. */
export class NodeFunction extends Construct {
  /** The ARN without a version: the code and configuration of the last deployment. */
  readonly arn: string;
  /** The ARN of the version that this deployment published. Without `versions`: `$LATEST`. */
  readonly versionArn: string;
  readonly functionName: string;
  /** For `dependsOn`: Lambda refuses a second function of the same name. */
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    // Otherwise Lambda creates the group without a retention, and destroy leaves it behind.
    const group = new CloudwatchLogGroup(this, 'log', {
      name: `/aws/lambda/${props.functionName}`,
      retentionInDays: props.logRetentionDays,
      // If another deployment has the same names, this one fails at the role, before it creates a group for the other's
      // function.
      dependsOn: [props.executionRole.role],
    });
    const logGroup = only(group, props.when);
    props.executionRole.grant({
      sid: `Log${props.role}`,
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [`${logGroup.arn}:*`],
    });
    const code = new Code(this, 'code', props.sources, props.role, props.files);
    const lambda = new LambdaFunction(this, 'function', {
      functionName: props.functionName,
      description: props.description,
      role: props.executionRole.arn,
      runtime: 'nodejs22.x',
      architectures: ['arm64'],
      memorySize: props.memoryMb,
      timeout: props.timeoutSeconds,
      filename: code.path,
      sourceCodeHash: code.hash,
      handler: `${props.role}.handler`,
      publish: props.versions,
      environment: {
        variables: {
          POWERTOOLS_SERVICE_NAME: props.role,
          NODE_OPTIONS: '--enable-source-maps',
          ...props.environment,
        },
      },
      // Lambda uses the group of this name if it exists. Otherwise Lambda creates one without a retention.
      dependsOn: [logGroup],
    });
    this.function = only(lambda, props.when);
    this.arn = this.function.arn;
    this.versionArn = this.function.qualifiedArn;
    this.functionName = this.function.functionName;
  }
}
