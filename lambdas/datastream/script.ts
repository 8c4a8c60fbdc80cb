/** Where the whole log of a job is stored; `reason` says why it is not stored. Absent: the deployment keeps no logs. */
export type LogTarget = { readonly bucket: string; readonly folder: string } | { readonly reason: string };

export interface ScriptOptions {
  /** The attempt's name, of letters and digits. An instance runs the commands of one name only once. */
  readonly attempt: string;
  /** The script ends the commands after this time, so that it can still upload their log. */
  readonly seconds: number;
  readonly log?: LogTarget;
  /**
   * Print both streams on standard output while the job runs, each second what is new, for an agent that sends its
   * output to CloudWatch Logs. Default: the end of standard output alone, after the job.
   */
  readonly live?: boolean;
}

/**
 * The lines of AWS-RunShellScript for a job's commands. The commands run as a separate script, in the language that
 * their shebang names. An outer shell starts this script. The outer shell runs the commands only once, keeps their
 * output, and reports how they ended. It writes its report at the end of standard error, in lines that begin with
 * `datastream: `.
 */
export function script(commands: readonly string[], { attempt, seconds, log, live = false }: ScriptOptions): string[] {
  const end = `datastream-${attempt}`;
  const shell = shellOf(commands) !== undefined;
  return [
    once(attempt),
    HOME,
    // Appends a line of the script's own. First it ends the last line if that has no line break.
    'say() { [ ! -s "$1" ] || [ "$(tail -c 1 "$1" | wc -l)" -gt 0 ] || echo >>"$1"; echo "$2" >>"$1"; }',
    // Not /tmp: it may be a file system in memory.
    'dir="$lock.d"; err="$dir/logs/stderr.log"; export datastream_dir="$dir"; code=1; ' +
      `mkdir "$dir" "$dir/logs" && cat >"$dir/commands" <<'${end}' && code=`,
    ...job(commands),
    end,
    'if [ -z "$code" ]; then',
    ...(live ? [FLOW] : []),
    ...(shell ? readable(commands) : []),
    `if [ -z "$unreadable" ]; then ${run(commands, seconds)}; fi`,
    // The agent takes exit code 194 for a request to reboot and run the script again (Systems Manager, rebooting from
    // scripts). It takes 137 for its own time-out (amazon-ssm-agent, pluginutil), but the kernel's out-of-memory killer
    // gives 137 too.
    'case "$code" in 194) code=1 ;; 137) code=1; ' +
      `[ -n "$late" ] || ${say("'Killed (exit code 137), perhaps for want of memory.'")} ;; esac`,
    ...(shell ? [notes(commands.length)] : []),
    ...tell(log, live),
    'fi',
    // A second copy of the script waits for this file and must not read half of it.
    '{ echo "$code" >"$lock.part" && mv "$lock.part" "$lock.code"; } 2>/dev/null',
    'exit "$code"',
  ];
}

/**
 * HOME as in root's login shell. SSM's agent does not set HOME (amazon-ssm-agent, issue 427), but git, pip and docker
 * need it.
 */
const HOME = `HOME=$(getent passwd 0 | cut -d : -f 6); export HOME="\${HOME:-/root}"`;

/** A first line as the kernel reads it: `#!`, a path, and the rest of the line as one argument (execve(2)). */
const SHEBANG = /^#![ \t]*(\S+)(?:[ \t]+(\S.*?))?[ \t]*(?:\n|$)/;

/** The commands' shell: the one that their shebang names, else `sh`, as SSM does. Undefined for another language. */
export function shellOf([first = '']: readonly string[]): string | undefined {
  const [shebang] = SHEBANG.exec(first) ?? [];
  return shebang === undefined ? 'sh' : /\b(?:ba|da|k|z)?sh\b/.exec(shebang)?.[0];
}

/** The script is started by its interpreter: the kernel cannot start a script in a file system mounted noexec. */
function interpreter([first = '']: readonly string[]): string {
  const [shebang, path, argument] = SHEBANG.exec(first) ?? [];
  // The shell that runs the outer script, which SSM chooses: sh. On Amazon Linux sh is bash in POSIX mode.
  if (!shebang) return '"${BASH:-sh}" ${BASH:+${POSIXLY_CORRECT:+--posix}}';
  return [path, argument]
    .filter((each) => each !== undefined)
    .map(quoted)
    .join(' ');
}

