import { LambdaInvocation } from '@cdktf/provider-aws/lib/lambda-invocation';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import type { CurrentAws } from '../aws/current-aws';
import { NodeFunction } from '../aws/function';
import { derivedName } from '../aws/names';
import { Role } from '../aws/role';
import { SOURCES } from './functions';

export interface PreparerProps {
  readonly base: string;
  readonly aws: CurrentAws;
  readonly repositoryName: string;
  readonly repositoryArn: string;
  readonly pipelineName: string;
  /** The tags that functions name. */
  readonly tags: readonly string[];
  /** Buckets that somebody else has made, whose events EventBridge must get. */
  readonly buckets: readonly string[];
  readonly permissionsBoundaryArn?: string;
  readonly logRetentionDays: number;
  /** What must exist before it is called. */
  readonly after: readonly ITerraformDependable[];
}

/** The function for what Terraform has no resource for; Terraform calls it during the deployment. */
export class Preparer extends Construct {
  /** For `dependsOn`: every tag has an image. */
  readonly prepared: LambdaInvocation;
  readonly #function: NodeFunction;
  readonly #role: Role;
  readonly #released: object;

  constructor(scope: Construct, id: string, props: PreparerProps) {
    super(scope, id);
    const { base, aws } = props;
    this.#role = new Role(this, 'role', {
      roleName: derivedName(base, '-preparer'),
      policyName: 'preparer',
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    this.#role.grant({
      sid: 'SeedImages',
      actions: [
        'ecr:BatchGetImage',
        'ecr:CompleteLayerUpload',
        'ecr:InitiateLayerUpload',
        'ecr:PutImage',
        'ecr:UploadLayerPart',
      ],
      resources: [props.repositoryArn],
    });
    this.#role.grant({
      sid: 'StartBuild',
      actions: ['codepipeline:StartPipelineExecution'],
      resources: [aws.arn('codepipeline', props.pipelineName)],
    });
    if (props.buckets.length > 0) {
      this.#role.grant({
        sid: 'SendEvents',
        actions: ['s3:GetBucketNotification', 's3:PutBucketNotification'],
        resources: props.buckets.map((bucket) => `arn:${aws.partition}:s3:::${bucket}`),
      });
    }
    this.#function = new NodeFunction(this, 'preparer', {
      sources: SOURCES,
      role: 'preparer',
      functionName: derivedName(base, '-preparer'),
      description: 'Gives new pipelines an image, and starts the build when the deployment has changed.',
      memoryMb: 256,
      timeoutSeconds: 120,
      executionRole: this.#role,
      logRetentionDays: props.logRetentionDays,
    });
    this.prepared = this.#call('prepare', props.after, {
      action: 'prepare',
      repository: props.repositoryName,
      tags: props.tags,
    });
    this.#released = { buckets: props.buckets, replaces: `${base}-lambda-`, pipeline: props.pipelineName };
  }

  /**
   * Lets buckets send their events, and starts the build, now and whenever the token changes.
   *
   * @param after what must exist before: the rules, or an event would be lost
   */
  release(token: string, after: readonly ITerraformDependable[]): void {
    this.#call('release', after, { action: 'release', ...this.#released, token });
  }

  #call(id: string, after: readonly ITerraformDependable[], input: object): LambdaInvocation {
    return new LambdaInvocation(this, id, {
      functionName: this.#function.functionName,
      input: JSON.stringify(input),
      // A change is a second call. With the default the invocation would be a new resource each time.
      lifecycleScope: 'CRUD',
      dependsOn: [this.#function.function, this.#role.policy, ...after],
    });
  }
}
