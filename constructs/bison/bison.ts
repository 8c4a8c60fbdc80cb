import { AthenaWorkgroup } from '@cdktf/provider-aws/lib/athena-workgroup';
import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule';
import { SchedulerScheduleGroup } from '@cdktf/provider-aws/lib/scheduler-schedule-group';
import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret';
import { Aspects, Token } from 'cdktf';
import { Construct } from 'constructs';
import shippedIngest from '../../executions/examples/gbif-download.json';
import { Tag } from '../../lambdas/bison/tags';
import { BatchJob } from '../aws/batch-job';
import { BatchQueue } from '../aws/batch-queue';
import { Catalog } from '../aws/catalog';
import { CurrentAws } from '../aws/current-aws';
import { jobRepository } from '../aws/job-repository';
import { derivedName } from '../aws/names';
import type { JobNetwork, Network } from '../aws/network';
import { checkOneCopy } from '../aws/one-copy';
import { orElse } from '../aws/optional';
import { POSTGRES_DEFAULTS, PostgresConnection, type PostgresConnectionProps } from '../aws/postgres-connection';
import { PrivateBucket } from '../aws/private-bucket';
import { type Grant, Role } from '../aws/role';
import {
  checkProps,
  flag,
  logRetention,
  RULES,
  type Rule,
  required,
  requiredText,
  tagSet,
  text,
  texts,
  unchecked,
  whole,
} from '../aws/rules';
import { Tags } from '../aws/tags';
import { BisonFunction } from './function';
import { ingestText } from './ingest';
import { JOBS, type JobName, jobEnvironment } from './jobs';
import {
  CRAWLED_PREFIX,
  DATABASE,
  DEFAULT_REGIONS,
  INGEST_FILE,
  INTERMEDIATE_DAYS,
  INTERMEDIATE_PREFIXES,
  PREFIXES,
  type RegionFiles,
  RIIS_KEY,
} from './names';
import { Workflow } from './workflow';

export interface BisonProps {
  /** The beginning of every name that no other property sets. Default: bison. */
  readonly prefix?: string;
  /** The ARN of the state machine of a deployed DataStream, which carries the ingest out. */
  readonly dataStreamArn: string;
  /**
   * Whether a month is refused while the DataStream does not exist or its `s3_bucket` is another bucket. Choose false if
   * its roles have permissions of yours for this one. Default: true.
   */
  readonly checkDataStream?: boolean;
  /** Where jobs run: `Network`, or `Network.existing`. */
  readonly network: JobNetwork;
  /** The image of images/bison, by its digest. Default: `latest` of the repository that is made for it. */
  readonly image?: string;
  /** The name of the bucket, which is made. Default: bison-<account>-<region>. */
  readonly bucket?: string;
  /** Whether `destroy` deletes the bucket's objects too, the published counts among them. Default: no. */
  readonly removeObjects?: boolean;
  /**
   * How a month's data come: an execution file that ingests a download of GBIF's, as an object; or `open-data`, which
   * reads GBIF's open data where they lie. Default: executions/examples/gbif-download.json.
   */
  readonly ingest?: 'open-data' | Readonly<Record<string, unknown>>;
  /** The bucket of GBIF's open data. Default: gbif-open-data-us-east-1. */
  readonly openDataBucket?: string;
  /** When a month is made by itself (EventBridge Scheduler's expression); empty: never. Default: cron(0 0 2 * ? *). */
  readonly schedule?: string;
  /** The files of regions. Default: input/county.gpkg and input/aiannh.gpkg, with layers of these names. */
  readonly regions?: RegionFiles;
  /** Files of the subset, and jobs that annotate them: 2 to 100. Default: 64. */
  readonly chunks?: number;
  /** Bytes that one query may read. Default: 2 TiB, for which Athena takes $10. */
  readonly scanLimitBytes?: number;
  /** vCPUs of all jobs that run at once. Default: 64. */
  readonly maxVcpus?: number;
  /** The queue's priority: 0 to 1000. Default: 1. */
  readonly priority?: number;
  /** Default: as of `BatchQueue`. */
  readonly instanceTypes?: readonly string[];
  /** Default: bison-metadata. */
  readonly databaseName?: string;
  /**
   * A connection of Glue to PostgreSQL, and a crawler of its schema: `{}` for a new server in the isolated subnets of
   * `network`, or `{ existing }` for one that is there. Default: none, since a new one costs about $21 a month.
   */
  readonly postgres?: Omit<PostgresConnectionProps, 'name' | 'network' | 'crawl' | 'permissionsBoundaryArn'>;
  /** Default: none. */
  readonly permissionsBoundaryArn?: string;
  /** Default: 30. */
  readonly logRetentionDays?: number;
  /** Tags on every resource that can have them. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * BISON: each month from a download of GBIF, or its open data, to counts of occurrences in counties, states and tribal
 * areas that agree with each other.
 *
 * @throws Error that names a property whose value AWS would refuse, and every problem of the ingest's execution file
 */
export class Bison extends Construct {
  /** The ARN of the workflow. */
  readonly stateMachineArn: string;
  readonly bucketName: string;
  readonly databaseName: string;
  readonly crawlerName: string;
  readonly workgroupName: string;
  readonly queueName: string;
  /** The job definitions, by the programs of images/bison. */
  readonly definitionNames: Readonly<Record<JobName, string>>;
  /** Where the image of images/bison is pushed to. */
  readonly repositoryUrl: string;
  /** The secret for GBIF's user and password, made without a value; empty with `open-data`. */
  readonly gbifSecretArn: string;
  /** The connection to PostgreSQL; undefined without `postgres`. */
  readonly postgres?: PostgresConnection;
  /** The least that a person needs who starts and follows months: an IAM policy as JSON. */
  readonly operatorPolicy: string;
  /** What the command knows of this deployment: JSON. */
  readonly deployment: string;

