import { type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser';

/** Where a text stops being JSON, and what to do about it. */
export interface JsonError {
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1, in UTF-16 code units as editors count. */
  readonly column: number;
  /** One sentence: what is wrong there and what to write. */
  readonly message: string;
}

/** What may come next. `first` is after an opening bracket, where a closing bracket may follow too. */
type Expect = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma or end';

/** The state after a part of the text has been read. */
interface Place {
  readonly open: { readonly bracket: '{' | '['; readonly at: number; readonly keys: Set<string> }[];
  expect: Expect;
  /** The position of the last comma. */
  comma: number;
  /** The positions where the last number begins and ends. */
  number: { readonly at: number; readonly end: number };
}

interface Finding {
  readonly at: number;
  readonly message: string;
}

/**
 * Parses JSON. If that fails, says where and why, in the same words on every version of Node.js. Skips a byte order
 * mark at the start. Never throws. `repeated` has the keys that occur again in one object: JSON takes the last value.
 */
export function parseJson(text: string): { value: unknown; repeated: readonly JsonError[] } | { error: JsonError } {
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const placed = ({ at, message }: Finding) => ({ ...lineAndColumn(content, at), message });
  let value: unknown;
  let isJson = true;
  try {
    value = JSON.parse(content);
  } catch {
    isJson = false;
  }
  const { first, repeated } = read(content, isJson);
  if (isJson && !first) return { value, repeated: repeated.map(placed) };
  return { error: placed(first ?? { at: content.length, message: 'This is no JSON.' }) };
}

/** The first error, and every key that occurs again in its object. */
function read(text: string, isJson: boolean): { first?: Finding; repeated: readonly Finding[] } {
  const place: Place = { open: [], expect: 'value', comma: 0, number: { at: 0, end: -1 } };
  const repeated: Finding[] = [];
  let first: Finding | undefined;
  let deepest = 0;
  const begin = (bracket: '{' | '[', at: number) => {
    place.open.push({ bracket, at, keys: new Set() });
    place.expect = bracket === '{' ? 'first key' : 'first value';
    deepest = at;
  };
  const end = (at: number) => {
    // The library also reports an end at the end of the text, if a bracket was not closed.
    if (at === text.length) return;
    place.open.pop();
    place.expect = 'comma or end';
  };
  const onObjectProperty = (key: string, at: number) => {
    const keys = place.open.at(-1)?.keys;
    const message = `The key ${JSON.stringify(key)} is repeated here; only its last value counts.`;
    if (keys?.has(key)) repeated.push({ at, message });
    keys?.add(key);
    place.expect = 'colon';
  };
  try {
    visit(
      text,
      {
        onObjectBegin: (at) => begin('{', at),
        onArrayBegin: (at) => begin('[', at),
        onObjectEnd: end,
        onArrayEnd: end,
        onObjectProperty,
        onSeparator: (character, at) => {
          if (character === ',') place.comma = at;
          place.expect = character === ',' && place.open.at(-1)?.bracket === '{' ? 'key' : 'value';
        },
        onLiteralValue: (value, at, length) => {
          place.expect = 'comma or end';
          if (typeof value !== 'number') return;
          place.number = { at, end: at + length };
          if (!Number.isFinite(value)) first ??= { at, message: TOO_LARGE };
        },
        onError: (code, at) => {
          first ??= wrongAt(text, at, code, place);
        },
      },
      { disallowComments: true },
    );
  } catch {
    // The library calls itself for each level, and has used up the stack. JSON.parse has no such limit.
    if (!isJson) first ??= { at: deepest, message: 'This is nested too deeply: no file needs so many levels.' };
  }
  return { ...(first && { first }), repeated };
}

const TOO_LARGE = 'This number is too large: write one below 1.8e308.';

function lineAndColumn(text: string, at: number): { line: number; column: number } {
  const lines = text.slice(0, at).split(/\r\n|\r|\n/);
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

const STRING_ERRORS: readonly string[] = [
  'UnexpectedEndOfString',
  'InvalidUnicode',
  'InvalidEscapeCharacter',
  'InvalidCharacter',
];

/** The error at the place where the library stops, and its position. */
function wrongAt(text: string, at: number, code: ParseErrorCode, place: Place): Finding {
  const innermost = place.open.at(-1);
  const { expect } = place;
  const character = text.charAt(at);
  const told = (message: string) => ({ at, message });
  const yaml = yamlIn(text);
  if (yaml !== undefined) return yaml;
  if (character === '') return endOfText(text, innermost, expect);
  const foreign = foreignSyntax(text, at);
  if (foreign !== undefined) return told(foreign);
  if (STRING_ERRORS.includes(printParseErrorCode(code))) return wrongInString(text, at);
  if (expect === 'comma or end' && place.number.end === at && /[\w.+-]/.test(character)) {
    return { at: place.number.at, message: NO_NUMBER };
  }
  if (expect === 'comma or end' && !innermost) return told('The JSON value ends before this: remove what follows it.');
  if (character === '}' || character === ']') return wrongBracket(character, at, place);
  if (expect === 'comma or end') {
    const hint = character === ':' ? 'a key needs { } around it' : 'write a comma between two entries';
    return told(`A comma or ${closing(innermost?.bracket)} is missing before this: ${hint}.`);
  }
  if (expect === 'colon') return told('A colon is missing between the key and its value: write ":".');
  if (expect === 'key' || expect === 'first key') return told('A key belongs here: write it in double quotes.');
  return told(noValue(text, at));
}

/** Finds YAML, which many tools use. Its first line is a key without quotes, an entry of a list, or `---`. */
function yamlIn(text: string): Finding | undefined {
  const found = /^(?:[ \t]*(?:#.*)?\r?\n)*[ \t]*(?=---\s|-\s+\S|[A-Za-z_$][\w$-]*:(?:\s|$))/.exec(text);
  const message = 'This is YAML, not JSON: write { } around the keys and double quotes around keys and texts.';
  return found ? { at: found[0].length, message } : undefined;
}

function endOfText(text: string, innermost: Place['open'][number] | undefined, expect: Expect): Finding {
  if (!innermost) return { at: 0, message: 'The file is empty: write one JSON object, { ... }.' };
  const { line } = lineAndColumn(text, innermost.at);
  const wanted = expect === 'comma or end' || expect.startsWith('first') ? '' : `A ${expect} is missing, and `;
  return {
    at: text.trimEnd().length,
    message: `${wanted || 'The text ends too early: '}${closing(innermost.bracket)} is missing for the ${innermost.bracket} of line ${line}.`,
  };
}

function wrongBracket(character: '}' | ']', at: number, { open, expect, comma }: Place): Finding {
  const innermost = open.at(-1)?.bracket;
  if (!innermost) return { at, message: `Nothing is open here: remove this ${character}.` };
  if (expect === 'colon') return { at, message: 'A key needs a value: write a colon and the value.' };
  const afterColon = expect === 'value' && innermost === '{';
  if (afterColon) return { at, message: 'A value is missing here: write one after the colon.' };
  if (expect === 'key' || expect === 'value') {
    return { at: comma, message: `JSON allows no comma before ${character}: remove this comma.` };
  }
  return { at, message: `${closing(innermost)} belongs here, not ${character}.` };
}

/** Finds syntax that other notations allow and JSON does not. */
function foreignSyntax(text: string, at: number): string | undefined {
  const character = text.charAt(at);
  if (character === "'") return 'JSON knows double quotes alone: write " in place of \'.';
  if (/[\u2018\u2019\u201C\u201D]/.test(character)) {
    return 'This is a typographic quote, as word processors write it: write " in its place.';
  }
  if (character === '#' || text.startsWith('//', at) || text.startsWith('/*', at)) {
    return 'JSON has no comments: remove this one.';
  }
  if (/\s/.test(character) || character === '\uFEFF' || character === '\u200B') {
    return 'This is an invisible character that JSON does not allow: replace it by a space.';
  }
  return undefined;
}

const NO_NUMBER = 'This is no JSON number: write digits such as 3600 or 0.5, or put the text in double quotes.';

/** Says what is there instead of a value. */
function noValue(text: string, at: number): string {
  const [word = ''] = /^-?[A-Za-z_$][^\s,:{}[\]"]*/.exec(text.slice(at, at + 40)) ?? [];
  if (/^-?(nan|inf|infinity)$/i.test(word)) {
    return `${word} is no JSON value: JSON has finite numbers alone; write digits such as 3600 or 0.5.`;
  }
  if (/[\d-]/.test(text.charAt(at)) && word === '') return NO_NUMBER;
  if (word === '') return `A value belongs here, not ${text.charAt(at)}: remove it, or put the text in double quotes.`;
  const meant: Record<string, string> = { true: 'true', false: 'false', none: 'null', null: 'null', undefined: 'null' };
  const lower = word.toLowerCase();
  const write = Object.hasOwn(meant, lower) ? `write ${meant[lower]}` : 'put the text in double quotes';
  return `${word} is no JSON value: ${write}.`;
}

/** The part of a string that JSON allows, up to its closing quote. */
const GOOD_STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/uy;

function wrongInString(text: string, start: number): Finding {
  GOOD_STRING.lastIndex = start;
  const at = start + (GOOD_STRING.exec(text)?.[0].length ?? 0);
  const character = text.charAt(at);
  if (character === '\\' && at + 1 < text.length) {
    return { at, message: 'JSON does not know this escape: write \\\\ for a backslash.' };
  }
  if (!/[\\\r\n]|^$/.test(character)) {
    const write = character === '\t' ? '\\t for a tab' : 'it as \\u and four hexadecimal digits';
    return { at, message: `A string cannot hold this control character: write ${write}.` };
  }
  return {
    at: start,
    message: 'This string has no closing quote on its line: end it with ", and write \\n for a line break.',
  };
}

function closing(bracket: '{' | '[' | undefined): '}' | ']' {
  return bracket === '{' ? '}' : ']';
}
