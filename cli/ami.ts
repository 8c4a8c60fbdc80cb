import path from 'node:path';
import { type Command, Option } from 'commander';

const ROOT = path.join(__dirname, '..');

/** As often as the option stands there. */
const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Adds `datastream ami`. What needs the AWS clients is loaded when it runs. */
export function addAmi(program: Command): void {
  const ami = program
    .command('ami')
    .description('build the image that executions start from, and look after what was built');
  const tfvars = () =>
    new Option('--tfvars <file>', 'the tfvars that the state machine is deployed with').default(
      path.join(ROOT, 'variables.tfvars'),
      'variables.tfvars',
    );
  const executions = () =>
    new Option('--executions <folder>', 'where the execution template is').default(
      path.join(ROOT, 'executions'),
      'executions',
    );
  const variables = (command: Command) =>
    command
      .option('--var <name=value>', 'a variable of packer/variables.pkr.hcl; may stand several times', collect, [])
      .option('--var-file <file>', 'a file of variables, as Packer takes them; may stand several times', collect, []);

  variables(ami.command('build'))
    .description('build the image with Packer, check it, and write its ID into the execution template')
    .addOption(tfvars())
    .addOption(executions())
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  datastream ami build --var architecture=x86_64\n' +
        '  datastream ami build --var \'docker_images=["awiciroh/datastream:latest"]\'\n' +
        '\nExit code: 0 when the image is there and its ID is written, 1 otherwise, 2 for wrong options.',
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
    .action(async (options) => {
      const { writeTemplate } = require('../packer/build') as typeof import('../packer/build');
      await writeTemplate(options, print);
    });

  variables(ami.command('pin'))
    .description('download what has no SHA-256 yet, and write down the sums of what came')
    .addOption(tfvars())
    .action(async (options) => {
      const { pinDownloads } = require('../packer/build') as typeof import('../packer/build');
      process.exitCode = await pinDownloads(options, print);
    });
}
