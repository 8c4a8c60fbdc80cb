import { S3BucketNotification } from '@cdktf/provider-aws/lib/s3-bucket-notification';
import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule';
import { SchedulerScheduleGroup } from '@cdktf/provider-aws/lib/scheduler-schedule-group';
import { Aspects, Token } from 'cdktf';
import { Construct } from 'constructs';
import { Tag } from '../../lambdas/carousel/tags';
import { BatchJob, checkBatchJob } from '../aws/batch-job';
import { type Architecture, BatchQueue } from '../aws/batch-queue';
import { CurrentAws } from '../aws/current-aws';
import { EventRule } from '../aws/event-rule';
import { derivedName } from '../aws/names';
import type { JobNetwork } from '../aws/network';
import { checkOneCopy } from '../aws/one-copy';
import { type Grant, Role } from '../aws/role';
import {
  checkAll,
  checkProps,
  flag,
  logRetention,
  oneOf,
  RULES,
  required,
  requiredText,
  tagSet,
  text,
  texts,
  unchecked,
  whole,
} from '../aws/rules';
import { Tags } from '../aws/tags';
import { EVENT_PATTERNS } from './events';
import { CarouselFunction } from './function';
import type { FunctionName } from './functions';
import { checkHsdsServer, HsdsServer, type HsdsServerProps } from './hsds-server';
import { Indexing } from './indexing';
import { type CarouselJob, DEFAULT_JOBS, knownJob, knownJobs, SAMPLE } from './jobs';
import { Tables } from './tables';
import { TurnMachine } from './turn-machine';

/** An HSDS server that is made: see `HsdsServerProps`. */
export type NewHsds = Pick<HsdsServerProps, 'bucket' | 'image' | 'instanceType' | 'diskGb'>;

/** An HSDS that is there already, and that the queue's instances can reach. */
export interface ExistingHsds {
  /** Such as `https://hsds.example.org`. */
  readonly endpoint: string;
  /** The ARN of a secret with the keys `username` and `password`. */
  readonly secretArn: string;
  /** The folder of the indexes in HSDS. Default: `/home/admin/<prefix>/`. */
  readonly domain?: string;
}

