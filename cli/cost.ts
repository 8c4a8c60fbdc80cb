import { type Command, InvalidArgumentError } from 'commander';
import type { CostEstimateOptions } from './commands/cost-estimate';
import { OWN_REGION, region, sentences } from './options';

/** Adds `datastream cost`. */
export function addCost(program: Command): void {
  const cost = program
    .command('cost')
    .description('what jobs cost, before they run')
    .addHelpText('after', '\nExample:\n  datastream cost estimate executions/first-job.json');

  cost
    .command('estimate')
    .description('estimate the cost of execution files, of a manifest, or of a day of a matrix, without AWS')
    .argument('<file...>', 'execution files; or a CSV file of them; or a schedule matrix')
    .option('--seconds <number>', "how long each job's commands run (default: until timeout_s)", seconds)
    .option(
      '--region <region>',
      'the region of files that name none (default: AWS_REGION, then us-east-1)',
      region,
      OWN_REGION,
    )
    .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix')
    .option('--json', 'print one JSON document, with every job')
    .addHelpText('after', '\nExample:\n  datastream cost estimate nrds.matrix.json --seconds 480')
    .addHelpText(
      'after',
      sentences(
        'One attempt of each job is estimated: instance, volumes, one public IPv4 address, state machine and functions.\n\nExit code: 0, 1 with any error in a file and where a price is not known, 2 for wrong options.',
      ),
    )
    .action(async (files: string[], options: CostEstimateOptions) => {
      const { costEstimate } = require('./commands/cost-estimate') as typeof import('./commands/cost-estimate');
      process.exitCode = await costEstimate(files, options, new Date(), process.stdout, process.stderr);
    });

  cost
    .command('prices')
    .description('the list prices that estimates are made with')
    .addHelpText('after', '\nExample:\n  datastream cost prices update --region us-east-1')
    .command('update')
    .description("replace a region's prices in prices/list.json by those of AWS's price list")
    .option('--region <region>', 'the region (default: AWS_REGION)', region, OWN_REGION)
    .addHelpText('after', '\nExample:\n  datastream cost prices update --region us-east-1')
    .addHelpText(
      'after',
      sentences(
        'Your credentials need pricing:GetProducts and ec2:DescribeSpotPriceHistory.\n\nExit code: 0, 2 for wrong options, 5 when AWS cannot be asked.',
      ),
    )
    .action(async (options: { region?: string }) => {
      if (options.region === undefined) {
        process.stderr.write('Whose prices are meant is not known: name the region by --region.\n');
        process.exitCode = 2;
        return;
      }
      const { updatePrices } = require('./commands/cost-prices') as typeof import('./commands/cost-prices');
      process.exitCode = await updatePrices(options.region, process.stdout, process.stderr);
    });
}

/** Seconds of an attempt: at most the longest `timeout_s`. */
function seconds(value: string): number {
  const number = Number(value);
  if (!/^\d{1,6}$/.test(value) || number < 1 || number > 172_800) {
    throw new InvalidArgumentError(`'${value}' is not possible; write a whole number from 1 to 172800.`);
  }
  return number;
}
