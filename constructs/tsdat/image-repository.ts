import { EcrLifecyclePolicy } from '@cdktf/provider-aws/lib/ecr-lifecycle-policy';
import { EcrRepository } from '@cdktf/provider-aws/lib/ecr-repository';
import { EcrRepositoryPolicy } from '@cdktf/provider-aws/lib/ecr-repository-policy';
import { Construct } from 'constructs';
import type { CurrentAws } from '../aws/current-aws';

/** How long an image is kept that no tag names any more: a function may be set back to it by its digest. */
const UNTAGGED_DAYS = 14;

export interface ImageRepositoryProps {
  readonly repositoryName: string;
  /** What the names of the functions begin with that use its images. */
  readonly functionPrefix: string;
  readonly aws: CurrentAws;
  readonly adopt: boolean;
}

/** The images of a branch's pipelines. */
export class ImageRepository extends Construct {
  readonly repository: EcrRepository;
  /** For `dependsOn`: Lambda may pull an image only with it. */
  readonly policy: EcrRepositoryPolicy;

  constructor(scope: Construct, id: string, { repositoryName, functionPrefix, aws, adopt }: ImageRepositoryProps) {
    super(scope, id);
    // The images are made from the repository on GitHub: nothing of a user's is lost with them.
    this.repository = new EcrRepository(this, 'repository', { name: repositoryName, forceDelete: true });
    if (adopt) this.repository.importFrom(repositoryName);
    new EcrLifecyclePolicy(this, 'lifecycle', {
      repository: this.repository.name,
      // Never tagged ones: Lambda cannot update a function whose image is deleted.
      policy: JSON.stringify({
        rules: [
          {
            rulePriority: 1,
            description: 'Untagged images',
            selection: {
              tagStatus: 'untagged',
              countType: 'sinceImagePushed',
              countUnit: 'days',
              countNumber: UNTAGGED_DAYS,
            },
            action: { type: 'expire' },
          },
        ],
      }),
    });
    this.policy = new EcrRepositoryPolicy(this, 'policy', {
      repository: this.repository.name,
      policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'LambdaPull',
            Effect: 'Allow',
            Principal: { Service: 'lambda.amazonaws.com' },
            Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
            Condition: { StringLike: { 'aws:sourceArn': aws.arn('lambda', `function:${functionPrefix}*`) } },
          },
        ],
      }),
    });
  }
}
