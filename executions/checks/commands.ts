import type { Path, Problems } from '../../files/problems';
import { list, text, utf8Bytes } from '../../files/values';
import { type DatastreamOptions, datastreamCommand } from '../datastream-command/command';
import { assigns, forcingFilesIn, prefixesIn, sourceOption } from '../datastream-command/command-options';
import { cycleOf } from '../datastream-command/forcing-source';
import { LARGEST_COMMANDS_BYTES } from '../ssm-limits';
import { placeholderInCommand } from './placeholders';

type File = Readonly<Record<string, unknown>>;

/** Bytes that each command adds to the lines around the commands: twice the number of its last line. */
const BYTES_PER_COMMAND = 12;

/** The shell commands: the file's own, or the one built from datastream_command_options. */
export function readCommands(file: File, datastream: DatastreamOptions | undefined, problems: Problems): string[] {
  const given = list(file.commands);
  if (file.datastream_command_options !== undefined) {
    if (given.length > 0) {
      problems.warning(
        ['commands'],
        'This is ignored: datastream_command_options make the command. Leave one of them out.',
        given,
      );
    }
    const commands = datastream ? [datastreamCommand(datastream)] : [];
    checkSize(commands, ['datastream_command_options'], problems);
    checkCycle(commands, ['datastream_command_options', 'forcing_source'], problems);
    return commands;
  }
  if (file.commands === undefined) {
    problems.error(
      ['commands'],
      '"commands" is missing: write a list of shell commands, or datastream_command_options.',
    );
  } else if (Array.isArray(file.commands) && given.length === 0) {
    problems.error(['commands'], 'This list is empty: write at least one shell command.', given);
  }
  const commands = given.map((command) => text(command) ?? '');
  given.forEach((command, index) => {
    if (typeof command === 'string') checkCommand(command, index, problems);
  });
  checkVariables(commands, problems);
  checkSize(commands, ['commands'], problems);
  checkCycle(commands, ['commands', sourceOption(commands)?.command ?? 0], problems);
  return commands;
}

function checkSize(commands: readonly string[], path: Path, problems: Problems): void {
  const bytes = utf8Bytes(JSON.stringify(commands)) + commands.length * BYTES_PER_COMMAND;
  if (bytes <= LARGEST_COMMANDS_BYTES) return;
  problems.error(
    path,
    `These make ${bytes} bytes of commands: SSM takes at most ${LARGEST_COMMANDS_BYTES}; move long scripts into the AMI or into S3.`,
  );
}

function checkCommand(command: string, index: number, problems: Problems): void {
  const path = ['commands', index];
  const placeholder = placeholderInCommand(command);
  if (command.includes('\0')) problems.error(path, 'No command can hold a NUL character: leave it out.', command);
  else if (command.trim() === '')
    problems.warning(path, 'This command is empty: write a shell command, or leave it out.', command);
  else if (/\s-c\s*(''|"")\s*$/.test(command))
    problems.warning(path, 'This runs nothing: write a command between the quotes.', command);
  else if (placeholder !== undefined) {
    const message = `${JSON.stringify(placeholder)} looks like a placeholder: write the command that is meant.`;
    problems.placeholder('warning', path, message, command);
  }
  checkLineEnds(command, path, problems);
}

/** Warns of line ends that a shell does not know. */
export function checkLineEnds(script: string, path: Path, problems: Problems): void {
  if (!script.includes('\r')) return;
  const editors = /\r(?!\n|$)/.test(script) ? 'on old Macs' : 'on Windows';
  problems.warning(
    path,
    `This holds a carriage return, as editors ${editors} write line ends: the shell takes it for a part of the word before it. Write \\n alone.`,
    script,
  );
}

/** Variables that a shell or a login sets, and awk's own variables. */
const SET_ELSEWHERE =
  /^(AWS_.*|BASH.*|COLUMNS|DIRSTACK|EDITOR|EUID|FCEDIT|FIGNORE|FILENAME|FNR|FS|FUNCNAME|GROUPS|HIST.*|HOME|HOSTNAME|HOSTTYPE|IFS|INVOCATION_ID|LANG|LANGUAGE|LC_.*|LINENO|LINES|LOGNAME|MACHTYPE|MAIL.*|NF|NR|OFS|OLDPWD|OPTARG|OPTIND|ORS|OSTYPE|PATH|PIPESTATUS|PPID|PS[0-4]|PWD|RANDOM|REPLY|RS|SECONDS|SHELL|SHELLOPTS|SHLVL|SRANDOM|SUDO_.*|TERM|TMPDIR|TZ|UID|USER|XDG_.*)$/;
/** Set by the state machine. */
const SET_HERE = ['DATE', 'INSTANCE_TYPE'];
/** Commands that set variables whose names this check cannot see. */
const SETS_UNSEEN = /(?:^|[\s;&|(])(?:source|eval|\.)\s+\S/;

/**
 * Variables that the commands use and nothing sets: a template with values still to fill in, or a typo.
 * Only names in capitals: other names mostly belong to a language within the shell, such as awk.
 */
function checkVariables(commands: readonly string[], problems: Problems): void {
  if (/^#!(?!.*\b(ba|da|k|z)?sh\b)/.test(commands[0] ?? '') || commands.some((command) => SETS_UNSEEN.test(command)))
    return;
  const told = new Set<string>();
  commands.forEach((command, index) => {
    for (const [, braced, bare] of command.matchAll(/\$(?:\{([A-Z][A-Z0-9_]+)\}|([A-Z][A-Z0-9_]+)\b)/g)) {
      const name = braced ?? bare ?? '';
      if (told.has(name) || SET_HERE.includes(name) || SET_ELSEWHERE.test(name) || assigns(commands, name)) continue;
      told.add(name);
      problems.placeholder(
        'warning',
        ['commands', index],
        `No command sets ${name}, so this is a template: write its value in place of $${name}, or set it.`,
        command,
      );
    }
  });
}

/** If DAILY becomes a date, the forcing source should name its cycle. */
function checkCycle(commands: readonly string[], path: Path, problems: Problems): void {
  const source = sourceOption(commands);
  if (source === undefined || !cycleOf(source.value).hourMissing) return;
  const dated = [...prefixesIn(commands), ...commands.flatMap(forcingFilesIn)].some((each) => each.includes('DAILY'));
  if (!dated) return;
  problems.warning(
    path,
    'This source names no hour, so DAILY is the day of the start in UTC: end it in _HH (medium range: _HH_M) for the day of its cycle.',
    source.value,
  );
}
