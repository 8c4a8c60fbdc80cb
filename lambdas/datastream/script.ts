/** Where the whole log of a job goes; `reason` says why nowhere. Absent: the deployment keeps none. */
export type LogTarget = { readonly bucket: string; readonly folder: string } | { readonly reason: string };

export interface ScriptOptions {
  /** A name of the attempt, of letters and digits: on one instance its commands run once. */
  readonly attempt: string;
  /** After so long the commands are ended, so that their log can still be kept. */
  readonly seconds: number;
  readonly log?: LogTarget;
}

/**
 * The lines of AWS-RunShellScript for a job's commands. They run as a script of their own, in whatever language its
 * shebang says, as the child of a shell that sees to it that they run once, keeps what they write and tells how they
 * ended, whatever they do. What it has to tell stands at the end of standard error, in lines that begin with `datastream: `.
 */
export function script(commands: readonly string[], { attempt, seconds, log }: ScriptOptions): string[] {
  const end = `datastream-${attempt}`;
  const shell = shellOf(commands) !== undefined;
  return [
    once(attempt),
    HOME,
    // A line of our own, also behind a last line without an end.
    'say() { [ ! -s "$1" ] || [ "$(tail -c 1 "$1" | wc -l)" -gt 0 ] || echo >>"$1"; echo "$2" >>"$1"; }',
    // Not /tmp, which may be memory.
    'dir="$lock.d"; err="$dir/logs/stderr.log"; export datastream_dir="$dir"; code=1; ' +
      `mkdir "$dir" "$dir/logs" && cat >"$dir/commands" <<'${end}' && code=`,
    ...job(commands),
    end,
    'if [ -z "$code" ]; then',
    ...(shell ? readable(commands) : []),
    `if [ -z "$unreadable" ]; then ${run(commands, seconds)}; fi`,
    // The agent would take 194 for a wish to reboot and to be run again (Systems Manager, rebooting from scripts), and
    // 137, by which the kernel's out-of-memory killer shows, for its own time-out (amazon-ssm-agent, pluginutil).
    'case "$code" in 194) code=1 ;; 137) code=1; ' +
      `[ -n "$late" ] || ${say("'Killed (exit code 137), perhaps for want of memory.'")} ;; esac`,
    ...(shell ? [notes(commands.length)] : []),
    ...tell(log),
    'fi',
    // A process that waits for the exit code must not read half of it.
    '{ echo "$code" >"$lock.part" && mv "$lock.part" "$lock.code"; } 2>/dev/null',
    'exit "$code"',
  ];
}

/**
 * HOME as a login of root has it: SSM's agent sets none (amazon-ssm-agent, issue 427), and git, pip and docker want one.
 */
const HOME = `HOME=$(getent passwd 0 | cut -d : -f 6); export HOME="\${HOME:-/root}"`;

/** What the kernel makes of a first line: `#!`, a path, and all the rest as one argument (execve(2)). */
const SHEBANG = /^#![ \t]*(\S+)(?:[ \t]+(\S.*?))?[ \t]*(?:\n|$)/;

/** The shell that commands are for: the one their shebang names, else SSM's choice, `sh`. Undefined for another language. */
export function shellOf([first = '']: readonly string[]): string | undefined {
  const [shebang] = SHEBANG.exec(first) ?? [];
  return shebang === undefined ? 'sh' : /\b(?:ba|da|k|z)?sh\b/.exec(shebang)?.[0];
}

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

const say = (text: string) => `say "$err" ${text}`;

const quoted = (text = '') => `'${text.replaceAll("'", "'\\''")}'`;

/** The commands, between lines of ours where a shell runs them. */
function job(commands: readonly string[]): string[] {
  if (shellOf(commands) === undefined) return [...commands];
  const [first = '', ...rest] = commands;
  // Reached by a script that ends with its last command; its exit code stays that command's.
  const reached = 'datastream_last=$?; : >"$datastream_dir/done"; (exit "$datastream_last")';
  if (!SHEBANG.test(first)) return [stopAtFailure(commands, 1), ...commands, reached];
  const [shebang = '', ...lines] = first.split('\n');
  return [shebang, stopAtFailure(commands, 2), ...(lines.length > 0 ? [lines.join('\n')] : []), ...rest, reached];
}

