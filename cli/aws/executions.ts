import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { DescribeInstanceInformationCommand, ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm';
import { findInstances, tagOf } from '../../lambdas/datastream/instance';
import { invocation } from '../../lambdas/datastream/outcome';
import { told } from '../../lambdas/datastream/script';
import { Tag } from '../../lambdas/datastream/tags';
import { CLIENT } from '../../lambdas/runtime/clients';
import {
  type Execution,
  type Executions,
  factsIn,
  instanceOfAttempt,
  type JobOutput,
  type Listed,
  type ListFilter,
} from '../executions';
import type { Status } from '../statuses';
import { type FunctionLine, functionLines, functionsOf, type Logs, streamOf, streamReader } from './logs';

/** The executions of a deployed state machine, which can be started from here. */
export interface DeployedExecutions extends Executions {
  /**
   * What the functions have logged about an execution, in the order of time.
   *
   * @param more names of functions that the state machine does not call
   */
  functionLines(execution: Execution, more: readonly string[]): Promise<readonly FunctionLine[]>;
  /** Whether the agent of an instance answers Systems Manager. */
  isOnline(instanceId: string): Promise<boolean>;
  /** @returns whether it was started; false where an execution has the name already */
  start(name: string, input: unknown): Promise<boolean>;
}

export interface Clients {
  readonly sfn: Pick<SFNClient, 'send'>;
  readonly ssm: Pick<SSMClient, 'send'>;
  readonly ec2: Pick<EC2Client, 'send'>;
  readonly s3: Pick<S3Client, 'send'>;
  readonly logs: Logs;
}

/** AWS's clients of a region. Throttled and broken calls are repeated for some seconds. */
export function clientsOf(region: string): Clients {
  const config = { ...CLIENT, region, maxAttempts: 5 };
  // Moto and other services behind an endpoint of one's own know buckets by their path alone.
  const forcePathStyle = !!process.env.AWS_ENDPOINT_URL;
  return {
    // A list may be of thousands: `adaptive` keeps to the rate that Step Functions grants.
    sfn: new SFNClient({ ...config, retryMode: 'adaptive', maxAttempts: 10 }),
    ssm: new SSMClient(config),
    ec2: new EC2Client(config),
    logs: new CloudWatchLogsClient(config),
    s3: new S3Client({ ...config, followRegionRedirects: true, forcePathStyle }),
  };
}

/** Most executions of a page (Step Functions API, ListExecutions). */
const LARGEST_PAGE = 1000;
/** So many of the last events hold the one of a state's beginning, with the retries of a state in between. */
const LAST_EVENTS = 50;

/** The executions of a state machine. @throws Error of the SDK, in every call */
export function deployedExecutions(stateMachineArn: string, clients: Clients): DeployedExecutions {
  const { sfn, ec2 } = clients;
  const arnOf = (name: string) => `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  return {
    region: stateMachineArn.split(':')[3] ?? '',
    async list({ status, since, limit }: ListFilter) {
      const found: Listed[] = [];
      let nextToken: string | undefined;
      do {
        const page = await sfn.send(
          new ListExecutionsCommand({
            stateMachineArn,
            maxResults: Math.min(LARGEST_PAGE, limit - found.length),
            nextToken,
            ...(status && { statusFilter: status }),
          }),
        );
        const listed = (page.executions ?? []).map(({ name = '', status: its, startDate = new Date(0), stopDate }) => ({
          name,
          status: its as Status,
          startedAt: startDate,
          ...(stopDate && { endedAt: stopDate }),
        }));
        found.push(...listed.filter(({ startedAt }) => !since || startedAt >= since));
        // The youngest come first: the first one that is too old is the last that is of interest.
        nextToken = listed.some(({ startedAt }) => since && startedAt < since) ? undefined : page.nextToken;
      } while (nextToken && found.length < limit);
      return found;
    },
    async find(name) {
      const known = await sfn
        .send(new DescribeExecutionCommand({ executionArn: arnOf(name) }))
        .catch((error: Error) => {
          // InvalidArn: a name with characters that no execution's has.
          if (error.name === 'ExecutionDoesNotExist' || error.name === 'InvalidArn') return undefined;
          throw error;
        });
      return known && executionIn(name, known, clients);
    },
    async instances({ name }) {
      const found = await findInstances(ec2, {
        [`tag:${Tag.stateMachine}`]: [stateMachineArn],
        [`tag:${Tag.execution}`]: [arnOf(name)],
      });
      return found.map((instance) => ({
        instance_id: instance.InstanceId,
        attempt: Number(tagOf(instance, Tag.attempt)),
        state: instance.State?.Name ?? 'unknown',
      }));
    },
    async output({ facts }, attempt) {
      const instanceId = instanceOfAttempt(facts, attempt);
      return instanceId === undefined ? undefined : outputOf(instanceId, clients);
    },
    async follow({ facts }, attempt, stream) {
      const instanceId = instanceOfAttempt(facts, attempt);
      const job = instanceId === undefined ? undefined : await jobOn(instanceId, clients.ssm);
      if (!job) return undefined;
      if (job.group === undefined) return { error: NOT_LIVE };
      if (stream === 'stderr') return { error: 'CloudWatch Logs has both streams in one: leave out --stderr.' };
      return { every: LIVE_SECONDS, read: streamReader(clients.logs, job.group, job.stream) };
    },
    async functionLines({ name, startedAt, endedAt }, more) {
      const functions = new Set([...(await functionsOf(sfn, stateMachineArn)), ...more]);
      const to = endedAt && new Date(endedAt.getTime() + LAST_LINES_MS);
      return functionLines(clients.logs, [...functions], arnOf(name), startedAt, to);
    },
    async isOnline(instanceId) {
      const Filters = [{ Key: 'InstanceIds', Values: [instanceId] }];
      const { InstanceInformationList = [] } = await clients.ssm.send(
        new DescribeInstanceInformationCommand({ Filters }),
      );
      return InstanceInformationList.some(({ PingStatus }) => PingStatus === 'Online');
    },
    async stop({ name }) {
      await sfn.send(new StopExecutionCommand({ executionArn: arnOf(name) }));
    },
    async start(name, input) {
      try {
        await sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
        return true;
      } catch (error) {
        if ((error as Error).name === 'ExecutionAlreadyExists') return false;
        throw error;
      }
    },
  };
}

async function executionIn(
  name: string,
  { executionArn, status, startDate, stopDate, input, output, error, cause }: DescribeExecutionCommandOutput,
  { sfn }: Clients,
): Promise<Execution> {
  const last = output === undefined ? await lastState(executionArn ?? '', sfn) : undefined;
  const state = output === undefined ? last?.name : 'Succeeded';
  return {
    name,
    status: status as Status,
    startedAt: startDate ?? new Date(0),
    ...(stopDate && { endedAt: stopDate }),
    input: JSON.parse(input ?? '{}'),
    ...(error !== undefined && { error }),
    ...(cause !== undefined && { cause }),
    ...(state !== undefined && { state }),
    facts: factsIn(JSON.parse(output ?? last?.input ?? '{}')),
  };
}

/** The state that an execution has entered last, and what that was given. */
async function lastState(executionArn: string, sfn: Clients['sfn']) {
  const { events = [] } = await sfn.send(
    new GetExecutionHistoryCommand({
      executionArn,
      reverseOrder: true,
      maxResults: LAST_EVENTS,
      includeExecutionData: true,
    }),
  );
  return events.find(({ stateEnteredEventDetails }) => stateEnteredEventDetails)?.stateEnteredEventDetails;
}

/** How often CloudWatch Logs is asked, in seconds. The agent sends once a second. */
const LIVE_SECONDS = 2;

/** So long after an execution's end the reaper, which looks each 10 minutes, may still log about it. */
const LAST_LINES_MS = 900_000;

const NOT_LIVE =
  'The output of this job does not come while it runs: set job_logs = "cloudwatch" in the tfvars and deploy, for the jobs that start then. Until it has ended, see \'datastream watch\'.';

/** The command of a job on its instance. */
interface JobCommand {
  readonly commandId: string;
  /** The log group to which its output goes while it runs; undefined if to none. */
  readonly group?: string;
  /** Its stream in that group. */
  readonly stream: string;
}

/** @returns undefined where no command was sent, and 30 days later */
async function jobOn(instanceId: string, ssm: Clients['ssm']): Promise<JobCommand | undefined> {
  const { Commands = [] } = await ssm.send(new ListCommandsCommand({ InstanceId: instanceId }));
  const job = Commands.find(({ Comment }) => COMMENT.test(Comment ?? ''));
  if (job?.CommandId === undefined) return undefined;
  const { CloudWatchOutputEnabled, CloudWatchLogGroupName: group } = job.CloudWatchOutputConfig ?? {};
  return {
    commandId: job.CommandId,
    stream: streamOf(job.CommandId, instanceId),
    ...(CloudWatchOutputEnabled && group !== undefined && { group }),
  };
}

/** The first line of a stream of which the script has printed the end alone. */
const CUT = /^\.\.\. \d+ bytes before this\n/;

/** The comment of a job's command begins so. */
const COMMENT = /^datastream /;

/**
 * The output of the job that ran on an instance: the whole log from S3 where it is kept, else from CloudWatch Logs, else
 * what Systems Manager keeps.
 *
 * @returns undefined where no command was sent, and 30 days later
 */
async function outputOf(instanceId: string, { ssm, s3, logs }: Clients): Promise<JobOutput | undefined> {
  const job = await jobOn(instanceId, ssm);
  const found = job && (await invocation(ssm, instanceId, job.commandId));
  if (!found) return undefined;
  const { StandardOutputContent: stdout = '', StandardErrorContent: stderr = '', ResponseCode: code = -1 } = found;
  const { log } = told(stderr);
  const isRunning = code < 0;
  // -1: there is no exit code yet.
  const rest = { ...(!isRunning && { exitCode: code }), ...(log !== undefined && { log }) };
  const end = { ...rest, stdout, stderr };
  if (log !== undefined) {
    const [bucket = '', ...key] = log.replace('s3://', '').replace(/\/$/, '').split('/');
    const read = async (stream: string) => {
      const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${key.join('/')}/${stream}.log` }));
      return (await object.Body?.transformToString()) ?? '';
    };
    try {
      return { ...rest, stdout: await read('stdout'), stderr: await read('stderr') };
    } catch (error) {
      // The end is worth more than an error: these credentials may not read the bucket, or the log was deleted.
      return { ...end, partial: `${log} cannot be read (${(error as Error).name}): this is the end of the output.` };
    }
  }
  if (job.group !== undefined) {
    const both = await streamReader(logs, job.group, job.stream)();
    const partial = `${isRunning ? 'The job still runs. ' : ''}This is both streams in one, from the log group ${job.group}.`;
    return { ...end, stdout: both, partial };
  }
  if (isRunning) return { ...end, partial: 'Systems Manager shows the output of a job when it has ended.' };
  const isCut = [stdout, stderr].some((text) => CUT.test(text));
  return isCut ? { ...end, partial: 'The log is not kept: this is what Systems Manager has of it.' } : end;
}
