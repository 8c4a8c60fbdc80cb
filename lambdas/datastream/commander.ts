import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Command, ListCommandsCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import type * as z from 'zod';
import { asFile } from '../../executions/as-file';
import type { S3Location } from '../../executions/model';
import { joinKey } from '../../executions/s3-names';
import { LONGEST_EXECUTION_SECONDS } from '../../executions/ssm-limits';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { DatastreamError, ErrorName } from './errors';
import { attemptHash } from './instance';
import type { Ssm } from './outcome';
import { type ScriptOptions, script } from './script';
import { AttemptState, type CommandedState, machineEvent } from './state';

/** How long SSM may take to deliver the command to the agent, which was Online a moment ago. SSM's minimum is 30. */
const DELIVERY_SECONDS = 300;
/**
 * SSM ends the commands this much later than the script does: the script needs the time to upload their log. Less than
 * DEADLINE_MARGIN_SECONDS.
 */
const LOG_SECONDS = 25;
/** How long EC2Poller waits for an event before it looks at the job itself: 4 transitions an hour. */
const RECONCILE_SECONDS = 900;
/** EC2Poller's first look after the deadline comes this much later, so that SSM can end the command first. */
const DEADLINE_MARGIN_SECONDS = 30;

const CommanderEvent = machineEvent(AttemptState);

export interface CommanderClients {
  /** The client must not retry by itself: SSM has carried out a SendCommand even if its reply was lost. */
  readonly ssm: Ssm;
  readonly s3: Pick<S3Client, 'send'>;
  readonly clock: Clock;
  readonly region: string;
  readonly logs: JobLogs;
}

/** Where jobs' logs are kept. */
export interface JobLogs {
  /** Whether they are kept in S3. */
  readonly keep: boolean;
  /** For jobs whose file names no bucket; if empty, their logs are not kept in S3. */
  readonly bucket: string;
  /** The log group in CloudWatch to which they go while the jobs run; if empty, none. */
  readonly group: string;
}

/**
 * Commander: sends the job's commands to the instance, once per attempt, and stores the execution as it is run.
 *
 * @throws JobTimedOut when `timeout_s` was over before the commands could be sent
 * @throws IamRefused when SSM denies the commands for this instance; IAM may not see the instance's tags yet
 * @throws ServiceUnavailable when SSM has accepted the commands and its answer has no command ID
 */
export async function command(
  { execution, state }: z.infer<typeof CommanderEvent>,
  { ssm, s3, clock, region, logs }: CommanderClients,
  log: Log,
): Promise<CommandedState> {
  const attempt = attemptHash(execution, state.attempt);
  const secondsLeft = Math.floor((Date.parse(state.deadline) - clock.now().getTime()) / 1000);
  const commandId =
    (await sentBefore(ssm, state.instance_id, commentOf(attempt), log)) ??
    (await send(ssm, state, logs.group, { attempt, seconds: secondsLeft, ...logTarget(execution, state, logs) }));
  log.info('commands sent', { instance_id: state.instance_id, command_id: commandId });
  await store(s3, state.job.output, record(execution, region, state, commandId), log);
  return { ...state, command_id: commandId, reconcile_seconds: reconcileSeconds(secondsLeft) };
}

/** SSM shows the comment with the command. A retry finds the command by it in ListCommands' answer. */
const commentOf = (attempt: string) => `datastream ${attempt}`;

/** The command of this attempt, if an earlier call has sent it and SSM's reply was lost. */
async function sentBefore(ssm: Ssm, instanceId: string, comment: string, log: Log): Promise<string | undefined> {
  let NextToken: string | undefined;
  try {
    do {
      const page = await ssm.send(new ListCommandsCommand({ InstanceId: instanceId, NextToken }));
      const found = page.Commands?.find((each) => each.Comment === comment);
      // The command has been sent even if the answer has no ID. A second command would only wait for the first one.
      if (found) return identifiedCommand(found, 'ListCommands');
      NextToken = page.NextToken;
    } while (NextToken);
  } catch (error) {
    if ((error as Error).name !== 'AccessDeniedException') throw error;
    // ListCommands only saves a second command. A second command does no harm: the script runs the job only once.
    log.warn('may not look for a command that was sent before', { error_name: (error as Error).name });
  }
  return undefined;
}

