/** A text, cut at its variables. */
export interface Template {
  readonly pieces: readonly Piece[];
  readonly problems: readonly TemplateProblem[];
}

/** A text as it stands, or the name of a variable. */
type Piece = string | { readonly name: string };

export interface TemplateProblem {
  /** Where in the text, from 0. */
  readonly at: number;
  /** One sentence. */
  readonly message: string;
}

const TOKEN = /\$\$\{|\$\{|%\{/g;
const NAME = /\$\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}/y;

/**
 * Reads what a matrix knows of Terraform's templatefile: `${name}`, and `$${` for the characters `${`. Everything else
 * that templatefile would evaluate is a problem, so that a template never means one thing here and another there.
 */
export function readTemplate(text: string): Template {
  const pieces: Piece[] = [];
  const problems: TemplateProblem[] = [];
  let end = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (index < end) continue;
    pieces.push(text.slice(end, index));
    end = index + token.length;
    if (token === '$${') pieces.push('${');
    else if (token === '%{') problems.push({ at: index, message: DIRECTIVE });
    else {
      NAME.lastIndex = index;
      const [whole, name] = NAME.exec(text) ?? [];
      if (whole === undefined || name === undefined) problems.push({ at: index, message: notAName(text, index) });
      else {
        pieces.push({ name });
        end = index + whole.length;
      }
    }
  }
  pieces.push(text.slice(end));
  return { pieces, problems };
}

const DIRECTIVE =
  '"%{" begins a directive of Terraform, which is not possible here: write \\u0025{ for these characters.';

function notAName(text: string, at: number): string {
  const [found = ''] = /^\$\{[^}\n]{0,40}\}?/.exec(text.slice(at, at + 60)) ?? [];
  return `${JSON.stringify(found)} is no variable: write \${name}, or $\${ for what the shell is to read.`;
}

/** The names of the text's variables. */
export function namesIn({ pieces }: Template): string[] {
  return [...new Set(pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.name])))];
}

/** The text with its variables' values; undefined where one has none. Asks for every variable, also after such a one. */
export function fill({ pieces }: Template, lookUp: (name: string) => string | undefined): string | undefined {
  const parts = pieces.map((piece) => (typeof piece === 'string' ? piece : lookUp(piece.name)));
  return parts.includes(undefined) ? undefined : parts.join('');
}