export interface DataCarouselProps {
  /** The beginning of every name that no other property sets. Default: datacarousel. */
  readonly prefix?: string;
  /** The bucket with the archived files, which exists. */
  readonly archiveBucket: string;
  /** Only objects whose keys begin with this are of the archive. Default: all. */
  readonly archivePrefix?: string;
  /** The bucket of the jobs' objects, of plans and reports, which exists. */
  readonly outputBucket: string;
  /** Where jobs run: `Network`, or `Network.existing`. */
  readonly network: JobNetwork;
  /** The job definitions, by their names. Default: the document's ComputeRadience. */
  readonly jobs?: Readonly<Record<string, CarouselJob>>;
  /** An object that the console's jobs may read with their defaults. Default: the document's sample, for its job. */
  readonly sample?: string;
  /** The architecture of the jobs' images. Default: x86_64, as the document's image is. */
  readonly architecture?: Architecture;
  /** Default: spot. */
  readonly market?: 'spot' | 'on-demand';
  /** Default: as of `BatchQueue`. */
  readonly instanceTypes?: readonly string[];
  /** Default: 16. */
  readonly maxVcpus?: number;
  /** What a turn's estimate may be at most, in dollars, if its input says nothing else. There is no default. */
  readonly budgetDollars: number;
  /** Default: Bulk. */
  readonly tier?: 'Expedited' | 'Standard' | 'Bulk';
  /** Days that a copy is asked for. Default: 3. */
  readonly days?: number;
  /** Calls of RestoreObject at once. Default: 50. */
  readonly concurrency?: number;
  /** Turns after which a request goes first. Default: 12. */
  readonly maxWaitTurns?: number;
  /** Hours after which a turn ends, whatever is left. Default: 96. */
  readonly turnTimeoutHours?: number;
  /** When a turn starts by itself (EventBridge Scheduler's expression); empty: never. Default: rate(7 days). */
  readonly schedule?: string;
  /**
   * Whether to turn the archive bucket's events for EventBridge on. Terraform then owns all of the bucket's
   * notifications. Default: no; a turn then looks every 15 minutes, unless they are on already.
   */
  readonly manageNotifications?: boolean;
  /** The HSDS that files are indexed into: a server that is made, or one that is there already. Default: none. */
  readonly hsds?: NewHsds | ExistingHsds;
  /** The image of the indexing job. Default: `latest` of the repository that is made for it. */
  readonly hsloadImage?: string;
  /** Default: datacarousel-job-queue. */
  readonly queueName?: string;
  /** Default: BasicFusionFiles. */
  readonly filesTableName?: string;
  /** Default: DataCarouselJobs. */
  readonly jobsTableName?: string;
  /** Default: none. */
  readonly permissionsBoundaryArn?: string;
  /** Default: 30. */
  readonly logRetentionDays?: number;
  /** Tags on every resource that can have them. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** @throws Error with a line for each problem of the jobs and of HSDS */
export function checkParts({ jobs = {}, hsds }: Pick<DataCarouselProps, 'jobs' | 'hsds'>): void {
  checkAll([
    ...Object.entries(jobs).map(([name, job]) => () => {
      const { command, parameters, vcpus, memoryMiB, timeoutSeconds, attempts } = knownJob(job);
      const props = { name, image: job.image, command, parameters, vcpus, memoryMiB, timeoutSeconds, attempts };
      checkAll([() => checkBatchJob(props)], `jobs.${name}: `);
    }),
    () => {
      if (hsds) 'endpoint' in hsds ? checkExistingHsds(hsds) : checkHsdsServer(hsds);
    },
  ]);
}

function checkExistingHsds({ endpoint, secretArn }: ExistingHsds): void {
  const address = { pattern: '^https?://[^/]+$', write: 'an address without a path such as https://hsds.example.org' };
  const secret = { pattern: '^arn:aws[a-z-]*:secretsmanager:.+$', write: "a secret's ARN" };
  checkAll([
    () => requiredText(address)('hsds.endpoint', endpoint),
    () => requiredText(secret)('hsds.secretArn', secretArn),
  ]);
}

/**
 * Researchers' container jobs against HDF5 files of a Glacier archive: requests wait for a turn, a turn restores each file
 * once for everyone who waits for it, and runs their jobs.
 *
 * @throws Error that names a property whose value AWS would refuse
 */
export class DataCarousel extends Construct {
  /** The ARN of the turns' state machine. */
  readonly stateMachineArn: string;
  /** The job queue in AWS Batch. */
  readonly queueName: string;
  /** The job queue's ARN. */
  readonly queueArn: string;
  /** The job definitions that requests may name. */
  readonly definitionNames: readonly string[];
  /** The table of the archive's files, which queries select from. */
  readonly filesTableName: string;
  /** The table of requests and turns. */
  readonly jobsTableName: string;
  /** The function that takes requests as JSON. */
  readonly requesterName: string;
  /** Where the image of images/hsload is pushed to. */
  readonly hsloadRepositoryUrl: string;
  /** The indexer's queue. */
  readonly workQueueUrl: string;
  /** Files that the indexer gave up. */
  readonly deadLetterQueueUrl: string;
  /** Of HSDS; undefined without it. */
  readonly hsdsEndpoint?: string;
  /** What the functions know, for the command: JSON. */
  readonly deployment: string;

