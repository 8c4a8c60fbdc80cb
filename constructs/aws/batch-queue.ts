import { BatchComputeEnvironment } from '@cdktf/provider-aws/lib/batch-compute-environment';
import { BatchJobQueue } from '@cdktf/provider-aws/lib/batch-job-queue';
import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { IamInstanceProfile } from '@cdktf/provider-aws/lib/iam-instance-profile';
import { LaunchTemplate } from '@cdktf/provider-aws/lib/launch-template';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { CurrentAws } from './current-aws';
import { derivedName } from './names';
import type { JobNetwork } from './network';
import { Role } from './role';
import { checkProps, logRetention, oneOf, RULES, required, requiredText, text, texts, whole } from './rules';

/** The architectures of instances, as EC2 calls them. */
export type Architecture = 'arm64' | 'x86_64';

/**
 * Instance families of each architecture, the cheapest for a GB of memory first. Several, since spot capacity differs
 * between them (AWS Batch User Guide, best practices for spot).
 */
const FAMILIES: Readonly<Record<Architecture, readonly string[]>> = {
  arm64: ['r7g', 'm7g', 'c7g'],
  x86_64: ['r7i', 'm7i', 'c7i', 'm6i'],
};

/** Seconds that a job may wait for an instance that EC2 cannot give or that does not exist. */
const LONGEST_WAIT_S = 4 * 3600;

/** What AWS Batch tells of a job at the head of its queue that cannot run (User Guide, job state time limit actions). */
const STUCK = [
  'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY',
  'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE',
  'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT',
] as const;

export interface BatchQueueProps {
  /** Where its instances run. Their security group is the network's, else a new one that lets nothing in. */
  readonly network: JobNetwork;
  /** The queue's name in AWS Batch, and the beginning of every other name here. */
  readonly queueName: string;
  /** Default: arm64. Images of jobs must be of it. */
  readonly architecture?: Architecture;
  /** Default: spot. */
  readonly market?: 'spot' | 'on-demand';
  /** Instance types or families of the architecture. Default: r7g, m7g, c7g; or r7i, m7i, c7i, m6i. */
  readonly instanceTypes?: readonly string[];
  /** vCPUs of all jobs that run at once, at most. Default: 16. */
  readonly maxVcpus?: number;
  /** Which of several queues of one compute environment is served first: the higher. 0 to 1000. Default: 1. */
  readonly priority?: number;
  /** GB of an instance's disk, which its jobs and their images share. Default: 100. */
  readonly diskGb?: number;
  /** Days that the jobs' logs are kept. Default: 30. */
  readonly logRetentionDays?: number;
  /** The ARN of a managed policy, the permissions boundary of the instances' role. Default: none. */
  readonly permissionsBoundaryArn?: string;
  /** What must exist before: AWS would take a second deployment's names for the first one's. Default: nothing. */
  readonly after?: ITerraformDependable;
}

/**
 * A queue of AWS Batch with instances of its own, which are there only while jobs run. A job that cannot get an instance
 * is cancelled after four hours.
 *
 * @throws Error that names a property whose value AWS would refuse
 */
export class BatchQueue extends Construct {
  /** The queue's ARN. */
  readonly arn: string;
  /** The queue's name in AWS Batch. */
  readonly queueName: string;
  /** The log group of its jobs. */
  readonly logGroupName: string;
  /** The group of its instances: a service that jobs call lets this group in. */
  readonly securityGroupIds: readonly string[];

