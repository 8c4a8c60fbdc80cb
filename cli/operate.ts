import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Edit } from '../executions/edit';
import type { CancelOptions } from './commands/cancel';
import type { ListOptions } from './commands/list';
import type { ListLinesOptions } from './commands/list-lines';
import type { LogsOptions } from './commands/logs';
import type { RetryOptions } from './commands/retry';
import type { StartOptions } from './commands/start';
import type { StatusOptions } from './commands/status';
import type { WatchLineOptions } from './commands/watch-line';
import { date, dollars, MAX_COST, milliseconds, sentences, where } from './options';
import { STATUSES } from './statuses';
import type { WhereOptions } from './where';

const YOUNGEST = "the execution's name (default: the youngest)";
const CODES = '2 for wrong options and names, 5 when AWS cannot be asked';

/** Adds the commands of an operator's day: start, list, status, watch, logs, connect, cancel, retry. */
export function addOperate(program: Command): void {
  const start = program
    .command('start')
    .description('start an execution of each file')
    .argument('<file...>', 'execution files')
    .option('--name <name>', "the execution's name, for one file (default: the file's name and the time)")
    .option('--date <YYYYMMDD>', 'the day that DATE and DAILY mean (default: today, in UTC)', date)
    .option('--wait', 'follow the executions to their end')
    .option('--max-cost <dollars>', MAX_COST, dollars)
    .option('--keep', "with --local: leave the instances' folders, and say where they are")
    .option('--dry-run', 'print what would be started and all that is wrong, and start nothing');
  help(
    following(where(start)),
    'datastream start executions/first-job.json --wait',
    `0; 1 with any error in a file, when nothing is started, and when a job failed; ${CODES}; 3 when --timeout is over; 4 when --max-cost refuses; 130 after Ctrl-C: the executions go on, but those of --local stop.`,
  ).action(async (files: string[], options: StartOptions) => {
    const { start: run } = require('./commands/start') as typeof import('./commands/start');
    process.exitCode = await run(files, options, process.stdout, process.stderr);
    // What an ended local run leaves waiting must not keep the shell waiting.
    if (options.local) process.exit();
  });

  const list = program
    .command('list')
    .description('print executions, the youngest first')
    .addOption(
      new Option('--status <status>', 'those of one status').choices(STATUSES.map((each) => each.toLowerCase())),
    )
    .option('--since <time>', 'those started in the last time, such as 90m, 6h or 7d', milliseconds)
    .option('--limit <number>', 'at most so many', positive, 20)
    .option('--stream <name>', 'how the jobs of a stream of the matrix stand, a row for each cycle of a line')
    .option('--line <name>', 'with --stream: those of one line alone')
    .option('--missing', 'the jobs of the matrix that should have started and have no execution')
    .option('--json', 'print one JSON document');
  help(
    ofMatrix(where(list)),
    'datastream list --status failed --since 24h\n  datastream list --stream forcing --since 6h',
    `0; 1 with any error in the matrix; ${CODES}.`,
  ).action(async ({ status, ...options }: ListOptions & ListLinesOptions, command: Command) => {
    if (options.stream !== undefined || options.missing) {
      if (status !== undefined || command.getOptionValueSource('limit') === 'cli') {
        list.error('error: --status and --limit are for executions, --stream and --missing for jobs of a matrix');
      }
      const { listLines } = require('./commands/list-lines') as typeof import('./commands/list-lines');
      process.exitCode = await listLines(options, new Date(), process.stdout, process.stderr);
      return;
    }
    if (options.line !== undefined) list.error('error: --line is for --stream: write both');
    const { list: run } = require('./commands/list') as typeof import('./commands/list');
    const upper = status && { status: status.toUpperCase() as (typeof STATUSES)[number] };
    process.exitCode = await run({ ...options, ...upper }, process.stdout, process.stderr);
  });

  const status = program
    .command('status')
    .description('print how an execution stands')
    .argument('[name]', YOUNGEST)
    .option('--attempts', 'print how its earlier attempts ended')
    .option('--json', 'print one JSON document');
  help(
    where(status),
    'datastream status first-job_20260818-091501 --attempts',
    `0 while it runs and when it succeeded, 1 when it did not; ${CODES}.`,
  ).action(async (name: string | undefined, options: StatusOptions) => {
    const { status: run } = require('./commands/status') as typeof import('./commands/status');
    process.exitCode = await run(name, options, process.stdout, process.stderr);
  });

  const watch = program
    .command('watch')
    .description('print each change of an execution, or of a line of the matrix, until its end')
    .argument('[name]', `${YOUNGEST}, or STREAM/LINE`)
    .option('--cycle <YYYYMMDDTHH>', 'of STREAM/LINE: the cycle (default: the one that was due last)', cycle)
    .option('--json', 'print a JSON document for each change, on a line of its own');
  help(
    following(ofMatrix(where(watch))),
    'datastream watch first-job_20260818-091501 --timeout 600\n  datastream watch forcing/short_range',
    `0 when it succeeded, 1 when it did not or a job is missing, 3 when it still runs at the end of --timeout; ${CODES}; 130 after Ctrl-C: the execution goes on.`,
  ).action(async (name: string | undefined, options: WatchLineOptions) => {
    // No execution's name has a slash.
    if (name?.includes('/')) {
      const { watchLine } = require('./commands/watch-line') as typeof import('./commands/watch-line');
      process.exitCode = await watchLine(name, options, process.stdout, process.stderr);
      return;
    }
    if (options.cycle !== undefined) watch.error('error: --cycle is for STREAM/LINE: write that in place of the name');
    const { watch: run } = require('./commands/watch') as typeof import('./commands/watch');
    process.exitCode = await run(name, options, process.stdout, process.stderr);
  });

  const logs = program
    .command('logs')
    .description('print what a job has written')
    .argument('[name]', YOUNGEST)
    .option('--attempt <number>', 'of this attempt (default: the last one)', positive)
    .option('--stderr', 'standard error in place of standard output')
    .option('--all', 'all lines (default: the last 40)')
    .option('--save <folder>', 'write both streams, whole, into this folder')
    .option('--json', 'print one JSON document')
    .addOption(new Option('--follow', 'print what comes until the execution ends').implies({ all: true }))
    .option('--functions', "what the deployment's functions have logged about it");
  help(
    where(logs),
    'datastream logs first-job_20260818-091501 --stderr',
    `0; 1 where there is no output; ${CODES}; 130 after Ctrl-C: the execution goes on.`,
  ).action(async (name: string | undefined, options: LogsOptions) => {
    const { logs: run } = require('./commands/logs') as typeof import('./commands/logs');
    process.exitCode = await run(name, options, process.stdout, process.stderr);
  });

  const connect = program
    .command('connect')
    .description("open a shell on a running job's instance, through Session Manager")
    .argument('[name]', YOUNGEST);
  help(
    where(connect),
    'datastream connect first-job_20260818-091501',
    `the shell's; 1 where there is no instance to connect to; ${CODES}.`,
  ).action(async (name: string | undefined, options: WhereOptions) => {
    const { connect: run } = require('./commands/connect') as typeof import('./commands/connect');
    process.exitCode = await run(name, options, process.stderr);
  });

  const cancel = program
    .command('cancel')
    .description('stop executions that run; their instances end')
    .argument('[name...]', "the executions' names")
    .option('--stream <name>', 'all of a stream of the matrix')
    .option('--line <name>', 'with --stream: those of one line alone')
    .option('--cycle <YYYYMMDDTHH>', 'with --stream: those of one cycle alone', cycle)
    .option('--yes', 'with --stream: stop them without asking');
  help(
    ofMatrix(where(cancel)),
    'datastream cancel first-job_20260818-091501\n  datastream cancel --stream forcing --cycle 20260818T22',
    `0; 1 when you answer no, and with any error in the matrix; ${CODES}.`,
  ).action(async (names: string[], options: CancelOptions) => {
    const { cancel: run } = require('./commands/cancel') as typeof import('./commands/cancel');
    process.exitCode = await run(names, options, process.stdout, process.stderr);
  });

  // The edits, in the order of the command line.
  const edits: Edit[] = [];
  const retry = program
    .command('retry')
    .description('start ended executions again, as NAME_r2, with the dates of their first start')
    .argument('[name...]', "the executions' names (default with --local: the youngest)")
    .option('--failed', 'all that failed and have not succeeded since')
    .option('--since <time>', 'with --failed: those started in the last time, such as 6h (default: 24h)', milliseconds)
    .option(
      '--set <path=value>',
      'change their files, as in datastream new; may stand more than once',
      (text: string) => {
        const edit = (require('../executions/edit') as typeof import('../executions/edit')).parseSet(text);
        if ('error' in edit) throw new InvalidArgumentError(edit.error);
        edits.push(edit);
      },
    )
    .option('--wait', 'follow the executions to their end')
    .option('--max-cost <dollars>', MAX_COST, dollars)
    .option('--dry-run', 'print what would be started, and start nothing');
  help(
    following(where(retry)),
    'datastream retry --failed --since 24h --set run_options.timeout_s=7200',
    `0; 1 with any error in a changed file, when nothing is started, and when a job failed; ${CODES}; 3 when --timeout is over; 4 when --max-cost refuses; 130 after Ctrl-C.`,
  ).action(async (names: string[], options: Omit<RetryOptions, 'edits'>) => {
    const { retry: run } = require('./commands/retry') as typeof import('./commands/retry');
    process.exitCode = await run(names, { ...options, edits }, process.stdout, process.stderr);
    if (options.local) process.exit();
  });
}

/** Which matrix. */
function ofMatrix(command: Command): Command {
  return command
    .option('--matrix <file>', 'the matrix that is deployed (default: the one that cdktf.json names)')
    .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix');
}

function cycle(value: string): string {
  const [, day, hour = ''] = /^(\d{8})T(\d\d)$/.exec(value) ?? [];
  if (day === undefined || Number(hour) > 23) {
    throw new InvalidArgumentError(`'${value}' is no cycle: write its day and hour in UTC, such as 20260818T22.`);
  }
  return value;
}

function following(command: Command): Command {
  return command
    .option('--every <seconds>', 'how often AWS is asked', positive, 5)
    .option('--timeout <seconds>', 'follow no longer; the executions go on', positive);
}

/** An example, and the exit codes. */
export function help(command: Command, example: string, codes: string): Command {
  return command
    .addHelpText('after', `\nExample:\n  ${example}`)
    .addHelpText('after', sentences(`Exit code: ${codes}`));
}

function positive(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) {
    throw new InvalidArgumentError(`'${value}' is no number here: write a whole number from 1 on.`);
  }
  return Number(value);
}
