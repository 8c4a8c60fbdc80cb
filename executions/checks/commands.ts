import type { Faults, Path } from '../../files/faults';
import { list, text, utf8Bytes } from '../../files/values';
import { type DatastreamOptions, datastreamCommand } from '../datastream-command/command';
import { assigns, forcingFilesIn, prefixesIn, sourceOption } from '../datastream-command/command-options';
import { cycleOf } from '../datastream-command/forcing-source';
import { LARGEST_COMMANDS_BYTES } from '../ssm-limits';
import { placeholderInCommand } from './placeholders';

type File = Readonly<Record<string, unknown>>;

/** Of the lines around the commands, what each command adds: twice the number of its last line. */
const BYTES_PER_COMMAND = 12;

/** The shell commands: the file's own, or the one that datastream_command_options make. */
export function readCommands(file: File, datastream: DatastreamOptions | undefined, faults: Faults): string[] {
  const given = list(file.commands);
  if (file.datastream_command_options !== undefined) {
    if (given.length > 0) {
      faults.warning(
        ['commands'],
        'This is ignored: datastream_command_options make the command. Leave one of them out.',
        given,
      );
    }
    const commands = datastream ? [datastreamCommand(datastream)] : [];
    checkSize(commands, ['datastream_command_options'], faults);
    checkCycle(commands, ['datastream_command_options', 'forcing_source'], faults);
    return commands;
  }
  if (file.commands === undefined) {
    faults.error(['commands'], '"commands" is missing: write a list of shell commands, or datastream_command_options.');
  } else if (Array.isArray(file.commands) && given.length === 0) {
    faults.error(['commands'], 'This list is empty: write at least one shell command.', given);
  }
  const commands = given.map((command) => text(command) ?? '');
  given.forEach((command, index) => {
    if (typeof command === 'string') checkCommand(command, index, faults);
  });
  checkVariables(commands, faults);
  checkSize(commands, ['commands'], faults);
  checkCycle(commands, ['commands', sourceOption(commands)?.command ?? 0], faults);
  return commands;
}

function checkSize(commands: readonly string[], path: Path, faults: Faults): void {
  const bytes = utf8Bytes(JSON.stringify(commands)) + commands.length * BYTES_PER_COMMAND;
  if (bytes <= LARGEST_COMMANDS_BYTES) return;
  faults.error(
    path,
    `These make ${bytes} bytes of commands: SSM takes at most ${LARGEST_COMMANDS_BYTES}; move long scripts into the AMI or into S3.`,
  );
}

function checkCommand(command: string, index: number, faults: Faults): void {
  const path = ['commands', index];
  const placeholder = placeholderInCommand(command);
  if (command.includes('\0')) faults.error(path, 'No command can hold a NUL character: leave it out.', command);
  else if (command.trim() === '')
    faults.warning(path, 'This command is empty: write a shell command, or leave it out.', command);
  else if (/\s-c\s*(''|"")\s*$/.test(command))
    faults.warning(path, 'This runs nothing: write a command between the quotes.', command);
  else if (placeholder !== undefined) {
    const message = `${JSON.stringify(placeholder)} looks like a placeholder: write the command that is meant.`;
    faults.placeholder('warning', path, message, command);
  }
  if (command.includes('\r')) {
    faults.warning(
      path,
      'This holds a carriage return, as editors on Windows write line ends: the shell takes it for a part of the word before it. Write \\n alone.',
      command,
    );
  }
}

/** What a shell or a login sets, and what awk calls its own. */
const SET_ELSEWHERE =
  /^(AWS_.*|BASH.*|COLUMNS|DIRSTACK|EDITOR|EUID|FCEDIT|FIGNORE|FILENAME|FNR|FS|FUNCNAME|GROUPS|HIST.*|HOME|HOSTNAME|HOSTTYPE|IFS|INVOCATION_ID|LANG|LANGUAGE|LC_.*|LINENO|LINES|LOGNAME|MACHTYPE|MAIL.*|NF|NR|OFS|OLDPWD|OPTARG|OPTIND|ORS|OSTYPE|PATH|PIPESTATUS|PPID|PS[0-4]|PWD|RANDOM|REPLY|RS|SECONDS|SHELL|SHELLOPTS|SHLVL|SRANDOM|SUDO_.*|TERM|TMPDIR|TZ|UID|USER|XDG_.*)$/;
/** Set by the state machine. */
const SET_HERE = ['DATE', 'INSTANCE_TYPE'];
/** Sets variables whose names nobody sees here. */
const SETS_UNSEEN = /(?:^|[\s;&|(])(?:source|eval|\.)\s+\S/;

/**
 * Names that commands hold as variables and that nothing sets: a template whose values were to be filled in, or a typo.
 * Only names in capitals: others are mostly those of a language within the shell, such as awk's.
 */
function checkVariables(commands: readonly string[], faults: Faults): void {
  if (/^#!(?!.*\b(ba|da|k|z)?sh\b)/.test(commands[0] ?? '') || commands.some((command) => SETS_UNSEEN.test(command)))
    return;
  const told = new Set<string>();
  commands.forEach((command, index) => {
    for (const [, braced, bare] of command.matchAll(/\$(?:\{([A-Z][A-Z0-9_]+)\}|([A-Z][A-Z0-9_]+)\b)/g)) {
      const name = braced ?? bare ?? '';
      if (told.has(name) || SET_HERE.includes(name) || SET_ELSEWHERE.test(name) || assigns(commands, name)) continue;
      told.add(name);
      faults.placeholder(
        'warning',
        ['commands', index],
        `No command sets ${name}, so this is a template: write its value in place of $${name}, or set it.`,
        command,
      );
    }
  });
}

/** Where DAILY becomes a date, the forcing source should name its cycle. */
function checkCycle(commands: readonly string[], path: Path, faults: Faults): void {
  const source = sourceOption(commands);
  if (source === undefined || !cycleOf(source.value).hourMissing) return;
  const dated = [...prefixesIn(commands), ...commands.flatMap(forcingFilesIn)].some((each) => each.includes('DAILY'));
  if (!dated) return;
  faults.warning(
    path,
    'This source names no hour, so DAILY is the day of the start in UTC: end it in _HH (medium range: _HH_M) for the day of its cycle.',
    source.value,
  );
}
