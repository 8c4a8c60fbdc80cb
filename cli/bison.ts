import type { Command } from 'commander';
import type { BisonRunOptions } from './commands/bison-run';
import { sentences } from './options';

/** Adds `datastream bison`. */
export function addBison(program: Command): void {
  const bison = program
    .command('bison')
    .description('BISON: from a download of GBIF to counts that agree with each other')
    .addHelpText('after', '\nExample:\n  datastream bison run --local local/examples/bison/run.json');
  const { stdout, stderr } = process;

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
