import { type Command, InvalidArgumentError } from 'commander';
import type { WhereOptions } from './commands/submission';
import type { SubmitOptions } from './commands/submit';
import { date, dollars, MAX_COST, sentences } from './options';

/** Most jobs that a Map Run runs at once (Step Functions Developer Guide, Service quotas). */
const MOST_AT_ONCE = 10_000;

/** Adds `datastream submit`. */
export function addSubmit(program: Command): void {
  const submit = program
    .command('submit')
    .description('run many jobs with a limit on how many run at once: of a matrix, a table or execution files')
    .argument(
      '[file...]',
      'a schedule matrix; or a table: a CSV file with the columns name, file and those of the file; or execution files',
    )
    .option('--date <YYYYMMDD>', "the day of a matrix' cycles in UTC", date)
    .option('--stream <name>', 'only the jobs of this stream of a matrix')
    .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix')
    .option('--concurrency <jobs>', 'how many jobs run at once', concurrency, 50)
    .option('--tolerate <percent>', 'how many jobs may fail before no more are started, such as 5%', percentage, 5)
    .option('--dry-run', 'print the jobs and all problems, and submit nothing')
    .option('--max-cost <dollars>', MAX_COST, dollars)
    .option('--resume <id>', 'submit the jobs of an earlier submission that did not succeed')
    .option('--local', 'on this computer: the same machines and functions, instances that are folders, real commands')
    .option('--folder <folder>', 'where the embedded buckets are, with --local', '.datastream')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  datastream submit nrds.matrix.json --date 20260818 --concurrency 100\n' +
        '  datastream submit basins.csv --tolerate 2%\n' +
        '  datastream submit --local --concurrency 4 executions/*.json',
    )
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0 when all jobs succeeded, 1 when some did not, and when a job or a file has an error: nothing was submitted then; 2 for wrong options, 4 when --max-cost refuses, 5 when AWS cannot be asked, 130 after Ctrl-C: on AWS the submission continues, with --local it is stopped.',
      ),
    );
  at(submit).action(async (files: string[], options: SubmitOptions) => {
    // Loaded here, for it brings the embedded cloud and the AWS clients along.
    const { submit: run } = require('./commands/submit') as typeof import('./commands/submit');
    process.exitCode = await run(files, options, process.stdout, process.stderr);
    // What an ended submission leaves waiting must not keep the shell waiting.
    if (options.local) process.exit();
  });

  const commands = () => require('./commands/submission') as typeof import('./commands/submission');
  // The options of `submit` itself: --arn may stand before the subcommand, and after it.
  const where = (command: Command) => command.optsWithGlobals() as WhereOptions;
  at(submit.command('status'))
    .description('print how a submission stands')
    .argument('<id>', 'its ID')
    .addHelpText('after', '\nExample:\n  datastream submit status basins-20260818-091501')
    .action(async (id: string, _: WhereOptions, command: Command) => {
      process.exitCode = await commands().submissionStatus(id, where(command), process.stdout, process.stderr);
    });
  at(submit.command('limit'))
    .description('change how many jobs of a submission run at once')
    .argument('<id>', 'its ID')
    .argument('<jobs>', 'how many', concurrency)
    .addHelpText('after', '\nExample:\n  datastream submit limit basins-20260818-091501 100')
    .action(async (id: string, jobs: number, _: WhereOptions, command: Command) => {
      process.exitCode = await commands().submissionLimit(id, jobs, where(command), process.stdout, process.stderr);
    });
  at(submit.command('stop'))
    .description('stop a submission with all its jobs and their instances')
    .argument('<id>', 'its ID')
    .addHelpText('after', '\nExample:\n  datastream submit stop basins-20260818-091501')
    .action(async (id: string, _: WhereOptions, command: Command) => {
      process.exitCode = await commands().submissionStop(id, where(command), process.stdout, process.stderr);
    });
  at(submit.command('results'))
    .description('print the result of each job, as JSON')
    .argument('<id>', 'its ID')
    .addHelpText('after', '\nExample:\n  datastream submit results basins-20260818-091501')
    .action(async (id: string, _: WhereOptions, command: Command) => {
      process.exitCode = await commands().submissionResults(id, where(command), process.stdout, process.stderr);
    });
}

/** Which machine. */
function at(command: Command): Command {
  return command.option(
    '--arn <arn>',
    "the machine of submissions (default: DATASTREAM_SUBMISSIONS_ARN, then Terraform's output submissions_arn)",
  );
}

function concurrency(value: string): number {
  const jobs = Number(value);
  if (!/^\d{1,6}$/.test(value) || jobs < 1 || jobs > MOST_AT_ONCE) {
    throw new InvalidArgumentError(`'${value}' is no number of jobs; write a whole number from 1 to ${MOST_AT_ONCE}.`);
  }
  return jobs;
}

function percentage(value: string): number {
  const percent = Number(value.replace(/%$/, ''));
  if (!/^\d{1,3}(\.\d+)?%?$/.test(value) || percent > 100) {
    throw new InvalidArgumentError(`'${value}' is no percentage; write one from 0% to 100%, such as 5%.`);
  }
  return percent;
}
