import type { Command } from 'commander';

export type ShellName = 'bash' | 'zsh' | 'fish';

/** An option, as far as a shell completes it. */
interface Completed {
  /** Such as `--status`. */
  readonly flag: string;
  readonly description: string;
  /** Whether a value follows. */
  readonly takesValue: boolean;
  /** The values that it may have; empty where these are not words. */
  readonly choices: readonly string[];
}

/** A command or subcommand. */
interface Node {
  /** The words after `datastream`, such as `matrix check`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly Completed[];
  /** The words that its arguments may be. */
  readonly choices: readonly string[];
  /** Whether its arguments are executions. */
  readonly takesNames: boolean;
}

/**
 * The script that makes a shell complete the command: its commands, options and their choices, with `--local` the names
 * of this computer's executions, else files. It starts no program: each press of the key would wait for Node.js.
 */
export function completion(program: Command, shell: ShellName): string {
  const nodes = nodesOf(program, '');
  if (shell === 'fish') return fish(program.name(), nodes);
  const script = bash(program.name(), nodes);
  return shell === 'bash'
    ? script
    : `autoload -Uz compinit bashcompinit\n(( \${+functions[compdef]} )) || compinit\nbashcompinit\n${script}`;
}

function nodesOf(command: Command, path: string): Node[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const options = help
    .visibleOptions(command)
    .flatMap(({ long, description, required, optional, argChoices }) =>
      long ? [{ flag: long, description, takesValue: required || optional, choices: argChoices ?? [] }] : [],
    );
  const args = command.registeredArguments;
  const node = {
    path,
    commands: commands.map((each) => ({ name: each.name(), description: each.description() })),
    options,
    choices: args.flatMap(({ argChoices }) => argChoices ?? []),
    takesNames: args.some((each) => each.name() === 'name'),
  };
  const below = command.commands.flatMap((each) => nodesOf(each, `${path} ${each.name()}`.trim()));
  return [node, ...below];
}

const parentOf = (path: string) => path.split(' ').slice(0, -1).join(' ');
const lastOf = (path: string) => path.split(' ').at(-1) ?? '';
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const below = (nodes: readonly Node[]) => nodes.filter(({ path }) => path !== '');

/** For bash 3.2 and later, and zsh's bashcompinit. */
function bash(name: string, nodes: readonly Node[]): string {
  const words = (all: readonly string[]) => quoted(all.join(' '));
  const values = nodes.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flag, choices }) => `    ${quoted(`${path} ${flag}`)}) words=${words(choices)} value=1 ;;`),
  );
  const offers = nodes.map(({ path, commands, options, choices, takesNames }) => {
    const offered = [...commands.map((each) => each.name), ...choices];
    const flags = options.map(({ flag }) => flag);
    return `    ${quoted(path)}) words=${words(offered)} flags=${words(flags)} names=${takesNames ? 1 : ''} ;;`;
  });
  return `# Completion of ${name}: its commands, options and choices.
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local at= words= flags= names= value= here= folder=.datastream i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
${below(nodes)
  .map(({ path }) => `    ${quoted(`${parentOf(path)} ${lastOf(path)}`)}) at=${quoted(path)} ;;`)
  .join('\n')}
    *' --local') here=1 ;;
    *' --folder') folder=\${COMP_WORDS[i+1]} ;;
    esac
  done
  case "$at $prev" in
${values.join('\n')}
  esac
  if [ -z "$value" ]; then
    case "$at" in
${offers.join('\n')}
    esac
    case "$cur" in -*) words=$flags ;; *) [ "$names$here" != 11 ] || words=$(command ls "$folder/executions" 2>/dev/null) ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _${name} ${name}
`;
}

function fish(name: string, nodes: readonly Node[]): string {
  const at = (path: string) => `-n ${quoted(`__${name}_at ${quoted(path)}`)}`;
  const lines = nodes.flatMap(({ path, commands, options, choices, takesNames }) => [
    ...commands.map((each) => `-f ${at(path)} -a ${quoted(each.name)} -d ${quoted(each.description)}`),
    ...(choices.length > 0 ? [`-f ${at(path)} -a ${quoted(choices.join(' '))}`] : []),
    ...(takesNames
      ? [
          `-f ${at(path).slice(0, -1)}; and __fish_contains_opt local' -a '(command ls .datastream/executions 2>/dev/null)'`,
        ]
      : []),
    ...options.map(({ flag, description, takesValue, choices: values }) => {
      const value = takesValue ? ` -r${values.length > 0 ? ` -f -a ${quoted(values.join(' '))}` : ''}` : '';
      return `${at(path)} -l ${flag.slice(2)}${value} -d ${quoted(description)}`;
    }),
  ]);
  return `# Completion of ${name}: its commands, options and choices.
function __${name}_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
${below(nodes)
  .map(({ path }) => `      case ${quoted(`${parentOf(path)} ${lastOf(path)}`)}\n        set at ${quoted(path)}`)
  .join('\n')}
    end
  end
  test "$at" = "$argv[1]"
end
${lines.map((line) => `complete -c ${name} ${line}`).join('\n')}
`;
}
