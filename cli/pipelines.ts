import { type Command, InvalidArgumentError } from 'commander';
import { branchProblem } from '../pipelines/names';
import type { RerunOptions } from './commands/pipelines-rerun';
import type { RunPipelinesOptions } from './commands/pipelines-run';
import type { StatusOptions } from './commands/pipelines-status';
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
    .description("tsdat's pipelines: check pipelines_config.yml, run it without AWS, see what runs on AWS")
    .addHelpText('after', '\nExample:\n  datastream pipelines validate pipelines_config.yml');

  pipelines
    .command('validate')
    .description('find everything that can be known of a pipelines_config.yml without AWS')
    .argument('<file>', 'a pipelines_config.yml')
    .option('--branch <branch>', 'the branch to deploy, a part of every name', branchName, 'main')
    .option('--repo <folder>', "a checkout of the pipelines' repository, to compare with the file")
    .addHelpText(
      'after',
      '\nExample:\n  datastream pipelines validate pipelines_config.yml --repo ../pipeline-template',
    )
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
      '\nExamples:\n' +
        '  datastream pipelines run --local pipelines_config.yml \\\n' +
        '    --repo ../pipeline-template --to lidar/humboldt data/lidar.20240830.sta\n' +
        '  datastream pipelines run --local pipelines_config.yml \\\n' +
        '    --repo ../pipeline-template --schedule lidar_vap',
    )
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

  pipelines
    .command('status')
    .description('what has run of each config, what has failed, the last build, and what is left over')
    .argument('<file>', 'the deployed pipelines_config.yml')
    .option('--branch <branch>', 'the branch', branchName, 'main')
    .option('--days <days>', 'how far to look back for runs', days, 7)
    .option('--local', 'the runs of this computer')
    .option('--folder <folder>', 'where the embedded buckets are', '.datastream')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  datastream pipelines status pipelines_config.yml --days 30')
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0, 1 where a last run has failed, an event waits for rerun or something is left over, 2 when the file has errors, 5 when AWS cannot be asked.',
      ),
    )
    .action(async (file: string, options: StatusOptions) => {
      const { pipelinesStatus } =
        require('./commands/pipelines-status') as typeof import('./commands/pipelines-status');
      process.exitCode = await pipelinesStatus(file, options, deployed, process.stdout, process.stderr);
    });

  pipelines
    .command('rerun')
    .description('call functions again for the events that failed for good')
    .argument('<file>', 'the deployed pipelines_config.yml')
    .argument('[name]', 'a pipeline, or NAME/CONFIG (default: all)')
    .option('--branch <branch>', 'the branch', branchName, 'main')
    .option('--local', 'the events of this computer')
    .option('--repo <folder>', "with --local: a checkout of the pipelines' repository")
    .option('--python <program>', 'with --local: the Python that has tsdat', 'python3')
    .option('--folder <folder>', 'where the embedded buckets are', '.datastream')
    .addHelpText('after', '\nExample:\n  datastream pipelines rerun pipelines_config.yml lidar/humboldt')
    .addHelpText(
      'after',
      sentences('Exit code: 0, 1 where one has failed again, 2 for a wrong file or name, 5 when AWS cannot be asked.'),
    )
    .action(async (file: string, name: string | undefined, options: RerunOptions) => {
      const { rerunPipelines } = require('./commands/pipelines-rerun') as typeof import('./commands/pipelines-rerun');
      process.exitCode = await rerunPipelines(file, name, options, deployed, process.stdout, process.stderr);
    });
}

/** Loaded when it is asked, because it loads the AWS clients. */
const deployed = (region: string) =>
  (require('./aws/pipelines') as typeof import('./aws/pipelines')).deployedPipelines(region);

/** Days of records, which are kept for 90. */
function days(value: string): number {
  if (!/^\d{1,2}$/.test(value) || Number(value) < 1 || Number(value) > 90) {
    throw new InvalidArgumentError('write a number from 1 to 90.');
  }
  return Number(value);
}
