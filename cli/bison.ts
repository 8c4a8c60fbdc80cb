import { type Command, InvalidArgumentError } from 'commander';
import type { BisonCostOptions, BisonOptions, BisonPreviewOptions, BisonStartOptions } from './commands/bison';
import type { BisonRunOptions } from './commands/bison-run';
import { sentences } from './options';

const CODES =
  'Exit code: 0, 1 when something is refused, 2 for wrong options and where no deployment is known, 5 when AWS cannot be asked.';

/** Adds `datastream bison`. */
export function addBison(program: Command): void {
  const bison = program
    .command('bison')
    .description('BISON: from a download of GBIF to counts that agree with each other')
    .addHelpText('after', '\nExample:\n  datastream bison run --local local/examples/bison/run.json');
  const { stdout, stderr } = process;
  const commands = () => require('./commands/bison') as typeof import('./commands/bison');
  type Act = Parameters<ReturnType<typeof commands>['withBison']>[2];
  const onDeployment = async (options: BisonOptions, act: Act) => {
    process.exitCode = await commands().withBison(options, stderr, act);
  };

  at(bison.command('start'))
    .description('start a month')
    .option('--snapshot <date>', "the first day of a month, such as 2025-11-01 (default: this month's)")
    .option('--download <key>', 'the key of a download that GBIF has made (default: it is found, or asked for)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  datastream bison start --snapshot 2025-11-01')
    .addHelpText('after', sentences(CODES))
    .action((options: BisonOptions & BisonStartOptions) =>
      onDeployment(options, (clients) => commands().bisonStart(options, clients, stdout)),
    );
  at(bison.command('status'))
    .description('how a month stands: its state, its counts, and the children of a job that failed, with their logs')
    .argument('[month]', "its name, such as 'start' prints (default: the newest)")
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  datastream bison status')
    .addHelpText('after', sentences(`${CODES} 1 also when the month has failed.`))
    .action((month: string | undefined, options: BisonOptions & { json?: boolean }) =>
      onDeployment(options, (clients) => commands().bisonStatus(month, options, clients, stdout)),
    );
  at(bison.command('redrive'))
    .description('go on with a month that failed or was stopped, where it stood')
    .argument('[month]', 'its name (default: the newest)')
    .addHelpText('after', '\nExample:\n  datastream bison redrive')
    .addHelpText('after', sentences(CODES))
    .action((month: string | undefined, options: BisonOptions) =>
      onDeployment(options, (clients) => commands().bisonRedrive(month, clients, stdout)),
    );
  at(bison.command('cost'))
    .description('what a month costs, of the bytes that the bucket has')
    .option('--source-gb <number>', 'GB of the source (default: those of the newest download)', gigabytes)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  datastream bison cost --source-gb 400')
    .addHelpText('after', sentences(`${CODES} 1 also when a query would read more than the deployment's limit.`))
    .action((options: BisonOptions & BisonCostOptions) =>
      onDeployment(options, (clients) => commands().bisonCost(options, clients, stdout)),
    );
  at(bison.command('preview'))
    .description('look at the first rows of a table, through Athena')
    .argument('<table>', 'such as subset_2025_11_01')
    .option('--limit <rows>', 'how many rows, at most 1000', rows, 10)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  datastream bison preview county_counts_2025_11_01')
    .addHelpText('after', sentences(CODES))
    .action((name: string, options: BisonOptions & BisonPreviewOptions) =>
      onDeployment(options, (clients) => commands().bisonPreview(name, options, clients, stdout)),
    );
  const inputs = bison
    .command('inputs')
    .description('the RIIS list and the region files that the jobs read')
    .addHelpText('after', '\nExample:\n  datastream bison inputs check');
  at(inputs.command('check'))
    .description('which inputs the bucket lacks; or what is wrong with those of a folder')
    .argument('[folder]', "with the files, which are read without AWS (default: the keys of the deployment's bucket)")
    .addHelpText('after', '\nExample:\n  datastream bison inputs check local/examples/bison/input')
    .addHelpText(
      'after',
      sentences(
        "Of the bucket only the keys are checked. Of a folder: the list's columns; each region file's layer, its columns and polygons. Values are not checked.",
      ),
    )
    .addHelpText('after', sentences(CODES))
    .action(async (folder: string | undefined, options: BisonOptions) => {
      if (folder === undefined) {
        return onDeployment(options, (clients) => commands().bisonInputsCheck(clients, stdout));
      }
      process.exitCode = commands().checkInputs(folder, options, stdout, stderr);
    });
  at(inputs.command('upload'))
    .description("check the files of a folder, and upload them to the deployment's bucket")
    .argument('<folder>', 'with USRIISv2_MasterList.csv, county.gpkg and aiannh.gpkg')
    .addHelpText('after', '\nExample:\n  datastream bison inputs upload inputs')
    .addHelpText('after', sentences(CODES))
    .action((folder: string, options: BisonOptions) =>
      onDeployment(options, (clients) => commands().bisonInputsUpload(folder, clients, stdout)),
    );

  bison
    .command('run')
    .description('run a month on the embedded cloud, without AWS: hours pass in seconds, queries run on DuckDB')
    .argument('<file>', 'a run file, such as local/examples/bison/run.json')
    .option('--local', 'on this computer')
    .option('--folder <folder>', 'where the embedded buckets are', '.datastream')
    .option(
      '--image <name=command>',
      'the command that runs in place of a job; may stand more than once',
      (value: string, all: readonly string[]) => [...all, value],
      [],
    )
    .addHelpText('after', '\nExample:\n  datastream bison run --local local/examples/bison/run.json')
    .addHelpText(
      'after',
      sentences(
        "The ingest's commands run on this computer, as you.\nExit code: 0 when the month succeeded, 1 when it failed or the file has an error, 2 for wrong options and where this computer cannot run it, 130 after Ctrl-C.",
      ),
    )
    .action(async (file: string, options: BisonRunOptions) => {
      // Loaded here, because it loads the embedded cloud.
      const { bisonRun } = require('./commands/bison-run') as typeof import('./commands/bison-run');
      process.exitCode = await bisonRun(file, options, stdout, stderr);
      process.exit();
    });
}

/** Which deployment. */
function at(command: Command): Command {
  return command.option(
    '--deployment <file>',
    "what 'terraform output -raw bison_deployment' prints (default: DATASTREAM_BISON, then Terraform's state in this folder)",
  );
}

function gigabytes(value: string): number {
  const number = Number(value);
  if (!/^\d{1,6}(\.\d+)?$/.test(value) || number <= 0) {
    throw new InvalidArgumentError(`'${value}' is no number of GB: write one above 0, such as 400.`);
  }
  return number;
}

function rows(value: string): number {
  const number = Number(value);
  if (!/^\d{1,4}$/.test(value) || number < 1 || number > 1_000) {
    throw new InvalidArgumentError(`'${value}' is no number of rows: write a whole number from 1 to 1000.`);
  }
  return number;
}