  constructor(scope: Construct, id: string, props: BisonProps) {
    super(scope, id);
    checkOneCopy(this);
    checkProps('Bison', props, CHECKS);
    const { prefix = 'bison', permissionsBoundaryArn, logRetentionDays = 30, chunks = 64 } = props;
    const { regions = DEFAULT_REGIONS, scanLimitBytes = 2 * 2 ** 40, databaseName = DATABASE } = props;
    const ingest = props.ingest ?? shippedIngest;
    const openDataBucket = props.openDataBucket || 'gbif-open-data-us-east-1';
    const openData = ingest === 'open-data';
    const ingestFile = openData ? undefined : ingestText(ingest);
    const checked = !openData && (props.checkDataStream ?? true);
    const boundary = permissionsBoundaryArn ? { permissionsBoundaryArn } : {};

    const aws = new CurrentAws(this, 'aws');
    const stateMachineName = derivedName(prefix, '-month', 80);
    const stateMachineArn = aws.arn('states', `stateMachine:${stateMachineName}`);
    const bucketName = orElse(props.bucket, `bison-${aws.account}-${aws.region}`);
    const { bucket } = new PrivateBucket(this, 'bucket', {
      bucketName,
      removeObjects: props.removeObjects ?? false,
      expiry: { days: INTERMEDIATE_DAYS, prefixes: INTERMEDIATE_PREFIXES },
    });
    const s3 = (key: string, of = bucket.bucket) => `arn:${aws.partition}:s3:::${of}${key && `/${key}`}`;
    const list = (sid: string, ...prefixes: readonly string[]): Grant => ({
      sid,
      actions: ['s3:ListBucket'],
      resources: [s3('')],
      conditions: { StringLike: { 's3:prefix': prefixes.map((each) => `${each}*`) } },
    });
    const catalog = new Catalog(this, 'catalog', {
      name: prefix,
      databaseName,
      tablePrefix: CRAWLED_PREFIX,
      targets: [openData ? `s3://${openDataBucket}/occurrence/` : `s3://${bucket.bucket}/${PREFIXES.rawdata}`],
      targetsMove: true,
      after: bucket,
      ...boundary,
    });
    if (props.postgres) {
      this.postgres = new PostgresConnection(this, 'postgres', {
        ...props.postgres,
        name: prefix,
        ...(!props.postgres.existing && { network: props.network as Network }),
        crawl: { catalogDatabase: databaseName },
        ...boundary,
      });
    }
    const workgroup = new AthenaWorkgroup(this, 'workgroup', {
      name: prefix,
      description: 'The queries of BISON.',
      forceDestroy: true,
      configuration: {
        enforceWorkgroupConfiguration: true,
        publishCloudwatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: scanLimitBytes,
        resultConfiguration: {
          outputLocation: `s3://${bucket.bucket}/${PREFIXES.queries}`,
          encryptionConfiguration: { encryptionOption: 'SSE_S3' },
        },
      },
      dependsOn: [catalog.role.role],
    });
    const queue = new BatchQueue(this, 'queue', {
      network: props.network,
      queueName: prefix,
      architecture: 'arm64',
      market: 'spot',
      maxVcpus: props.maxVcpus ?? 64,
      ...(props.priority !== undefined && { priority: props.priority }),
      ...(props.instanceTypes && { instanceTypes: props.instanceTypes }),
      logRetentionDays,
      after: catalog.role.role,
      ...boundary,
    });
    const repository = jobRepository(this, `${prefix}/jobs`, catalog.role.role);
    const image = orElse(props.image, `${repository.repositoryUrl}:latest`);
    const job = (name: JobName, grants: readonly Grant[]): BatchJob => {
      const made = new BatchJob(this, name, {
        ...JOBS[name],
        name: derivedName(prefix, `-${name}`, 128),
        image,
        environment: jobEnvironment(bucket.bucket, regions, aws.region),
        queue,
        ...boundary,
      });
      for (const grant of grants) made.role.grant(grant);
      return made;
    };
    const read = (...keys: readonly string[]): Grant => ({
      sid: 'Read',
      actions: ['s3:GetObject'],
      resources: keys.map((key) => s3(key)),
    });
    const write = (...keys: readonly string[]): Grant => ({
      sid: 'Write',
      actions: ['s3:PutObject'],
      resources: keys.map((key) => s3(key)),
    });
    const annotatedRiis = `${RIIS_KEY.replace(/\.csv$/, '')}_annotated_*.csv`;
    const jobs: Readonly<Record<JobName, BatchJob>> = {
      // It reads the files of regions too, so that a wrong one ends the month here. It may not list input/: Request has
      // seen that the files are there, and of one that is gone the job names both causes.
      annotate_riis: job('annotate_riis', [read(`${PREFIXES.input}*`), write(annotatedRiis)]),
      annotate: job('annotate', [
        read(`${PREFIXES.queries}tables/*`, `${PREFIXES.input}*`),
        list('FindSubset', `${PREFIXES.queries}tables/`),
        write(`${PREFIXES.annotated}*`),
      ]),
      calc_stats: job('calc_stats', [
        read(`${PREFIXES.summary}*`),
        list('FindResults', PREFIXES.summary),
        write(`${PREFIXES.output}*`, `${PREFIXES.summary}*/statistics.json`),
      ]),
    };

    const secret = openData
      ? undefined
      : new SecretsmanagerSecret(this, 'gbif-account', {
          namePrefix: `${prefix}-gbif-`,
          description:
            'User and password of gbif.org: {"username": "...", "password": "..."}. Terraform writes no value.',
          recoveryWindowInDays: 0,
          dependsOn: [catalog.role.role],
        });
    const fn = (
      role: 'gbif' | 'verifier',
      description: string,
      environment: Readonly<Record<string, string>>,
      grants: readonly Grant[],
    ): BisonFunction => {
      const executionRole = new Role(this, `${role}-role`, {
        roleName: derivedName(prefix, `-${role}`),
        policyName: role,
        service: 'lambda.amazonaws.com',
        after: catalog.role.role,
        ...boundary,
      });
      for (const grant of grants) executionRole.grant(grant);
      return new BisonFunction(this, role, {
        role,
        functionName: derivedName(prefix, `-${role}`),
        description,
        executionRole,
        environment,
        ...(role === 'gbif' && ingestFile !== undefined && { files: { [INGEST_FILE]: ingestFile } }),
        versions: true,
        logRetentionDays,
      });
    };
    const gbif = fn(
      'gbif',
      "Sees that a month can be made, and finds or asks for GBIF's download.",
      {
        DEPLOYMENT: JSON.stringify({
          bucket: bucket.bucket,
          ingest: openData ? 'open-data' : 'download',
          openDataBucket,
          inputs: [RIIS_KEY, ...Object.values(regions).map(({ key }) => key)],
          dataStreamArn: checked ? props.dataStreamArn : '',
          secretArn: secret?.arn ?? '',
          scanLimitBytes: asText(scanLimitBytes),
        }),
      },
      [
        list('SeeInputsAndManifests', PREFIXES.input, PREFIXES.summary),
        { sid: 'SeeMonths', actions: ['states:ListExecutions'], resources: [stateMachineArn] },
        ...(secret
          ? [{ sid: 'KnowAccount', actions: ['secretsmanager:GetSecretValue'], resources: [secret.arn] }]
          : [{ sid: 'SeeSnapshots', actions: ['s3:ListBucket'], resources: [s3('', openDataBucket)] }]),
        ...(checked
          ? [{ sid: 'KnowDataStream', actions: ['states:ListTagsForResource'], resources: [props.dataStreamArn] }]
          : []),
      ],
    );
    const verifier = fn(
      'verifier',
      'Checks the schema, and compares the counts of a month.',
      { SCAN_LIMIT_BYTES: asText(scanLimitBytes) },
      [],
    );
    const { stateMachine } = new Workflow(this, 'workflow', {
      stateMachineName,
      stateMachineArn,
      aws,
      functions: { gbif, verifier },
      dataStreamArn: props.dataStreamArn,
      ...(openData && { openDataBucket }),
      bucketName: bucket.bucket,
      databaseName,
      catalog,
      workgroupName: workgroup.name,
      queue,
      jobs,
      chunks,
      logRetentionDays,
      ...boundary,
    });
    this.#schedule(props, prefix, aws, stateMachine.arn, stateMachineArn, gbif);
    Aspects.of(this).add(
      new Tags({ Project: 'cdktf-datastream' }, props.tags, { [Tag.stateMachine]: stateMachineArn }),
    );

    this.stateMachineArn = stateMachine.arn;
    this.bucketName = bucket.bucket;
    this.databaseName = catalog.databaseName;
    this.crawlerName = catalog.crawlerName;
    this.workgroupName = workgroup.name;
    this.queueName = queue.queueName;
    this.definitionNames = {
      annotate_riis: jobs.annotate_riis.definitionName,
      annotate: jobs.annotate.definitionName,
      calc_stats: jobs.calc_stats.definitionName,
    };
    this.repositoryUrl = repository.repositoryUrl;
    this.gbifSecretArn = secret?.arn ?? '';
    this.deployment = JSON.stringify({
      stateMachineArn,
      region: aws.region,
      bucket: bucket.bucket,
      database: databaseName,
      workgroup: prefix,
      queue: prefix,
      crawler: prefix,
      ingest: openData ? 'open-data' : 'download',
      dataStreamArn: props.dataStreamArn,
      regions,
      chunks: asText(chunks),
      // The server that costs by the hour.
      postgres: serverOf(props.postgres),
      scanLimitBytes: asText(scanLimitBytes),
    });
    this.operatorPolicy = operatorPolicy(aws, {
      stateMachineName,
      stateMachineArn,
      bucketArn: s3(''),
      databaseName,
      workgroupName: prefix,
      queueArn: queue.arn,
      definitionArn: aws.arn('batch', `job-definition/${prefix}-*`),
    });
  }

