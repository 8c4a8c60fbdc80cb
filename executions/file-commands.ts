import { forcingFilesIn, prefixesIn, sourceOption } from './command-options';
import { type DatastreamOptions, datastreamCommand } from './commands';
import type { Faults, Path } from './faults';
import { cycleOf } from './forcing-source';
import { placeholderInCommand } from './placeholders';
import { list, text, utf8Bytes } from './values';

type File = Readonly<Record<string, unknown>>;

/**
 * SSM takes a document of 64 KB (SendCommand, MaxDocumentSizeExceeded), which the commands become a part of: some 5 KB less,
 * for AWS-RunShellScript itself and the lines that see to it that they run once and stop at a failure.
 */
const LARGEST_COMMANDS_BYTES = 60_000;
/** Of these lines, what each command adds: the number of its last line. */
const BYTES_PER_COMMAND = 6;

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
  if (command.trim() === '')
    faults.error(path, 'This command is empty: write a shell command, or leave it out.', command);
  else if (/\s-c\s*(''|"")\s*$/.test(command))
    faults.error(path, 'This runs nothing: write a command between the quotes.', command);
  else if (placeholder !== undefined) {
    faults.error(path, `${JSON.stringify(placeholder)} is a placeholder: write the command that is meant.`, command);
  } else if (command.includes('\0')) faults.error(path, 'No command can hold a NUL character: leave it out.', command);
}

/** Where DAILY has to become a date, the forcing source must name its cycle. */
function checkCycle(commands: readonly string[], path: Path, faults: Faults): void {
  const source = sourceOption(commands);
  if (source === undefined || cycleOf(source.value) !== undefined) return;
  const dated = commands.some((command) =>
    [...prefixesIn(command), ...forcingFilesIn(command)].some((each) => each.includes('DAILY')),
  );
  if (!dated) return;
  faults.error(
    path,
    'DAILY needs the cycle of the forcing source: end it in _HH (medium range: _HH_M), the hour in UTC.',
    source.value,
  );
}
