/**
 * Placeholders that templates and documentation have for the user to replace. AWS would report them late, one at a
 * time, and without naming them as placeholders.
 */
const IN_VALUES: readonly RegExp[] = [
  /#{2,}/,
  /<[^<>]*[A-Za-z][^<>]*>/,
  // Terraform's and the shell's variables, except the two that this project replaces.
  /\$\{(?!DATE\}|INSTANCE_TYPE\})[^{}]*\}/,
  /_PLACEHOLDER\b|^PLACEHOLDER$/i,
  /^name-of-/i,
  /^your[-_ ]|[-_/]your[-_]/i,
];

/** Words that may also be real names. */
const DOUBTFUL = /^(todo|tbd|fixme|change[-_ ]?me|replace[-_ ]?me|x{3,})$/i;

/** Whether a value that looks like a placeholder may be a real name. */
export function isDoubtful(value: string): boolean {
  return DOUBTFUL.test(value);
}

/** The placeholder in a value that names something (an ID, a bucket, a path); undefined if there is none. */
export function placeholderInValue(value: string): string | undefined {
  const head = value.slice(0, 2048);
  for (const pattern of [...IN_VALUES, DOUBTFUL]) {
    const found = pattern.exec(head);
    if (found) return found[0];
  }
  return undefined;
}

/** Words that placeholders have between angle brackets. Redirections and mark-up tags do not have them. */
const PLACEHOLDER_WORD =
  /(^|[-_ .])(your?|my|insert|replace|placeholder|commands?|bucket|prefix|region|account|ami|key|profile|path)([-_ .]|$)/i;

const IN_COMMANDS: readonly RegExp[] = [
  /\b(ami|sg|subnet)-#+/,
  /\b[A-Z0-9]+(_[A-Z0-9]+)*_PLACEHOLDER\b/,
  /(?<![\w.-])your[-_](key|bucket|prefix|command|path|profile|ami)[\w.-]*/i,
];

/** A placeholder in a shell command; undefined if there is none. `sort <in.txt >out.txt` has redirections only. */
export function placeholderInCommand(command: string): string | undefined {
  for (const found of command.matchAll(/<([A-Za-z][\w .-]{0,80})>/g)) {
    const [whole, content = ''] = found;
    const after = command.slice(found.index + whole.length).trimStart();
    if (isPlaceholderName(content) && !isRedirection(content, after)) return whole;
  }
  for (const pattern of IN_COMMANDS) {
    const found = pattern.exec(command);
    if (found) return found[0];
  }
  return undefined;
}

function isPlaceholderName(content: string): boolean {
  return PLACEHOLDER_WORD.test(content) || /[-_]/.test(content);
}

/** `<in.txt> out.txt` and `<in_list>out` read one file and write another. After `<first_command>'` no file follows. */
function isRedirection(content: string, after: string): boolean {
  const fileToWrite = /^[\w./$~{]/.test(after);
  if (/\.[A-Za-z0-9]{1,5}$/.test(content)) return fileToWrite;
  return fileToWrite && !PLACEHOLDER_WORD.test(content);
}
