import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  type FilterLogEventsCommandOutput,
  GetLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { DescribeStateMachineCommand, type SFNClient } from '@aws-sdk/client-sfn';

export type Logs = Pick<CloudWatchLogsClient, 'send'>;

/** A line that a function has logged about an execution. */
export interface FunctionLine {
  readonly at: Date;
  /** The function's name in Lambda. */
  readonly function: string;
  /** As it is in the log: JSON, or a line of Lambda's own. */
  readonly message: string;
}

/**
 * The log stream of a command's standard output (Systems Manager, Run Command: command ID, instance ID, plug-in,
 * stream).
 */
export const streamOf = (commandId: string, instanceId: string) =>
  `${commandId}/${instanceId}/aws-runShellScript/stdout`;

/**
 * Reads a log stream from its beginning.
 *
 * @returns a function that returns what the stream has gained since its last call; nothing while there is no stream
 */
export function streamReader(logs: Logs, logGroupName: string, logStreamName: string): () => Promise<string> {
  let nextToken: string | undefined;
  return async () => {
    let gained = '';
    for (;;) {
      const page = await logs
        .send(new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, nextToken }))
        .catch(unlessMissing);
      for (const { message = '' } of page?.events ?? []) gained += message.endsWith('\n') ? message : `${message}\n`;
      const token = page?.nextForwardToken;
      // The end of the stream returns the token that it was given (GetLogEvents, nextForwardToken). A page before it may
      // have no events.
      if (token === undefined || token === nextToken) return gained;
      nextToken = token;
    }
  };
}

/**
 * What functions have logged about an execution, in the order of time.
 *
 * @param functions their names in Lambda; one without a log counts as one that has logged nothing
 * @param to the latest time, or undefined for an execution that runs
 */
export async function functionLines(
  logs: Logs,
  functions: readonly string[],
  executionArn: string,
  from: Date,
  to: Date | undefined,
): Promise<FunctionLine[]> {
  // A phrase also finds an execution whose name only begins with this one's.
  const isItsOwn = (message: string) =>
    message
      .split(executionArn)
      .slice(1)
      .some((rest) => /^(["\\\s]|$)/.test(rest));
  const lines: FunctionLine[] = [];
  for (const name of functions) {
    let nextToken: string | undefined;
    do {
      const page: FilterLogEventsCommandOutput | undefined = await logs
        .send(
          new FilterLogEventsCommand({
            logGroupName: `/aws/lambda/${name}`,
            filterPattern: `"${executionArn}"`,
            startTime: from.getTime(),
            ...(to && { endTime: to.getTime() }),
            nextToken,
          }),
        )
        .catch(unlessMissing);
      for (const { timestamp = 0, message = '' } of page?.events ?? []) {
        if (isItsOwn(message)) lines.push({ at: new Date(timestamp), function: name, message: message.trimEnd() });
      }
      // A page without events is not the last one: that has no token (FilterLogEvents).
      nextToken = page?.nextToken;
    } while (nextToken !== undefined);
  }
  return lines.sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** The names of the functions that a state machine calls, as its definition has them. */
export async function functionsOf(sfn: Pick<SFNClient, 'send'>, stateMachineArn: string): Promise<string[]> {
  const { definition = '' } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
  return [...new Set([...definition.matchAll(/:function:([\w-]+)/g)].map(([, name = '']) => name))];
}

/** There is no group or stream before something is written. */
function unlessMissing(error: Error): undefined {
  if (error.name !== 'ResourceNotFoundException') throw error;
}
