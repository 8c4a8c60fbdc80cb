/** An output stream. Only a terminal has columns. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** On a narrower terminal, lines of one word each would be no easier to read. */
const NARROWEST = 20;

/**
 * Breaks lines at words if they are longer than the terminal is wide, and keeps their indents. A continuation starts
 * under the line's first word, or under the second column if the first column ends with two spaces. If the output is no
 * terminal, lines are not broken, for grep. Do not wrap commands: users copy them.
 */
export function wrap(text: string, { isTTY, columns = 0 }: Pick<Output, 'isTTY' | 'columns'>): string {
  if (!isTTY || columns < NARROWEST) return text;
  return text
    .split('\n')
    .map((line) => wrapLine(line, columns))
    .join('\n');
}

function wrapLine(line: string, columns: number): string {
  if (line.length <= columns) return line;
  const [lead = ''] = /^ *(?:\S+ {2,})?/.exec(line) ?? [];
  const indent = ' '.repeat(lead.length <= columns - NARROWEST ? lead.length : 2);
  const lines = [lead];
  let empty = true;
  for (const [word] of line.slice(lead.length).matchAll(/\S+ */g)) {
    const last = lines.length - 1;
    if (!empty && `${lines[last]}${word}`.trimEnd().length > columns) lines.push(indent + word);
    else lines[last] += word;
    empty = false;
  }
  return lines.map((each) => each.trimEnd()).join('\n');
}
