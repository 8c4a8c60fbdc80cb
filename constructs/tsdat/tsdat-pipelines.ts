import { Aspects } from 'cdktf';
import { Construct } from 'constructs';
import { deploymentOf } from '../../pipelines/deployment';
import type { PipelinesConfig } from '../../pipelines/model';
import { branchProblem, functionName, imageTag } from '../../pipelines/names';
import { watched, watchedBuckets } from '../../pipelines/rules';
import { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import { checkOneCopy } from '../aws/one-copy';
import { PrivateBucket } from '../aws/private-bucket';
import { Role } from '../aws/role';
import { type Check, checkProps, logRetention, RULES, tagSet, text } from '../aws/rules';
import { Tags } from '../aws/tags';
import { artifactsPrefix, Delivery } from './delivery';
import { ImageRepository } from './image-repository';
import { Kit } from './kit';
import { PipelineFunction } from './pipeline-function';
import { Preparer } from './preparer';
import { flag, type PolicyStatement, parsedConfig, statements, within } from './props';

/** Days that sources of a build, and records of runs, are kept. */
const ARTIFACT_DAYS = 30;
const RECORD_DAYS = 90;

export interface TsdatPipelinesProps {
  /** A parsed `pipelines_config.yml`, of `parsePipelines`. */
  readonly config: PipelinesConfig;
  /** The branch of both repositories: letters, digits, `-` and `_`. It is part of every name. */
  readonly branch: string;
  /**
   * SHA-256 of the file, hexadecimal, with LF line ends. A build fails where the file in the repository is another one.
   * Default: no such check.
   */
  readonly configHash?: string;
  /** Memory of each pipeline's function, in MB. Lambda gives CPU in proportion. Default: 1024, as aws-template. */
  readonly memoryMb?: number;
  /** Longest run of a function, in seconds. Default: 900, Lambda's longest. */
  readonly timeoutSeconds?: number;
  /** Size of each function's /tmp, in MB. Default: 2048. */
  readonly ephemeralStorageMb?: number;
  /** Most runs of one function at once. It is taken from the account's concurrency. Default: no limit. */
  readonly maxConcurrency?: number;
  /** What the functions may do besides reading inputs and writing outputs. Default: nothing. */
  readonly policyStatements?: readonly PolicyStatement[];
  /** The ARN of a managed policy, the permissions boundary of every role. Default: none. */
  readonly permissionsBoundaryArn?: string;
  /** Days that logs are kept, one of `LOG_RETENTION_DAYS`. Default: 30. */
  readonly logRetentionDays?: number;
  /** Tags on every resource that can have them, besides `Project`. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Whether repository, functions and log groups of aws-template are taken over; all must be there. Default: false. */
  readonly adopt?: boolean;
}

/** What each property may be. */
export const PIPELINES_CHECKS: { readonly [Property in keyof Required<TsdatPipelinesProps>]: Check } = {
  config: parsedConfig,
  branch: (property, value) => {
    const problem = branchProblem(value);
    if (problem !== undefined) throw new Error(`${property} is ${JSON.stringify(value)}: ${problem}.`);
  },
  configHash: text({ pattern: '^[0-9a-f]{64}$', write: 'a SHA-256, 64 hexadecimal digits' }),
  // Lambda quotas.
  memoryMb: within(128, 10_240, "MB of a function's memory"),
  timeoutSeconds: within(1, 900, "seconds of a function's run"),
  ephemeralStorageMb: within(512, 10_240, "MB of a function's /tmp"),
  maxConcurrency: within(1, 10_000, 'runs at once'),
  policyStatements: statements,
  permissionsBoundaryArn: text(RULES.permissionsBoundary),
  logRetentionDays: logRetention,
  tags: tagSet,
  adopt: flag,
};

/**
 * tsdat's pipelines of one branch: a function, its log and its trigger for each config; the build that makes their
 * images; and the records of their runs. The buckets of the data are not part of it.
 *
 * @throws Error that names a property whose value cannot be deployed
 */
export class TsdatPipelines extends Construct {
  /** What every name begins with: repository and branch. */
  readonly baseName: string;
  /** The name of the CodePipeline. */
  readonly pipelineName: string;
  /** The bucket of the records of runs and failures. */
  readonly recordsBucketName: string;
  readonly functionNames: readonly string[];

  constructor(scope: Construct, id: string, props: TsdatPipelinesProps) {
    super(scope, id);
    checkOneCopy(this);
    checkProps('TsdatPipelines', props, PIPELINES_CHECKS);
    const { config, branch, permissionsBoundaryArn, logRetentionDays = 30, adopt = false } = props;
    const { base, pipelineName, artifactsBucket, recordsBucket, functions: sites } = deploymentOf(config, branch);
    const aws = new CurrentAws(this, 'aws');

    const { bucket: artifacts } = new PrivateBucket(this, 'artifacts', {
      bucketName: artifactsBucket,
      removeObjects: true,
      expiry: { days: ARTIFACT_DAYS, prefixes: [artifactsPrefix(pipelineName)] },
    });
    const { bucket: records } = new PrivateBucket(this, 'records', {
      bucketName: recordsBucket,
      removeObjects: true,
      // Not state/: without it a pipeline that has failed for so long would take its output's time for that of its inputs.
      expiry: { days: RECORD_DAYS, prefixes: ['runs/', 'aws/lambda/async/'] },
    });
    const images = new ImageRepository(this, 'images', {
      repositoryName: base,
      functionPrefix: `${base}-lambda-`,
      aws,
      adopt,
    });
    const preparer = new Preparer(this, 'preparer', {
      base,
      aws,
      repositoryName: images.repository.name,
      repositoryArn: images.repository.arn,
      pipelineName,
      tags: config.pipelines.map(({ name }) => imageTag(name, branch)),
      // The buckets of this product's own deployment have it from there.
      buckets: config.createBuckets ? [] : watchedBuckets(config),
      permissionsBoundaryArn,
      logRetentionDays,
      after: [images.policy],
    });
    const role = this.#role(props, base, aws, records.arn);
    const functions = sites.map(
      ({ pipeline, site }) =>
        new PipelineFunction(this, `${pipeline.name}:${site.id}`, {
          config,
          pipeline,
          site,
          base,
          branch,
          repositoryUrl: images.repository.repositoryUrl,
          role,
          records: { name: records.bucket, arn: records.arn },
          after: [preparer.prepared, role.policy],
          memoryMb: props.memoryMb ?? 1024,
          timeoutSeconds: props.timeoutSeconds ?? 900,
          ephemeralStorageMb: props.ephemeralStorageMb ?? 2048,
          maxConcurrency: props.maxConcurrency,
          logRetentionDays,
          adopt,
        }),
    );
    const kit = new Kit(this, 'kit', {
      base,
      branch,
      region: config.region,
      accountId: config.accountId,
      artifactsBucket,
      configHash: props.configHash || null,
      pipelines: Object.fromEntries(
        config.pipelines.map(({ name, configs }) => [name, configs.map((each) => functionName(base, name, each.id))]),
      ),
    });
    const delivery = new Delivery(this, 'delivery', {
      base,
      branch,
      pipelineName,
      config,
      aws,
      artifacts,
      kit,
      repositoryArn: images.repository.arn,
      repositoryUrl: images.repository.repositoryUrl,
      permissionsBoundaryArn,
      logRetentionDays,
      // The first build finds the functions that it updates.
      after: functions.map((each) => each.function),
    });
    preparer.release(kit.hash, [delivery.pipeline, ...functions.map(({ trigger }) => trigger.target)]);

    Aspects.of(this).add(new Tags({ Project: 'cdktf-datastream' }, props.tags));
    this.baseName = base;
    this.pipelineName = pipelineName;
    this.recordsBucketName = recordsBucket;
    this.functionNames = functions.map((each) => each.functionName);
  }

  /** The role of the pipelines' functions. */
  #role(
    { config, permissionsBoundaryArn, policyStatements = [] }: TsdatPipelinesProps,
    base: string,
    aws: CurrentAws,
    records: string,
  ): Role {
    const role = new Role(this, 'role', {
      roleName: derivedName(base, '-functions'),
      policyName: 'functions',
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn,
    });
    const bucket = (name: string) => `arn:${aws.partition}:s3:::${name}`;
    // Not CreateLogGroup: a group that was removed stays removed.
    role.grant({
      sid: 'Log',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [aws.arn('logs', `log-group:/aws/lambda/${base}-lambda-*`)],
    });
    const inputs = config.pipelines.flatMap((pipeline) =>
      pipeline.configs
        .filter(({ inputPath }) => inputPath !== undefined)
        .map((site) => watched(config, pipeline, site))
        .filter((each) => each.bucket === config.inputBucketName)
        .map((each) => `${bucket(each.bucket)}/${each.prefix}*`),
    );
    if (inputs.length > 0)
      role.grant({ sid: 'ReadInputs', actions: ['s3:GetObject'], resources: [...new Set(inputs)] });
    role.grant({
      sid: 'List',
      actions: ['s3:ListBucket'],
      resources: [...new Set([bucket(config.inputBucketName), bucket(config.outputBucketName), records])],
    });
    role.grant({
      sid: 'Outputs',
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [`${bucket(config.outputBucketName)}/*`],
    });
    // Lambda writes the events that failed with this role too, and demands the right to write everywhere in the bucket.
    role.grant({ sid: 'Records', actions: ['s3:GetObject', 's3:PutObject'], resources: [`${records}/*`] });
    for (const [at, { Sid, Action, Resource, Condition }] of policyStatements.entries()) {
      role.grant({
        sid: Sid ?? `Own${at + 1}`,
        actions: [Action].flat() as string[],
        resources: [Resource].flat() as string[],
        conditions: Condition,
      });
    }
    return role;
  }
}
