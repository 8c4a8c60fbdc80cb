import { CostExplorerClient, ListCostAllocationTagsCommand } from '@aws-sdk/client-cost-explorer';
import { DescribeVolumesCommand, EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { GetRoleCommand, IAMClient, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { DescribeExecutionCommand, DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { findInstances, tagOf } from '../../lambdas/datastream/instance';
import { Tag } from '../../lambdas/datastream/tags';
import { CLIENT } from '../../lambdas/runtime/clients';
import type { Finding } from '../output/findings';
import { count } from '../output/summary';
import type { LineSchedule } from './schedules';

/** AWS's clients of a state machine's region. */
export type DoctorClients = ReturnType<typeof doctorClients>;

export function doctorClients(region: string) {
  const config = { ...CLIENT, region, maxAttempts: 3 };
  const sts = new STSClient(config);
  let date: string | undefined;
  // The SDK's results have no headers.
  sts.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      date = (result.response as { headers?: Readonly<Record<string, string>> }).headers?.date;
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return {
    sts,
    /** What AWS's clock said at the last call of `sts`. */
    awsTime: () => (date === undefined ? undefined : new Date(date)),
    iam: new IAMClient(config),
    quotas: new ServiceQuotasClient(config),
    // Cost Explorer has one endpoint for all regions of a partition.
    costs: new CostExplorerClient({ ...config, region: region.startsWith('cn-') ? 'cn-northwest-1' : 'us-east-1' }),
    // The queue's URL names AWS's host, behind an endpoint of one's own too.
    sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
    sfn: new SFNClient(config),
    ec2: new EC2Client(config),
    ssm: new SSMClient(config),
    // Moto and other services behind an endpoint of one's own know buckets by their path alone.
    s3: new S3Client({ ...config, followRegionRedirects: true, forcePathStyle: !!process.env.AWS_ENDPOINT_URL }),
    scheduler: new SchedulerClient(config),
  };
}

/** The caller. */
export interface Identity {
  readonly account: string;
  readonly arn: string;
}

/** @throws the SDK's error where these credentials are none */
export async function identityOf({ sts }: Pick<DoctorClients, 'sts'>): Promise<Identity> {
  const { Account: account = '', Arn: arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
  return { account, arn };
}

/** Whether the credentials are of the state machine's account. */
export function checkIdentity({ account, arn }: Identity, stateMachineArn: string): Finding[] {
  const wanted = stateMachineArn.split(':')[4] ?? '';
  if (account === wanted) return [{ check: 'identity', severity: 'ok', text: arn }];
  return [
    {
      check: 'identity',
      severity: 'fail',
      text: `${arn} is of account ${account}, the state machine of ${wanted}: choose credentials of that account.`,
      mend: 'export AWS_PROFILE=NAME',
    },
  ];
}

/** Seconds by which this computer's clock may differ: AWS refuses requests that are signed 300 s off (SigV4). */
const TOLERATED_SKEW_S = 30;
const REFUSED_SKEW_S = 300;

export function checkClock(theirs: Date | undefined, now: Date): Finding[] {
  if (theirs === undefined || Number.isNaN(theirs.getTime())) {
    return [{ check: 'clock', severity: 'unknown', text: 'The answer of AWS had no date.' }];
  }
  const seconds = Math.round((now.getTime() - theirs.getTime()) / 1000);
  const size = Math.abs(seconds);
  if (size <= TOLERATED_SKEW_S)
    return [{ check: 'clock', severity: 'ok', text: `within ${TOLERATED_SKEW_S} s of AWS's` }];
  const way = seconds > 0 ? 'ahead of' : 'behind';
  return [
    {
      check: 'clock',
      severity: size >= REFUSED_SKEW_S ? 'fail' : 'warn',
      text: `This computer's clock is ${size} s ${way} AWS's: from ${REFUSED_SKEW_S} s on AWS refuses requests.`,
      mend: 'sudo timedatectl set-ntp true',
    },
  ];
}

/** @throws the SDK's error, StateMachineDoesNotExist too */
export async function checkMachine({ sfn }: Pick<DoctorClients, 'sfn'>, stateMachineArn: string): Promise<Finding[]> {
  const { status = 'unknown' } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
  if (status === 'ACTIVE') return [{ check: 'machine', severity: 'ok', text: stateMachineArn }];
  return [
    {
      check: 'machine',
      severity: 'fail',
      text: `${stateMachineArn} is ${status}: deploy again.`,
      mend: 'npx cdktf deploy --var-file=variables.tfvars',
    },
  ];
}

/** What the operator's commands call, by the resource: the machine, its executions, or all. */
const RIGHTS: Readonly<Record<'machine' | 'executions' | 'all', Readonly<Record<string, string>>>> = {
  machine: {
    'states:StartExecution': 'start, retry',
    'states:ListExecutions': 'list',
    'states:DescribeStateMachine': 'doctor',
  },
  executions: {
    'states:DescribeExecution': 'list, status, watch',
    'states:GetExecutionHistory': 'list, status, watch',
    'states:StopExecution': 'cancel',
  },
  all: {
    'ec2:DescribeInstances': 'status, doctor',
    'ssm:ListCommands': 'logs',
    'ssm:GetCommandInvocation': 'logs',
  },
};

/** Whether the caller may do what the operator's commands do, by IAM's simulation of the caller's policies. */
export async function checkRights(
  { iam }: Pick<DoctorClients, 'iam'>,
  { arn, account }: Identity,
  stateMachineArn: string,
): Promise<Finding[]> {
  if (arn.endsWith(':root')) {
    return [{ check: 'rights', severity: 'ok', text: 'The root user may do everything.' }];
  }
  const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  // The ARN of a session lacks the role's path.
  const PolicySourceArn = role === undefined ? arn : await roleArn(iam, role);
  const resources = {
    machine: stateMachineArn,
    executions: `${stateMachineArn.replace(':stateMachine:', ':execution:')}:*`,
    all: '*',
  };
  const denied: { action: string; commands: string; resource: string }[] = [];
  for (const kind of ['machine', 'executions', 'all'] as const) {
    const { EvaluationResults = [] } = await iam.send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn,
        ActionNames: Object.keys(RIGHTS[kind]),
        ResourceArns: [resources[kind]],
      }),
    );
    for (const [action, commands] of Object.entries(RIGHTS[kind])) {
      const decision = EvaluationResults.find(({ EvalActionName }) => EvalActionName === action)?.EvalDecision;
      if (decision !== 'allowed') denied.push({ action, commands, resource: resources[kind] });
    }
  }
  if (denied.length === 0) return [{ check: 'rights', severity: 'ok', text: "for all of the operator's commands" }];
  const Statement = [...new Set(denied.map(({ resource }) => resource))].map((Resource) => ({
    Effect: 'Allow',
    Action: denied.filter(({ resource }) => resource === Resource).map(({ action }) => action),
    Resource,
  }));
  const name = PolicySourceArn.split('/').at(-1) ?? account;
  const kind = role === undefined ? 'user' : 'role';
  return [
    {
      check: 'rights',
      severity: 'fail',
      text: `${PolicySourceArn} may not ${denied.map(({ action, commands }) => `${action} (${commands})`).join(', ')}: an administrator can grant it.`,
      mend: `aws iam put-${kind}-policy --${kind}-name ${name} --policy-name datastream-operator --policy-document '${JSON.stringify({ Version: '2012-10-17', Statement })}'`,
    },
  ];
}

async function roleArn(iam: Pick<IAMClient, 'send'>, name: string): Promise<string> {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: name }));
  return Role?.Arn ?? '';
}

