const MARKER = /^datastream: (command \d+ of \d+ exited with code \d+)$/gm;

/**
 * The lines of AWS-RunShellScript for a job's commands. They run as a script of their own, in whatever language its
 * shebang says, as the child of a shell that sees to it that they run once and tells how they ended, whatever they do.
 *
 * @param attempt a name of the attempt, of letters and digits: on one instance its commands run once
 */
export function script(commands: readonly string[], attempt: string): string[] {
  const end = `datastream-${attempt}`;
  return [
    once(attempt),
    HOME,
    `datastream_code=1; datastream_job=$(mktemp) && cat >"$datastream_job" <<'${end}' && { ${interpreter(commands)} "$datastream_job"; datastream_code=$?; }`,
    ...job(commands),
    end,
    // The agent would take 194 for a wish to reboot and to be run again (Systems Manager, rebooting from scripts), and
    // 137, by which the kernel's out-of-memory killer shows, for its own time-out (amazon-ssm-agent, pluginutil).
    'case "$datastream_code" in 194) datastream_code=1 ;; ' +
      "137) datastream_code=1; echo 'Killed (exit code 137), perhaps for want of memory.' >&2 ;; esac",
    // Whoever waits for the code must not read half of it.
    '{ echo "$datastream_code" >"$datastream_lock.part" && mv "$datastream_lock.part" "$datastream_lock.code"; } 2>/dev/null',
    'rm -f "$datastream_job"; exit "$datastream_code"',
  ];
}

/**
 * HOME as a login of root has it: SSM's agent sets none (amazon-ssm-agent, issue 427), and git, pip and docker want one.
 */
const HOME = `HOME=$(getent passwd 0 | cut -d : -f 6); export HOME="\${HOME:-/root}"`;

/** What the kernel makes of a first line: `#!`, a path, and all the rest as one argument (execve(2)). */
const SHEBANG = /^#![ \t]*(\S+)(?:[ \t]+(\S.*?))?[ \t]*(?:\n|$)/;

/** The kernel could not start it from a file system that is mounted noexec, as /tmp may be. */
function interpreter([first = '']: readonly string[]): string {
  const [shebang, path, argument] = SHEBANG.exec(first) ?? [];
  // The shell that runs now, which is SSM's choice: sh, which on Amazon Linux is bash in its POSIX mode.
  if (!shebang) return '"${BASH:-sh}" ${BASH:+${POSIXLY_CORRECT:+--posix}}';
  return [path, argument]
    .filter((each) => each !== undefined)
    .map(quoted)
    .join(' ');
}

const quoted = (text = '') => `'${text.replaceAll("'", "'\\''")}'`;

/** The commands, below a line of ours where a shell runs them. */
function job(commands: readonly string[]): string[] {
  const [first = '', ...rest] = commands;
  if (!SHEBANG.test(first)) return [stopAtFailure(commands, 1), ...commands];
  const [shebang = '', ...lines] = first.split('\n');
  if (!/\b(ba|da|k|z)?sh\b/.test(shebang)) return [...commands];
  return [shebang, stopAtFailure(commands, 2), ...(lines.length > 0 ? [lines.join('\n')] : []), ...rest];
}

/**
 * Stop at the first command that fails, in a pipe too where the shell can, and say on standard error which it was.
 * A command may span several elements (a here-document, a loop), so nothing stands between them: bash's traps note the
 * line, which tells the command. dash knows neither pipefail nor such traps, hence the trials in a subshell.
 */
function stopAtFailure(commands: readonly string[], line: number): string {
  // Our line moves those of the commands by one, be it the first or the one after a shebang.
  let last = 1;
  const lastLines = commands.map((command) => {
    last += command.split('\n').length;
    return last;
  });
  const report =
    `datastream_n=1; for datastream_end in ${lastLines.slice(0, -1).join(' ')}; do ` +
    '[ "$datastream_line" -le "$datastream_end" ] && break; datastream_n=$((datastream_n + 1)); done; ' +
    `echo "datastream: command $datastream_n of ${commands.length} exited with code $1" >&2`;
  return (
    'set -e; (set -o pipefail) 2>/dev/null && set -o pipefail; datastream_line=0; ' +
    `datastream_exit() { [ "$1" -eq 0 ] || [ "$datastream_line" -eq 0 ] || { ${report}; }; }; ` +
    `trap 'datastream_exit "$?"' EXIT; ` +
    // Not the trap's own commands, which bash counts as line 1. Of a subshell DEBUG is not told, but ERR is.
    `(trap : DEBUG) 2>/dev/null && { trap '[ "$LINENO" -le ${line} ] || datastream_line=$LINENO' DEBUG; trap 'datastream_line=$LINENO' ERR; }`
  );
}

/**
 * SendCommand knows no token by which SSM would recognise a command that it has already taken, and ListCommands may not
 * show it yet when its reply was lost; and after a reboot SSM's agent runs again what it has left unfinished
 * (amazon-ssm-agent, CommandRetryLimit). So the script itself sees to it: the first takes a lock, a link that holds boot
 * and process; another one waits for its end and ends alike. The lock outlives a reboot; a link is made in one step.
 */
function once(attempt: string): string {
  return (
    `datastream_lock="\${TMPDIR:-/var/tmp}/datastream-${attempt}"; ` +
    'datastream_boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown); ' +
    'if ! ln -s "$datastream_boot:$$" "$datastream_lock" 2>/dev/null && [ -L "$datastream_lock" ]; then ' +
    'datastream_first=$(readlink "$datastream_lock"); ' +
    'while [ ! -f "$datastream_lock.code" ]; do ' +
    '[ "${datastream_first%:*}" = "$datastream_boot" ] && kill -0 "${datastream_first##*:}" 2>/dev/null || ' +
    '{ sleep 1; [ -f "$datastream_lock.code" ] || { echo \'The instance was restarted, or the commands were killed, before they ended.\' >&2; exit 1; }; }; ' +
    'sleep 2; done; ' +
    "echo 'The commands were sent twice and ran once; this is how they ended.' >&2; " +
    'exit "$(cat "$datastream_lock.code")"; fi'
  );
}

/**
 * What the script said of the command that failed, e.g. `command 2 of 3 exited with code 7`. Undefined under a shell
 * without DEBUG, for a script that bash cannot read, and where SSM, which keeps the first 8,000 characters of
 * standard error, has cut it off.
 */
export function failedCommand(stderr: string): string | undefined {
  return [...stderr.matchAll(MARKER)].at(-1)?.[1];
}

/** A Cause with the text of the command that it gives the number of, as it stands in the execution. */
export function withCommandText(cause: string, commands: readonly string[]): string {
  return cause.replace(/^(Command (\d+) of \d+ exited with code \d+)\./, (all, failed: string, number: string) => {
    const command = commands[Number(number) - 1];
    if (command === undefined) return all;
    return `${failed}: ${command.length > COMMAND_SHOWN ? `${command.slice(0, COMMAND_SHOWN)}...` : command}`;
  });
}

/** Characters. */
const COMMAND_SHOWN = 300;

/** Standard error without the script's own line. */
export function withoutMarker(stderr: string): string {
  return stderr.replace(new RegExp(`${MARKER.source}\\n?`, 'gm'), '').trimEnd();
}
