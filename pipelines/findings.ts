import { formatPath, type Path, type Problem, shorten } from '../files/problems';

/** A problem of a `pipelines_config.yml`. */
export interface LineProblem extends Problem {
  /** Line, from 1. */
  readonly line: number;
}

/** Collects the problems of a file, with their lines. */
export class Findings {
  readonly #all: LineProblem[] = [];

  constructor(private readonly lineOf: (path: Path) => number) {}

  /** Reports an error, which refuses the file. */
  error(path: Path, message: string, found?: unknown): void {
    this.#add('error', path, message, found);
  }

  /** Reports a warning, which lets the file pass. */
  warning(path: Path, message: string, found?: unknown): void {
    this.#add('warning', path, message, found);
  }

  #add(severity: Problem['severity'], path: Path, message: string, found: unknown): void {
    const shown = found === undefined ? {} : { found: shorten(found) };
    this.#all.push({ severity, line: this.lineOf(path), path: formatPath(path), ...shown, message });
  }

  get hasErrors(): boolean {
    return this.#all.some(({ severity }) => severity === 'error');
  }

  /** Every problem, by line. */
  inOrder(): LineProblem[] {
    return this.#all.sort((a, b) => a.line - b.line);
  }
}
