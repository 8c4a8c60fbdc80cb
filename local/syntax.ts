import { spawnSync } from 'node:child_process';
import { LARGEST_DOCUMENT_BYTES } from '../executions/ssm-limits';
import { collectProblems, type Path, type Problem } from '../files/problems';
import { MOST_PARTS, shellOf } from '../lambdas/datastream/script';

/**
 * Lets bash parse the commands without running them. It returns no problems if this computer has no bash, or if the
 * commands are for another shell or in another language. The instance parses a job in the same way before its first
 * command runs.
 *
 * @param commands an execution's commands, from its file or made from the file's options
 * @returns an error if bash cannot read the commands to their end; a warning if a command continues in the next one
 */
export function syntaxProblems(commands: readonly string[], path: Path = ['commands']): readonly Problem[] {
  const shell = shellOf(commands);
  if ((shell !== 'sh' && shell !== 'bash') || bashIsMissing()) return [];
  const text = commands.join('\n');
  // SSM refuses a script of this length, and bash would read it byte by byte.
  if (text.length > LARGEST_DOCUMENT_BYTES) return [];
  const problems = collectProblems();
  const starts = lineStarts(commands);
  const whole = parse(text, shell);
  const parts = commands.length > MOST_PARTS ? [] : joined(commands, shell);
  if (whole !== undefined) {
    // If an end is missing, bash names the last line. The beginning of the unfinished command helps the user more.
    const begun = /here-document|unexpected EOF|unexpected end of file/.test(whole.words)
      ? parts.at(-1)?.from
      : undefined;
    const index =
      begun ??
      Math.max(
        starts.findLastIndex((start) => start <= whole.line),
        0,
      );
    const line = whole.line - (starts[index] ?? 1) + 1;
    const where = index === (begun ?? -1) ? '' : ` (line ${line} of this command)`;
    problems.error([...path, index], `The shell cannot read this to its end${where}: ${whole.words}.`, commands[index]);
    return problems.inFileOrder(undefined);
  }
  for (const { from, to } of parts) {
    const message = `This runs on into commands[${from + 1}]${to > from + 1 ? ` and further, to commands[${to}]` : ''}: to the shell they are one command. End it in its own element if that is not meant.`;
    if (to > from) problems.warning([...path, from], message, commands[from]);
  }
  return problems.inFileOrder(undefined);
}

interface Complaint {
  /** The line in the whole text, counted from 1. */
  readonly line: number;
  readonly words: string;
}

/** Lets bash parse a text. @returns undefined if the text is complete */
function parse(text: string, shell: string): Complaint | undefined {
  const posix = shell === 'sh' ? ['--posix'] : [];
  // A script may turn on extglob when it runs. So the text may be valid with extglob or without it.
  const tries = [[], ['-O', 'extglob']].map((options) =>
    spawnSync('bash', [...posix, ...options, '-n'], {
      input: text,
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    }),
  );
  const good = tries.find(({ status }) => status === 0);
  const stderr = good ? good.stderr : (tries[0]?.stderr ?? '');
  if (good && !/here-document/.test(stderr)) return undefined;
  const [, line = '1', words = stderr.trim()] = /line (\d+): (?:warning: )?(.*)/.exec(stderr) ?? [];
  return { line: Number(line), words: words.replace(/\.$/, '') };
}

/** Joins the commands into parts that are complete for the shell. A part may need several elements. */
function joined(commands: readonly string[], shell: string): readonly { readonly from: number; readonly to: number }[] {
  const parts: { from: number; to: number }[] = [];
  let from = 0;
  for (const to of commands.keys()) {
    const text = commands.slice(from, to + 1).join('\n');
    const complete = parse(text, shell) === undefined && !endsInBackslash(text);
    if (!complete && to < commands.length - 1) continue;
    parts.push({ from, to });
    from = to + 1;
  }
  return parts;
}

/** Whether the text ends in an odd number of backslashes. The last one then continues the line. */
function endsInBackslash(text: string): boolean {
  return /(?<!\\)(?:\\\\)*\\$/.test(text);
}

function lineStarts(commands: readonly string[]): number[] {
  let next = 1;
  return commands.map((command) => {
    const start = next;
    next += command.split('\n').length;
    return start;
  });
}

let missing: boolean | undefined;
function bashIsMissing(): boolean {
  missing ??= spawnSync('bash', ['-c', ':']).status !== 0;
  return missing;
}
