import { parseJson } from '../../files/json';
import { collectProblems, type Path, type Problem, type Problems } from '../../files/problems';
import { record } from '../../files/values';
import { fill, readTemplate, type Template } from './fill';
import { collectFindings, type Findings } from './findings';
import { type ReadList, readLists } from './lists';
import { type Overrides, unusedOverrides } from './overrides';
import { DEFAULT_CATCH_UP_H, DEFAULT_STARTS_PER_SECOND, type Gate, type LineFile, type StreamFile } from './shape';
import { checkStructure } from './structure';
import { type Scope, variablesOf } from './variables';

/** What a matrix is expanded with. */
export interface MatrixSources {
  /** The templates' texts by the name that the matrix gives them; or in one sentence why one cannot be read. */
  readonly templates: Readonly<Record<string, string | { readonly error: string }>>;
  /** The deployment's values for variables; they win over the file, the stream and the line. */
  readonly overrides?: Overrides;
}

/** A matrix, expanded. */
export interface Matrix {
  readonly name: string;
  readonly startsPerSecond: number;
  /** In the file's order. */
  readonly lines: readonly Line[];
}

/** Jobs that start together, once for each of their cycles. */
export interface Line {
  readonly stream: string;
  readonly line: string;
  /** Hours of the cycles, `00` to `23`, ascending. */
  readonly cycles: readonly string[];
  /** From a cycle to its jobs' start. */
  readonly lagMinutes: number;
  readonly catchUpHours: number;
  /** Texts of the commands that find the day. */
  readonly pin: readonly string[];
  /** Of all cycles of a day. */
  readonly jobs: readonly Job[];
}

