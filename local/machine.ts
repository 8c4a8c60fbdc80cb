import type { Definition } from '../constructs/aws/states-language';
import { definition } from '../constructs/datastream/definition';
import { FUNCTION_MEMORY_MB, MACHINE_FUNCTIONS, type MachineFunction } from '../constructs/datastream/functions';
import { type Cost, costOf } from '../prices/orchestration';
import type { EmbeddedCloud } from './cloud';
import type { Progress } from './states/interpreter';

/** The result of an execution. */
export interface ExecutionEnd {
  readonly arn: string;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'TIMED_OUT';
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly output?: Record<string, unknown>;
  readonly error?: string;
  readonly cause?: string;
  /** The number of states entered. Each retry counts again. */
  readonly transitions: number;
  readonly cost: Cost;
  readonly history: History;
}

/** The sizes that Step Functions limits for each execution (Step Functions Developer Guide, Service quotas). */
export interface History {
  /** The number of events that GetExecutionHistory would list (API reference, HistoryEvent); at most 25,000. */
  readonly events: number;
  /** The largest input or output of a state or a task, in bytes of UTF-8; at most 262,144. */
  readonly largestBytes: number;
}

/** An execution that runs. */
export interface RunningExecution {
  readonly arn: string;
  readonly result: Promise<ExecutionEnd>;
  /** Stops the execution at once, as StopExecution does. */
  stop(): void;
}

/** The ARN of version 1 of a function of the embedded cloud. */
export const functionArn = (name: string) => `arn:aws:lambda:local:000000000000:function:${name}:1`;

const ARNS = Object.fromEntries(MACHINE_FUNCTIONS.map((name) => [name, functionArn(name)])) as Record<
  MachineFunction,
  string
>;

/** The definition that Terraform deploys, with version 1 of the embedded cloud's functions. */
export const LOCAL_DEFINITION: Definition = definition(ARNS);

/**
 * Starts an execution of the datastream's state machine on the embedded cloud.
 *
 * @throws ExecutionAlreadyExists if an execution has this name already. One that runs with the same input is returned
 * @param input the execution file, parsed as JSON
 * @param onProgress called for every state; default: nothing is called
 * @param name default: a UUID
 */
export function startExecution(
  cloud: EmbeddedCloud,
  input: unknown,
  onProgress?: (progress: Progress) => void,
  name?: string,
): RunningExecution {
  const from = cloud.invocations.length;
  const execution = cloud.sfn.start({ stateMachineArn: cloud.stateMachineArn, input, name, onProgress });
  const { arn, startDate, used } = execution;
  const result = execution.ended.then((): ExecutionEnd => {
    const { status, output, error, cause, stopDate } = execution;
    const { transitions, events, largestBytes } = used;
    return {
      arn,
      status: status as ExecutionEnd['status'],
      startedAt: startDate,
      endedAt: stopDate ?? startDate,
      ...(status === 'SUCCEEDED' && { output: output as Record<string, unknown> }),
      ...(status === 'FAILED' && { error, cause }),
      transitions,
      cost: costOf(transitions, cloud.invocations.slice(from), FUNCTION_MEMORY_MB),
      history: { events, largestBytes },
    };
  });
  return { arn, result, stop: () => execution.stop() };
}
