import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { record } from '../../files/values';
import { writeFileAtomically } from '../../files/write-file';
import { realClock } from '../../local/clock';
import { type Execution, type Executions, instanceOfAttempt, type JobOutput, type OutputReader } from '../executions';
import { SIGNALS } from '../local-place';
import { count } from '../output/summary';
import { visible } from '../output/visible';
import { type Output, wrap } from '../output/wrap';
import { type WhereOptions, withDeployed, withExecutions } from '../where';
import { findOrSay } from './status';

export interface LogsOptions extends WhereOptions {
  /** Which attempt; default: the last one. */
  readonly attempt?: number;
  /** Standard error in place of standard output. */
  readonly stderr?: boolean;
  /** All lines; default: the last 40. */
  readonly all?: boolean;
  /** Go on until the execution ends. */
  readonly follow?: boolean;
  /** What the functions have logged about the execution, in place of the job's output. */
  readonly functions?: boolean;
  /** The folder to write both streams into. */
  readonly save?: string;
  readonly json?: boolean;
}

/** How often it is looked whether a job has begun, in seconds. */
const START_SECONDS = 2;

/** How many lines are printed, from the end. */
const SHOWN_LINES = 40;

/**
 * Prints what a job has written, without a name the youngest one's: where it is from on standard error, the output itself
 * on standard output.
 *
 * @returns the exit code: 0, 1 where there is no output, 2 where there is no such execution or its output does not come
 * while it runs, 5 where AWS cannot be asked, 130 after Ctrl-C
 */
export async function logs(name: string | undefined, options: LogsOptions, out: Output, err: Output): Promise<number> {
  if (options.functions) return functions(name, options, out, err);
  return withExecutions(options, err, async (executions) => {
    const execution = await findOrSay(executions, name, options, err);
    if (!execution) return 2;
    if (options.follow && (options.local || execution.status === 'RUNNING')) {
      return follow(execution, options, executions, out, err);
    }
    const attempt = options.attempt ?? execution.facts.attempt ?? 1;
    const output = await executions.output(execution, attempt);
    if (!output) {
      err.write(wrap(`${nothing(execution, attempt, options.local === true)}\n`, err));
      return 1;
    }
    if (options.save !== undefined) return save(options.save, output, out);
    if (options.json) {
      out.write(`${JSON.stringify(document(execution, attempt, output), null, 2)}\n`);
      return 0;
    }
    show(execution, attempt, output, options, out, err);
    return 0;
  });
}

/** Prints what the deployed functions have logged about an execution. */
async function functions(name: string | undefined, options: LogsOptions, out: Output, err: Output): Promise<number> {
  if (options.local) {
    err.write(wrap("The embedded cloud's functions keep no logs: leave out --local, or --functions.\n", err));
    return 2;
  }
  return withDeployed(options, err, async (executions, more) => {
    const execution = await findOrSay(executions, name, options, err);
    if (!execution) return 2;
    const lines = await executions.functionLines(execution, more);
    if (options.json) {
      const all = lines.map((line) => ({ at: line.at.toISOString(), function: line.function, message: line.message }));
      out.write(`${JSON.stringify({ name: execution.name, lines: all }, null, 2)}\n`);
      return 0;
    }
    err.write(wrap(`${execution.name}: ${count(lines.length, 'line')} of its functions\n`, err));
    const width = Math.max(0, ...lines.map((line) => line.function.length));
    for (const line of lines) {
      const text = `${line.at.toISOString().slice(11, 23)}  ${line.function.padEnd(width)}  ${short(line.message)}`;
      out.write(`${out.isTTY ? visible(text) : text}\n`);
    }
    return lines.length > 0 ? 0 : 1;
  });
}

/** Keys of every line of a function's log that say nothing of what has happened. */
const EVERY_LINES = new Set([
  ...['level', 'message', 'timestamp', 'service', 'execution', 'cold_start', 'function_arn', 'function_memory_size'],
  ...['function_name', 'function_request_id', 'sampling_rate', 'xray_trace_id'],
]);

