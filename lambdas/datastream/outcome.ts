import { SendTaskFailureCommand, SendTaskSuccessCommand, type SFNClient } from '@aws-sdk/client-sfn';
import {
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type { Clock } from '../runtime/clock';
import { ErrorName } from './errors';
import { type Told, told, withoutLines } from './script';

export type Ssm = Pick<SSMClient, 'send'>;
export type Sfn = Pick<SFNClient, 'send'>;

/** The result of commands that succeeded; it becomes `$.result`. */
export interface CommandResult {
  readonly command_id: string;
  readonly exit_code: number;
  /** The end of standard output, and of standard error. */
  readonly stdout: string;
  readonly stderr: string;
  /** How many commands were reached, and how many there are, if the shell can tell. */
  readonly commands_reached?: number;
  readonly commands?: number;
  /** Facts that the exit code does not show, as sentences: for example, the job ended before its last command. */
  readonly notes?: readonly string[];
  /** Where the whole log is: `s3://bucket/folder/`. */
  readonly log?: string;
  /** Why the log is not kept. */
  readonly log_not_kept?: string;
  /** ISO 8601, as SSM reports them. */
  readonly started_at?: string;
  readonly ended_at?: string;
}

/** An error of `ErrorName`, with which a task ends. */
interface Failure {
  readonly error: string;
  /** For the user. */
  readonly cause: string;
  /** The number of the failed command, 1 for the first, if the script can tell. */
  readonly command?: number;
}

/** How a task ends: with a result, or with an error. */
export type Outcome = { readonly result: CommandResult } | Failure;

/** `timeout_s`, in seconds; undefined if the instance has no tag with it. */
type Timeout = number | string | undefined;

/**
 * How much of the job's output is kept, in bytes of JSON. The state holds at most 256 KB, a Cause 32,768 characters.
 */
const STDOUT_KEPT = 8000;
const STDERR_KEPT = 4000;

/** The end of a text, at most this many bytes as JSON. A control character takes six bytes. */
export function endOf(text: string, bytes: number): string {
  let end = text.slice(-bytes);
  while (Buffer.byteLength(JSON.stringify(end)) > bytes + 2) end = end.slice(Math.ceil(end.length / 8));
  return end;
}

/** The invocation of a command on its instance; undefined while SSM does not show it yet. */
export async function invocation(
  ssm: Ssm,
  instanceId: string,
  commandId: string,
): Promise<GetCommandInvocationCommandOutput | undefined> {
  try {
    const found = await ssm.send(new GetCommandInvocationCommand({ InstanceId: instanceId, CommandId: commandId }));
    return { ...found, CommandId: commandId };
  } catch (error) {
    // SSM does not know the invocation for some seconds after SendCommand (GetCommandInvocation, Errors).
    if ((error as Error).name === 'InvocationDoesNotExist') return undefined;
    throw error;
  }
}

/** GetCommandInvocation may show a command's end a moment later than the event or the instance's state does. */
export const LAG_MS = 1_000;
export const LOOKS = 3;

/** Looks again for a command's outcome for a moment, before the instance's end or an event is reported instead. */
export async function outcomeSoon(
  ssm: Ssm,
  clock: Pick<Clock, 'sleep'>,
  instanceId: string,
  commandId: string,
  timeout: Timeout,
): Promise<Outcome | undefined> {
  for (let again = 1; again < LOOKS; again++) {
    await clock.sleep(LAG_MS);
    const outcome = outcomeOf(await invocation(ssm, instanceId, commandId), timeout);
    if (outcome) return outcome;
  }
  return undefined;
}

/**
 * The outcome of a command whose invocation has ended; undefined while it is in progress.
 *
 * @param found SSM's invocation
 * @param timeout the job's `timeout_s`, for the Cause
 */
export function outcomeOf(found: GetCommandInvocationCommandOutput | undefined, timeout: Timeout): Outcome | undefined {
  if (!found) return undefined;
  // StatusDetails is more exact than Status. Status is used if this project does not know the value of StatusDetails.
  return outcomeIn(found, timeout, found.StatusDetails) ?? outcomeIn(found, timeout, found.Status);
}

/**
 * The Cause of JobTimedOut.
 *
 * @param rest further facts; begins with a line break
 */
export function ranTooLong(timeout: Timeout, rest = ''): string {
  const seconds = timeout === undefined ? '' : ` (${timeout} s)`;
  return `The job ran longer than run_options.timeout_s${seconds}, which counts from the launch, and was ended. Raise timeout_s if the job is sound.${rest}`;
}

function outcomeIn(
  found: GetCommandInvocationCommandOutput,
  timeout: Timeout,
  status: string | undefined,
): Outcome | undefined {
  const details = (status ?? '').replaceAll(' ', '');
  const stderr = found.StandardErrorContent ?? '';
  const id = found.CommandId ?? '';
  const script = told(stderr);
  switch (details) {
    case 'Success':
      return {
        result: {
          command_id: id,
          exit_code: found.ResponseCode ?? 0,
          stdout: endOf(found.StandardOutputContent ?? '', STDOUT_KEPT),
          stderr: endOf(withoutLines(stderr), STDERR_KEPT),
          ...reached(script),
          ...(script.log && { log: script.log }),
          ...(script.logNotKept && { log_not_kept: script.logNotKept }),
          ...(found.ExecutionStartDateTime && { started_at: found.ExecutionStartDateTime }),
          ...(found.ExecutionEndDateTime && { ended_at: found.ExecutionEndDateTime }),
        },
      };
    case 'ExecutionTimedOut':
    case 'TimedOut':
      return {
        error: ErrorName.JobTimedOut,
        cause: ranTooLong(timeout, rest(script, stderr)),
      };
    case 'DeliveryTimedOut':
    case 'Undeliverable':
    case 'Terminated':
    case 'InvalidPlatform':
    case 'AccessDenied':
      return {
        error: ErrorName.CommandNotDelivered,
        cause: `SSM could not deliver command ${id} to the instance (${details}).`,
      };
    case 'Cancelled':
    case 'Canceled':
      return { error: ErrorName.CommandCancelled, cause: `SSM command ${id} was cancelled from outside.` };
    case 'Failed':
      if (script.late) {
        return {
          error: ErrorName.JobTimedOut,
          cause: ranTooLong(timeout, rest(script, stderr)),
        };
      }
      return {
        error: ErrorName.CommandFailed,
        cause: describeFailure(script, found.ResponseCode, stderr),
        ...(script.command !== undefined && { command: script.command }),
      };
    default:
      return undefined;
  }
}

function reached({ reached: how, joined }: Told): Pick<CommandResult, 'commands_reached' | 'commands' | 'notes'> {
  const notes = joined.map((each) => `To the shell ${each}.`);
  if (how && how.commands !== how.of) {
    const where = how.commands === undefined ? 'before the last' : `at command ${how.commands}`;
    notes.unshift(`The job ended itself ${where} of ${how.of} commands, with exit code 0; those after it did not run.`);
  }
  return {
    ...(how?.commands !== undefined && { commands_reached: how.commands }),
    ...(how && { commands: how.of }),
    ...(notes.length > 0 && { notes }),
  };
}

function describeFailure(script: Told, code: number | undefined, stderr: string): string {
  if (script.unreadable !== undefined) {
    return `The shell cannot read the commands, so none has run: ${script.unreadable}.${rest(script, stderr)}`;
  }
  const failed = script.failed ?? `a command exited with code ${code ?? 'unknown'}`;
  return `${failed.charAt(0).toUpperCase()}${failed.slice(1)}.${rest(script, stderr)}`;
}

/** Further facts about a failure: the end of standard error, and where the whole log is. */
function rest(script: Told, stderr: string): string {
  const log = script.log
    ? `\nWhole log: ${script.log}`
    : script.logNotKept
      ? `\nThe log is not kept: ${script.logNotKept}`
      : '';
  return `${tail(stderr)}${log}`;
}

function tail(stderr: string): string {
  const text = withoutLines(stderr);
  if (!text) return '';
  const end = endOf(text, STDERR_KEPT);
  // Starts at the beginning of a line, if the text has a line break.
  const shown = end.length < text.length ? end.slice(end.indexOf('\n') + 1) : end;
  return `\nEnd of standard error:\n${shown}`;
}

/**
 * Completes or fails the task that waits.
 *
 * @returns false when no task waits for this token any more: a late or second report changes nothing
 */
export async function settle(sfn: Sfn, taskToken: string, outcome: Outcome): Promise<boolean> {
  try {
    if ('result' in outcome) {
      await sfn.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(outcome.result) }));
    } else {
      await sfn.send(new SendTaskFailureCommand({ taskToken, error: outcome.error, cause: causeOf(outcome) }));
    }
    return true;
  } catch (error) {
    if (['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'].includes((error as Error).name)) return false;
    throw error;
  }
}

/**
 * The Cause with the command's number, if known. It then has the form that Lambda gives to an error, so EC2Stopper of
 * any deployment can read it.
 */
function causeOf({ cause, command }: Failure): string {
  return command === undefined ? cause : JSON.stringify({ errorMessage: cause, command });
}
