import { Command, InvalidArgumentError, Option } from 'commander';
import type { Edit } from '../executions/edit';
import type { ParseOptions } from '../executions/model';
import { fileErrorSentence } from '../files/disk';
import { addAmi } from './ami';
import { addBatch } from './batch';
import { addBison } from './bison';
import { addCarousel } from './carousel';
import type { NewOptions } from './commands/new';
import type { RunOptions } from './commands/run';
import { addCompletion } from './completion';
import { addCost } from './cost';
import { addDoctor } from './doctor';
import { addMatrix } from './matrix';
import { addOperate } from './operate';
import { OWN_REGION, region, sentences } from './options';
import { wrap } from './output/wrap';
import { addPipelines } from './pipelines';
import { addReport } from './report';
import { addSchedule } from './schedule';
import { addSubmit } from './submit';

// This project supports Node.js 20. The SDK's warning that it will need a newer version does not concern the user.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const program = new Command('datastream')
  .description('Scientific batch jobs on AWS: one JSON file, one fresh EC2 instance, one true outcome.')
  .showHelpAfterError()
  .configureHelp({ minWidthToWrap: 20 })
  // The help may be longer than the terminal, so what is wrong stands below it.
  .configureOutput({ outputError: () => {} })
  .exitOverride((error) => {
    if (error.exitCode === 0 || error.code === 'commander.help') process.exit(0);
    process.stderr.write(wrap(`\n${error.message}\n`, process.stderr));
    process.exit(2);
  });

program
  .command('validate')
  .description('find everything that can be known of execution files without AWS')
  .argument('<file...>', 'execution files')
  .option(
    '--region <region>',
    "the state machine's region, to compare with the files' (default: AWS_REGION)",
    region,
    OWN_REGION,
  )
  .option('--tfvars <file>', "the deployment's tfvars, to compare region and instance profile with the files'")
  .addOption(
    new Option('--image-architecture <architecture>', "the AMI's, to compare with the files' instance types").choices([
      'arm64',
      'x86_64',
    ]),
  )
  .addHelpText('after', '\nExample:\n  datastream validate executions/*.json --tfvars variables.tfvars')
  .addHelpText(
    'after',
    sentences(
      'Exit code: 0 without errors, 1 with any error, 2 when a file cannot be read or is not JSON, and for wrong options.',
    ),
  )
  .action(async (files: string[], { tfvars, ...options }: ParseOptions & { tfvars?: string }) => {
    const deployment = tfvars === undefined ? {} : await deploymentOf(tfvars);
    if ('error' in deployment) {
      process.stderr.write(wrap(`${deployment.error}\n`, process.stderr));
      process.exitCode = 2;
      return;
    }
    const { validate } = require('./commands/validate') as typeof import('./commands/validate');
    process.exitCode = validate(files, { ...options, ...deployment }, process.stdout);
  });

/** Reads the deployment's settings. The HCL reader takes a moment to load, so it is loaded here. */
async function deploymentOf(tfvars: string): Promise<Pick<ParseOptions, 'region' | 'profileName'> | { error: string }> {
  const { readDeployment } = require('../packer/deployment') as typeof import('../packer/deployment');
  try {
    const { region, profileName } = await readDeployment(tfvars);
    return { region, profileName };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

// The edits, in the order of the command line.
const edits: Edit[] = [];
const collect = (option: 'parseSet' | 'parseUnset') => (text: string) => {
  const edit = (require('../executions/edit') as typeof import('../executions/edit'))[option](text);
  if ('error' in edit) throw new InvalidArgumentError(edit.error);
  edits.push(edit);
};
program
  .command('new')
  .description('write a filled execution file, validated')
  .argument('<file>', 'the file to write')
  .option('--from <file>', "'template' (executions/execution_template.json), or an execution file", 'template')
  .option(
    '--set <path=value>',
    'write a value: text where the file has text, else JSON; may stand more than once',
    collect('parseSet'),
  )
  .option('--unset <path>', 'remove what need not be there; may stand more than once', collect('parseUnset'))
  .option('--force', 'replace the file if it is there')
  .option(
    '--region <region>',
    "the state machine's region, to compare with the file's (default: AWS_REGION)",
    region,
    OWN_REGION,
  )
  .addHelpText(
    'after',
    '\nExample:\n' +
      '  datastream new executions/my-job.json \\\n' +
      '    --set instance_parameters.ImageId=ami-0123456789abcdef0 \\\n' +
      '    --unset instance_parameters.KeyName --set \'commands=["./model"]\' \\\n' +
      '    --set run_options.ii_check_s3=false',
  )
  .addHelpText(
    'after',
    sentences(
      'Exit code: 0 when the file is written, 1 with any error in it, 2 when a file cannot be read or written, and for wrong options.',
    ),
  )
  .action((file: string, options: Omit<NewOptions, 'edits'>) => {
    const { writeNew } = require('./commands/new') as typeof import('./commands/new');
    process.exitCode = writeNew(file, { ...options, edits }, process.stdout, process.stderr);
  });

program
  .command('run')
  .description('run an execution file on the embedded cloud, without AWS')
  .argument('<file>', 'execution file')
  .option(
    '--local',
    'on this computer: the same state machine and functions, instances that are folders, real commands',
  )
  .option('--name <name>', "the execution's name (default: the file's name and the time)")
  .option('--folder <folder>', 'where the embedded cloud is', '.datastream')
  .option('--keep', "leave the instances' folders, and say where they are")
  .addHelpText('after', '\nExample:\n  datastream run --local executions/examples/hello.json')
  .addHelpText(
    'after',
    sentences(
      'The commands of the file run on this computer, as you.\n' +
        'Exit code: 0 when the job succeeded, 1 when it failed, 2 when the file cannot be read or is not JSON, when this computer cannot write what it must, and for wrong options, 130 after Ctrl-C.',
    ),
  )
  .action(async (file: string, options: RunOptions) => {
    // Loaded here, because it loads the embedded cloud and the AWS clients.
    const { run } = require('./commands/run') as typeof import('./commands/run');
    process.exitCode = await run(file, options, process.stdout, process.stderr);
    // Exit now: an ended execution may leave timers, such as a function's sleep, that would keep the shell waiting.
    process.exit();
  });

addOperate(program);
addDoctor(program);
addMatrix(program);
addSchedule(program);
addSubmit(program);
addPipelines(program);
addCost(program);
addReport(program);
addCarousel(program);
addBatch(program);
addBison(program);
addAmi(program);
addCompletion(program);
program.addHelpText('after', '\nExample:\n  datastream run --local executions/examples/hello.json');

// The output ends early (`| head`) or the disk is full: stop the run as Ctrl-C does, and write nothing more to stdout.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.stderr.write(`datastream: the output cannot be written: ${error.message}\n`);
  if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
  else process.exit(1);
});

program.parseAsync().catch((error: Error & { exitCode?: number }) => {
  const notWritten = fileErrorSentence(error, 'name another place');
  process.stderr.write(wrap(`datastream: ${notWritten ?? error.message}\n`, process.stderr));
  process.exitCode = error.exitCode ?? (notWritten === undefined ? 1 : 2);
});
