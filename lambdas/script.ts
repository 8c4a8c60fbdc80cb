const MARKER = /^datastream: (command \d+ of \d+ exited with code \d+.*)$/gm;

/**
 * The lines of AWS-RunShellScript for a job's commands, with one line of ours before them.
 * A script that brings the shebang of another language is left alone.
 */
export function script(commands: readonly string[]): string[] {
  const [first = '', ...rest] = commands;
  if (!first.startsWith('#!')) return [prelude(commands), ...commands];
  if (!/^#!.*\b(ba|da|k|z)?sh\b/.test(first)) return [...commands];
  const [shebang = '', ...lines] = first.split('\n');
  return [shebang, prelude(commands), ...(lines.length > 0 ? [lines.join('\n')] : []), ...rest];
}

/**
 * Stop at the first command that fails, in a pipe too where the shell can, and say on standard error which it was.
 * SSM joins the commands into one script and a command may span several of its elements (a here-document, a loop),
 * so nothing stands between them: the command is told by the line. dash knows neither pipefail nor ERR,
 * hence the trials in a subshell.
 */
function prelude(commands: readonly string[]): string {
  // Our line moves the commands' lines by one, be it the first or the one after a shebang.
  let line = 1;
  const lastLines = commands.map((command) => {
    line += command.split('\n').length;
    return line;
  });
  const report =
    `datastream_n=1; for datastream_end in ${lastLines.slice(0, -1).join(' ')}; do ` +
    '[ "$2" -le "$datastream_end" ] && break; datastream_n=$((datastream_n + 1)); done; ' +
    `printf 'datastream: command %s of ${commands.length} exited with code %s: %.300s\\n' ` +
    `"$datastream_n" "$1" "$(printf %s "$3" | tr '\\n' ' ')" >&2`;
  return (
    'set -e; (set -o pipefail) 2>/dev/null && set -o pipefail; ' +
    // 194 would make the agent reboot the instance and run the script again (Systems Manager, rebooting from scripts).
    `trap '[ "$?" -ne 194 ] || exit 1' EXIT; ` +
    `datastream_failed() { ${report}; }; ` +
    `(trap : ERR) 2>/dev/null && trap 'datastream_failed "$?" "$LINENO" "$BASH_COMMAND"' ERR`
  );
}

/**
 * What the script said of the command that failed, e.g. `command 2 of 3 exited with code 7: ls /nowhere`.
 * Undefined under a shell without ERR, after a plain `exit`, and where SSM, which keeps the first
 * 8,000 characters of standard error, has cut it off.
 */
export function failedCommand(stderr: string): string | undefined {
  return [...stderr.matchAll(MARKER)].at(-1)?.[1];
}

/** Standard error without the script's own line. */
export function withoutMarker(stderr: string): string {
  return stderr.replace(new RegExp(`${MARKER.source}\\n?`, 'gm'), '').trimEnd();
}
