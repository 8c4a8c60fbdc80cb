import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { SfnStateMachine } from '@cdktf/provider-aws/lib/sfn-state-machine';
import { Fn, Token } from 'cdktf';
import { Construct } from 'constructs';
import { Tag } from '../../lambdas/bison/tags';
import type { BatchJob } from '../aws/batch-job';
import type { BatchQueue } from '../aws/batch-queue';
import { type Catalog, tablesOf } from '../aws/catalog';
import type { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import { deliverLogs, type Grant, Role } from '../aws/role';
import { definition } from './definition';
import type { BisonFunction } from './function';
import { BISON_FUNCTIONS, type BisonFunctionName } from './functions';
import { JOB_NAMES, type JobName } from './jobs';
import { PREFIXES } from './names';

export interface WorkflowProps {
  readonly stateMachineName: string;
  /** Its future ARN: the role's trust policy names it before it exists. */
  readonly stateMachineArn: string;
  readonly aws: CurrentAws;
  readonly functions: Readonly<Record<BisonFunctionName, BisonFunction>>;
  readonly dataStreamArn: string;
  /** The bucket of GBIF's open data, if they are read where they lie. Default: a download is ingested. */
  readonly openDataBucket?: string;
  readonly bucketName: string;
  readonly databaseName: string;
  readonly catalog: Catalog;
  readonly workgroupName: string;
  readonly queue: BatchQueue;
  readonly jobs: Readonly<Record<JobName, BatchJob>>;
  readonly chunks: number;
  readonly logRetentionDays: number;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
}

/** The Standard workflow of a month. It calls the functions' versions of this deployment. */
export class Workflow extends Construct {
  readonly stateMachine: SfnStateMachine;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    const { aws, functions, jobs, stateMachineName } = props;
    const role = new Role(this, 'role', {
      roleName: derivedName(stateMachineName, '-machine'),
      policyName: 'machine',
      service: 'states.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        ArnEquals: { 'aws:SourceArn': props.stateMachineArn },
      },
      ...(props.permissionsBoundaryArn && { permissionsBoundaryArn: props.permissionsBoundaryArn }),
    });
    for (const grant of workflowGrants(props)) role.grant(grant);
    role.grant(deliverLogs());
    const log = new CloudwatchLogGroup(this, 'log', {
      name: `/aws/vendedlogs/states/${stateMachineName}`,
      retentionInDays: props.logRetentionDays,
      dependsOn: [role.role],
    });
    const byName = <Name extends string, Value>(names: readonly Name[], of: (name: Name) => Value) =>
      Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, Value>;
    this.stateMachine = new SfnStateMachine(this, 'state-machine', {
      name: stateMachineName,
      type: 'STANDARD',
      roleArn: role.arn,
      definition: JSON.stringify(
        definition({
          functionArns: byName(BISON_FUNCTIONS, (name) => functions[name].versionArn),
          dataStreamArn: props.dataStreamArn,
          ingest: props.openDataBucket === undefined ? 'download' : 'open-data',
          bucket: props.bucketName,
          database: props.databaseName,
          workgroup: props.workgroupName,
          crawler: props.catalog.crawlerName,
          queueArn: props.queue.arn,
          jobArns: byName(JOB_NAMES, (name) => jobs[name].arn),
          chunks: props.chunks,
          partition: aws.partition,
        }),
      ),
      loggingConfiguration: { level: 'ERROR', includeExecutionData: false, logDestination: `${log.arn}:*` },
      dependsOn: [role.policy],
    });
  }
}

