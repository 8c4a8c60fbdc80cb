import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Path } from './problems';

/** A plain scalar that PyYAML does not read as text: a number or a date. */
export class NotText {
  /** @param source what stands in the file */
  constructor(
    readonly source: string,
    readonly kind: 'number' | 'date',
  ) {}

  /** As JSON, the way that it stands in the file. */
  toJSON(): string {
    return this.source;
  }
}

/** A place where a text is no YAML, or says a thing twice. */
export interface YamlError {
  /** Line, from 1. */
  readonly line: number;
  /** One sentence: what is wrong there and what to write. */
  readonly message: string;
}

/** What a YAML text holds, with the line of everything. */
export interface YamlFile {
  /** Objects, arrays, texts, booleans, null and `NotText`. */
  readonly value: unknown;
  /** The line of the key or of the entry at a path; of the nearest parent where the file lacks it. */
  lineOf(path: Path): number;
  /** Keys that are no text, with the path of their mapping: YAML reads `1:` and `yes:` as a number and a boolean. */
  readonly oddKeys: readonly { readonly path: Path; readonly source: string }[];
}

/** PyYAML 6's resolvers of YAML 1.1 (yaml/resolver.py). The library's differ: it reads `n` as a boolean. */
const BOOLEAN = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const TRUE = /^(?:yes|true|on)$/i;
const NULL = /^(?:~|null|Null|NULL|)$/;
const NUMBER = new RegExp(
  [
    '[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+',
    '[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+][0-9]+)?|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?',
    '[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)',
  ]
    .map((each) => `^(?:${each})$`)
    .join('|'),
);
const DATE = /^\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::?\d\d)?))?)?$/;

/** Aliases can make a small file hold more values than a computer. */
const MOST_VALUES = 100_000;
/** No configuration is so long, and the library takes a second for each million characters. */
const LONGEST = 2_000_000;
/** No configuration is nested so deeply; the library calls itself for each level. */
const DEEPEST = 100;

/**
 * Reads YAML 1.1 as PyYAML does, with positions. Never throws.
 *
 * @returns the content; or every place where the text is no YAML, or where a mapping has a key twice
 */
