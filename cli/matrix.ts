import { type Command, InvalidArgumentError } from 'commander';
import type { ExpandOptions } from './commands/matrix-expand';
import type { PlayOptions } from './commands/matrix-play';
import type { MatrixOptions } from './matrix-file';
import { date, OWN_REGION, region, sentences } from './options';

/** Adds `datastream matrix`. */
export function addMatrix(program: Command): void {
  const matrix = program
    .command('matrix')
    .description('look into a schedule matrix: the jobs that start every day')
    .addHelpText('after', '\nExample:\n  datastream matrix check nrds.matrix.json');
  const common = (command: Command) =>
    command
      .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix')
      .option(
        '--region <region>',
        "the state machine's region, to compare with the execution files' (default: AWS_REGION)",
        region,
        OWN_REGION,
      );

  common(matrix.command('check'))
    .description('find everything that is wrong in a matrix, its templates and the execution files that they make')
    .argument('<file>', 'the matrix')
    .addHelpText('after', '\nExample:\n  datastream matrix check nrds.matrix.json --tfvars variables.tfvars')
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0 without errors, 1 with any error, 2 when a file cannot be read or is not JSON, and for wrong options.',
      ),
    )
    .action(async (file: string, options: MatrixOptions) => {
      const { checkMatrixFile } = require('./commands/matrix-check') as typeof import('./commands/matrix-check');
      process.exitCode = await checkMatrixFile(file, options, process.stdout);
    });

  common(matrix.command('expand'))
    .description('print the jobs of a day, one JSON object a line')
    .argument('<file>', 'the matrix')
    .option('--date <YYYYMMDD>', "the cycles' day in UTC (default: today)", date)
    .option('--stream <name>', 'the jobs of one stream alone')
    .addHelpText('after', '\nExample:\n  datastream matrix expand nrds.matrix.json --date 20260818 --stream forcing')
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0, 1 with any error in the matrix, 2 when a file cannot be read or is not JSON, and for wrong options.',
      ),
    )
    .action(async (file: string, options: Omit<ExpandOptions, 'date'> & { date?: string }) => {
      const { expandMatrixFile } = require('./commands/matrix-expand') as typeof import('./commands/matrix-expand');
      process.exitCode = await expandMatrixFile(file, { date: today(), ...options }, process.stdout, process.stderr);
    });

  common(matrix.command('play'))
    .description('play hours of a matrix in virtual time, without AWS: what starts when, and how it ends')
    .argument('<file>', 'the matrix')
    .option('--from <YYYYMMDD>', 'the first day in UTC, from its midnight on (default: today)', date)
    .option('--hours <number>', 'how many hours schedules fire', wholeNumber, 24)
    .option('--job-seconds <seconds>', 'how long the commands of each job run', wholeNumber, 480)
    .option('--rounds-only', 'play schedules and planner alone; 8760 hours, a year, take seconds')
    .option('--json', 'print one JSON document, with every job')
    .addHelpText('after', '\nExample:\n  datastream matrix play nrds.matrix.json --from 20260818 --hours 6')
    .addHelpText(
      'after',
      sentences(
        "Schedules, planner, state machine and functions run as they are deployed, under AWS's published rates. A job's commands do not run: they pass the time, and succeed.\n\nExit code: 0 when every job has succeeded, 1 when one has not and with any error in the matrix, 2 when a file cannot be read or is not JSON, and for wrong options.",
      ),
    )
    .action(async (file: string, options: Omit<PlayOptions, 'from'> & { from?: string }) => {
      const { playMatrixFile } = require('./commands/matrix-play') as typeof import('./commands/matrix-play');
      process.exitCode = await playMatrixFile(file, { from: today(), ...options }, process.stdout, process.stderr);
    });

  common(matrix.command('diff'))
    .description('tell in a few lines what a change of a matrix means')
    .argument('<old>', 'the matrix before the change')
    .argument('<new>', 'the matrix after it')
    .addHelpText('after', '\nExample:\n  datastream matrix diff nrds.matrix.json changed.matrix.json')
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0 whether anything differs or not, 1 with any error in a matrix, 2 when a file cannot be read or is not JSON, and for wrong options.',
      ),
    )
    .action(async (before: string, after: string, options: MatrixOptions) => {
      const { diffMatrixFiles } = require('./commands/matrix-diff') as typeof import('./commands/matrix-diff');
      process.exitCode = await diffMatrixFiles(before, after, options, process.stdout, process.stderr);
    });
}

/** The day in UTC, YYYYMMDD. */
const today = () => new Date().toISOString().slice(0, 10).replaceAll('-', '');

/** Reads a whole number of at least 1. */
function wholeNumber(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) {
    throw new InvalidArgumentError(`'${value}' is not possible; write a whole number from 1 to 999999.`);
  }
  return Number(value);
}
