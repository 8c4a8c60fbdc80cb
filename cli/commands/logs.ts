import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../files/write-file';
import { type Execution, type Executions, instanceOfAttempt, type JobOutput } from '../executions';
import { count } from '../output/summary';
import { visible } from '../output/visible';
import { type Output, wrap } from '../output/wrap';
import { type WhereOptions, withExecutions } from '../where';
import { findOrSay } from './status';

export interface LogsOptions extends WhereOptions {
  /** Which attempt; default: the last one. */
  readonly attempt?: number;
  /** Standard error in place of standard output. */
  readonly stderr?: boolean;
  /** All lines; default: the last 40. */
  readonly all?: boolean;
  /** Go on until the execution ends; with the embedded cloud alone. */
  readonly follow?: boolean;
  /** The folder to write both streams into. */
  readonly save?: string;
  readonly json?: boolean;
}

/** How many lines are printed, from the end. */
const SHOWN_LINES = 40;

/** How often what is new is looked for, in milliseconds. */
const LOOK_MS = 250;

/**
 * Prints what a job has written, without a name the youngest one's: where it is from on standard error, the output itself
 * on standard output.
 *
 * @returns the exit code: 0, 1 where there is no output, 2 where there is no such execution, 5 where AWS cannot be asked
 */
export async function logs(name: string | undefined, options: LogsOptions, out: Output, err: Output): Promise<number> {
  if (options.follow && !options.local) {
    const sentence =
      "--follow is for --local: Systems Manager shows a job's output when it has ended. Until then, use 'datastream watch'.";
    err.write(wrap(`${sentence}\n`, err));
    return 2;
  }
  return withExecutions(options, err, async (executions) => {
    const execution = await findOrSay(executions, name, err);
    if (!execution) return 2;
    const attempt = options.attempt ?? execution.facts.attempt ?? 1;
    if (options.follow) return follow(execution, attempt, options, executions, out);
    const output = await executions.output(execution, attempt);
    if (!output) {
      err.write(wrap(`${nothing(execution, attempt)}\n`, err));
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

/** Prints a stream as it grows, until the execution has ended. */
async function follow(
  { name }: Execution,
  attempt: number,
  { stderr }: LogsOptions,
  executions: Executions,
  out: Output,
): Promise<number> {
  let printed = 0;
  for (;;) {
    // Asked before the output is read: what was written until the end is in it then.
    const now = await executions.find(name);
    const text = now && (await executions.output(now, attempt))?.[stderr ? 'stderr' : 'stdout'];
    if (text !== undefined && text.length > printed) {
      const fresh = text.slice(printed);
      out.write(out.isTTY ? visible(fresh) : fresh);
      printed = text.length;
    }
    if (now?.status !== 'RUNNING') return 0;
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}

function nothing({ name, status, state }: Execution, attempt: number): string {
  if (status === 'RUNNING') return `${name}: attempt ${attempt} has no output yet (${state ?? 'starting'}).`;
  return `${name}: attempt ${attempt} has no output: its commands were not started, or Systems Manager has forgotten them (30 days).`;
}
