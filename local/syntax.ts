import { spawnSync } from 'node:child_process';
import { LARGEST_DOCUMENT_BYTES } from '../executions/ssm-limits';
import { collectProblems, type Path, type Problem } from '../files/problems';
import { MOST_PARTS, shellOf } from '../lambdas/datastream/script';

/**
 * What the shell says of commands that it is not to run, where bash is there to ask; commands in another language, or for
 * another shell, are not looked at. On its instance a job is parsed in the same way before its first command runs.
 *
 * @param commands of an execution whose file may have them itself, or options that they are made of
 * @returns an error where bash cannot read the commands to their end, a warning where one runs on into the next
 */
export function syntaxProblems(commands: readonly string[], path: Path = ['commands']): readonly Problem[] {
  const shell = shellOf(commands);
  if ((shell !== 'sh' && shell !== 'bash') || bashIsMissing()) return [];
  const text = commands.join('\n');
  // SSM takes no such script, and bash would read it byte by byte.
  if (text.length > LARGEST_DOCUMENT_BYTES) return [];
  const problems = collectProblems();
  const starts = lineStarts(commands);
  const whole = parse(text, shell);
  const parts = commands.length > MOST_PARTS ? [] : joined(commands, shell);
  if (whole !== undefined) {
    // Where the end is missing bash names the last line: what was begun and not ended says more.
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
  /** From 1, of the whole text. */
  readonly line: number;
  readonly words: string;
}

/** @returns undefined for a text that is complete */
function parse(text: string, shell: string): Complaint | undefined {
  const posix = shell === 'sh' ? ['--posix'] : [];
  // A script may turn extglob on, which is a matter of its running: with it or without.
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

/** The commands as the shell sees them: elements that are complete only together are one. */
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

/** An odd number: the last one takes the line's end. */
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
