import type { Command } from 'commander';
import type { ExpandOptions } from './commands/matrix-expand';
import type { MatrixOptions } from './matrix-file';
import { dateOption, OWN_REGION, region, sentences } from './options';

/** Adds `datastream matrix`. */
export function addMatrix(program: Command): void {
  const matrix = program.command('matrix').description('look into a schedule matrix: the jobs that start every day');
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
    .option('--date <YYYYMMDD>', "the cycles' day in UTC (default: today)", dateOption)
    .option('--stream <name>', 'the jobs of one stream alone')
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0, 1 with any error in the matrix, 2 when a file cannot be read or is not JSON, and for wrong options.',
      ),
    )
    .action(async (file: string, options: Omit<ExpandOptions, 'date'> & { date?: string }) => {
      const { expandMatrixFile } = require('./commands/matrix-expand') as typeof import('./commands/matrix-expand');
      const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
      process.exitCode = await expandMatrixFile(file, { date: today, ...options }, process.stdout, process.stderr);
    });

  common(matrix.command('diff'))
    .description('tell in a few lines what a change of a matrix means')
    .argument('<old>', 'the matrix before the change')
    .argument('<new>', 'the matrix after it')
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