/** Whether rounds of the planner have failed for good: they are in the queue that the schedules name. */
export async function checkDeadLetters(
  { sqs }: Pick<DoctorClients, 'sqs'>,
  schedules: readonly LineSchedule[],
): Promise<Finding[]> {
  const queues = new Set(schedules.flatMap(({ api }) => api.Target?.DeadLetterConfig?.Arn ?? []));
  const findings: Finding[] = [];
  for (const arn of queues) {
    const [, , , region = '', QueueOwnerAWSAccountId, QueueName = ''] = arn.split(':');
    const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    const messages = Number(Attributes?.ApproximateNumberOfMessages ?? Number.NaN);
    if (messages === 0) findings.push({ check: 'dead-letters', severity: 'ok', text: `${QueueName} is empty` });
    else {
      findings.push({
        check: 'dead-letters',
        severity: 'fail',
        text: `${QueueName} has ${count(messages, 'message')}: rounds that were not planned. Look at them, backfill what 'datastream list --missing' prints, then empty the queue.`,
        mend: `aws sqs receive-message --region ${region} --queue-url ${QueueUrl}`,
      });
    }
  }
  return findings;
}

/** An ended execution's instance is the reaper's for so long: it looks every 10 minutes. */
const REAPER_MS = 15 * 60_000;

