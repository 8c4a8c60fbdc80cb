import { randomUUID } from 'node:crypto';
import type { LocalClock } from '../clock';
import { Pool } from './pool';

/** A Map Run starts so many child executions at once (Step Functions Developer Guide, Service quotas). */
const MOST_CHILDREN = 10_000;

/** A child execution of a Map Run. */
export interface Child {
  readonly arn: string;
  readonly name: string;
  readonly stateMachineArn: string;
  readonly input: unknown;
  readonly startDate: Date;
  readonly status: string;
  readonly output?: unknown;
  readonly error?: string;
  readonly cause?: string;
  readonly stopDate?: Date;
  /** Resolves when the execution has ended. */
  readonly ended: Promise<unknown>;
  stop(): void;
}

/** What UpdateMapRun changes while a Map Run runs. */
export interface MapRunLimits {
  /** 0: as many as Step Functions starts. */
  readonly maxConcurrency: number;
  /** Of all items. Without this and the count, no failure is tolerated. */
  readonly toleratedFailurePercentage?: number;
  readonly toleratedFailureCount?: number;
}

interface MapRunOptions extends MapRunLimits {
  readonly executionArn: string;
  /** Of the machine that the Map stands in. */
  readonly stateMachineArn: string;
  readonly label: string;
  /** The input of each child execution. */
  readonly inputs: readonly unknown[];
  readonly startDate: Date;
}

const NONE = { pending: 0, running: 0, succeeded: 0, failed: 0, timedOut: 0, aborted: 0 };
const COUNTED: Readonly<Record<string, keyof typeof NONE>> = {
  RUNNING: 'running',
  SUCCEEDED: 'succeeded',
  FAILED: 'failed',
  TIMED_OUT: 'timedOut',
  ABORTED: 'aborted',
};

/** A run of a Map in distributed mode: each item is a child execution (Step Functions API, DescribeMapRun). */
export class MapRun {
  readonly arn: string;
  readonly executionArn: string;
  /** Of its child executions: the machine's own, and the label. */
  readonly stateMachineArn: string;
  readonly inputs: readonly unknown[];
  readonly startDate: Date;
  readonly children: Child[] = [];
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED' = 'RUNNING';
  stopDate?: Date;
  limits: MapRunLimits;
  /** How many items' results a ResultWriter has written. */
  resultsWritten = 0;
  /** Called after a change of the limits. */
  onUpdate: () => void = () => {};

  constructor({ executionArn, stateMachineArn, label, inputs, startDate, ...limits }: MapRunOptions) {
    this.executionArn = executionArn;
    this.stateMachineArn = `${stateMachineArn}/${label}`;
    this.arn = `${this.stateMachineArn.replace(':stateMachine:', ':mapRun:')}:${randomUUID()}`;
    this.inputs = inputs;
    this.startDate = startDate;
    this.limits = limits;
  }

  /** Changes limits, as UpdateMapRun does. What runs already goes on. */
  update(limits: Partial<MapRunLimits>): void {
    const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
    this.limits = { ...this.limits, ...Object.fromEntries(given) };
    this.onUpdate();
  }

  /** How many items, or child executions, are in each state. */
  get counts(): typeof NONE & { readonly total: number } {
    const counts = { ...NONE, pending: this.inputs.length - this.children.length };
    for (const { status } of this.children) counts[COUNTED[status] ?? 'failed']++;
    return { ...counts, total: this.inputs.length };
  }

  /** Whether more items have failed or timed out than are tolerated. If both limits are set, each of them holds. */
  get exceeded(): boolean {
    const { failed, timedOut, total } = this.counts;
    const { toleratedFailureCount: count, toleratedFailurePercentage: percentage } = this.limits;
    const bad = failed + timedOut;
    if (count === undefined && percentage === undefined) return bad > 0;
    return (count !== undefined && bad > count) || (percentage !== undefined && bad * 100 > percentage * total);
  }

  /** The state's result without a ResultWriter: the outputs, and of a child that failed what ResultWriter writes. */
  result(): unknown[] {
    return this.children.map((child) => (child.status === 'SUCCEEDED' ? child.output : recordOf(child)));
  }
}

/** A child execution as ResultWriter writes it (Step Functions Developer Guide, ResultWriter). */
export function recordOf(child: Child): Readonly<Record<string, unknown>> {
  const { arn, name, stateMachineArn, input, output, error, cause, status, startDate, stopDate } = child;
  const succeeded = status === 'SUCCEEDED';
  return {
    ...(cause !== undefined && { Cause: cause }),
    ...(error !== undefined && { Error: error }),
    ExecutionArn: arn,
    Input: JSON.stringify(input),
    InputDetails: { Included: true },
    Name: name,
    ...(succeeded && { Output: JSON.stringify(output), OutputDetails: { Included: true } }),
    RedriveCount: 0,
    RedriveStatus: succeeded ? 'NOT_REDRIVABLE' : 'REDRIVABLE',
    ...(succeeded && { RedriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven' }),
    StartDate: startDate.toISOString(),
    StateMachineArn: stateMachineArn,
    Status: status,
    ...(stopDate && { StopDate: stopDate.toISOString() }),
  };
}

/**
 * Runs all child executions of a Map Run. It starts no more of them, and stops those that run, when more than tolerated
 * have failed or the signal aborts.
 *
 * @throws the signal's reason when it has aborted
 */
export async function runChildren(
  run: MapRun,
  start: (input: unknown) => Child,
  clock: LocalClock,
  signal: AbortSignal,
): Promise<void> {
  const end = () => {
    pool.close();
    for (const child of run.children) child.stop();
  };
  const look = () => (run.exceeded ? end() : pool.fill());
  const pool = new Pool(
    run.inputs.length,
    () => run.limits.maxConcurrency || MOST_CHILDREN,
    async (index) => {
      const child = start(run.inputs[index]);
      run.children.push(child);
      await child.ended;
      if (run.exceeded) end();
    },
  );
  run.onUpdate = look;
  signal.addEventListener('abort', end, { once: true });
  await pool.done;
  signal.removeEventListener('abort', end);
  run.status = signal.aborted ? 'ABORTED' : run.exceeded ? 'FAILED' : 'SUCCEEDED';
  run.stopDate = clock.now();
  run.onUpdate = () => {};
  signal.throwIfAborted();
}