const say = (text: string) => `say "$err" ${text}`;

const quoted = (text = '') => `'${text.replaceAll("'", "'\\''")}'`;

/** The commands. For a shell, lines of this project stand before and after them. */
function job(commands: readonly string[]): string[] {
  if (shellOf(commands) === undefined) return [...commands];
  const [first = '', ...rest] = commands;
  // The shell reaches this line only after the last command. The exit code of the last command is kept.
  const reached = 'datastream_last=$?; : >"$datastream_dir/done"; (exit "$datastream_last")';
  if (!SHEBANG.test(first)) return [stopAtFailure(commands, 1), ...commands, reached];
  const [shebang = '', ...lines] = first.split('\n');
  return [shebang, stopAtFailure(commands, 2), ...(lines.length > 0 ? [lines.join('\n')] : []), ...rest, reached];
}

/** The last line of each command. The line added before them, or after the shebang, moves all of them by one. */
function lastLines(commands: readonly string[]): number[] {
  let last = 1;
  return commands.map((command) => {
    last += command.split('\n').length;
    return last;
  });
}

/**
 * Stops at the first command that fails, in a pipe too if the shell has pipefail. At the end it notes the command that
 * was reached. A command may span several elements (a here-document, a loop), so nothing can be added between the
 * elements. Instead, bash's traps note the line, and the line gives the command. dash has neither pipefail nor these
 * traps, so both are tried in a subshell first.
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
    // The trap's own commands are left out: bash counts them as line 1. After exec there is no EXIT trap. A command in
    // a subshell triggers no DEBUG trap, but ERR is triggered.
    `(trap : DEBUG) 2>/dev/null && { trap '[ "$LINENO" -le ${line} ] || { datastream_line=$LINENO; ` +
    `case $BASH_COMMAND in exec\\ *) datastream_reached ;; esac; }' DEBUG; trap 'datastream_line=$LINENO' ERR; }`
  );
}

/** If there are more elements than this, they are parsed only as a whole. */
export const MOST_PARTS = 200;

/**
 * Sets `unreadable` if the shell cannot parse the commands to their end. Such a shell would run the commands before the
 * error, or take the rest as a here-document. If one command spans several elements, the script reports which.
 */
