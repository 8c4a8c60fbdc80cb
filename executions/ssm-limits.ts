/** The longest that SSM lets a command run, in seconds: 48 hours (AWS-RunShellScript, executionTimeout). */
export const LONGEST_EXECUTION_SECONDS = 172_800;

/** The largest document that SSM takes, in bytes (SendCommand, MaxDocumentSizeExceeded). */
export const LARGEST_DOCUMENT_BYTES = 65_536;

/**
 * The largest size of the commands in the document, in bytes of their JSON. The rest, about 9 KB, is for
 * AWS-RunShellScript itself and for the lines around the commands: these make the commands run once and stop at a
 * failure, and keep the log.
 */
export const LARGEST_COMMANDS_BYTES = 56_000;

/** Characters of a command's output that SSM keeps, from its beginning (GetCommandInvocation). */
export const STDOUT_CHARACTERS = 24_000;
export const STDERR_CHARACTERS = 8_000;
