/** One finding about a file. `error` refuses the file, `warning` does not. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** JSON path of the offending value, e.g. `$.instance_parameters.ImageId`. */
  readonly path: string;
  /** The value found, as JSON, shortened to 80 characters. Absent if there is no value. */
  readonly found?: string;
  /** One sentence: what is wrong and what to write instead. */
  readonly message: string;
  /** A value that a template leaves for its user to fill in. */
  readonly placeholder?: true;
}

/** A place in a file: keys and indexes from the root. */
export type Path = readonly (string | number)[];

/** Collects problems while a file is checked, so that the user gets all of them at once. */
export interface Problems {
  /** Reports an error, which refuses the file. `found` is the value there; leave it out if there is none. */
  error(path: Path, message: string, found?: unknown): void;
  /** Reports a warning, which lets the file pass. */
  warning(path: Path, message: string, found?: unknown): void;
  /** Reports a problem of a value that a template leaves for its user to fill in. */
  placeholder(severity: Problem['severity'], path: Path, message: string, found: unknown): void;
  /** Whether anything was reported at exactly this path. */
  hasProblemAt(path: Path): boolean;
  /** Whether any error was reported. */
  hasErrors(): boolean;
  /** Every problem, in the order of the values in the file. */
  inFileOrder(file: unknown): Problem[];
}

/** The longest `found`, in characters: enough to recognise a value, short enough for a console line. */
const FOUND_LENGTH = 80;

/** Makes an empty collection. */
export function collectProblems(): Problems {
  const entries: { path: Path; problem: Problem }[] = [];
  const add = (severity: Problem['severity'], path: Path, message: string, found: unknown, rest = {}) => {
    const shown = found === undefined ? {} : { found: shorten(found) };
    entries.push({ path, problem: { severity, path: formatPath(path), ...shown, message, ...rest } });
  };
  return {
    error: (path, message, found) => add('error', path, message, found),
    warning: (path, message, found) => add('warning', path, message, found),
    placeholder: (severity, path, message, found) => add(severity, path, message, found, { placeholder: true }),
    hasProblemAt: (path) => entries.some(({ problem }) => problem.path === formatPath(path)),
    hasErrors: () => entries.some(({ problem }) => problem.severity === 'error'),
    inFileOrder: (file) =>
      entries
        .map(({ path, problem }) => ({ problem, position: positionOf(path, file) }))
        .sort((a, b) => compare(a.position, b.position))
        .map(({ problem }) => problem),
  };
}

/** A path as users know it from other tools: `$.instance_parameters.SecurityGroupIds[0]`, `$["a key"]`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return /^[A-Za-z_$][\w$]*$/.test(step) && step.length <= FOUND_LENGTH
      ? `${text}.${step}`
      : `${text}[${shorten(step)}]`;
  }, '$');
}

/** A value as JSON, cut to 80 characters. */
export function shorten(value: unknown): string {
  const cut = typeof value === 'string' ? value.slice(0, FOUND_LENGTH + 1) : value;
  const json = JSON.stringify(cut) ?? String(cut);
  return json.length <= FOUND_LENGTH ? json : `${json.slice(0, FOUND_LENGTH - 1)}…`;
}

/** The index of each step among its siblings. A key that the file lacks comes after the keys that it has. */
function positionOf(path: Path, file: unknown): number[] {
  let value = file;
  return path.map((step) => {
    if (typeof value !== 'object' || value === null) return Number.POSITIVE_INFINITY;
    const keys = Object.keys(value);
    const ordinal = typeof step === 'number' ? step : keys.indexOf(step);
    value = Object.hasOwn(value, step) ? (value as Record<string | number, unknown>)[step] : undefined;
    return ordinal < 0 ? Number.POSITIVE_INFINITY : ordinal;
  });
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let step = 0; step < Math.min(a.length, b.length); step += 1) {
    const [left = 0, right = 0] = [a[step], b[step]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return a.length - b.length;
}