function readable(commands: readonly string[]): string[] {
  const ours = SHEBANG.test(commands[0] ?? '') ? '2d;$d' : '1d;$d';
  // The commands are read from a path, not from standard input: then bash names the line. The commands themselves may
  // switch extglob on, so they are parsed without it and with it.
  const parse = (options: string) =>
    `sed '${ours}' "$dir/commands" | LC_ALL=C ${interpreter(commands)} ${options} -n /dev/stdin 2>&1`;
  const whole =
    `unreadable=; words=$(${parse('')}) || words=$(${parse('-O extglob')}) || unreadable=1; ` +
    'case "$words" in *here-document*) unreadable=1 ;; esac; ' +
    'if [ -n "$unreadable" ]; then code=2; ' +
    `${say(`"$(echo "$words" | sed -n 's|^[^:]*: |datastream: the commands cannot be read: |p' | cut -c 1-300 | head -n 1)"`)}; fi`;
  // Each element takes a few milliseconds, which is too slow for thousands of elements from a program.
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
 * `timeout` is part of GNU coreutils. Without it, SSM ends the commands and the script, and the log is lost. With
 * --foreground the commands stay in the script's process group. SSM's agent ends this group when it cancels the
 * command.
 */
function run(commands: readonly string[], seconds: number): string {
  return (
    'late=; limit=; ' +
    `if timeout --foreground 1 true 2>/dev/null; then limit='timeout --foreground -k 10 ${seconds}'; fi; begun=$(date +%s); ` +
    // The outer redirection hides bash's own message about a child that was killed.
    `{ $limit ${interpreter(commands)} "$dir/commands" >>"$dir/logs/stdout.log" 2>>"$err"; } 2>/dev/null; ` +
    'code=$?; case "$code" in 124 | 137) ' +
    `[ -z "$limit" ] || [ $(($(date +%s) - begun)) -lt ${seconds} ] || ` +
    `{ late=1; ${say(quoted(`datastream: the commands were ended after ${seconds} s`))}; } ;; esac`
  );
}

/** Lines in the log for users and programs: which command failed, or how many commands were reached. */
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

/** Long enough to upload gigabytes; the limit keeps an upload from hanging for ever. */
const UPLOAD_SECONDS = 300;

/**
 * Prints the end of both streams, stores the whole streams in S3, and says where. The printed text is also kept on the
 * instance, so that a second copy of the script can print the same.
 */
function tell(log: LogTarget | undefined, live: boolean): string[] {
  const end = (name: string, bytes: number) =>
    `{ size=$(wc -c <"$dir/logs/${name}.log"); if [ "$size" -gt ${bytes} ]; then ` +
    `echo "... $((size - ${bytes})) bytes before this"; tail -c ${bytes} "$dir/logs/${name}.log"; ` +
    `else cat "$dir/logs/${name}.log"; fi; } >"$dir/${name}" 2>/dev/null`;
  return [
    ': >>"$dir/logs/stdout.log"; : >>"$err"',
    end('stdout', STDOUT_BYTES),
    end('stderr', STDERR_BYTES),
    ...(log ? [keep(log)] : []),
    live ? `${FLOW_END}; ${PRINT_STDERR}` : `cat "$dir/stdout"; ${PRINT_STDERR}`,
  ];
}

const PRINT_STDERR = 'cat "$dir/stderr" >&2';

/**
 * Prints what both streams have gained, each second, in the background. Standard error goes to standard output too:
 * SSM keeps the first 8,000 characters of standard error, and the script's own lines at its end must be among them. When
 * the file `ended` is there, or the script was killed, a last round prints the rest.
 */
const FLOW =
  ': >>"$dir/logs/stdout.log"; : >>"$err"; ' +
  '{ a=0; b=0; while :; do over=; [ ! -e "$dir/ended" ] && kill -0 $$ || over=1; ' +
  'n=$(wc -c <"$dir/logs/stdout.log"); [ "$n" -le "$a" ] || tail -c +$((a + 1)) "$dir/logs/stdout.log" | head -c $((n - a)); a=$((n)); ' +
  'n=$(wc -c <"$err"); [ "$n" -le "$b" ] || tail -c +$((b + 1)) "$err" | head -c $((n - b)); b=$((n)); ' +
  '[ -z "$over" ] || break; sleep 1; done; } 2>/dev/null & flow=$!';

/** Waits for the last round. Where the file cannot be made, nothing would end it. */
const FLOW_END =
  '{ echo >"$dir/ended"; } 2>/dev/null; if [ -e "$dir/ended" ]; then wait "$flow"; else kill "$flow"; fi';

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
 * Makes the commands run only once. SendCommand has no token by which SSM could recognise a repeated command. If its
 * reply was lost, ListCommands may not show the command yet. After a reboot SSM's agent runs unfinished commands again
 * (amazon-ssm-agent, CommandRetryLimit). So the first copy of the script takes a lock: a symbolic link with the boot
 * and process IDs. Another copy waits for the first one's end and ends with the same exit code. The lock survives a
 * reboot; a link is created in one step.
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
    `dir="$lock.d"; { cat "$dir/stdout"; ${PRINT_STDERR}; } 2>/dev/null; ` +
    "echo 'The commands were sent twice and ran once; this is how they ended.' >&2; " +
    'exit "$(cat "$lock.code")"; fi'
  );
}

/** What the script reports about a job, in the lines of standard error that begin with `datastream: `. */
export interface Told {
  /** e.g. `command 2 of 3 exited with code 7`. Absent under a shell without DEBUG, and for other languages. */
  readonly failed?: string;
  /** The number of the failed command, 1 for the first. */
  readonly command?: number;
  /** For a script that exited with 0: how many commands were reached, if the shell can tell, and how many there are. */
  readonly reached?: { readonly commands?: number; readonly of: number };
  /** Whether the script ended the commands because their time was over. */
  readonly late: boolean;
  /** Why the shell cannot parse the commands; none of them has run. */
  readonly unreadable?: string;
  /** Where the whole log is. */
  readonly log?: string;
  /** Why the log is not kept. */
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

/** Reads standard error as SSM keeps it. It also reads the lines of older deployments' scripts. */
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

/** Adds the command's text from the execution to a Cause whose first sentence has only the command's number. */
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