/** A function's line: level, message and what belongs to it. Another line, such as Lambda's own, is as it is. */
function short(message: string): string {
  try {
    const line = record(JSON.parse(message));
    const { level, message: told } = line;
    if (typeof told !== 'string') return message;
    const rest = Object.entries(line).filter(([key]) => !EVERY_LINES.has(key));
    return [level, told, ...rest.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join('  ');
  } catch {
    return message;
  }
}

function document({ name, facts }: Execution, attempt: number, { stdout, stderr, exitCode, log, partial }: JobOutput) {
  return {
    name,
    attempt,
    instance: instanceOfAttempt(facts, attempt) ?? null,
    exit_code: exitCode ?? null,
    stdout,
    stderr,
    log: log ?? null,
    partial: partial ?? null,
  };
}

function show(
  { name, facts }: Execution,
  attempt: number,
  output: JobOutput,
  options: LogsOptions,
  out: Output,
  err: Output,
): void {
  const lines = output[options.stderr ? 'stderr' : 'stdout'].replace(/\n$/, '').split('\n');
  const shown = options.all ? lines : lines.slice(-SHOWN_LINES);
  const empty = shown.length === 1 && shown[0] === '';
  const what = options.stderr ? 'standard error' : 'standard output';
  const how = empty
    ? `nothing on ${what}`
    : shown.length < lines.length
      ? `last ${shown.length} lines of ${lines.length.toLocaleString('en-US')} of ${what}`
      : `${count(lines.length, 'line')} of ${what}`;
  const parts = [
    `attempt ${attempt} of ${Math.max(facts.attempts ?? 1, attempt)}`,
    instanceOfAttempt(facts, attempt),
    output.exitCode === undefined ? undefined : `exit ${output.exitCode}`,
    how,
  ];
  err.write(wrap(`${name}: ${parts.filter(Boolean).join(', ')}\n`, err));
  if (output.partial) err.write(wrap(`${output.partial}\n`, err));
  // A file or a pipe gets the bytes as they are.
  if (!empty) out.write(`${out.isTTY ? visible(shown.join('\n')) : shown.join('\n')}\n`);
}

function save(folder: string, { stdout, stderr }: JobOutput, out: Output): number {
  mkdirSync(folder, { recursive: true });
  for (const [stream, text] of Object.entries({ stdout, stderr })) {
    const file = join(folder, `${stream}.log`);
    writeFileAtomically(file, text);
    out.write(`${file}\n`);
  }
  return 0;
}

/** Prints a stream as it grows, until the execution has ended; without `attempt` that of one attempt after the other. */
async function follow(
  execution: Execution,
  options: LogsOptions,
  executions: Executions,
  out: Output,
  err: Output,
): Promise<number> {
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const stream = options.stderr ? 'stderr' : 'stdout';
  const attemptOf = ({ facts }: Execution) => options.attempt ?? facts.attempt ?? 1;
  let attempt = attemptOf(execution);
  let reader: OutputReader | undefined;
  const print = async () => {
    const gained = (await reader?.read()) ?? '';
    if (gained !== '') out.write(out.isTTY ? visible(gained) : gained);
  };
  try {
    for (;;) {
      // Asked before the output is read: what was written until the end is in it then.
      const now = await executions.find(execution.name);
      if (now && attemptOf(now) !== attempt) {
        await print();
        reader = undefined;
        attempt = attemptOf(now);
        err.write(`${execution.name}: attempt ${attempt}\n`);
      }
      if (now && !reader) {
        const found = await executions.follow(now, attempt, stream);
        if (found && 'error' in found) {
          err.write(wrap(`${found.error}\n`, err));
          return 2;
        }
        reader = found;
      }
      await print();
      const wait = (reader?.every ?? START_SECONDS) * 1000;
      if (now?.status === 'RUNNING') await realClock.sleep(wait, interrupted.signal);
      else {
        // The last of it may be on its way still.
        if (reader) await realClock.sleep(wait, interrupted.signal);
        await print();
        return 0;
      }
      if (interrupted.signal.aborted) return 130;
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

function nothing({ name, status, state, facts }: Execution, attempt: number, local: boolean): string {
  const last = facts.attempt ?? 1;
  if (attempt > last) return `${name} has no attempt ${attempt}: its last one is ${last}.`;
  if (status === 'RUNNING') return `${name}: attempt ${attempt} has no output yet (${state ?? 'starting'}).`;
  return `${name}: attempt ${attempt} has no output: its commands were not started${local ? '' : ', or Systems Manager has forgotten them (30 days)'}.`;
}
