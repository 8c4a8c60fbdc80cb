import { type Command, InvalidArgumentError } from 'commander';
import type { ReportOptions } from './commands/report';
import { sentences, where } from './options';

/** Step Functions knows an execution for so many days after its end. */
const MOST_DAYS = 90;

/** Adds `datastream report`. */
export function addReport(program: Command): void {
  const report = program
    .command('report')
    .description('write a page about the last days of a deployed matrix: outcomes, durations, cost')
    .argument('<file>', 'the matrix that is deployed')
    .option('--days <number>', 'how many days of cycles, the last of which is today in UTC', days, 5)
    .option('--out <file>', 'the page to write; its figures as JSON are written beside it', page, 'report.html')
    .option('--steps', "show how long the steps took, of each job's profile.txt: a GetObject for each job")
    .option('--upload <uri>', 'put both files into S3 too, such as s3://my-bucket/status', place)
    .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix');
  where(report)
    .addHelpText('after', '\nExample:\n  datastream report nrds.matrix.json --days 5 --out status/report.html')
    .addHelpText(
      'after',
      sentences(
        'Jobs that had ended in the last report of the same name are not asked for again.\n\nExit code: 0, 1 with any error in the matrix, 2 when a file cannot be read or written and for wrong options, 5 when AWS cannot be asked.',
      ),
    )
    .action(async (file: string, options: ReportOptions) => {
      const { report: run } = require('./commands/report') as typeof import('./commands/report');
      process.exitCode = await run(file, options, new Date(), process.stdout, process.stderr);
    });
}

function days(value: string): number {
  const number = Number(value);
  if (!/^\d{1,2}$/.test(value) || number < 1 || number > MOST_DAYS) {
    throw new InvalidArgumentError(`'${value}' is not possible; write a whole number from 1 to ${MOST_DAYS}.`);
  }
  return number;
}

function place(value: string): string {
  const { s3Place } = require('./aws/upload') as typeof import('./aws/upload');
  if (!s3Place(value))
    throw new InvalidArgumentError(`'${value}' is no place in S3; write one such as s3://my-bucket/status.`);
  return value;
}

function page(value: string): string {
  if (!value.endsWith('.html'))
    throw new InvalidArgumentError(`'${value}' is no page; write a name such as report.html.`);
  return value;
}
