import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { WORKSPACE } from '../files/product';
import { region, sentences } from './options';

/** Collects the values of an option that may be repeated. */
const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function assignment(value: string, before: readonly string[]): readonly string[] {
  if (!/^[^=]+=/.test(value)) {
    throw new InvalidArgumentError(`'${value}' gives no variable a value; write one such as architecture=x86_64.`);
  }
  return collect(value, before);
}

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Adds `datastream ami`. Modules that need the AWS clients are loaded when a command runs. */
export function addAmi(program: Command): void {
  const ami = program
    .command('ami')
    .description('build the image that executions start from, and look after what was built')
    .addHelpText('after', '\nExample:\n  datastream ami build');
  const tfvars = () =>
    new Option('--tfvars <file>', 'the tfvars that the state machine is deployed with').default(
      path.join(WORKSPACE, 'variables.tfvars'),
      'variables.tfvars',
    );
  const executions = () =>
    new Option('--executions <folder>', 'where the execution template and files are').default(
      path.join(WORKSPACE, 'executions'),
      'executions',
    );
  const variables = (command: Command) =>
    command
      .option(
        '--var <name=value>',
        'a variable of packer/image/variables.pkr.hcl; may stand several times',
        assignment,
        [],
      )
      .option('--var-file <file>', 'a file of variables, as Packer takes them; may stand several times', collect, []);

  variables(ami.command('build'))
    .description('build the image with Packer, check it, and write its ID into the execution template')
    .addOption(tfvars())
    .addOption(executions())
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  datastream ami build --var architecture=x86_64\n' +
        '  datastream ami build --var \'docker_images=["awiciroh/datastream:latest"]\'',
    )
    .addHelpText(
      'after',
      sentences(
        'Exit code: 0 when the image is there and its ID is written, 1 otherwise, 2 for wrong options, without a Packer that can build it, and when a file cannot be written, 130 after Ctrl-C.',
      ),
    )
    .action(async (options) => {
      const { build } = require('../packer/build') as typeof import('../packer/build');
      process.exitCode = await build(options, print);
    });

  ami
    .command('write-template')
    .description('write the ID of an image that is there into the execution template')
    .requiredOption('--manifest <file>', "Packer's manifest")
    .addOption(tfvars())
    .addOption(executions())
    .addHelpText('after', '\nExample:\n  datastream ami write-template --manifest packer/image/manifest.json')
    .action(async (options) => {
      const { writeTemplate } = require('../packer/build') as typeof import('../packer/build');
      await writeTemplate(options, print);
    });

  variables(ami.command('pin'))
    .description('download what has no SHA-256 yet, and write down the sums of what came')
    .addOption(tfvars())
    .addHelpText('after', '\nExample:\n  datastream ami pin --var architecture=x86_64')
    .action(async (options) => {
      const { pinDownloads } = require('../packer/build') as typeof import('../packer/build');
      process.exitCode = await pinDownloads(options, print);
    });

  const ofRegion = (command: Command) =>
    command
      .addOption(tfvars())
      .addOption(executions())
      .option('--region <region>', "the images' region (default: that of the tfvars)", region);

  ofRegion(ami.command('list'))
    .description('list the images of this project, newest first, and what names each')
    .addHelpText('after', '\nExample:\n  datastream ami list --region us-east-1')
    .addHelpText('after', sentences('Exit code: 0, 1 when AWS cannot be asked, 2 for wrong options.'))
    .action(async (options: { tfvars: string; executions: string; region?: string }) => {
      const { listImages } = require('./commands/ami-list') as typeof import('./commands/ami-list');
      process.exitCode = await listImages(options, process.stdout, process.stderr);
    });

  ofRegion(ami.command('prune'))
    .description('deregister old images of this project, and delete their snapshots')
    .option('--keep <number>', 'how many of each family and architecture stay', count, 3)
    .option('--dry-run', 'print what would be removed, and change nothing')
    .addHelpText('after', '\nExample:\n  datastream ami prune --keep 2 --dry-run')
    .addHelpText(
      'after',
      sentences(
        'What a file in executions/ or an SSM parameter names stays, with --keep 0 too.\n' +
          'Exit code: 0 when all of it is removed, 1 when something could not be, 2 for wrong options.',
      ),
    )
    .action(
      async (options: { tfvars: string; executions: string; region?: string; keep: number; dryRun?: boolean }) => {
        const { pruneImages } = require('./commands/ami-prune') as typeof import('./commands/ami-prune');
        process.exitCode = await pruneImages(options, process.stdout, process.stderr);
      },
    );
}

function count(value: string): number {
  if (!/^\d{1,6}$/.test(value)) {
    throw new InvalidArgumentError(`'${value}' is not a number of images; write a whole number such as 3, or 0.`);
  }
  return Number(value);
}