  constructor(scope: Construct, id: string, props: DataCarouselProps) {
    super(scope, id);
    checkOneCopy(this);
    checkAll([() => checkProps('DataCarousel', props, CHECKS), () => checkParts(props)]);
    const { prefix = 'datacarousel', archiveBucket, outputBucket, permissionsBoundaryArn, network } = props;
    const { queueName = 'datacarousel-job-queue', logRetentionDays = 30 } = props;
    const archivePrefix = props.archivePrefix ?? '';
    const aws = new CurrentAws(this, 'aws');
    const machineName = derivedName(prefix, '-turn', 80);
    const stateMachineArn = aws.arn('states', `stateMachine:${machineName}`);
    const jobs = props.jobs ?? DEFAULT_JOBS;
    const boundary = permissionsBoundaryArn ? { permissionsBoundaryArn } : {};
    const s3 = (bucket: string, key: string) => `arn:${aws.partition}:s3:::${bucket}${key && `/${key}`}`;
    const archiveObjects = s3(archiveBucket, `${archivePrefix}*`);

    const tables = new Tables(this, 'tables', {
      filesTableName: props.filesTableName ?? 'BasicFusionFiles',
      jobsTableName: props.jobsTableName ?? 'DataCarouselJobs',
    });
    const queue = new BatchQueue(this, 'queue', {
      network,
      queueName,
      architecture: props.architecture ?? 'x86_64',
      ...(props.market && { market: props.market }),
      ...(props.instanceTypes && { instanceTypes: props.instanceTypes }),
      ...(props.maxVcpus !== undefined && { maxVcpus: props.maxVcpus }),
      logRetentionDays,
      ...boundary,
      after: tables.jobs,
    });
    const definitions = Object.entries(jobs).map(([name, job]) => {
      const { command, parameters, vcpus, memoryMiB, timeoutSeconds, attempts } = knownJob(job);
      const made = new BatchJob(this, `job-${name}`, {
        name,
        namePrefix: derivedName(prefix, `-${name}`),
        image: job.image,
        command,
        parameters,
        // A job of the console has no turn that says where its object goes.
        environment: { CAROUSEL_OUTPUT: `s3://${outputBucket}/output/${name}/console.npz` },
        vcpus,
        memoryMiB,
        timeoutSeconds,
        attempts,
        queue,
        ...boundary,
      });
      const sample = props.sample ?? (props.jobs ? '' : SAMPLE);
      made.role.grant({
        sid: 'ReadArchive',
        actions: ['s3:GetObject'],
        resources: [archiveObjects, ...(sample ? [s3(sample.replace('s3://', ''), '')] : [])],
      });
      made.role.grant({
        sid: 'ReadManifests',
        actions: ['s3:GetObject'],
        resources: [s3(outputBucket, 'turns/*/manifest-*')],
      });
      made.role.grant({
        sid: 'WriteOutput',
        actions: ['s3:PutObject'],
        resources: [s3(outputBucket, `output/${name}/*`)],
      });
      return made;
    });
    const hsds =
      props.hsds && this.#hsds(props.hsds, { ...props, prefix }, queue.securityGroupIds, archiveObjects, aws);
    const indexing = new Indexing(this, 'indexing', {
      namePrefix: prefix,
      queue,
      ...(props.hsloadImage && { image: props.hsloadImage }),
      ...(hsds && { hsds }),
      filesTableName: tables.files.name,
      filesTableArn: tables.files.arn,
      archiveObjects,
      region: aws.region,
      after: tables.jobs,
      ...boundary,
    });
    const deployment = JSON.stringify({
      tables: { files: tables.files.name, jobs: tables.jobs.name },
      archiveBucket,
      archivePrefix,
      outputBucket,
      queue: queueName,
      stateMachineArn,
      region: aws.region,
      jobs: knownJobs(jobs),
      defaults: {
        tier: props.tier ?? 'Bulk',
        days: asText(props.days ?? 3),
        budgetDollars: asText(props.budgetDollars),
        concurrency: asText(props.concurrency ?? 50),
        maxWaitTurns: asText(props.maxWaitTurns ?? 12),
        turnTimeoutHours: asText(props.turnTimeoutHours ?? 96),
      },
      ...(hsds && {
        hsds: {
          endpoint: hsds.endpoint,
          domain: hsds.domain ?? `/home/admin/${prefix}/`,
          workQueueUrl: indexing.workQueue.url,
          definition: indexing.job.definitionName,
        },
      }),
    });

    const table = (actions: readonly string[], arn: string, sid: string, indexes = false): Grant => ({
      sid,
      actions: actions.map((action) => `dynamodb:${action}`),
      resources: [arn, ...(indexes ? [`${arn}/index/*`] : [])],
    });
    const jobsTable = (...actions: string[]) => table(actions, tables.jobs.arn, 'UseJobs');
    const jobsIndex = table(['Query'], `${tables.jobs.arn}/index/Waiting`, 'FindWaiting');
    const listArchive: Grant = { sid: 'ListArchive', actions: ['s3:ListBucket'], resources: [s3(archiveBucket, '')] };
    const restoreArchive: Grant = { sid: 'RestoreArchive', actions: ['s3:RestoreObject'], resources: [archiveObjects] };
    const askForTurns: Grant = {
      sid: 'AskForTurns',
      actions: ['states:DescribeExecution'],
      resources: [aws.arn('states', `execution:${machineName}:*`)],
    };
    const stopJobs: Grant = {
      sid: 'StopJobs',
      actions: ['batch:TerminateJob'],
      resources: [aws.arn('batch', 'job/*')],
      conditions: { StringEquals: { [`aws:ResourceTag/${Tag.stateMachine}`]: stateMachineArn } },
    };
    // These two actions take no ARN (Service Authorization Reference, AWS Batch).
    const seeJobs = (...actions: ('ListJobs' | 'DescribeJobs')[]): Grant => ({
      sid: 'SeeJobs',
      actions: actions.map((action) => `batch:${action}`),
      resources: ['*'],
    });
    const fn = (role: FunctionName, description: string, grants: readonly Grant[]): CarouselFunction => {
      const executionRole = new Role(this, `${role}-role`, {
        roleName: derivedName(prefix, `-${role}`),
        policyName: role,
        service: 'lambda.amazonaws.com',
        after: tables.jobs,
        ...boundary,
      });
      for (const grant of grants) executionRole.grant(grant);
      return new CarouselFunction(this, role, {
        role,
        functionName: derivedName(prefix, `-${role}`),
        description,
        executionRole,
        environment: { DEPLOYMENT: deployment },
        versions: true,
        logRetentionDays,
      });
    };
    const planner = fn('planner', 'Plan: chooses the files of a turn within its budget.', [
      jobsTable('GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'BatchWriteItem'),
      jobsIndex,
      listArchive,
      { sid: 'ReadManifests', actions: ['s3:GetObject'], resources: [s3(outputBucket, 'manifests/*')] },
      { sid: 'WritePlan', actions: ['s3:GetObject', 's3:PutObject'], resources: [s3(outputBucket, 'turns/*')] },
      // Without this permission S3 answers 403 instead of 404 for an object that does not exist.
      { sid: 'TellMissingObject', actions: ['s3:ListBucket'], resources: [s3(outputBucket, '')] },
      askForTurns,
    ]);
    const restorer = fn('restorer', 'Restore: asks S3 for the files of a turn.', [
      jobsTable('GetItem', 'UpdateItem', 'Query'),
      restoreArchive,
    ]);
    const definitionArns = [...definitions, ...(hsds ? [indexing.job] : [])].flatMap(({ definitionName }) => {
      const arn = aws.arn('batch', `job-definition/${definitionName}`);
      return [arn, `${arn}:*`];
    });
    const follower = fn('follower', 'Follow: verifies restored files, and submits and follows their jobs.', [
      jobsTable('GetItem', 'UpdateItem', 'Query'),
      table(['UpdateItem'], tables.files.arn, 'DescribeFiles'),
      listArchive,
      { sid: 'ReadArchive', actions: ['s3:GetObject'], resources: [archiveObjects] },
      restoreArchive,
      { sid: 'CheckOutput', actions: ['s3:GetObject'], resources: [s3(outputBucket, 'output/*')] },
      { sid: 'TellMissingObject', actions: ['s3:ListBucket'], resources: [s3(outputBucket, '')] },
      { sid: 'SubmitJobs', actions: ['batch:SubmitJob'], resources: [queue.arn, ...definitionArns] },
      {
        sid: 'TagJobs',
        actions: ['batch:TagResource'],
        resources: [aws.arn('batch', 'job/*')],
        conditions: { StringEquals: { [`aws:RequestTag/${Tag.stateMachine}`]: stateMachineArn } },
      },
      seeJobs('ListJobs', 'DescribeJobs'),
      stopJobs,
      // The machine's own ARN: Step Functions takes a task's machine as its resource.
      { sid: 'EndWait', actions: ['states:SendTaskSuccess'], resources: [stateMachineArn] },
      ...(hsds
        ? [
            {
              sid: 'SendWork',
              actions: ['sqs:SendMessage', 'sqs:GetQueueAttributes'],
              resources: [indexing.workQueue.arn],
            },
          ]
        : []),
    ]);
    const reporter = fn('reporter', 'Report: ends a turn, and returns what was not done.', [
      jobsTable('GetItem', 'UpdateItem', 'DeleteItem', 'Query'),
      jobsIndex,
      restoreArchive,
      stopJobs,
      { sid: 'WriteReport', actions: ['s3:PutObject'], resources: [s3(outputBucket, 'turns/*')] },
    ]);
    const requester = fn('requester', 'Takes requests, which wait for the next turn.', [
      jobsTable('PutItem', 'BatchWriteItem'),
      table(['GetItem', 'Query', 'Scan'], tables.files.arn, 'FindFiles', true),
    ]);
    const reaper = fn('reaper', 'Ends what a stopped turn has left.', [
      jobsTable('GetItem', 'UpdateItem', 'DeleteItem', 'Query'),
      jobsIndex,
      seeJobs('ListJobs', 'DescribeJobs'),
      stopJobs,
      askForTurns,
    ]);
    const { stateMachine } = new TurnMachine(this, 'turn', {
      machineName,
      stateMachineArn,
      aws,
      functions: { planner, restorer, follower, reporter },
      logRetentionDays,
      ...boundary,
    });

    const rule = (
      ruleId: string,
      suffix: string,
      description: string,
      pattern: Readonly<Record<string, unknown>>,
      target: CarouselFunction,
    ) =>
      new EventRule(this, ruleId, {
        ruleName: derivedName(prefix, suffix),
        description,
        pattern,
        target,
        after: stateMachine,
      });
    rule(
      'restored',
      '-restored',
      'A copy of an archived file has come, or has expired.',
      {
        ...EVENT_PATTERNS.restored,
        detail: { bucket: { name: [archiveBucket] } },
      },
      follower,
    );
    const { jobEnded, turnEnded } = EVENT_PATTERNS;
    rule(
      'job-ended',
      '-job-ended',
      'A job of the queue has ended.',
      {
        ...jobEnded,
        detail: { ...jobEnded.detail, jobQueue: [queue.arn] },
      },
      follower,
    );
    rule(
      'turn-ended',
      '-turn-ended',
      'A turn has ended, perhaps without its report.',
      {
        ...turnEnded,
        detail: { ...turnEnded.detail, stateMachineArn: [stateMachineArn] },
      },
      reaper,
    );
    if (props.manageNotifications) {
      new S3BucketNotification(this, 'archive-events', { bucket: archiveBucket, eventbridge: true });
    }
    this.#schedules(props, prefix, aws, stateMachineArn, reaper, planner);

    Aspects.of(this).add(
      new Tags({ Project: 'cdktf-datastream' }, props.tags, { [Tag.stateMachine]: stateMachineArn }),
    );
    this.stateMachineArn = stateMachine.arn;
    this.queueName = queue.queueName;
    this.queueArn = queue.arn;
    this.definitionNames = definitions.map(({ definitionName }) => definitionName);
    this.filesTableName = tables.files.name;
    this.jobsTableName = tables.jobs.name;
    this.requesterName = requester.functionName;
    this.hsloadRepositoryUrl = indexing.repository.repositoryUrl;
    this.workQueueUrl = indexing.workQueue.url;
    this.deadLetterQueueUrl = indexing.deadLetters.url;
    if (hsds) this.hsdsEndpoint = hsds.endpoint;
    this.deployment = deployment;
  }

  /** A new server, or the one that is there. */
  #hsds(
    hsds: NewHsds | ExistingHsds,
    { prefix, network, archiveBucket, permissionsBoundaryArn }: DataCarouselProps & { readonly prefix: string },
    clientGroupIds: readonly string[],
    archiveObjects: string,
    aws: CurrentAws,
  ): ExistingHsds {
    if ('endpoint' in hsds) return hsds;
    return new HsdsServer(this, 'hsds', {
      ...hsds,
      network,
      clientGroupIds,
      namePrefix: prefix,
      archiveObjects,
      archiveBucket,
      aws,
      ...(permissionsBoundaryArn && { permissionsBoundaryArn }),
    });
  }

