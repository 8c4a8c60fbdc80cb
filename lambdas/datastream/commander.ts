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

/** How long SSM may take to hand the command to the agent, which was Online a moment ago; SSM's least is 30. */
const DELIVERY_SECONDS = 300;
/** So much later than the script itself SSM ends the commands: time to keep their log. Less than DEADLINE_MARGIN_SECONDS. */
const LOG_SECONDS = 25;
/** How long EC2Poller waits for an event before it looks itself: 4 transitions an hour. */
const RECONCILE_SECONDS = 900;
/** The first look after the deadline comes this much later: SSM ends the command on its own first. */
const DEADLINE_MARGIN_SECONDS = 30;

const CommanderEvent = machineEvent(AttemptState);

export interface CommanderClients {
  /** Must not retry on its own: a SendCommand may have taken effect although its reply was lost. */
  readonly ssm: Ssm;
  readonly s3: Pick<S3Client, 'send'>;
  readonly clock: Clock;
  readonly region: string;
  readonly logs: JobLogs;
}

/** Whether the logs of jobs are kept, and where those of a job that names no bucket; empty: nowhere. */
export interface JobLogs {
  readonly keep: boolean;
  readonly bucket: string;
}

/**
 * Commander: sends the job's commands to the instance, once per attempt, and stores the execution as it is run.
 *
 * @throws JobTimedOut when `timeout_s` was over before the commands could be sent
 * @throws IamRefused when SSM denies them to this instance, whose tags IAM may not see yet
 * @throws ServiceUnavailable when SSM has taken them and does not tell their ID
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
    (await send(ssm, state, { attempt, seconds: secondsLeft, ...logTarget(execution, state, logs) }));
  log.info('commands sent', { instance_id: state.instance_id, command_id: commandId });
  await store(s3, state.job.output, record(execution, region, state, commandId), log);
  return { ...state, command_id: commandId, reconcile_seconds: reconcileSeconds(secondsLeft) };
}

/** SSM shows it beside the command, and ListCommands finds the command by it. */
const commentOf = (attempt: string) => `datastream ${attempt}`;

/** The command of this attempt, where an earlier call has sent it and its reply was lost. */
async function sentBefore(ssm: Ssm, instanceId: string, comment: string, log: Log): Promise<string | undefined> {
  let NextToken: string | undefined;
  try {
    do {
      const page = await ssm.send(new ListCommandsCommand({ InstanceId: instanceId, NextToken }));
      const found = page.Commands?.find((each) => each.Comment === comment);
      // Without its ID it is sent all the same: to send it again would only make the script wait for the first one.
      if (found) return identifiedCommand(found, 'ListCommands');
      NextToken = page.NextToken;
    } while (NextToken);
  } catch (error) {
    if ((error as Error).name !== 'AccessDeniedException') throw error;
    // The look spares a second command; that this one runs nothing the script itself sees to.
    log.warn('may not look for a command that was sent before', { error_name: (error as Error).name });
  }
  return undefined;
}

async function send(ssm: Ssm, state: AttemptState, options: ScriptOptions): Promise<string> {
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
          commands: script(state.job.commands, { ...options, seconds }),
          executionTimeout: [String(seconds + LOG_SECONDS)],
        },
      }),
    )
    .catch((error: Error) => {
      if (error.name !== 'AccessDeniedException') throw error;
      // The permission depends on the instance's tags and the role's policies, which IAM may see later than EC2.
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
 * @throws ServiceUnavailable when an answer does not tell the command's ID
 */
function identifiedCommand(command: Command | undefined, answer: string): string {
  if (command?.CommandId) return command.CommandId;
  throw new DatastreamError(ErrorName.ServiceUnavailable, `${answer} told of the attempt's command without its ID.`);
}

/** Beside the stored execution where the file names a bucket, else in the deployment's. */
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

/** Upstream's folder of what is known of a run, below the job's output. */
function metadataFolder({ prefix }: S3Location): string {
  return joinKey(prefix, prefix.includes('forcing') ? 'metadata' : 'datastream-metadata');
}

/** Equal rounds of at most 15 minutes, the last of which ends just after the deadline. */
export function reconcileSeconds(secondsLeft: number): number {
  const all = Math.max(secondsLeft, 0) + DEADLINE_MARGIN_SECONDS;
  return Math.ceil(all / Math.ceil(all / RECONCILE_SECONDS));
}

/**
 * The execution as a file that can be started again as it is, with what upstream's tools read beside it (`t0`, seconds
 * since 1970; `retry_attempt`, from 0; `region`; the instance's ID), and with what only this project knows.
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

/** Upstream's key for the record of what was run. A record that cannot be written is no reason to stop a job. */
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

/** SSM without the SDK's own retry: it would send the commands again when only the reply was lost. */
export const commanderSsm = () => new SSMClient({ ...CLIENT, maxAttempts: 1 });

export const handler = lazily(() =>
  createCommander({
    ssm: commanderSsm(),
    s3: new S3Client({ ...CLIENT, maxAttempts: 1, followRegionRedirects: true }),
    clock: systemClock,
    region: environment('AWS_REGION'),
    logs: { keep: environment('JOB_LOGS') === 's3', bucket: environment('LOG_BUCKET') },
  }),
);