export function parseYaml(text: string): YamlFile | { readonly errors: readonly YamlError[] } {
  if (text.length > LONGEST) {
    const message = `It has ${(text.length / 1e6).toFixed(0)} million characters: no configuration is so long.`;
    return { errors: [{ line: 1, message }] };
  }
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      version: '1.1',
      schema: 'failsafe',
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: lines,
      logLevel: 'error',
    });
  } catch {
    return { errors: [{ line: 1, message: 'This is nested too deeply: no file needs so many levels.' }] };
  }
  const lineAt = (at: number | undefined) => Math.max(1, lines.linePos(at ?? 0).line);
  // An editor that writes tabs writes them in every line, and nothing after the first can be understood.
  const tab = document.errors.find(({ code }) => code === TAB);
  const errors: YamlError[] = (tab ? [tab] : document.errors).map(({ pos, code, message }) => ({
    line: lineAt(pos[0]),
    message: wordsOf(code, message),
  }));
  const reader = new Reader(document, lineAt);
  const value = errors.length > 0 ? undefined : reader.read(document.contents, [], 0);
  if (reader.values > MOST_VALUES) {
    reader.errors.push({ line: 1, message: 'Its aliases make too many values: write them out.' });
  }
  errors.push(...reader.errors);
  if (errors.length > 0) return { errors: errors.sort((a, b) => a.line - b.line) };
  return {
    value,
    oddKeys: reader.oddKeys,
    lineOf: (path) => {
      for (let length = path.length; length >= 0; length -= 1) {
        const line = reader.lines.get(keyOf(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

/** The library's name for a tab in an indentation. */
const TAB = 'TAB_AS_INDENT';

const keyOf = (path: Path) => JSON.stringify(path);

/** Walks the library's nodes. */
class Reader {
  readonly errors: YamlError[] = [];
  readonly oddKeys: { path: Path; source: string }[] = [];
  readonly lines = new Map<string, number>();
  values = 0;
  readonly #open = new Set<Node>();

  constructor(
    private readonly document: Document.Parsed,
    private readonly lineAt: (at: number | undefined) => number,
  ) {}

  read(node: Node | null | undefined, path: Path, depth: number): unknown {
    this.values += 1;
    if (this.values > MOST_VALUES || !node) return null;
    const line = this.lineAt(node.range?.[0]);
    if (!this.lines.has(keyOf(path))) this.lines.set(keyOf(path), line);
    const meant = isAlias(node) ? node.resolve(this.document) : node;
    if (!meant || this.#open.has(meant) || depth > DEEPEST) {
      this.errors.push({ line, message: 'This is nested too deeply, or within itself: write the value out.' });
      return null;
    }
    if (isScalar(meant)) return scalar(meant);
    this.#open.add(meant);
    try {
      if (isSeq(meant)) return meant.items.map((each, at) => this.read(each as Node, [...path, at], depth + 1));
      return isMap(meant) ? this.#mapping(meant.items as never, path, depth) : null;
    } finally {
      this.#open.delete(meant);
    }
  }

  #mapping(items: readonly { key: Node | null; value: Node | null }[], path: Path, depth: number): unknown {
    const first = new Map<string, number>();
    const own: [string, unknown][] = [];
    const merged: [string, unknown][] = [];
    for (const { key, value } of items) {
      const line = this.lineAt(key?.range?.[0]);
      const source = isScalar(key) ? String(key.source ?? key.value ?? '') : String(key ?? '');
      if (source === '<<' && isScalar(key) && key.type === 'PLAIN') {
        const from = this.read(value, [...path, '<<'], depth + 1);
        for (const each of [from].flat()) merged.push(...Object.entries(Object(each) as object));
        continue;
      }
      if (!isScalar(key) || typeof scalar(key) !== 'string') this.oddKeys.push({ path: [...path, source], source });
      const before = first.get(source);
      if (before !== undefined) {
        this.errors.push({
          line,
          message: `The key ${JSON.stringify(source)} is here again, first at line ${before}: YAML would keep only the last one. Remove one.`,
        });
      }
      first.set(source, before ?? line);
      this.lines.set(keyOf([...path, source]), line);
      own.push([source, this.read(value, [...path, source], depth + 1)]);
    }
    // An own key wins over a merged one (YAML 1.1, merge key).
    return Object.fromEntries([...merged.reverse(), ...own]);
  }
}

function scalar(node: { readonly value?: unknown; readonly source?: string; readonly type?: string; tag?: string }) {
  const text = String(node.value ?? node.source ?? '');
  if (node.type !== 'PLAIN' || node.tag === '!' || node.tag === 'tag:yaml.org,2002:str') return text;
  if (NULL.test(text)) return null;
  if (BOOLEAN.test(text)) return TRUE.test(text);
  if (NUMBER.test(text)) return new NotText(text, 'number');
  return DATE.test(text) ? new NotText(text, 'date') : text;
}

/** What to do about the library's errors that a user meets; its own words for the others. */
function wordsOf(code: string, message: string): string {
  const [, bracket] = /^Flow .* end with a ([\]}])$/.exec(message) ?? [];
  if (bracket !== undefined) {
    const open = bracket === ']' ? '[' : '{';
    return `A ${open} is not closed: write ${bracket} at its end and indent the lines before it, or put the text in quotes.`;
  }
  const known: Readonly<Record<string, string>> = {
    [TAB]: 'A tab cannot indent YAML: write spaces, here and in all other lines.',
    BAD_INDENT: 'The indentation does not fit the lines above: align it with them.',
    BLOCK_AS_IMPLICIT_KEY: 'A value with a colon is not clear here: put it in quotes, or begin a new line.',
    MISSING_CHAR: 'A quote, a colon or a bracket is missing here.',
    MULTIPLE_DOCS: 'A second document begins here: remove its "---".',
    BAD_ALIAS: 'An alias names nothing: put a text that begins with * in quotes.',
  };
  return known[code] ?? `This is not YAML: ${message.split('\n')[0]}`.replace(/[.:]?$/, '.');
}
