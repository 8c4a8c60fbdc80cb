import { type Command, InvalidArgumentError } from 'commander';
import { branchProblem } from '../pipelines/names';
import type { RunPipelinesOptions } from './commands/pipelines-run';
import type { ValidateOptions } from './commands/pipelines-validate';
import { sentences } from './options';

/** A branch, whose name is part of other names. */
function branchName(value: string): string {
  const problem = branchProblem(value);
  if (problem !== undefined) throw new InvalidArgumentError(`${problem}.`);
  return value;
}

/** Adds the commands of tsdat's pipelines. */
export function addPipelines(program: Command): void {
  const pipelines = program
    .command('pipelines')
    .description("tsdat's pipelines: check pipelines_config.yml, run it without AWS, see what runs on AWS");

  pipelines
    .command('validate')
    .description('find everything that can be known of a pipelines_config.yml without AWS')
    .argument('<file>', 'a pipelines_config.yml')
    .option('--branch <branch>', 'the branch to deploy, a part of every name', branchName, 'main')
    .option('--repo <folder>', "a checkout of the pipelines' repository, to compare with the file")
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0 without errors, 1 with any error, 2 when the file cannot be read, and for wrong options.',
      ),
    )
    .action((file: string, options: ValidateOptions) => {
      const { validatePipelines } =
        require('./commands/pipelines-validate') as typeof import('./commands/pipelines-validate');
      process.exitCode = validatePipelines(file, options, process.stdout);
    });

  pipelines
    .command('run')
    .description('run pipelines on this computer, without AWS: a file arrives, or a schedule comes')
    .argument('<file>', 'a pipelines_config.yml')
    .argument('[input...]', 'files that arrive in the input bucket')
    .requiredOption('--repo <folder>', "a checkout of the pipelines' repository")
    .option('--local', 'on this computer: the deployed patterns choose the pipelines, the deployed handler runs them')
    .option('--to <path>', 'the path in the input bucket (default: what the path of the file says)')
    .option('--schedule [name]', 'run the Cron pipelines, or the one of this name, or NAME/CONFIG')
    .option('--branch <branch>', 'the branch, a part of every name', branchName, 'main')
    .option('--python <program>', 'the Python that has tsdat', 'python3')
    .option('--docker', 'build the images and run in them')
    .option('--folder <folder>', 'where the embedded buckets are', '.datastream')
    .addHelpText(
      'after',
      sentences(
        'The code of the repository runs on this computer, as you.\n' +
          'Exit code: 0 when every run succeeded, 1 when one failed or none began, 2 when the file has errors or nothing can run here.',
      ),
    )
    .action(async (file: string, inputs: string[], options: RunPipelinesOptions) => {
      const { runPipelines } = require('./commands/pipelines-run') as typeof import('./commands/pipelines-run');
      process.exitCode = await runPipelines(file, inputs, options, process.stdout, process.stderr);
    });
}
