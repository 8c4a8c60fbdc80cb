import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function';
import { LambdaFunctionEventInvokeConfig } from '@cdktf/provider-aws/lib/lambda-function-event-invoke-config';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import type { Pipeline, PipelineConfig, PipelinesConfig } from '../../pipelines/model';
import { functionName, imageTag, ruleName } from '../../pipelines/names';
import { cronOf, functionEnvironment, OBJECT_INPUT, objectPattern, watched } from '../../pipelines/rules';
import { EventRule } from '../aws/event-rule';
import type { Role } from '../aws/role';

/** How often Lambda runs an event again that failed (at most 2), and for how long it keeps the event (at most 6 h). */
const RETRIES = 1;
const EVENT_AGE_SECONDS = 21_600;

export interface PipelineFunctionProps {
  readonly config: PipelinesConfig;
  readonly pipeline: Pipeline;
  /** One of the pipeline's. */
  readonly site: PipelineConfig;
  readonly base: string;
  readonly branch: string;
  /** The image repository's address. */
  readonly repositoryUrl: string;
  readonly role: Role;
  readonly records: { readonly name: string; readonly arn: string };
  /** What must exist first: the image, and what the role may do. */
  readonly after: readonly ITerraformDependable[];
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly ephemeralStorageMb: number;
  readonly maxConcurrency?: number;
  readonly logRetentionDays: number;
  readonly adopt: boolean;
}

/** One config of one pipeline: its function with log group, what happens when it fails, and the rule that calls it. */
export class PipelineFunction extends Construct {
  readonly functionName: string;
  /** For `dependsOn`. */
  readonly function: LambdaFunction;
  /** For `dependsOn`. */
  readonly trigger: EventRule;

  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    super(scope, id);
    const { config, pipeline, site, base, branch } = props;
    this.functionName = functionName(base, pipeline.name, site.id);
    // Otherwise Lambda would create the group without a retention, and destroy would leave it behind.
    const logs = new CloudwatchLogGroup(this, 'log', {
      name: `/aws/lambda/${this.functionName}`,
      retentionInDays: props.logRetentionDays,
    });
    const lambda = new LambdaFunction(this, 'function', {
      functionName: this.functionName,
      description: `${pipeline.name} (${pipeline.type}) for ${site.id}, of the branch ${branch}.`,
      role: props.role.arn,
      packageType: 'Image',
      imageUri: `${props.repositoryUrl}:${imageTag(pipeline.name, branch)}`,
      architectures: ['x86_64'],
      memorySize: props.memoryMb,
      timeout: props.timeoutSeconds,
      ephemeralStorage: { size: props.ephemeralStorageMb },
      reservedConcurrentExecutions: props.maxConcurrency,
      environment: {
        variables: functionEnvironment({
          config,
          pipeline,
          site,
          branch,
          name: this.functionName,
          records: props.records.name,
        }),
      },
      dependsOn: [logs, ...props.after],
      // Each build puts its own image there. Terraform makes the function, not what runs in it; nor how it begins, which
      // is in the image too.
      lifecycle: { ignoreChanges: ['image_uri', 'image_config'] },
    });
    this.function = lambda;
    if (props.adopt) {
      logs.importFrom(`/aws/lambda/${this.functionName}`);
      lambda.importFrom(this.functionName);
    }
    new LambdaFunctionEventInvokeConfig(this, 'failures', {
      functionName: lambda.functionName,
      maximumRetryAttempts: RETRIES,
      maximumEventAgeInSeconds: EVENT_AGE_SECONDS,
      // Event and error, in an object of its own below aws/lambda/async/ (Lambda Developer Guide, "Retaining records").
      destinationConfig: { onFailure: { destination: props.records.arn } },
      dependsOn: [props.role.policy],
    });
    const name = ruleName(this.functionName, pipeline.trigger);
    const target = { arn: lambda.arn, functionName: lambda.functionName, function: lambda };
    // aws-template's own: a rule that is taken over would call the function twice if it kept that target beside this one.
    const targetId = '1';
    if (pipeline.trigger === 'Cron') {
      this.trigger = new EventRule(this, 'trigger', {
        ruleName: name,
        description: `Runs ${pipeline.name} for ${site.id} ${(pipeline.schedule ?? 'Daily').toLowerCase()}.`,
        schedule: cronOf(pipeline),
        target,
        targetId,
        after: lambda,
      });
    } else {
      const { bucket, prefix } = watched(config, pipeline, site);
      this.trigger = new EventRule(this, 'trigger', {
        ruleName: name,
        description: `Runs ${pipeline.name} for ${site.id} when a file arrives.`,
        pattern: objectPattern(bucket, prefix),
        input: OBJECT_INPUT,
        target,
        targetId,
        after: lambda,
      });
    }
  }
}
