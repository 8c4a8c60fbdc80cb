import { EcrLifecyclePolicy } from '@cdktf/provider-aws/lib/ecr-lifecycle-policy';
import { EcrRepository } from '@cdktf/provider-aws/lib/ecr-repository';
import type { ITerraformDependable } from 'cdktf';
import type { Construct } from 'constructs';

/**
 * A repository for the image of jobs, which keeps the last five.
 *
 * @param after what must exist before; default: nothing
 */
export function jobRepository(scope: Construct, name: string, after?: ITerraformDependable): EcrRepository {
  const repository = new EcrRepository(scope, 'repository', {
    name,
    imageTagMutability: 'MUTABLE',
    imageScanningConfiguration: { scanOnPush: true },
    // Images are built again from the sources: they must not keep a deployment from being destroyed.
    forceDelete: true,
    ...(after && { dependsOn: [after] }),
  });
  new EcrLifecyclePolicy(scope, 'old-images', {
    repository: repository.name,
    policy: JSON.stringify({
      rules: [
        {
          rulePriority: 1,
          description: 'Keep the last five images.',
          selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 5 },
          action: { type: 'expire' },
        },
      ],
    }),
  });
  return repository;
}