  /** The turn of every week, and the reaper's look every ten minutes. */
  #schedules(
    { schedule = 'rate(7 days)', permissionsBoundaryArn }: DataCarouselProps,
    prefix: string,
    aws: CurrentAws,
    stateMachineArn: string,
    reaper: CarouselFunction,
    planner: CarouselFunction,
  ): void {
    const group = new SchedulerScheduleGroup(this, 'schedules', {
      name: derivedName(prefix, '-carousel'),
      dependsOn: [reaper.function],
    });
    const role = new Role(this, 'scheduler-role', {
      roleName: derivedName(prefix, '-scheduler'),
      policyName: 'scheduler',
      service: 'scheduler.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        ArnEquals: { 'aws:SourceArn': group.arn },
      },
      ...(permissionsBoundaryArn && { permissionsBoundaryArn }),
      after: planner.function,
    });
    role.grant({ sid: 'InvokeReaper', actions: ['lambda:InvokeFunction'], resources: [reaper.arn] });
    new SchedulerSchedule(this, 'reaper-schedule', {
      name: derivedName(prefix, '-reaper'),
      groupName: group.name,
      description: 'Looks for jobs whose turn no longer runs.',
      scheduleExpression: 'rate(10 minutes)',
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn: reaper.arn, roleArn: role.arn },
      dependsOn: [role.policy],
    });
    if (schedule === '') return;
    role.grant({ sid: 'StartTurns', actions: ['states:StartExecution'], resources: [stateMachineArn] });
    new SchedulerSchedule(this, 'turn-schedule', {
      name: derivedName(prefix, '-turn'),
      groupName: group.name,
      description: 'Starts a turn for the requests that wait.',
      scheduleExpression: schedule,
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn: stateMachineArn, roleArn: role.arn, input: JSON.stringify({ requests: 'waiting' }) },
      dependsOn: [role.policy],
    });
  }
}