  /** On the second day of each month. Scheduler's own time says which month is meant, however late it starts. */
  #schedule(
    { schedule = 'cron(0 0 2 * ? *)', permissionsBoundaryArn }: BisonProps,
    prefix: string,
    aws: CurrentAws,
    target: string,
    stateMachineArn: string,
    gbif: BisonFunction,
  ): void {
    if (schedule === '') return;
    const group = new SchedulerScheduleGroup(this, 'schedules', { name: prefix, dependsOn: [gbif.function] });
    const role = new Role(this, 'scheduler-role', {
      roleName: derivedName(prefix, '-scheduler'),
      policyName: 'scheduler',
      service: 'scheduler.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        ArnEquals: { 'aws:SourceArn': group.arn },
      },
      ...(permissionsBoundaryArn && { permissionsBoundaryArn }),
    });
    role.grant({ sid: 'StartMonths', actions: ['states:StartExecution'], resources: [stateMachineArn] });
    new SchedulerSchedule(this, 'schedule', {
      name: derivedName(prefix, '-month'),
      groupName: group.name,
      description: "Makes the month's counts.",
      scheduleExpression: schedule,
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn: target, roleArn: role.arn, input: '{"scheduled":"<aws.scheduler.scheduled-time>"}' },
      dependsOn: [role.policy],
    });
  }
}

