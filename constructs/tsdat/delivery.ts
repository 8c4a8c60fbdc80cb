import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { CodebuildProject } from '@cdktf/provider-aws/lib/codebuild-project';
import { Codepipeline } from '@cdktf/provider-aws/lib/codepipeline';
import type { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket';
import { S3Object } from '@cdktf/provider-aws/lib/s3-object';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import type { PipelinesConfig } from '../../pipelines/model';
import type { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import { Role } from '../aws/role';
import { buildspec, type Kit } from './kit';

/** The archive of the kit in the artifact bucket. */
const KIT_KEY = 'kit.zip';

/** CodePipeline's artifacts: the first 20 characters of the pipeline's name are their folder. */
export const artifactsPrefix = (pipelineName: string): string => `${pipelineName.slice(0, 20)}/`;

/** The names of the sources' artifacts; CodeBuild's variable CODEBUILD_SRC_DIR_<name> has the second one's folder. */
const SOURCE = 'pipelines';
const CONFIG_SOURCE = 'aws_build';

export interface DeliveryProps {
  readonly base: string;
  readonly branch: string;
  readonly pipelineName: string;
  readonly config: PipelinesConfig;
  readonly aws: CurrentAws;
  readonly artifacts: S3Bucket;
  readonly kit: Kit;
  readonly repositoryArn: string;
  readonly repositoryUrl: string;
  readonly permissionsBoundaryArn?: string;
  readonly logRetentionDays: number;
  /** What must exist before the pipeline: it runs as soon as it exists. */
  readonly after: readonly ITerraformDependable[];
}

/** The build of a branch: what a push to the pipelines' repository starts. */
export class Delivery extends Construct {
  readonly pipeline: Codepipeline;

  constructor(scope: Construct, id: string, props: DeliveryProps) {
    super(scope, id);
    const { base, config, artifacts, pipelineName } = props;
    const kit = new S3Object(this, 'kit', {
      bucket: artifacts.id,
      key: KIT_KEY,
      source: props.kit.path,
      sourceHash: props.kit.hash,
    });
    const project = this.#project(props);
    const role = new Role(this, 'role', {
      roleName: derivedName(base, '-pipeline'),
      policyName: 'pipeline',
      service: 'codepipeline.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    // The service was renamed, and an ARN keeps the prefix that it was made with; so does the permission.
    const [, , connections = ''] = config.connectionArn.split(':');
    role.grant({
      sid: 'ReadRepositories',
      actions: [`${connections}:UseConnection`],
      resources: [config.connectionArn],
    });
    role.grant({
      sid: 'Artifacts',
      actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
      resources: [`${artifacts.arn}/${artifactsPrefix(pipelineName)}*`],
    });
    // CodePipeline looks whether the store keeps versions (CodePipeline User Guide, the service role's policy).
    role.grant({ sid: 'ArtifactStore', actions: ['s3:GetBucketVersioning'], resources: [artifacts.arn] });
    role.grant({
      sid: 'Build',
      actions: ['codebuild:BatchGetBuilds', 'codebuild:StartBuild'],
      resources: [project.arn],
    });
    const source = (name: string, repository: string, output: string, detect: boolean) => ({
      name,
      namespace: output,
      category: 'Source',
      owner: 'AWS',
      provider: 'CodeStarSourceConnection',
      version: '1',
      outputArtifacts: [output],
      configuration: {
        ConnectionArn: config.connectionArn,
        FullRepositoryId: `${config.githubOrg}/${repository}`,
        BranchName: props.branch,
        DetectChanges: String(detect),
        OutputArtifactFormat: 'CODE_ZIP',
      },
    });
    this.pipeline = new Codepipeline(this, 'pipeline', {
      name: pipelineName,
      roleArn: role.arn,
      pipelineType: 'V2',
      // A push during a build: the newest waits, those between are left out.
      executionMode: 'SUPERSEDED',
      artifactStore: [{ type: 'S3', location: artifacts.bucket }],
      stage: [
        {
          name: `${props.branch}-source`,
          action: [
            source('pipelines-source-action', config.pipelinesRepoName, SOURCE, true),
            source('aws_build-source-action', config.awsRepoName, CONFIG_SOURCE, false),
          ],
        },
        {
          name: `${props.branch}-build`,
          action: [
            {
              name: 'build',
              category: 'Build',
              owner: 'AWS',
              provider: 'CodeBuild',
              version: '1',
              inputArtifacts: [SOURCE, CONFIG_SOURCE],
              configuration: {
                ProjectName: project.name,
                PrimarySource: SOURCE,
                EnvironmentVariables: JSON.stringify([
                  { name: 'CODE_VERSION', value: `#{${SOURCE}.CommitId}`, type: 'PLAINTEXT' },
                ]),
              },
            },
          ],
        },
      ],
      dependsOn: [kit, role.policy, ...props.after],
    });
  }

  #project(props: DeliveryProps): CodebuildProject {
    const { base, aws, artifacts } = props;
    const role = new Role(this, 'build-role', {
      roleName: derivedName(base, '-build'),
      policyName: 'build',
      service: 'codebuild.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    const logs = new CloudwatchLogGroup(this, 'build-log', {
      name: `/aws/codebuild/${base}-build`,
      retentionInDays: props.logRetentionDays,
    });
    role.grant({
      sid: 'Log',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [`${logs.arn}:*`],
    });
    role.grant({
      sid: 'ReadSources',
      actions: ['s3:GetObject', 's3:GetObjectVersion'],
      resources: [`${artifacts.arn}/${artifactsPrefix(props.pipelineName)}*`, `${artifacts.arn}/${KIT_KEY}`],
    });
    role.grant({
      sid: 'Built',
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [`${artifacts.arn}/built/*`],
    });
    // Without it S3 answers for an object that is not there that it may not be read.
    role.grant({ sid: 'FindBuilt', actions: ['s3:ListBucket'], resources: [artifacts.arn] });
    // The action supports no resources (Service Authorization Reference, Amazon ECR).
    role.grant({ sid: 'LogIn', actions: ['ecr:GetAuthorizationToken'], resources: ['*'] });
    role.grant({
      sid: 'Images',
      actions: [
        'ecr:BatchCheckLayerAvailability',
        'ecr:BatchGetImage',
        'ecr:CompleteLayerUpload',
        'ecr:GetDownloadUrlForLayer',
        'ecr:InitiateLayerUpload',
        'ecr:PutImage',
        'ecr:UploadLayerPart',
      ],
      resources: [props.repositoryArn],
    });
    role.grant({
      sid: 'Functions',
      actions: ['lambda:GetFunctionConfiguration', 'lambda:UpdateFunctionCode'],
      resources: [aws.arn('lambda', `function:${base}-lambda-*`)],
    });
    return new CodebuildProject(this, 'build', {
      name: `${base}-build`,
      description: `Builds the images of the pipelines of ${base}.`,
      serviceRole: role.arn,
      buildTimeout: 60,
      artifacts: { type: 'CODEPIPELINE' },
      source: { type: 'CODEPIPELINE', buildspec: buildspec() },
      environment: {
        type: 'LINUX_CONTAINER',
        computeType: 'BUILD_GENERAL1_MEDIUM',
        image: 'aws/codebuild/amazonlinux2-x86_64-standard:5.0',
        // Docker in a build needs it (CodeBuild User Guide, "Docker in custom image sample").
        privilegedMode: true,
        environmentVariable: [
          { name: 'KIT', value: `s3://${artifacts.bucket}/${KIT_KEY}` },
          { name: 'REPOSITORY', value: props.repositoryUrl },
        ],
      },
      logsConfig: { cloudwatchLogs: { groupName: logs.name } },
      dependsOn: [role.policy],
    });
  }
}