/** What each state needs, and Athena with the workflow's credentials. */
function workflowGrants(props: WorkflowProps): readonly Grant[] {
  const { aws, bucketName, catalog, dataStreamArn, functions, openDataBucket, stateMachineArn } = props;
  const s3 = (key: string, bucket = bucketName) => `arn:${aws.partition}:s3:::${bucket}${key && `/${key}`}`;
  const rule = (name: string) => aws.arn('events', `rule/StepFunctionsGetEventsFor${name}Rule`);
  const executions = Token.isUnresolved(dataStreamArn)
    ? Fn.replace(dataStreamArn, ':stateMachine:', ':execution:')
    : dataStreamArn.replace(':stateMachine:', ':execution:');
  const definitions = JOB_NAMES.flatMap((name) => {
    const arn = aws.arn('batch', `job-definition/${props.jobs[name].definitionName}`);
    return [arn, `${arn}:*`];
  });
  const download = openDataBucket === undefined;
  return [
    // Every version: a month goes on with the functions of the deployment that it began under.
    {
      sid: 'InvokeFunctions',
      actions: ['lambda:InvokeFunction'],
      resources: BISON_FUNCTIONS.map((name) => `${functions[name].arn}:*`),
    },
    ...(download
      ? [
          { sid: 'StartIngest', actions: ['states:StartExecution'], resources: [dataStreamArn] },
          {
            sid: 'FollowIngest',
            actions: ['states:DescribeExecution', 'states:StopExecution'],
            resources: [`${executions}:*`],
          },
        ]
      : []),
    // Step Functions hears of a child's end by rules of its own (Developer Guide, IAM policies for service integrations).
    {
      sid: 'HearOfEnds',
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [...(download ? [rule('StepFunctionsExecution')] : []), rule('BatchJobs')],
    },
    {
      sid: 'Crawl',
      actions: ['glue:UpdateCrawler', 'glue:StartCrawler', 'glue:GetCrawler'],
      resources: [catalog.crawlerArn],
    },
    // An update of a crawler passes its role.
    {
      sid: 'PassCrawlerRole',
      actions: ['iam:PassRole'],
      resources: [catalog.role.arn],
      conditions: { StringEquals: { 'iam:PassedToService': 'glue.amazonaws.com' } },
    },
    {
      sid: 'UseTables',
      actions: ['glue:GetDatabase', 'glue:GetTable', 'glue:GetPartitions', 'glue:CreateTable', 'glue:BatchDeleteTable'],
      resources: tablesOf(aws, props.databaseName),
    },
    // Athena looks at them before each query (Athena User Guide, Fine-grained access to databases and tables; Step Functions
    // Developer Guide, IAM policies for Athena).
    { sid: 'SeeDefaultDatabase', actions: ['glue:GetDatabase'], resources: [aws.arn('glue', 'database/default')] },
    {
      sid: 'SeeCatalog',
      actions: ['athena:GetDataCatalog'],
      resources: [aws.arn('athena', 'datacatalog/AwsDataCatalog')],
    },
    {
      sid: 'Query',
      actions: [
        'athena:StartQueryExecution',
        'athena:StopQueryExecution',
        'athena:GetQueryExecution',
        'athena:GetQueryResults',
      ],
      resources: [aws.arn('athena', `workgroup/${props.workgroupName}`)],
    },
    {
      sid: 'SeeObjects',
      actions: ['s3:ListBucket', 's3:GetBucketLocation', 's3:ListBucketMultipartUploads'],
      resources: [s3('')],
    },
    {
      sid: 'ReadObjects',
      actions: ['s3:GetObject'],
      resources: [
        ...(download ? [s3(`${PREFIXES.rawdata}*`)] : []),
        s3(`${PREFIXES.queries}*`),
        s3(`${PREFIXES.annotated}*`),
        s3(`${PREFIXES.summary}*`),
      ],
    },
    {
      sid: 'WriteObjects',
      actions: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      resources: [s3(`${PREFIXES.queries}*`), s3(`${PREFIXES.summary}*`)],
    },
    ...(openDataBucket === undefined
      ? []
      : [
          {
            sid: 'SeeOpenData',
            actions: ['s3:ListBucket', 's3:GetBucketLocation'],
            resources: [s3('', openDataBucket)],
          },
          { sid: 'ReadOpenData', actions: ['s3:GetObject'], resources: [s3('occurrence/*', openDataBucket)] },
        ]),
    { sid: 'SubmitJobs', actions: ['batch:SubmitJob'], resources: [props.queue.arn, ...definitions] },
    {
      sid: 'TagJobs',
      actions: ['batch:TagResource'],
      resources: [aws.arn('batch', 'job/*')],
      conditions: { StringEquals: { [`aws:RequestTag/${Tag.stateMachine}`]: stateMachineArn } },
    },
    {
      sid: 'StopJobs',
      actions: ['batch:TerminateJob'],
      resources: [aws.arn('batch', 'job/*')],
      conditions: { StringEquals: { [`aws:ResourceTag/${Tag.stateMachine}`]: stateMachineArn } },
    },
    // This action takes no ARN (Service Authorization Reference, AWS Batch).
    { sid: 'SeeJobs', actions: ['batch:DescribeJobs'], resources: ['*'] },
  ];
}
