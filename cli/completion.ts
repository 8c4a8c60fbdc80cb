import { Argument, type Command } from 'commander';
import type { ShellName } from './commands/completion';

/** Adds `datastream completion`. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a script that makes a shell complete this command')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  source <(datastream completion bash)      # in ~/.bashrc or ~/.zshrc: zsh\n' +
        '  datastream completion fish > ~/.config/fish/completions/datastream.fish',
    )
    .action((shell: ShellName) => {
      const { completion } = require('./commands/completion') as typeof import('./commands/completion');
      process.stdout.write(completion(program, shell));
    });
}
