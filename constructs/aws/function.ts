import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function';
import { Construct } from 'constructs';
import type { Sources } from './bundle';
import { Code } from './code';
import { only, type When } from './optional';
import type { Role } from './role';

export interface NodeFunctionProps {
  readonly sources: Sources;
  /** Which of the sources it runs; with it begin its name in the logs and the names of its statements. */
  readonly role: string;
  /** Its name in Lambda. */
  readonly functionName: string;
  readonly description: string;
  /** Lambda gives CPU by memory. */
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** What it may do; it adds the right to write its own log. */
  readonly executionRole: Role;
  /** Environment variables beside those that every function has. Default: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether each deployment publishes a version; earlier ones stay. Default: no. */
  readonly versions?: boolean;
  readonly logRetentionDays: number;
  /** When it is deployed. Default: always. */
  readonly when?: When;
}

/** A Lambda function (Node.js 22, arm64) with a log group of its own. */
export class NodeFunction extends Construct {
  /** Without a version: the code and configuration of the last deployment. */
  readonly arn: string;
  /** Of the version that this deployment has published; without `versions`, `$LATEST`. */
  readonly versionArn: string;
  readonly functionName: string;
  /** To depend on: Lambda refuses a second function of one name. */
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    // Lambda would create it without a retention, and destroy would leave it.
    const group = new CloudwatchLogGroup(this, 'log', {
      name: `/aws/lambda/${props.functionName}`,
      retentionInDays: props.logRetentionDays,
      // A deployment whose names another one has ends at the role: it leaves no group under the other's function.
      dependsOn: [props.executionRole.role],
    });
    const logGroup = only(group, props.when);
    props.executionRole.grant({
      sid: `Log${props.role}`,
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [`${logGroup.arn}:*`],
    });
    const code = new Code(this, 'code', props.sources, props.role);
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
      // Lambda takes a group of this name where there is one, and would make one without retention where there is not.
      dependsOn: [logGroup],
    });
    this.function = only(lambda, props.when);
    this.arn = this.function.arn;
    this.versionArn = this.function.qualifiedArn;
    this.functionName = this.function.functionName;
  }
}
