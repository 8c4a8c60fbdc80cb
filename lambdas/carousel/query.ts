import { nearest } from '../../files/nearest';

/** The attributes of a file that a query may compare, as the metadata table has them. */
export const ATTRIBUTES = ['FilePath', 'MISR_Path', 'Orbit', 'Year', 'Month', 'Day'] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

/** What a query demands of a file: every attribute's value. */
export type Conditions = Readonly<Partial<Record<Attribute, string>>>;

const TOKEN = /\s*(?:('(?:[^']|'')*'|"(?:[^"]|"")*")|`([^`]*)`|([A-Za-z_][A-Za-z0-9_]*)|([0-9]+)|(=)|(\S))/gy;

interface Token {
  readonly kind: 'value' | 'word' | 'equals' | 'other';
  readonly text: string;
}

/**
 * Reads a query in the form of the source, the conditions of a SimpleDB select: `MISR_Path = '22' and Year = '2015'`.
 *
 * @returns the conditions, with numbers as the table has them (no leading zeros); or everything that is wrong
 */
export function parseQuery(query: string): { readonly conditions: Conditions } | { readonly problems: string[] } {
  const tokens = tokensOf(query.trim().replace(/^where\s+/i, ''));
  const conditions: Partial<Record<Attribute, string>> = {};
  const problems: string[] = [];
  const form = `write conditions such as MISR_Path = '22' and Year = '2015'`;
  if (tokens.length === 0) return { problems: [`query is empty: ${form}.`] };
  for (let at = 0; at < tokens.length; at += 4) {
    const [name, equals, value, and] = tokens.slice(at, at + 4);
    const found = tokens
      .slice(at, at + 3)
      .map(({ text }) => text)
      .join(' ');
    if (name?.kind !== 'word' || equals?.kind !== 'equals' || (value?.kind !== 'value' && value?.kind !== 'word')) {
      return {
        problems: [...problems, `query has ${JSON.stringify(found)}, which is no attribute = 'value': ${form}.`],
      };
    }
    const attribute = ATTRIBUTES.find((each) => each.toLowerCase() === name.text.toLowerCase());
    if (attribute === undefined) {
      const near = nearest(name.text, ATTRIBUTES);
      problems.push(
        `query names the attribute ${name.text}, which no file has: write ${near ?? `one of ${ATTRIBUTES.join(', ')}`}.`,
      );
    } else if (conditions[attribute] !== undefined && conditions[attribute] !== normal(attribute, value.text)) {
      problems.push(
        `query demands of ${attribute} both ${conditions[attribute]} and ${value.text}, which no file can have: write one of them.`,
      );
    } else conditions[attribute] = normal(attribute, value.text);
    if (and !== undefined && (and.kind !== 'word' || and.text.toLowerCase() !== 'and')) {
      return {
        problems: [...problems, `query has ${JSON.stringify(and.text)} after a condition: join conditions by and.`],
      };
    }
    if (and !== undefined && at + 4 >= tokens.length) {
      return { problems: [...problems, `query ends with ${JSON.stringify(and.text)}: ${form}.`] };
    }
  }
  return problems.length > 0 ? { problems } : { conditions };
}

/** A number without leading zeros: `Month = '08'` is month 8. */
function normal(attribute: Attribute, value: string): string {
  return attribute === 'FilePath' || !/^[0-9]+$/.test(value) ? value : String(Number(value));
}

function tokensOf(text: string): Token[] {
  return Array.from(text.matchAll(TOKEN), ([, quoted, ticked, word, number, equals, other = '']): Token => {
    if (quoted !== undefined) {
      const quote = quoted.charAt(0);
      return { kind: 'value', text: quoted.slice(1, -1).replaceAll(quote + quote, quote) };
    }
    if (number !== undefined) return { kind: 'value', text: number };
    if (ticked !== undefined || word !== undefined) return { kind: 'word', text: ticked ?? word ?? '' };
    return equals === undefined ? { kind: 'other', text: other } : { kind: 'equals', text: '=' };
  });
}

/**
 * The attributes of a file of the Terra Fusion archive, from its path and name:
 * `P22/TERRA_BF_L1B_O85079_20151216160910_F000_V001.h5`.
 *
 * @returns those that the key has; none of a file with another name
 */
export function attributesOf(key: string): Conditions {
  const [, path] = /(?:^|\/)P(\d{1,3})\/[^/]*$/.exec(key) ?? [];
  const [, orbit, year, month, day] = /_O(\d+)_(\d{4})(\d{2})(\d{2})\d*_[^/]*$/.exec(key) ?? [];
  const entries = Object.entries({ MISR_Path: path, Orbit: orbit, Year: year, Month: month, Day: day });
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(Number(value))]])),
  );
}