/** Our line moves those of the commands by one, be it the first or the one after a shebang. */
function lastLines(commands: readonly string[]): number[] {
  let last = 1;
  return commands.map((command) => {
    last += command.split('\n').length;
    return last;
  });
}

/**
 * Stop at the first command that fails, in a pipe too where the shell can, and note at the end which one was reached.
 * A command may span several elements (a here-document, a loop), so nothing stands between them: bash's traps note the
 * line, which tells the command. dash knows neither pipefail nor such traps, hence the trials in a subshell.
 */
function stopAtFailure(commands: readonly string[], line: number): string {
  const ends = lastLines(commands).slice(0, -1).join(' ');
  return (
    'set -e; (set -o pipefail) 2>/dev/null && set -o pipefail; datastream_line=0; ' +
    'datastream_reached() { [ "$datastream_line" -eq 0 ] || { ' +
    `datastream_n=1; for datastream_end in ${ends}; do ` +
    '[ "$datastream_line" -le "$datastream_end" ] && break; datastream_n=$((datastream_n + 1)); done; ' +
    'echo "$datastream_n" >"$datastream_dir/reached"; } 2>/dev/null || :; }; ' +
    'trap datastream_reached EXIT; ' +
    // Not the trap's own commands, which bash counts as line 1. exec leaves no EXIT behind. Of a subshell DEBUG is not
    // told, but ERR is.
    `(trap : DEBUG) 2>/dev/null && { trap '[ "$LINENO" -le ${line} ] || { datastream_line=$LINENO; ` +
    `case $BASH_COMMAND in exec\\ *) datastream_reached ;; esac; }' DEBUG; trap 'datastream_line=$LINENO' ERR; }`
  );
}

/** More elements than this are parsed as a whole alone. */
export const MOST_PARTS = 200;

/**
 * Sets unreadable where the shell cannot read the commands to their end: it would run those before the place,
 * or give the rest to a here-document. Where one element runs on into the next, says which.
 */
function readable(commands: readonly string[]): string[] {
  const ours = SHEBANG.test(commands[0] ?? '') ? '2d;$d' : '1d;$d';
  // By its path and not as its input: then bash names the line. extglob is a matter of the running script: with it or without.
  const parse = (options: string) =>
    `sed '${ours}' "$dir/commands" | LC_ALL=C ${interpreter(commands)} ${options} -n /dev/stdin 2>&1`;
  const whole =
    `unreadable=; words=$(${parse('')}) || words=$(${parse('-O extglob')}) || unreadable=1; ` +
    'case "$words" in *here-document*) unreadable=1 ;; esac; ' +
    'if [ -n "$unreadable" ]; then code=2; ' +
    `${say(`"$(echo "$words" | sed -n 's|^[^:]*: |datastream: the commands cannot be read: |p' | cut -c 1-300 | head -n 1)"`)}; fi`;
  // A few milliseconds for each: not for thousands of elements, which some program has written.
  if (commands.length === 1 || commands.length > MOST_PARTS) return [whole];
  return [
    whole,
    'from=2; a=1; n=0; ' +
      `for to in ${lastLines(commands).join(' ')}; do n=$((n + 1)); ` +
      'part() { sed -n "${from},${to}p" "$dir/commands"; }; ' +
      `words=$(part | LC_ALL=C ${interpreter(commands)} -n 2>&1) || continue; ` +
      'case "$words" in *here-document*) continue ;; esac; ' +
      "part | tail -n 1 | grep -Eq '(^|[^\\\\])(\\\\\\\\)*\\\\$' && continue; " +
      `[ "$a" -eq "$n" ] || ${say('"datastream: commands $a to $n run as one"')}; ` +
      'from=$((to + 1)); a=$((n + 1)); done',
  ];
}

