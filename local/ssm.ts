import { randomUUID } from 'node:crypto';
import {
  CancelCommandCommand,
  type CloudWatchOutputConfig,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetParametersCommand,
  ListCommandsCommand,
  SendCommandCommand,
  type SendCommandCommandInput,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { LARGEST_DOCUMENT_BYTES, STDERR_CHARACTERS, STDOUT_CHARACTERS } from '../executions/ssm-limits';
import type { LocalClock } from './clock';
import type { EmbeddedEc2, EmbeddedInstance } from './ec2';
import type { Emit } from './events';
import { History } from './history';
import type { EmbeddedLogs } from './logs';
import { awsError, type Caller, type Service } from './service';

/** Runs a script as SSM's agent does on an instance. */
export type Shell = (job: {
  /** The lines of the script, as AWS-RunShellScript gets them. */
  readonly script: string;
  readonly instanceId: string;
  /** Aborted when the instance ends, or when the command is cancelled or times out. */
  readonly signal: AbortSignal;
  /** Called with what standard output gains while the script runs. */
  readonly onStdout?: (text: string) => void;
}) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;

/** The size of the document AWS-RunShellScript without its parameters. */
const DOCUMENT_BYTES = 2_048;

/** Images have no effect here. Every SSM parameter exists, and its value is this ID. */
const ANY_AMI = 'ami-00000000000000000';

interface EmbeddedCommand {
  readonly CommandId: string;
  readonly instanceId: string;
  readonly Comment?: string;
  readonly CloudWatchOutputConfig?: CloudWatchOutputConfig;
  status: string;
  details: string;
  code: number;
  stdout: string;
  stderr: string;
  startedAt?: Date;
  endedAt?: Date;
  readonly abort: AbortController;
  readonly history: History<Omit<EmbeddedCommand, 'abort' | 'history'>>;
}

/** The parts of Systems Manager that the functions use. The given shell runs the scripts. */
export class EmbeddedSsm {
  readonly commands = new Map<string, EmbeddedCommand>();

  constructor(
    private readonly clock: LocalClock,
    private readonly emit: Emit,
    private readonly ec2: EmbeddedEc2,
    private readonly shell: Shell,
    private readonly service: Service,
    private readonly logs?: EmbeddedLogs,
  ) {
    service
      .on(DescribeInstanceInformationCommand, ({ Filters = [] }, lag) => ({
        InstanceInformationList: Filters.flatMap(({ Values = [] }) => Values)
          .filter((id) => this.ec2.instances.get(id)?.history.read(lag)?.online)
          .map((InstanceId) => ({ InstanceId, PingStatus: 'Online' as const })),
      }))
      .on(GetParametersCommand, ({ Names = [] }) => ({
        Parameters: Names.map((Name) => ({ Name, Type: 'String' as const, Value: ANY_AMI })),
      }))
      .on(SendCommandCommand, (input, lag) => this.#send(input, lag))
      .on(ListCommandsCommand, ({ InstanceId }, lag) => ({
        Commands: [...this.commands.values()]
          .flatMap(({ history }) => history.read(lag) ?? [])
          .filter((command) => command.instanceId === InstanceId)
          .map(({ CommandId, Comment, CloudWatchOutputConfig, status }) => ({
            CommandId,
            Comment,
            CloudWatchOutputConfig,
            Status: status as 'Success',
          })),
      }))
      .on(GetCommandInvocationCommand, ({ CommandId = '', InstanceId }, lag) => {
        const command = this.commands.get(CommandId)?.history.read(lag);
        if (!command || command.instanceId !== InstanceId)
          throw awsError('InvocationDoesNotExist', 'No such invocation.');
        return {
          CommandId,
          InstanceId,
          Status: command.status,
          StatusDetails: command.details,
          ResponseCode: command.code,
          StandardOutputContent: command.stdout.slice(0, STDOUT_CHARACTERS),
          StandardErrorContent: command.stderr.slice(0, STDERR_CHARACTERS),
          ExecutionStartDateTime: command.startedAt?.toISOString() ?? '',
          ExecutionEndDateTime: command.endedAt?.toISOString() ?? '',
        };
      })
      .on(CancelCommandCommand, ({ CommandId = '' }) => {
        const command = this.commands.get(CommandId);
        if (!command) throw awsError('InvalidCommandId', `Unknown command ${CommandId}`);
        this.#finish(command, 'Cancelled');
        return {};
      });
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<SSMClient, 'send'> {
    return this.service.client(caller) as Pick<SSMClient, 'send'>;
  }

  #send(input: SendCommandCommandInput, lag: number): { Command: { CommandId: string } } {
    const [instanceId = ''] = input.InstanceIds ?? [];
    const instance = this.ec2.instances.get(instanceId);
    if (!instance?.history.read(lag)?.online)
      throw awsError('InvalidInstanceId', `Instances not in a valid state: ${instanceId}`);
    if (Buffer.byteLength(JSON.stringify(input.Parameters ?? {})) + DOCUMENT_BYTES > LARGEST_DOCUMENT_BYTES)
      throw awsError('MaxDocumentSizeExceeded', 'The size limit of a document is 64 KB.');
    const command: EmbeddedCommand = {
      CommandId: randomUUID(),
      instanceId,
      Comment: input.Comment,
      CloudWatchOutputConfig: input.CloudWatchOutputConfig,
      status: 'Pending',
      details: 'Pending',
      code: -1,
      stdout: '',
      stderr: '',
      abort: new AbortController(),
      history: new History(this.clock, () => {
        const { abort: _abort, history: _history, ...shown } = command;
        return shown;
      }),
    };
    this.commands.set(command.CommandId, command);
    command.history.record();
    const script = (input.Parameters?.commands ?? []).join('\n');
    const seconds = Number(input.Parameters?.executionTimeout?.[0] ?? 3600);
    this.clock.after(0, () => void this.#execute(command, instance, script, seconds));
    return { Command: { CommandId: command.CommandId } };
  }

  async #execute(command: EmbeddedCommand, instance: EmbeddedInstance, script: string, seconds: number): Promise<void> {
    command.startedAt = this.clock.now();
    this.#change(command, 'InProgress', 'InProgress');
    const overtime = this.clock.after(seconds * 1000, () => this.#finish(command, 'TimedOut', 'ExecutionTimedOut'));
    // If the instance ends, its agent ends too. Then nobody reports the result, and the command stays InProgress.
    const running = instance.running.signal;
    const signal = AbortSignal.any([command.abort.signal, running]);
    const { CloudWatchLogGroupName: group = '' } = command.CloudWatchOutputConfig ?? {};
    const stream = `${command.CommandId}/${command.instanceId}/aws-runShellScript/stdout`;
    let line = '';
    // The agent sends whole lines, and the rest at the end.
    const onStdout = (text: string) => {
      line += text;
      const end = line.lastIndexOf('\n') + 1;
      if (end > 0) this.logs?.put(group, stream, line.slice(0, end));
      line = line.slice(end);
    };
    const { code, stdout, stderr } = await this.shell({
      script,
      instanceId: command.instanceId,
      signal,
      ...(group !== '' && { onStdout }),
    });
    if (line !== '') this.logs?.put(group, stream, line);
    overtime();
    command.stdout = stdout;
    command.stderr = stderr;
    // After a reboot the agent runs its unfinished commands again (amazon-ssm-agent, CommandRetryLimit).
    if (running.aborted && !command.endedAt) {
      instance.onReboot = () => void this.#execute(command, instance, script, seconds);
    }
    if (signal.aborted) return;
    command.code = code;
    // The agent assumes that it killed a command with exit code 137 at the time-out (amazon-ssm-agent, pluginutil).
    if (code === 137) this.#finish(command, 'TimedOut', 'ExecutionTimedOut');
    else this.#finish(command, code === 0 ? 'Success' : 'Failed');
  }

  #finish(command: EmbeddedCommand, status: string, details = status): void {
    if (command.endedAt) return;
    command.endedAt = this.clock.now();
    this.#change(command, status, details);
    command.abort.abort();
  }

  #change(command: EmbeddedCommand, status: string, details: string): void {
    command.status = status;
    command.details = details;
    command.history.record();
    this.emit('aws.ssm', 'EC2 Command Invocation Status-change Notification', {
      'command-id': command.CommandId,
      'instance-id': command.instanceId,
      'document-name': 'AWS-RunShellScript',
      status,
    });
  }
}
