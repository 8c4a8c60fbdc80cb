import { type Command, Option } from 'commander';
import type { BackfillOptions } from './commands/backfill';
import type { ScheduleOptions } from './commands/schedule';
import { date, sentences } from './options';

const ARN = "the state machine's ARN (default: DATASTREAM_ARN, then Terraform's state in this folder)";

/** Adds `datastream schedule` and `datastream backfill`. */
export function addSchedule(program: Command): void {
  const schedules = program
    .command('schedule')
    .description('list, pause and resume the schedules of a deployed matrix')
    .addHelpText('after', '\nExample:\n  datastream schedule list');
  for (const [action, description, example] of [
    ['list', 'print each schedule with its state', '--json'],
    ['pause', 'stop starting jobs; what runs goes on', '--stream forcing'],
    ['resume', 'start jobs again, from the next scheduled time on', '--stream forcing --catch-up'],
  ] as const) {
    const command = schedules
      .command(action)
      .description(description)
      .option('--arn <arn>', ARN)
      .option('--stream <name>', 'the schedules of one stream alone')
      .option('--line <name>', 'the schedules of one line alone')
      .option('--json', 'print one JSON document');
    if (action === 'resume') {
      command.addOption(new Option('--catch-up', 'start what was not started in the pause, as far as catch_up_h goes'));
    }
    command
      .addHelpText('after', `\nExample:\n  datastream schedule ${action} ${example}`)
      .addHelpText(
        'after',
        sentences(
          'Terraform leaves the state of a schedule as it is: after a pause a plan shows no change.\n\nExit code: 0, 2 for wrong options and where there is no such schedule, 5 when AWS cannot be asked.',
        ),
      )
      .action(async (options: ScheduleOptions) => {
        const { schedule } = require('./commands/schedule') as typeof import('./commands/schedule');
        process.exitCode = await schedule(action, options, process.stdout, process.stderr);
      });
  }

  program
    .command('backfill')
    .description('start the jobs of some days that were not started, with the dates of their cycles')
    .argument('<file>', 'the matrix that is deployed')
    .requiredOption('--stream <name>', 'the jobs of this stream')
    .option('--line <name>', 'the jobs of one line alone')
    .requiredOption('--from <YYYYMMDD>', 'the first day of the cycles in UTC, at most 90 days ago', date)
    .requiredOption('--to <YYYYMMDD>', 'the last day', date)
    .option('--only-missing', 'what is always so: Step Functions starts no name twice')
    .option('--dry-run', 'print what would be started, and start nothing')
    .option('--arn <arn>', ARN)
    .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix')
    .addHelpText(
      'after',
      '\nExample:\n  datastream backfill nrds.matrix.json --stream forcing --from 20260817 \\\n    --to 20260818',
    )
    .addHelpText(
      'after',
      sentences(
        'Starts keep the pace of the matrix, starts_per_second.\n\nExit code: 0, 1 with any error in the matrix and when a job could not be started, 2 when a file cannot be read and for wrong options, 5 when AWS cannot be asked.',
      ),
    )
    .action(async (file: string, options: BackfillOptions) => {
      const { backfill } = require('./commands/backfill') as typeof import('./commands/backfill');
      process.exitCode = await backfill(file, options, process.stdout, process.stderr);
    });
}