/**
 * GNU coreutils have timeout; where it is missing, SSM ends the commands, and their log with them. In the foreground, that
 * is in the process group of this script, which SSM's agent ends when the command is cancelled.
 */
function run(commands: readonly string[], seconds: number): string {
  return (
    'late=; limit=; ' +
    `if timeout --foreground 1 true 2>/dev/null; then limit='timeout --foreground -k 10 ${seconds}'; fi; begun=$(date +%s); ` +
    // The outer one is for bash's own word of a child that was killed.
    `{ $limit ${interpreter(commands)} "$dir/commands" >>"$dir/logs/stdout.log" 2>>"$err"; } 2>/dev/null; ` +
    'code=$?; case "$code" in 124 | 137) ' +
    `[ -z "$limit" ] || [ $(($(date +%s) - begun)) -lt ${seconds} ] || ` +
    `{ late=1; ${say(quoted(`datastream: the commands were ended after ${seconds} s`))}; } ;; esac`
  );
}

/** Lines for the log's readers, also programs: which command failed, or how many commands were reached. */
function notes(commands: number): string {
  return (
    `if [ -f "$dir/done" ]; then n=${commands}; else n=$(cat "$dir/reached" 2>/dev/null); fi; ` +
    'if [ -n "$late" ] || [ -n "$unreadable" ]; then :; ' +
    `elif [ "$code" -eq 0 ]; then ${say(`"datastream: \${n:-?} of ${commands} commands were reached"`)}; ` +
    `elif [ -n "$n" ]; then ${say(`"datastream: command $n of ${commands} exited with code $code"`)}; fi`
  );
}

/** SSM keeps the first 24,000 characters of standard output and 8,000 of standard error (Run Command). */
const STDOUT_BYTES = 20_000;
const STDERR_BYTES = 6_500;

/** Long enough for gigabytes, and no job hangs on it for ever. */
const UPLOAD_SECONDS = 300;

/**
 * Prints the end of both streams, keeps them whole in S3, and says where. What is printed is kept too: a second copy of
 * the script prints the same.
 */
function tell(log: LogTarget | undefined): string[] {
  const end = (name: string, bytes: number) =>
    `{ size=$(wc -c <"$dir/logs/${name}.log"); if [ "$size" -gt ${bytes} ]; then ` +
    `echo "... $((size - ${bytes})) bytes before this"; tail -c ${bytes} "$dir/logs/${name}.log"; ` +
    `else cat "$dir/logs/${name}.log"; fi; } >"$dir/${name}" 2>/dev/null`;
  return [
    ': >>"$dir/logs/stdout.log"; : >>"$err"',
    end('stdout', STDOUT_BYTES),
    end('stderr', STDERR_BYTES),
    ...(log ? [keep(log)] : []),
    PRINT,
  ];
}

const PRINT = 'cat "$dir/stdout"; cat "$dir/stderr" >&2';

function keep(log: LogTarget): string {
  const print = (text: string) => `say "$dir/stderr" ${text}`;
  if ('reason' in log) return print(quoted(`datastream: the log is not kept: ${log.reason}`));
  const url = `s3://${log.bucket}/${log.folder}/`;
  return (
    `[ -z "$limit" ] || limit='timeout --foreground ${UPLOAD_SECONDS}'; ` +
    `if $limit aws s3 cp --recursive --only-show-errors "$dir/logs" ${quoted(url)} >"$dir/upload" 2>&1; ` +
    `then ${print(quoted(`datastream: the log is in ${url}`))}; ` +
    `else ${print('"datastream: the log is not kept: $(tail -n 1 "$dir/upload" | cut -c 1-300)"')}; fi`
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
    `lock="\${TMPDIR:-/var/tmp}/datastream-${attempt}"; ` +
    'boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown); ' +
    'if ! ln -s "$boot:$$" "$lock" 2>/dev/null && [ -L "$lock" ]; then ' +
    'first=$(readlink "$lock"); ' +
    'while [ ! -f "$lock.code" ]; do ' +
    '[ "${first%:*}" = "$boot" ] && kill -0 "${first##*:}" 2>/dev/null || ' +
    '{ sleep 1; [ -f "$lock.code" ] || { echo \'The instance was restarted, or the commands were killed, before they ended.\' >&2; exit 1; }; }; ' +
    'sleep 2; done; ' +
    `dir="$lock.d"; { ${PRINT}; } 2>/dev/null; ` +
    "echo 'The commands were sent twice and ran once; this is how they ended.' >&2; " +
    'exit "$(cat "$lock.code")"; fi'
  );
}

