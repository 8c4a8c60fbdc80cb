import { type Command, InvalidArgumentError } from 'commander';
import type { BatchSubmitOptions } from './commands/batch-submit';
import { OWN_REGION, region, sentences } from './options';

/** Adds `datastream batch`. */
export function addBatch(program: Command): void {
  const batch = program
    .command('batch')
    .description('jobs of AWS Batch that no execution file starts')
    .addHelpText('after', '\nExample:\n  datastream batch submit annotate --queue bison');

  batch
    .command('submit')
    .description('submit a job of any job definition; it is compared with the definition before it is submitted')
    .argument('<definition>', 'its name, with :REVISION for one that is not the newest')
    .option('--queue <queue>', "the job queue (default: that of BISON's deployment in this folder)")
    .option('--name <name>', "the job's name (default: the definition's and the time)")
    .option('--parameter <name=value>', 'a value for Ref::NAME; may stand more than once', pair('--parameter'), {})
    .option('--env <name=value>', 'a variable of the container; may stand more than once', pair('--env'), {})
    .option('--array <size>', 'an array of so many children, 2 to 10,000', size)
    .option('--region <region>', "the queue's region (default: AWS_REGION)", region, OWN_REGION)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  datastream batch submit annotate --queue bison --array 64 \\\n    --parameter date=2025_11_01',
    )
    .addHelpText(
      'after',
      sentences(
        'A job of a queue with a higher priority is placed first.\n\nExit code: 0, 1 when something does not fit the definition or the queue, so that nothing is submitted, 2 for wrong options and where no queue is known, 5 when AWS cannot be asked.',
      ),
    )
    .action(async (definition: string, options: BatchSubmitOptions) => {
      const { batchSubmit } = require('./commands/batch-submit') as typeof import('./commands/batch-submit');
      process.exitCode = await batchSubmit(definition, options, process.stdout, process.stderr);
    });
}

/** Collects `name=value`. */
const pair = (option: string) => (text: string, earlier: Readonly<Record<string, string>>) => {
  const [, name, value = ''] = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError(`'${text}' is no name with a value: write ${option} NAME=VALUE.`);
  if (name in earlier) throw new InvalidArgumentError(`${name} stands twice: write ${option} ${name}=… once.`);
  return { ...earlier, [name]: value };
};

function size(text: string): number {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number < 2 || number > 10_000) {
    throw new InvalidArgumentError(`'${text}' is no size of an array: write a whole number from 2 to 10000.`);
  }
  return number;
}
