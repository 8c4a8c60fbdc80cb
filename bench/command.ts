import { constants } from 'node:os';
import { fileErrorSentence } from '../files/disk';
import { temporaryFolder } from '../files/temporary-folder';

/**
 * Runs a command of this repository. The command gets its own temporary folder, which is deleted when the command ends.
 * Errors are printed as sentences. The exit code is 2 for a wrong argument or a failed write, and 1 for other errors.
 *
 * @param usage the text for `--help` and for a wrong argument
 */
export function runCommand(usage: string, main: () => Promise<void>): void {
  if (process.argv.some((each) => each === '--help' || each === '-h')) {
    console.log(usage);
    return;
  }
  try {
    process.env.TMPDIR = temporaryFolder('command');
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!process.send) console.error('Stopped.');
      process.exit(128 + constants.signals[signal]);
    });
  }
  // The reader of the output has ended, as in `| head`.
  process.stdout.on('error', () => process.exit(1));
  main().catch((error: Error & { code?: string }) => {
    const wrongArgument = error.code?.startsWith('ERR_PARSE_ARGS');
    const notWritten = fileErrorSentence(error, 'make room, or take a checkout of your own');
    console.error(wrongArgument ? `${error.message.split('.')[0]}: ${usage}` : (notWritten ?? error.message));
    process.exitCode = wrongArgument || notWritten !== undefined ? 2 : 1;
  });
}