/** What the script says of a job, in the lines of standard error that begin with `datastream: `. */
export interface Told {
  /** e.g. `command 2 of 3 exited with code 7`. Absent under a shell without DEBUG, and for other languages. */
  readonly failed?: string;
  /** That command, 1 for the first. */
  readonly command?: number;
  /** Of how many commands how many were reached by a script that exited with 0; the latter where the shell can tell. */
  readonly reached?: { readonly commands?: number; readonly of: number };
  /** The commands were ended when their time was over. */
  readonly late: boolean;
  /** Why the shell cannot read the commands; none of them has run. */
  readonly unreadable?: string;
  /** Where the whole log is. */
  readonly log?: string;
  /** Why the log is kept nowhere. */
  readonly logNotKept?: string;
  /** Elements that are one command to the shell, e.g. `commands 1 to 2 run as one`. */
  readonly joined: readonly string[];
}

const LINES = {
  failed: /^datastream: (command (\d+) of \d+ exited with code \d+)$/gm,
  reached: /^datastream: (\d+|\?) of (\d+) commands were reached$/gm,
  late: /^datastream: the commands were ended after \d+ s$/gm,
  unreadable: /^datastream: the commands cannot be read: (.*)$/gm,
  log: /^datastream: the log is in (s3:\/\/.*)$/gm,
  notKept: /^datastream: the log is not kept: (.*)$/gm,
  joined: /^datastream: (commands \d+ to \d+ run as one)$/gm,
} as const;

/** Reads standard error as SSM keeps it. What older deployments' scripts wrote is read alike. */
export function told(stderr: string): Told {
  const last = (pattern: RegExp) => [...stderr.matchAll(pattern)].at(-1);
  const [unreadable, log, logNotKept] = [LINES.unreadable, LINES.log, LINES.notKept].map(
    (pattern) => last(pattern)?.[1],
  );
  const [, failed, command] = last(LINES.failed) ?? [];
  const [, commands, of] = last(LINES.reached) ?? [];
  return {
    ...(failed !== undefined && { failed, command: Number(command) }),
    ...(of !== undefined && { reached: { ...(commands !== '?' && { commands: Number(commands) }), of: Number(of) } }),
    late: last(LINES.late) !== undefined,
    ...(unreadable !== undefined && { unreadable }),
    ...(log !== undefined && { log }),
    ...(logNotKept !== undefined && { logNotKept }),
    joined: [...stderr.matchAll(LINES.joined)].map(([, text = '']) => text),
  };
}

/** A Cause whose first sentence names a command by its number alone, with the command as it stands in the execution. */
export function withCommandText(cause: string, command: string): string {
  const shown = command.length > COMMAND_SHOWN ? `${command.slice(0, COMMAND_SHOWN)}...` : command;
  return cause.replace('.', () => `: ${shown}`);
}

/** Characters. */
const COMMAND_SHOWN = 300;

/** Standard error without the script's own lines. */
export function withoutLines(stderr: string): string {
  return Object.values(LINES)
    .reduce((text, pattern) => text.replace(new RegExp(`${pattern.source}\\n?`, 'gm'), ''), stderr)
    .trimEnd();
}