/** A server of PostgreSQL that the deployment makes; null without one. */
function serverOf(postgres: BisonProps['postgres']) {
  if (!postgres || postgres.existing) return null;
  const { instanceClass = POSTGRES_DEFAULTS.instanceClass, storageGb = POSTGRES_DEFAULTS.storageGb } = postgres;
  return { instanceClass, storageGb };
}

/** A number as a text, also where only Terraform knows it. */
function asText(value: number): string {
  return Token.isUnresolved(value) ? Token.asString(value) : String(value);
}

interface Operated {
  readonly stateMachineName: string;
  readonly stateMachineArn: string;
  readonly bucketArn: string;
  readonly databaseName: string;
  readonly workgroupName: string;
  readonly queueArn: string;
  readonly definitionArn: string;
}

/** What `datastream bison` calls with the operator's own credentials, and nothing that deploys. */
function operatorPolicy(aws: CurrentAws, props: Operated): string {
  const { bucketArn, stateMachineArn, queueArn } = props;
  const allow = (Sid: string, Action: readonly string[], Resource: readonly string[]) => ({
    Sid,
    Effect: 'Allow',
    Action,
    Resource,
  });
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      allow('Months', ['states:StartExecution', 'states:ListExecutions'], [stateMachineArn]),
      allow(
        'FollowMonths',
        ['states:DescribeExecution', 'states:GetExecutionHistory', 'states:RedriveExecution'],
        [aws.arn('states', `execution:${props.stateMachineName}:*`)],
      ),
      allow('SeeBucket', ['s3:ListBucket', 's3:GetBucketLocation'], [bucketArn]),
      allow('ReadBucket', ['s3:GetObject'], [`${bucketArn}/*`]),
      allow('WriteInputs', ['s3:PutObject'], [`${bucketArn}/${PREFIXES.input}*`, `${bucketArn}/${PREFIXES.queries}*`]),
      allow(
        'Preview',
        ['athena:StartQueryExecution', 'athena:GetQueryExecution', 'athena:GetQueryResults'],
        [aws.arn('athena', `workgroup/${props.workgroupName}`)],
      ),
      allow('ListTables', ['athena:ListTableMetadata'], [aws.arn('athena', 'datacatalog/AwsDataCatalog')]),
      allow(
        'ReadCatalog',
        ['glue:GetDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:GetPartitions'],
        ['catalog', `database/${props.databaseName}`, `table/${props.databaseName}/*`].map((each) =>
          aws.arn('glue', each),
        ),
      ),
      allow('SubmitJobs', ['batch:SubmitJob'], [queueArn, props.definitionArn]),
      // These actions take no ARN (Service Authorization Reference, AWS Batch).
      allow(
        'SeeJobs',
        ['batch:DescribeJobs', 'batch:ListJobs', 'batch:DescribeJobDefinitions', 'batch:DescribeJobQueues'],
        ['*'],
      ),
    ],
  });
}

