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
import { ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm';
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

/** The executions of a deployed state machine, which can be started from here. */
export interface DeployedExecutions extends Executions {
  /** @returns whether it was started; false where an execution has the name already */
  start(name: string, input: unknown): Promise<boolean>;
}

export interface Clients {
  readonly sfn: Pick<SFNClient, 'send'>;
  readonly ssm: Pick<SSMClient, 'send'>;
  readonly ec2: Pick<EC2Client, 'send'>;
  readonly s3: Pick<S3Client, 'send'>;
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

/** The first line of a stream of which the script has printed the end alone. */
const CUT = /^\.\.\. \d+ bytes before this\n/;

/** The comment of a job's command begins so. */
const COMMENT = /^datastream /;

/**
 * The output of the job that ran on an instance: the whole log from S3 where it is kept, else what Systems Manager keeps.
 *
 * @returns undefined where no command was sent, and 30 days later
 */
async function outputOf(instanceId: string, { ssm, s3 }: Clients): Promise<JobOutput | undefined> {
  const { Commands = [] } = await ssm.send(new ListCommandsCommand({ InstanceId: instanceId }));
  const job = Commands.find(({ Comment }) => COMMENT.test(Comment ?? ''));
  const found = job?.CommandId === undefined ? undefined : await invocation(ssm, instanceId, job.CommandId);
  if (!found) return undefined;
  const { StandardOutputContent: stdout = '', StandardErrorContent: stderr = '', ResponseCode: code = -1 } = found;
  const { log } = told(stderr);
  // -1: there is no exit code yet.
  const rest = { ...(code >= 0 && { exitCode: code }), ...(log !== undefined && { log }) };
  const end = { ...rest, stdout, stderr };
  if (log === undefined) {
    if (code < 0) return { ...end, partial: 'Systems Manager shows the output of a job when it has ended.' };
    const isCut = [stdout, stderr].some((text) => CUT.test(text));
    return isCut ? { ...end, partial: 'The log is not kept: this is what Systems Manager has of it.' } : end;
  }
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
