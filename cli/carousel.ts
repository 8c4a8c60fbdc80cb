import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CarouselOptions, CostOptions, LoadOptions, StartOptions } from './commands/carousel';
import type { CarouselRunOptions } from './commands/carousel-run';
import { help } from './operate';
import { sentences } from './options';

const CODES =
  '0, 1 when an input has an error or something failed, 2 for wrong options and where no deployment is known, 5 when AWS cannot be asked.';

/** Adds `datastream carousel`. */
export function addCarousel(program: Command): void {
  const carousel = program
    .command('carousel')
    .description(
      'the Data Carousel: restore archived files once for everyone who waits for them, and run jobs on them',
    );
  const commands = () => require('./commands/carousel') as typeof import('./commands/carousel');
  type Act = Parameters<ReturnType<typeof commands>['withCarousel']>[2];
  const onDeployment = async (options: CarouselOptions, act: Act) => {
    process.exitCode = await commands().withCarousel(options, process.stderr, act);
  };
  const { stdout, stderr } = process;
  /** A command on a deployment. */
  const deployed = (name: string, example: string) =>
    help(carousel.command(name), example, CODES).option(
      '--deployment <file>',
      "what 'terraform output -raw carousel_deployment' prints (default: DATASTREAM_CAROUSEL, then Terraform's state in this folder)",
    );
  carousel.addHelpText('after', '\nExample:\n  datastream carousel run --local local/examples/carousel/turn.json');

  deployed('submit', 'datastream carousel submit request.json')
    .description('submit requests, which wait for the next turn')
    .argument('<file...>', 'JSON files: username, job_description, query or files, and job')
    .addHelpText('after', sentences(`A query joins conditions by and: MISR_Path = '22' and Year = '2015'.`))
    .action((files: string[], options: CarouselOptions) =>
      onDeployment(options, (clients) => commands().carouselSubmit(files, clients, stdout, stderr)),
    );
  deployed('cost', 'datastream carousel cost request.json --tier Standard --days 2')
    .description('what requests cost if one turn serves them all; needs only to list the archive')
    .argument('<file...>', 'JSON files of requests')
    .addOption(tier())
    .option('--days <days>', "days that copies are asked for (default: the deployment's)", days)
    .option('--json', 'print one JSON document')
    .action((files: string[], options: CarouselOptions & CostOptions) =>
      onDeployment(options, (clients) => commands().carouselCost(files, options, clients, stdout, stderr)),
    );
  deployed('start', 'datastream carousel start --budget 80')
    .description('start a turn: for the requests that wait, or for what an input names')
    .argument('[input]', 'a JSON file: requests with bucket and prefix, or manifest; job, tier, days, budget_dollars')
    .addOption(tier())
    .option('--days <days>', "days that copies are asked for (default: the deployment's)", days)
    .option('--budget <dollars>', "what the turn may cost at most (default: the deployment's)", budget)
    .option('--resume <turn>', 'go on with an earlier turn that was stopped')
    .action((input: string | undefined, options: CarouselOptions & StartOptions) =>
      onDeployment(options, (clients) =>
        commands().carouselStart({ ...options, ...(input !== undefined && { input }) }, clients, stdout, stderr),
      ),
    );
  deployed('status', 'datastream carousel status')
    .description('how a turn or a request stands, with the addresses of its objects')
    .argument('[id]', 'of a turn or a request (default: the turn that runs, and the requests that wait)')
    .action((id: string | undefined, options: CarouselOptions) =>
      onDeployment(options, (clients) => commands().carouselStatus(id, clients, stdout, stderr)),
    );
  deployed('cancel', 'datastream carousel cancel --turn')
    .description('take a request back, or stop the turn that runs')
    .argument('[id]', 'of the request, or with --turn of the turn')
    .option('--turn', 'stop the turn with its jobs; its requests wait for another turn')
    .action((id: string | undefined, options: CarouselOptions & { turn?: boolean }) =>
      onDeployment(options, (clients) => commands().carouselCancel(id, options, clients, stdout, stderr)),
    );
  deployed('load', 'datastream carousel load --prefix P22/')
    .description('fill the table of files from the archive, and the queue of the indexer')
    .option('--prefix <prefix>', 'keys that begin with this (default: the whole archive)')
    .option('--hsds-endpoint <url>', 'where HSDS is called from this computer')
    .action((options: CarouselOptions & LoadOptions) =>
      onDeployment(options, (clients) => commands().carouselLoad(options, clients, stdout, stderr)),
    );
  carousel
    .command('run')
    .description('run a turn file on the embedded cloud, without AWS: days pass in seconds, jobs are commands')
    .argument('<file>', 'a turn file, such as local/examples/carousel/turn.json')
    .option('--local', 'on this computer')
    .option('--folder <folder>', 'where the embedded buckets are', '.datastream')
    .option(
      '--image <name=command>',
      'the command that stands for the container of a definition; may stand more than once',
      collect,
      [],
    )
    .option('--seed <number>', 'of the times that restores take', seed, 1)
    .addHelpText('after', '\nExample:\n  datastream carousel run --local local/examples/carousel/turn.json')
    .addHelpText(
      'after',
      sentences(
        'The commands run on this computer, as you, with CAROUSEL_INPUT and CAROUSEL_OUTPUT.\nExit code: 0 when the turn succeeded, 1 when it failed or the file has an error, 2 for wrong options and where this computer cannot write, 130 after Ctrl-C.',
      ),
    )
    .action(async (file: string, options: CarouselRunOptions) => {
      // Loaded here, for it brings the embedded cloud along.
      const { carouselRun } = require('./commands/carousel-run') as typeof import('./commands/carousel-run');
      process.exitCode = await carouselRun(file, options, stdout, stderr);
      process.exit();
    });
}

const tier = () =>
  new Option('--tier <tier>', "how fast files are restored (default: the deployment's)").choices([
    'Expedited',
    'Standard',
    'Bulk',
  ]);

const collect = (value: string, all: readonly string[]) => [...all, value];

function days(value: string): number {
  const number = Number(value);
  if (!/^\d{1,3}$/.test(value) || number < 1 || number > 365) {
    throw new InvalidArgumentError(`'${value}' is no number of days; write a whole number from 1 to 365.`);
  }
  return number;
}

function budget(value: string): number {
  const number = Number(value.replace(/^\$/, ''));
  if (!(number > 0) || number === Number.POSITIVE_INFINITY) {
    throw new InvalidArgumentError(`'${value}' is no budget; write dollars above 0, such as 50.`);
  }
  return number;
}

function seed(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError(`'${value}' is no seed; write a whole number.`);
  return Number(value);
}
