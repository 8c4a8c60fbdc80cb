import { type Command, InvalidArgumentError } from 'commander';
import type { CostActualOptions } from './commands/cost-actual';
import type { CostEstimateOptions } from './commands/cost-estimate';
import { milliseconds, OWN_REGION, region, sentences, where } from './options';

/** Adds `datastream cost`. */
export function addCost(program: Command): void {
  const cost = program
    .command('cost')
    .description('what jobs cost: before they run, and after it')
    .addHelpText('after', '\nExample:\n  datastream cost estimate executions/first-job.json');

  const estimate = cost
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
    .option('--history', 'let each job last as long as the median of its last 7 days; --arn and --local mean it too')
    .option('--json', 'print one JSON document, with every job');
  where(estimate)
    .addHelpText('after', '\nExample:\n  datastream cost estimate nrds.matrix.json --seconds 480')
    .addHelpText(
      'after',
      sentences(
        'One attempt of each job is estimated: instance, volumes, one public IPv4 address, state machine and functions.\n\nExit code: 0, 1 with any error in a file and where a price is not known, 2 for wrong options; with --history 5 when AWS cannot be asked.',
      ),
    )
    .action(async (files: string[], options: CostEstimateOptions) => {
      const history = options.history ?? (options.arn !== undefined || options.local === true);
      const { costEstimate } = require('./commands/cost-estimate') as typeof import('./commands/cost-estimate');
      process.exitCode = await costEstimate(files, { ...options, history }, new Date(), process.stdout, process.stderr);
    });

  const actual = cost
    .command('actual')
    .description('print what executions have cost')
    .argument('[name...]', 'their names (default: all of the last 7 days)')
    .option('--since <time>', 'those started in the last time, such as 24h or 30d', milliseconds)
    .option('--matrix <file>', 'the matrix whose streams and lines the executions are of')
    .option('--tfvars <file>', 'the tfvars whose *_ami_id and environment_suffix replace the variables of the matrix')
    .option('--anomalies', 'print what is unusual, and exit 1 where something is')
    .option('--bill <YYYY-MM>', "compare a month with AWS's bill; the question costs $0.01", month)
    .option('--json', 'print one JSON document, with every execution');
  where(actual)
    .addHelpText('after', '\nExample:\n  datastream cost actual --matrix nrds.matrix.json --since 24h')
    .addHelpText(
      'after',
      sentences(
        'Prices are list prices; for spot those of zone and hour, where EC2 can be asked.\n\nExit code: 0; 1 with --anomalies where something is unusual, and with any error in the matrix; 2 for wrong options and names, 5 when AWS cannot be asked.',
      ),
    )
    .action(async (names: string[], options: CostActualOptions) => {
      const { costActual } = require('./commands/cost-actual') as typeof import('./commands/cost-actual');
      process.exitCode = await costActual(names, options, new Date(), process.stdout, process.stderr);
    });

  cost
    .command('prices')
    .description('the list prices that estimates are made with')
    .addHelpText('after', '\nExample:\n  datastream cost prices update --region us-east-1')
    .command('update')
    .description(
      "replace a region's prices by those of AWS's price list: in prices/list.json of a checkout, else in datastream.prices.json",
    )
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

/** A month, YYYY-MM. */
function month(value: string): string {
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(value)) {
    throw new InvalidArgumentError(`'${value}' is no month: write one such as 2026-11.`);
  }
  return value;
}

/** Seconds of an attempt: at most the longest `timeout_s`. */
function seconds(value: string): number {
  const number = Number(value);
  if (!/^\d{1,6}$/.test(value) || number < 1 || number > 172_800) {
    throw new InvalidArgumentError(`'${value}' is not possible; write a whole number from 1 to 172800.`);
  }
  return number;
}