/** A job of every day. */
export interface Job {
  readonly name: string;
  /** The cycle's hour in UTC. */
  readonly cycle: string;
  /** The values of `each` that make this job one of several: those of the stream first. */
  readonly each: Readonly<Record<string, string>>;
  /** The execution file. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** Where a job of a cycle is: its `vpu`, else the first of its values of `each`, such as a basin; empty where it has none. */
export function placeOf({ each }: Pick<Job, 'each'>): string {
  return each.vpu ?? Object.values(each)[0] ?? '';
}

/** Longest name of an execution, its day included: room is left for what names a second run, within AWS's 80. */
export const LONGEST_NAME = 52;

/** `_YYYYMMDD` */
const DAY_LENGTH = 9;

/**
 * For how many seconds of its 900 (AWS Lambda's limit) the planner can start jobs: the first one starts 60 s after the
 * schedule's time, and 40 s are spare.
 */
const STARTING_SECONDS = 800;

/** Step Functions takes more; CloudWatch Logs takes these. */
const NAME = /^[A-Za-z0-9_-]+$/;

/**
 * Expands a matrix into its jobs. It finds all problems at once, each with its path; `checkMatrix` finds those of the
 * jobs' execution files too. It is pure and never throws.
 *
 * @param file the matrix, parsed from JSON
 * @returns the matrix, absent with any error
 */
export function expandMatrix(
  file: unknown,
  sources: MatrixSources,
): { readonly matrix?: Matrix; readonly problems: readonly Problem[] } {
  const problems = collectProblems();
  const matrix = expand(file, sources, problems);
  const found = problems.inFileOrder(file);
  return matrix && !problems.hasErrors() ? { matrix, problems: found } : { problems: found };
}

/** Expands what can be expanded, with problems or without. */
export function expand(file: unknown, sources: MatrixSources, problems: Problems): Matrix | undefined {
  const read = checkStructure(file, problems);
  if (!read) return undefined;
  const findings = collectFindings(problems);
  const { overrides = {}, templates } = sources;
  for (const name of unusedOverrides(read, overrides)) {
    const message = `The tfvars have ${name}, which is no variable of this matrix: add it to vars, or name the stream as it begins.`;
    problems.warning(['vars', name], message, overrides[name]);
  }
  const readList = readLists(read, findings);
  const texts = new Map<string, Template | undefined>();
  const templateOf = (name: string, path: Path) => {
    if (!texts.has(name)) texts.set(name, templateIn(templates, name, path, findings));
    return texts.get(name);
  };
  const lines = Object.entries(read.streams).flatMap(([stream, streamFile]) => {
    const path = ['streams', stream];
    const template = templateOf(streamFile.template, [...path, 'template']);
    return Object.entries(streamFile.lines).map(([line, lineFile]) => {
      const levels = { file: read.vars ?? {}, stream, streamFile, line, lineFile, overrides };
      const scope = variablesOf(levels, readList, findings);
      return expandLine(levels, template, scope, readList, findings);
    });
  });
  const matrix = { name: read.matrix, startsPerSecond: read.starts_per_second ?? DEFAULT_STARTS_PER_SECOND, lines };
  checkNames(matrix, findings);
  findings.end();
  checkMinutes(matrix, findings);
  return matrix;
}

function templateIn(
  templates: MatrixSources['templates'],
  name: string,
  path: Path,
  findings: Findings,
): Template | undefined {
  const text = Object.hasOwn(templates, name) ? templates[name] : undefined;
  if (typeof text !== 'string') {
    findings.error(
      path,
      text?.error ?? 'There is no such template: write its path from the folder of the matrix.',
      name,
    );
    return undefined;
  }
  const template = readTemplate(text);
  for (const { at, message } of template.problems) {
    const before = text.slice(0, at).split('\n');
    findings.error(path, `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${message}`);
  }
  return template.problems.length > 0 ? undefined : template;
}

interface Where {
  readonly stream: string;
  readonly streamFile: StreamFile;
  readonly line: string;
  readonly lineFile: LineFile;
}

function expandLine(
  where: Where,
  template: Template | undefined,
  scope: Scope,
  readList: ReadList,
  findings: Findings,
): Line {
  const { stream, streamFile, line, lineFile } = where;
  const path = ['streams', stream, 'lines', line];
  const cycles = readCycles(lineFile, [...path, 'cycles'], readList, findings);
  const [hours = 0, minutes = 0] = lineFile.lag.split(':').map(Number);
  const own = lineFile.name;
  const namePath = own === undefined ? ['streams', stream, 'name'] : [...path, 'name'];
  const nameText = own === undefined ? streamFile.name : own.startsWith('+') ? streamFile.name + own.slice(1) : own;
  const name = readTemplate(nameText);
  for (const { message } of name.problems) findings.error(namePath, message, nameText);

  const jobs = cycles.flatMap((cycle) =>
    scope.combinations.flatMap((each): Job[] => {
      const valueFor = scope.values(cycle, each);
      const called = fill(name, (variable) => valueFor(variable, namePath));
      const text = template && fill(template, (variable) => valueFor(variable, ['streams', stream, 'template']));
      const gate = filledGate(
        lineFile.gate,
        (variable) => valueFor(variable, [...path, 'gate']),
        [...path, 'gate'],
        findings,
      );
      if (called === undefined || text === undefined) return [];
      const input = inputOf(text, streamFile.template, called, path, findings);
      if (!input) return [];
      checkPins(lineFile.pin ?? [], input, called, [...path, 'pin'], findings);
      return [{ name: called, cycle, each, input: gate === undefined ? input : withGate(input, gate) }];
    }),
  );
  return {
    stream,
    line,
    cycles,
    lagMinutes: 60 * hours + minutes,
    catchUpHours: lineFile.catch_up_h ?? DEFAULT_CATCH_UP_H,
    pin: lineFile.pin ?? [],
    jobs,
  };
}

function readCycles({ cycles }: LineFile, path: Path, readList: ReadList, findings: Findings): readonly string[] {
  const read = readList(cycles, path);
  for (const cycle of read) {
    if (/^(?:[01]\d|2[0-3])$/.test(cycle)) continue;
    findings.error(path, 'This is no hour of a cycle: write two digits, "00" to "23".', cycle);
  }
  return read.filter((cycle) => /^(?:[01]\d|2[0-3])$/.test(cycle)).sort();
}

/** The filled template as JSON. */
function inputOf(
  text: string,
  template: string,
  job: string,
  path: Path,
  findings: Findings,
): Job['input'] | undefined {
  try {
    const input: unknown = JSON.parse(text);
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Job['input'];
    findings.ofJob(
      'error',
      path,
      'object',
      job,
      (jobs) => `${jobs}: ${template} is no JSON object: write { ... } in it.`,
    );
  } catch {
    const message = (jobs: string) => {
      // Told of the first job alone: it takes longer than reading JSON.
      const parsed = parseJson(text);
      const why =
        'error' in parsed ? `line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.message}` : '';
      return `${jobs}: ${template} is no JSON when it is filled: ${why}`;
    };
    findings.ofJob('error', path, 'json', job, message);
  }
  return undefined;
}

function filledGate(
  gate: Gate | undefined,
  lookUp: (name: string) => string | undefined,
  path: Path,
  findings: Findings,
): Gate | undefined {
  if (gate === undefined || gate === true) return gate;
  const uris = gate.uris.map((uri, index) => {
    const template = readTemplate(uri);
    for (const { message } of template.problems) findings.error([...path, 'uris', index], message, uri);
    return fill(template, lookUp) ?? '';
  });
  return { ...gate, uris };
}

function withGate(input: Job['input'], gate: Gate): Job['input'] {
  return { ...input, run_options: { ...record(input.run_options), ii_wait_inputs: gate } };
}

/** A text to pin that stands nowhere would leave a catch-up with today's date. */
function checkPins(pins: readonly string[], input: Job['input'], job: string, path: Path, findings: Findings): void {
  if (pins.length === 0) return;
  const commands = Array.isArray(input.commands) ? input.commands.map(String) : [];
  pins.forEach((pin, index) => {
    if (commands.some((command) => command.includes(pin))) return;
    const message = (jobs: string) => `${jobs}: no command has this text: write it as the command has it.`;
    findings.ofJob('error', [...path, index], 'pin', job, message, pin);
  });
}

function checkNames({ lines }: Matrix, findings: Findings): void {
  const seen = new Map<string, Line>();
  for (const line of lines) {
    const path = ['streams', line.stream, 'lines', line.line];
    for (const { name } of line.jobs) {
      const first = seen.get(name);
      if (first) {
        const other = first === line ? 'another job of this line' : `a job of ${first.stream}/${first.line}`;
        const message = (jobs: string) =>
          `${jobs}: ${other} has this name too: put what tells them apart into name, such as \${init}.`;
        findings.ofJob('error', path, 'duplicate', name, message, name);
      } else seen.set(name, line);
      const most = LONGEST_NAME - DAY_LENGTH;
      if (name.length > most) {
        const message = (jobs: string) =>
          `${jobs}: the name has ${name.length} characters, at most ${most} are possible, ${LONGEST_NAME} with the day: write a shorter name.`;
        findings.ofJob('error', path, 'length', name, message, name);
      }
      if (!NAME.test(name)) {
        const message = (jobs: string) => `${jobs}: this name is not possible: write letters, digits, _ and - alone.`;
        findings.ofJob('error', path, 'characters', name, message, name);
      }
    }
  }
}

/** The minutes of a day in which jobs start, `HH:MM` in UTC, and how many. */
export function minutesOf({ lines }: Matrix): ReadonlyMap<string, number> {
  const minutes = new Map<string, number>();
  for (const line of lines) {
    for (const { cycle } of line.jobs) {
      const minute = minuteOf(line, cycle);
      minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
    }
  }
  return minutes;
}

/** When the jobs of a cycle start, `HH:MM` in UTC. */
export function minuteOf({ lagMinutes }: Pick<Line, 'lagMinutes'>, cycle: string): string {
  const minutes = 60 * Number(cycle) + lagMinutes;
  const digits = (number: number) => String(number).padStart(2, '0');
  return `${digits(Math.floor(minutes / 60) % 24)}:${digits(minutes % 60)}`;
}

/** A planner must have started the jobs of its minute before it ends. */
function checkMinutes(matrix: Matrix, findings: Findings): void {
  const most = Math.floor(STARTING_SECONDS * matrix.startsPerSecond);
  const full = [...minutesOf(matrix)].filter(([, jobs]) => jobs > most);
  const fullest = [...full].sort(([, a], [, b]) => b - a)[0];
  if (!fullest) return;
  const [minute, jobs] = fullest;
  const others =
    full.length === 1 ? '' : `, and too many in ${full.length - 1} other ${full.length === 2 ? 'minute' : 'minutes'}`;
  findings.error(
    ['starts_per_second'],
    `${jobs} jobs start at ${minute} UTC${others}: at ${matrix.startsPerSecond} a second at most ${most} are possible in a minute's round; give a line another lag, or write more a second.`,
    matrix.startsPerSecond,
  );
}