async function send(ssm: Ssm, state: AttemptState, group: string, options: ScriptOptions): Promise<string> {
  if (options.seconds < 1) {
    throw new DatastreamError(
      ErrorName.JobTimedOut,
      `run_options.timeout_s (${state.job.timeout_s} s), which counts from the launch, was over before the instance was ready; no command was sent. Raise timeout_s.`,
    );
  }
  const seconds = Math.min(options.seconds, LONGEST_EXECUTION_SECONDS - LOG_SECONDS);
  const sent = await ssm
    .send(
      new SendCommandCommand({
        DocumentName: 'AWS-RunShellScript',
        InstanceIds: [state.instance_id],
        Comment: commentOf(options.attempt),
        TimeoutSeconds: DELIVERY_SECONDS,
        Parameters: {
          commands: script(state.job.commands, { ...options, seconds, live: group !== '' }),
          executionTimeout: [String(seconds + LOG_SECONDS)],
        },
        ...(group !== '' && {
          CloudWatchOutputConfig: { CloudWatchOutputEnabled: true, CloudWatchLogGroupName: group },
        }),
      }),
    )
    .catch((error: Error) => {
      if (error.name !== 'AccessDeniedException') throw error;
      // IAM decides by the instance's tags and the role's policies. IAM may see both a little later than EC2.
      throw new DatastreamError(
        ErrorName.IamRefused,
        `SSM does not take the commands: ${error.message} After a deployment or a launch IAM may need some minutes. ` +
          "If this lasts, the functions' role may not send commands to this instance: deploy again.",
        { cause: error },
      );
    });
  return identifiedCommand(sent.Command, 'SendCommand');
}

/**
 * The state's Retry looks for the command by its comment.
 * @throws ServiceUnavailable when the answer has no command ID
 */
function identifiedCommand(command: Command | undefined, answer: string): string {
  if (command?.CommandId) return command.CommandId;
  throw new DatastreamError(ErrorName.ServiceUnavailable, `${answer} told of the attempt's command without its ID.`);
}

/** The log is kept beside the stored execution if the file names a bucket, else in the deployment's bucket. */
function logTarget(execution: string, { job, attempt }: AttemptState, logs: JobLogs): Pick<ScriptOptions, 'log'> {
  if (!logs.keep) return {};
  const folder = `attempt-${attempt}`;
  if (job.output) {
    return { log: { bucket: job.output.bucket, folder: joinKey(metadataFolder(job.output), folder) } };
  }
  if (logs.bucket === '') {
    return { log: { reason: 'the file names no bucket, and the deployment has no s3_bucket' } };
  }
  return { log: { bucket: logs.bucket, folder: `datastream-logs/${execution.split(':').at(-1)}/${folder}` } };
}

/** Upstream's folder for a run's metadata, below the job's output. */
function metadataFolder({ prefix }: S3Location): string {
  return joinKey(prefix, prefix.includes('forcing') ? 'metadata' : 'datastream-metadata');
}

/** Equal rounds of at most 15 minutes. The last round ends just after the deadline. */
export function reconcileSeconds(secondsLeft: number): number {
  const all = Math.max(secondsLeft, 0) + DEADLINE_MARGIN_SECONDS;
  return Math.ceil(all / Math.ceil(all / RECONCILE_SECONDS));
}

/**
 * The execution as a file that can be started again unchanged. It also has the fields that upstream's tools read (`t0`,
 * seconds since 1970; `retry_attempt`, from 0; `region`; the instance's ID), and this project's own record.
 */
function record(execution: string, region: string, state: AttemptState, commandId: string): Record<string, unknown> {
  const { job, instance_id, command_id: _, ...run } = { ...state, command_id: commandId };
  const file = asFile({ ...job, region });
  return {
    ...file,
    instance_parameters: { ...job.instance_parameters, InstanceId: instance_id },
    t0: Date.parse(state.started_at) / 1000,
    retry_attempt: state.attempt - 1,
    command_id: commandId,
    datastream_run: { execution, ...run, ...(job.dates && { dates: job.dates }) },
  };
}

/** Stores the record under upstream's key. The job continues if the record cannot be written. */
async function store(
  s3: Pick<S3Client, 'send'>,
  output: S3Location | undefined,
  content: Record<string, unknown>,
  log: Log,
): Promise<void> {
  if (!output) return;
  const Key = joinKey(metadataFolder(output), 'execution.json');
  try {
    await s3.send(
      new PutObjectCommand({
        Bucket: output.bucket,
        Key,
        Body: JSON.stringify(content, null, 2),
        ContentType: 'application/json',
      }),
    );
  } catch (error) {
    log.warn('the execution could not be stored', {
      bucket: output.bucket,
      key: Key,
      error_name: (error as Error).name,
    });
  }
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createCommander = (clients: CommanderClients, log?: Log) =>
  createHandler('commander', CommanderEvent, (event, lines) => command(event, clients, lines), log);

/** SSM's client without the SDK's retries: a retry would send the commands again when only the reply was lost. */
export const commanderSsm = () => new SSMClient({ ...CLIENT, maxAttempts: 1 });

export const handler = lazily(() =>
  createCommander({
    ssm: commanderSsm(),
    s3: new S3Client({ ...CLIENT, maxAttempts: 1, followRegionRedirects: true }),
    clock: systemClock,
    region: environment('AWS_REGION'),
    logs: {
      keep: environment('JOB_LOGS') !== 'none',
      bucket: environment('LOG_BUCKET'),
      group: environment('LOG_GROUP'),
    },
  }),
);
