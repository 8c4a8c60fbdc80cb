import { type Command, InvalidArgumentError } from 'commander';
import { branchProblem } from '../pipelines/names';
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
}