  constructor(scope: Construct, id: string, props: BatchQueueProps) {
    super(scope, id);
    checkProps('BatchQueue', props, {
      network: required,
      queueName: requiredText(RULES.batchName),
      architecture: oneOf('arm64', 'x86_64'),
      market: oneOf('spot', 'on-demand'),
      instanceTypes: texts({
        pattern: '^[a-z][a-z0-9-]+([.][a-z0-9-]+)?$',
        write: 'instance types or families such as m7g',
      }),
      maxVcpus: whole(1, 10_000, 'vCPUs that run at once'),
      priority: whole(0, 1000, "the queue's priority"),
      diskGb: whole(30, 16_384, "GB; AWS's image needs 30"),
      logRetentionDays: logRetention,
      permissionsBoundaryArn: text(RULES.permissionsBoundary),
      after: () => {},
    });
    const { network, queueName, architecture = 'arm64', market = 'spot', maxVcpus = 16, diskGb = 100 } = props;
    const aws = new CurrentAws(this, 'aws');
    const role = new Role(this, 'instance-role', {
      roleName: derivedName(queueName, '-instance'),
      policyName: 'instance',
      service: 'ec2.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
      ...(props.after && { after: props.after }),
    });
    const logGroup = new CloudwatchLogGroup(this, 'log', {
      name: `/aws/batch/${queueName}`,
      retentionInDays: props.logRetentionDays ?? 30,
      dependsOn: [role.role],
    });
    for (const grant of agentGrants(aws, logGroup.arn)) role.grant(grant);
    const profile = new IamInstanceProfile(this, 'profile', {
      name: derivedName(queueName, '-instance'),
      role: role.name,
    });

    this.securityGroupIds =
      network.securityGroupIds.length > 0
        ? network.securityGroupIds
        : [
            new SecurityGroup(this, 'security-group', {
              name: `batch-${queueName}`,
              description: `Instances of the queue ${queueName}: nothing in, everything out.`,
              vpcId: network.vpcId,
              ingress: [],
              egress: [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'], ipv6CidrBlocks: ['::/0'] }],
            }).id,
          ];
    const template = new LaunchTemplate(this, 'template', {
      name: derivedName(queueName, '', 128),
      // A container that asks the metadata service would get the instance's role: one hop does not reach a container.
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 },
      blockDeviceMappings: [
        {
          deviceName: '/dev/xvda',
          ebs: { volumeType: 'gp3', volumeSize: diskGb, encrypted: 'true', deleteOnTermination: 'true' },
        },
      ],
      dependsOn: [role.role],
    });
    const environment = new BatchComputeEnvironment(this, 'compute', {
      // A replaced environment must exist before the queue leaves the old one (terraform-provider-aws, issue 46925).
      ...namePrefix(derivedName(queueName, '-', 100)),
      lifecycle: { createBeforeDestroy: true },
      type: 'MANAGED',
      // No service role: only with its own service-linked role can Batch update an environment in place.
      computeResources: {
        type: market === 'spot' ? 'SPOT' : 'EC2',
        allocationStrategy: market === 'spot' ? 'SPOT_PRICE_CAPACITY_OPTIMIZED' : 'BEST_FIT_PROGRESSIVE',
        minVcpus: 0,
        maxVcpus,
        instanceType: [...(props.instanceTypes ?? FAMILIES[architecture])],
        instanceRole: profile.arn,
        subnets: [...network.subnetIds],
        securityGroupIds: [...this.securityGroupIds],
        ec2Configuration: [{ imageType: 'ECS_AL2023' }],
        launchTemplate: { launchTemplateId: template.id, version: `\${${template.fqn}.latest_version}` },
      },
      dependsOn: [role.policy],
    });
    const queue = new BatchJobQueue(this, 'queue', {
      name: queueName,
      state: 'ENABLED',
      priority: props.priority ?? 1,
      computeEnvironmentOrder: [{ order: 1, computeEnvironment: environment.arn }],
      jobStateTimeLimitAction: STUCK.map((reason) => ({
        action: 'CANCEL',
        state: 'RUNNABLE',
        reason,
        maxTimeSeconds: LONGEST_WAIT_S,
      })),
    });
    this.arn = queue.arn;
    this.queueName = queue.name;
    this.logGroupName = logGroup.name;
  }
}

/** Version 6 of the provider has renamed the property (its upgrade guide, aws_batch_compute_environment). */
function namePrefix(prefix: string): { readonly computeEnvironmentNamePrefix?: string } {
  const renamed = 'namePrefix' in BatchComputeEnvironment.prototype;
  return renamed ? ({ namePrefix: prefix } as object) : { computeEnvironmentNamePrefix: prefix };
}

/**
 * What the ECS agent of an instance needs: AmazonEC2ContainerServiceforEC2Role without its `*` where AWS takes an ARN.
 * Batch names the cluster itself.
 */
function agentGrants(aws: CurrentAws, logGroupArn: string) {
  const clusters = aws.arn('ecs', 'cluster/*');
  return [
    {
      sid: 'JoinCluster',
      actions: [
        'ecs:RegisterContainerInstance',
        'ecs:DeregisterContainerInstance',
        'ecs:SubmitAttachmentStateChanges',
        'ecs:SubmitContainerStateChange',
        'ecs:SubmitTaskStateChange',
      ],
      resources: [clusters],
    },
    {
      sid: 'TakeTasks',
      actions: ['ecs:Poll', 'ecs:StartTelemetrySession', 'ecs:UpdateContainerInstancesState'],
      resources: [aws.arn('ecs', 'container-instance/*')],
    },
    // These two actions take no ARN (Service Authorization Reference, Amazon ECS and Amazon ECR).
    { sid: 'FindServices', actions: ['ecs:DiscoverPollEndpoint', 'ecr:GetAuthorizationToken'], resources: ['*'] },
    {
      sid: 'PullImages',
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      resources: [aws.anyonesArn('ecr', 'repository/*')],
    },
    { sid: 'WriteLogs', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [`${logGroupArn}:*`] },
  ];
}
