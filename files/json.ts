/** Where a text stops being JSON, and what to do about it. */
export interface JsonError {
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1, in UTF-16 code units as editors count. */
  readonly column: number;
  /** One sentence: what is wrong there and what to write. */
  readonly message: string;
}

interface Problem {
  readonly at: number;
  readonly message: string;
}

/** JSON's white space; editors' other kinds (a no-break space) are problems. */
const SPACE = new Set([' ', '\t', '\n', '\r']);

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$][\w$-]*/y;

/**
 * Parses JSON and, where that fails, says where and why in the same words on every version of Node.js.
 * A byte order mark at the start is passed over. Never throws.
 * Keys that stand twice in one object, of which JSON takes the last, are `repeated`.
 */
export function parseJson(text: string): { value: unknown; repeated: readonly JsonError[] } | { error: JsonError } {
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const place = ({ at, message }: Problem) => ({ ...lineAndColumn(content, at), message });
  const repeated: Problem[] = [];
  const problem = firstProblem(content, repeated);
  try {
    return { value: JSON.parse(content) as unknown, repeated: repeated.map(place) };
  } catch {
    // The engine's own message differs between versions: the scanner's is told.
    return { error: place(problem ?? { at: content.length, message: 'This is no JSON.' }) };
  }
}

function lineAndColumn(text: string, at: number): { line: number; column: number } {
  const lines = text.slice(0, at).split(/\r\n|\r|\n/);
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/** What may come next. `first` after an opening bracket, where the closing one may follow at once. */
type Expect = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma or end';

/** A hand-written scanner with a stack of its own: a deeply nested text cannot exhaust the call stack. */
function firstProblem(text: string, repeated: Problem[]): Problem | undefined {
  const open: { bracket: '{' | '['; at: number; keys: Set<string> }[] = [];
  let expect: Expect = 'value';
  let at = 0;
  let comma = 0;
  while (true) {
    while (SPACE.has(text.charAt(at))) at += 1;
    const character = text.charAt(at);
    if (character === '') return endOfText(text, open.at(-1), expect);
    const foreign = foreignSyntax(text, at);
    if (foreign) return foreign;

    if (expect === 'comma or end') {
      const innermost = open.at(-1);
      if (!innermost) return { at, message: 'The JSON value ends before this: remove what follows it.' };
      if (character === ',') {
        comma = at;
        expect = innermost.bracket === '{' ? 'key' : 'value';
        at += 1;
        continue;
      }
      if (character !== '}' && character !== ']') {
        const hint = character === ':' ? 'a key needs { } around it' : 'write a comma between two entries';
        return { at, message: `A comma or ${closing(innermost.bracket)} is missing before this: ${hint}.` };
      }
    }
    if (character === '}' || character === ']') {
      const problem = closeBracket(character, open.at(-1), expect, { at, comma });
      if (problem) return problem;
      open.pop();
      expect = 'comma or end';
      at += 1;
      continue;
    }
    if (expect === 'colon') {
      if (character !== ':') return { at, message: 'A colon is missing between the key and its value: write ":".' };
      expect = 'value';
      at += 1;
      continue;
    }
    if (expect === 'key' || expect === 'first key') {
      if (character !== '"') return { at, message: 'A key belongs here: write it in double quotes.' };
      const end = stringEnd(text, at);
      if (typeof end !== 'number') return end;
      const key = text.slice(at, end);
      const keys = open.at(-1)?.keys;
      if (keys?.has(key))
        repeated.push({ at, message: `The key ${key} stands here again; of its values only the last counts.` });
      keys?.add(key);
      expect = 'colon';
      at = end;
      continue;
    }
    if (character === '{' || character === '[') {
      open.push({ bracket: character, at, keys: new Set() });
      expect = character === '{' ? 'first key' : 'first value';
      at += 1;
      continue;
    }
    const end = scalarEnd(text, at);
    if (typeof end !== 'number') return end;
    expect = 'comma or end';
    at = end;
  }
}

function endOfText(text: string, innermost: { bracket: '{' | '['; at: number } | undefined, expect: Expect): Problem {
  if (!innermost) return { at: 0, message: 'The file is empty: write one JSON object, { ... }.' };
  const { line } = lineAndColumn(text, innermost.at);
  const wanted = expect === 'comma or end' || expect.startsWith('first') ? '' : `A ${expect} is missing, and `;
  return {
    at: text.trimEnd().length,
    message: `${wanted || 'The text ends too early: '}${closing(innermost.bracket)} is missing for the ${innermost.bracket} of line ${line}.`,
  };
}

function closeBracket(
  character: '}' | ']',
  innermost: { bracket: '{' | '['; at: number } | undefined,
  expect: Expect,
  { at, comma }: { at: number; comma: number },
): Problem | undefined {
  if (!innermost) return { at, message: `Nothing is open here: remove this ${character}.` };
  if (expect === 'colon') return { at, message: 'A key needs a value: write a colon and the value.' };
  const afterColon = expect === 'value' && innermost.bracket === '{';
  if (afterColon) return { at, message: 'A value is missing here: write one after the colon.' };
  if (expect === 'key' || expect === 'value') {
    return { at: comma, message: `JSON allows no comma before ${character}: remove this comma.` };
  }
  const wanted = closing(innermost.bracket);
  return character === wanted ? undefined : { at, message: `${wanted} belongs here, not ${character}.` };
}

/** What other notations allow and JSON does not. */
function foreignSyntax(text: string, at: number): Problem | undefined {
  const character = text.charAt(at);
  if (character === "'") return { at, message: 'JSON knows double quotes alone: write " in place of \'.' };
  if (/[\u2018\u2019\u201C\u201D]/.test(character)) {
    return { at, message: 'This is a typographic quote, as word processors write it: write " in its place.' };
  }
  if (character === '#' || text.startsWith('//', at) || text.startsWith('/*', at)) {
    return { at, message: 'JSON has no comments: remove this one.' };
  }
  if (/\s/.test(character) || character === '\uFEFF' || character === '\u200B') {
    return { at, message: 'This is an invisible character that JSON does not allow: replace it by a space.' };
  }
  return undefined;
}

/** The position after a number, a string or a word; or what is wrong with it. */
function scalarEnd(text: string, at: number): number | Problem {
  if (text.charAt(at) === '"') return stringEnd(text, at);
  NUMBER.lastIndex = at;
  const number = NUMBER.exec(text)?.[0];
  if (number !== undefined) {
    const end = at + number.length;
    if (!/[\w.+-]/.test(text.charAt(end))) return end;
    return {
      at,
      message: 'This is no JSON number: write digits such as 3600 or 0.5, or put the text in double quotes.',
    };
  }
  WORD.lastIndex = at;
  const word = WORD.exec(text)?.[0];
  if (word === undefined)
    return {
      at,
      message: `A value belongs here, not ${text.charAt(at)}: remove it, or put the text in double quotes.`,
    };
  if (word === 'true' || word === 'false' || word === 'null') return at + word.length;
  const meant: Record<string, string> = { true: 'true', false: 'false', none: 'null', null: 'null', undefined: 'null' };
  const lower = word.toLowerCase();
  const write = Object.hasOwn(meant, lower) ? `write ${meant[lower]}` : 'put the text in double quotes';
  return { at, message: `${word.slice(0, 40)} is no JSON value: ${write}.` };
}

/** The position after a string; or what is wrong within it. */
function stringEnd(text: string, start: number): number | Problem {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return at + 1;
    if (character === '\n' || character === '\r') return unterminated(start);
    if (character === '\\') {
      const known = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at, at + 6))?.[0];
      if (known === undefined && at + 1 < text.length) {
        return { at, message: 'JSON does not know this escape: write \\\\ for a backslash.' };
      }
      at += (known?.length ?? 1) - 1;
    } else if (character < ' ') {
      const write = character === '\t' ? '\\t for a tab' : 'it as \\u and four hexadecimal digits';
      return { at, message: `A string cannot hold this control character: write ${write}.` };
    }
  }
  return unterminated(start);
}

function unterminated(start: number): Problem {
  return {
    at: start,
    message: 'This string has no closing quote on its line: end it with ", and write \\n for a line break.',
  };
}

function closing(bracket: '{' | '['): '}' | ']' {
  return bracket === '{' ? '}' : ']';
}