/** The state machine that ingests; the stack's variable has the same rule. */
export const DATA_STREAM_ARN: Rule = {
  pattern: '^arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]{1,80}$',
  write: 'the output datastream_arn of the stack datastream',
};

/** The jobs' image; the stack's variable has the same rule, or is empty. */
export const IMAGE: Rule = {
  pattern: '^\\S+@sha256:[0-9a-f]{64}$',
  write: "the image by its digest, such as REPOSITORY@sha256: and 64 digits; a tag's image may change",
};

const CHECKS = {
  prefix: text({
    pattern: '^[a-z][a-z0-9-]{1,30}$',
    write: '2 to 31 lower-case letters, digits and hyphens that begin with a letter',
  }),
  dataStreamArn: requiredText(DATA_STREAM_ARN),
  checkDataStream: flag,
  network: required,
  image: text(IMAGE),
  bucket: text(RULES.bucket),
  removeObjects: flag,
  ingest: unchecked,
  openDataBucket: text({ pattern: '^gbif-open-data-[a-z0-9-]+$', write: 'a bucket such as gbif-open-data-us-east-1' }),
  schedule: text({ pattern: '^(rate|cron)\\(.+\\)$', write: 'rate(...) or cron(...), or an empty text for none' }),
  regions: (property: string, value: unknown) => {
    if (value === undefined) return;
    for (const kind of ['county', 'aiannh'] as const) {
      const { key, layer } = (value as Partial<RegionFiles>)?.[kind] ?? {};
      requiredText({
        pattern: '^input/.+\\.gpkg$',
        write: 'the key of a GeoPackage below input/ such as input/county.gpkg',
      })(`${property}.${kind}.key`, key);
      requiredText({ pattern: '^\\w+$', write: "a layer's name" })(`${property}.${kind}.layer`, layer);
    }
  },
  chunks: whole(2, 100, 'files of the subset; Athena writes at most 100 buckets at once'),
  scanLimitBytes: whole(
    10_000_000,
    Number.MAX_SAFE_INTEGER,
    "bytes that a query may read; Athena's least limit is 10 MB",
  ),
  maxVcpus: whole(1, 10_000, 'vCPUs that run at once'),
  priority: whole(0, 1000, "the queue's priority"),
  instanceTypes: texts({ pattern: '^[a-z][a-z0-9.-]+$', write: 'instance types or families such as r7g' }),
  databaseName: text({ pattern: '^[a-z0-9_-]{1,255}$', write: 'lower-case letters, digits, hyphens and underscores' }),
  postgres: unchecked,
  permissionsBoundaryArn: text(RULES.permissionsBoundary),
  logRetentionDays: logRetention,
  tags: tagSet,
};