/** Instances and volumes that an ended execution has left, or keeps. */
export async function checkLeftovers(
  { ec2, sfn }: Pick<DoctorClients, 'ec2' | 'sfn'>,
  stateMachineArn: string,
  now: Date,
): Promise<Finding[]> {
  const region = stateMachineArn.split(':')[3] ?? '';
  const tagged = { [`tag:${Tag.stateMachine}`]: [stateMachineArn] };
  const instances = await findInstances(ec2, {
    ...tagged,
    'instance-state-name': ['pending', 'running', 'stopping', 'stopped'],
  });
  const isStopped = (instance: Instance) => ['stopping', 'stopped'].includes(instance.State?.Name ?? '');
  const kept: string[] = [];
  const left: string[] = [];
  for (const instance of instances) {
    if (await isNeeded(sfn, instance, now)) continue;
    (isStopped(instance) ? kept : left).push(instance.InstanceId);
  }
  const findings: Finding[] = [];
  const terminate = (ids: readonly string[]) =>
    `aws ec2 terminate-instances --region ${region} --instance-ids ${ids.join(' ')}`;
  if (left.length > 0) {
    findings.push({
      check: 'leftovers',
      severity: 'fail',
      text: `${count(left.length, 'instance')} of ended executions still ${left.length === 1 ? 'runs' : 'run'} and ${left.length === 1 ? 'costs' : 'cost'} money.`,
      mend: terminate(left),
    });
  }
  if (kept.length > 0) {
    findings.push({
      check: 'leftovers',
      severity: 'warn',
      text: `${count(kept.length, 'stopped instance')} of ended executions ${kept.length === 1 ? 'is' : 'are'} kept; the volumes cost money.`,
      mend: terminate(kept),
    });
  }
  const volumes = await unusedVolumes(ec2, stateMachineArn);
  if (volumes.length > 0) {
    const sizes = volumes.reduce((sum, { Size = 0 }) => sum + Size, 0);
    findings.push({
      check: 'leftovers',
      severity: 'warn',
      text: `${count(volumes.length, 'volume')} of ${sizes} GB in all ${volumes.length === 1 ? 'belongs' : 'belong'} to no instance.`,
      mend: volumes
        .map(({ VolumeId }) => `aws ec2 delete-volume --region ${region} --volume-id ${VolumeId}`)
        .join(' && '),
    });
  }
  return findings.length > 0 ? findings : [{ check: 'leftovers', severity: 'ok', text: 'none' }];
}

/** Whether the instance's execution runs, or has ended so recently that its end is under way. */
async function isNeeded(sfn: Pick<SFNClient, 'send'>, instance: Instance, now: Date): Promise<boolean> {
  const executionArn = tagOf(instance, Tag.execution);
  if (executionArn === undefined) return false;
  try {
    const { status, stopDate } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'RUNNING' || status === 'PENDING_REDRIVE') return true;
    const stopped = ['stopping', 'stopped'].includes(instance.State?.Name ?? '');
    return !stopped && stopDate !== undefined && now.getTime() - stopDate.getTime() < REAPER_MS;
  } catch (error) {
    // After 90 days Step Functions forgets an execution.
    if (['ExecutionDoesNotExist', 'InvalidArn'].includes((error as Error).name)) return false;
    throw error;
  }
}

async function unusedVolumes(ec2: Pick<EC2Client, 'send'>, stateMachineArn: string) {
  const Filters = [
    { Name: `tag:${Tag.stateMachine}`, Values: [stateMachineArn] },
    { Name: 'status', Values: ['available'] },
  ];
  const found = [];
  let NextToken: string | undefined;
  do {
    const page = await ec2.send(new DescribeVolumesCommand({ Filters, NextToken }));
    found.push(...(page.Volumes ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

/** Whether costs can be told apart by the state machine: the tag must be activated once in the payer's account. */
export async function checkCostTag({ costs }: Pick<DoctorClients, 'costs'>): Promise<Finding[]> {
  const { CostAllocationTags = [] } = await costs.send(
    new ListCostAllocationTagsCommand({ TagKeys: [Tag.stateMachine] }),
  );
  const status = CostAllocationTags.find(({ TagKey }) => TagKey === Tag.stateMachine)?.Status;
  if (status === 'Active') return [{ check: 'cost-tag', severity: 'ok', text: `${Tag.stateMachine} is activated` }];
  const text =
    status === undefined
      ? `Cost Explorer does not know the tag ${Tag.stateMachine} yet: a day after the first job it can be activated.`
      : `The tag ${Tag.stateMachine} is not activated: Cost Explorer cannot tell this machine's costs apart.`;
  return [
    {
      check: 'cost-tag',
      severity: 'warn',
      text,
      mend: `aws ce update-cost-allocation-tags-status --cost-allocation-tags-status TagKey=${Tag.stateMachine},Status=Active`,
    },
  ];
}