/** A number as a text, also where only Terraform knows it. */
function asText(value: number): string {
  return Token.isUnresolved(value) ? Token.asString(value) : String(value);
}

const CHECKS = {
  prefix: text({
    pattern: '^[a-z][a-z0-9-]{1,30}$',
    write: '2 to 31 lower-case letters, digits and hyphens that begin with a letter',
  }),
  archiveBucket: requiredText(RULES.bucket),
  archivePrefix: text({ pattern: '^[^*?]*$', write: 'a prefix of keys without * and ?' }),
  outputBucket: requiredText(RULES.bucket),
  network: required,
  jobs: unchecked,
  sample: text({ pattern: '^s3://[^/]+/.+$', write: 'the address of an object such as s3://bucket/key' }),
  architecture: oneOf('arm64', 'x86_64'),
  market: oneOf('spot', 'on-demand'),
  instanceTypes: texts({ pattern: '^[a-z][a-z0-9.-]+$', write: 'instance types or families such as m7i' }),
  maxVcpus: whole(1, 10_000, 'vCPUs that run at once'),
  budgetDollars: (property: string, value: unknown) => {
    if (Token.isUnresolved(value) || (typeof value === 'number' && value > 0)) return;
    throw new Error(
      `${property} is ${JSON.stringify(value)}: write the dollars that a turn may cost at most, such as 50.`,
    );
  },
  tier: oneOf('Expedited', 'Standard', 'Bulk'),
  days: whole(1, 365, 'days that a copy lives'),
  concurrency: whole(1, 500, 'calls of RestoreObject at once'),
  maxWaitTurns: whole(1, 1000, 'turns'),
  turnTimeoutHours: whole(1, 480, 'hours; Bulk restores from Deep Archive take 48'),
  schedule: text({ pattern: '^(rate|cron)\\(.+\\)$', write: 'rate(...) or cron(...), or an empty text for none' }),
  manageNotifications: flag,
  hsds: unchecked,
  hsloadImage: text({ pattern: '^\\S+$', write: "a container image's name" }),
  queueName: text(RULES.batchName),
  filesTableName: text({ pattern: '^[A-Za-z0-9_.-]{3,255}$', write: "a table's name" }),
  jobsTableName: text({ pattern: '^[A-Za-z0-9_.-]{3,255}$', write: "a table's name" }),
  permissionsBoundaryArn: text(RULES.permissionsBoundary),
  logRetentionDays: logRetention,
  tags: tagSet,
};
