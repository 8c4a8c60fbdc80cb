import type { Command } from 'commander';
import type { DoctorOptions } from './commands/doctor';
import { help } from './operate';
import { where } from './options';

/** Adds `datastream doctor`. */
export function addDoctor(program: Command): void {
  const doctor = program
    .command('doctor')
    .description('look at everything that jobs need, and say what mends it')
    .argument('[matrix]', 'the matrix that is deployed (default: the one that cdktf.json names)')
    .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix')
    .option('--json', 'print one JSON document');
  help(
    where(doctor),
    'datastream doctor nrds.matrix.json',
    '0, with warnings too; 1 where something has failed; 2 for wrong options and a matrix that cannot be read; 5 when AWS does not take the credentials or does not answer.',
  ).action(async (matrix: string | undefined, options: DoctorOptions) => {
    const { doctor: run } = require('./commands/doctor') as typeof import('./commands/doctor');
    process.exitCode = await run(matrix, options, process.stdout, process.stderr);
  });
}
