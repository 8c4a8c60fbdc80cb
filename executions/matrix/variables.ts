import { nearest } from '../../files/nearest';
import type { Path } from '../../files/problems';
import { isRecord } from '../../files/values';
import { vcpusOf } from '../vcpus';
import { fill, readTemplate } from './fill';
import type { Findings } from './findings';
import type { ReadList } from './lists';
import type { Overrides } from './overrides';
import type { LineFile, StreamFile, Value } from './shape';

/** What a line's variables come from. */
export interface Levels {
  /** The file's vars. */
  readonly file: Readonly<Record<string, Value>>;
  readonly stream: string;
  readonly streamFile: StreamFile;
  readonly line: string;
  readonly lineFile: LineFile;
  readonly overrides: Overrides;
}

/** One value for each variable of `each`. */
export type Combination = Readonly<Record<string, string>>;

/** The variables of a line. */
export interface Scope {
  /** What `each` makes of the line: at least one. */
  readonly combinations: readonly Combination[];
  /** For one job: a variable's value. It reports at a path why there is none. */
  values(cycle: string, each: Combination): (name: string, path: Path) => string | undefined;
}

/** A value, and where it stands. */
interface Definition {
  readonly value: Value;
  readonly path: Path;
}

/** Jobs of a line and cycle: no pace starts more in a round, and two long ranges would fill the memory. */
const MOST_COMBINATIONS = 10_000;

/** What the matrix itself gives each job. */
const OWN = ['init', 'run_type_l', 'run_type_h'];

/** The variables of a line: what stands later wins, of file, stream, line, overrides and each. */
export function variablesOf(levels: Levels, readList: ReadList, findings: Findings): Scope {
  const { stream, streamFile, line, lineFile } = levels;
  const streamPath = ['streams', stream];
  const linePath = [...streamPath, 'lines', line];
  const each = [
    ...Object.entries(streamFile.each ?? {})
      .filter(([name]) => !Object.hasOwn(lineFile.each ?? {}, name))
      .map(([name, list]) => [name, list, [...streamPath, 'each', name]] as const),
    ...Object.entries(lineFile.each ?? {}).map(([name, list]) => [name, list, [...linePath, 'each', name]] as const),
  ];
  const lists = each.map(([name, list, path]) => ({ name, path, texts: readList(list, path) }));
  for (const { name, path } of lists) reserved(name, path, findings);
  const combinations = combined(lists, linePath, findings);

  const definitions = new Map<string, Definition>();
  for (const [vars, path] of [
    [levels.file, ['vars']],
    [streamFile.vars ?? {}, [...streamPath, 'vars']],
    [lineFile.vars ?? {}, [...linePath, 'vars']],
  ] as const) {
    for (const [name, value] of Object.entries(vars)) {
      reserved(name, [...path, name], findings);
      definitions.set(name, { value, path: [...path, name] });
    }
  }
  for (const [name, value] of Object.entries(levels.overrides)) {
    if (definitions.has(name)) definitions.set(name, { value, path: ['vars', name] });
    else if (name === `${stream}_ami_id`) definitions.set('ami_id', { value, path: ['vars', name] });
  }
  const joined = new Map([...definitions].map(([name, definition]) => [name, join(definition, readList)]));
  for (const { name, texts, path } of lists) checkCases(definitions, name, texts, path.length, findings);
  const runType = { run_type_l: line, run_type_h: line.toUpperCase() };

  return {
    combinations,
    values(cycle, combination) {
      const given: Readonly<Record<string, string>> = { init: cycle, ...runType, ...combination };
      const known = new Map<string, string | undefined>();
      const open = new Set<string>();
      const lookUp = (name: string, path: Path): string | undefined => {
        if (Object.hasOwn(given, name)) return given[name];
        if (known.has(name)) return known.get(name);
        const definition = joined.get(name);
        if (!definition) {
          const { value, message } = name === 'nprocs' ? processes(lookUp, path) : unfilled(name);
          // Not kept where there is none: the next place that asks is told of as well.
          if (message !== undefined) findings.error(path, message);
          return value;
        }
        if (open.has(name)) {
          findings.error(
            definition.path,
            `The value of ${name} needs itself: write it without \${${name}}.`,
            definition.value,
          );
          return undefined;
        }
        open.add(name);
        const value = resolve(definition, lookUp, findings);
        open.delete(name);
        known.set(name, value);
        return value;
      };
      return lookUp;
    },
  };

  function unfilled(name: string): { value?: string; message?: string } {
    const meant = nearest(name, [...definitions.keys(), ...each.map(([variable]) => variable), ...OWN, 'nprocs']);
    const write =
      meant === undefined
        ? 'add it to vars or to each'
        : `write \${${meant}} if that is meant, or add it to vars or to each`;
    return { message: `Nothing fills \${${name}} in ${stream}/${line}: ${write}; $\${ is what the shell is to read.` };
  }
}

/** A list of `each`, read. */
interface EachList {
  readonly name: string;
  readonly path: Path;
  readonly texts: readonly string[];
}

/** Each combination of the lists' texts; the last list's text changes first. */
function combined(lists: readonly EachList[], path: Path, findings: Findings): Combination[] {
  const count = lists.reduce((product, { texts }) => product * texts.length, 1);
  if (count > MOST_COMBINATIONS) {
    const message = `This line has ${count} jobs of a cycle: at most ${MOST_COMBINATIONS} are possible; give each fewer values.`;
    findings.error(path, message);
    return [];
  }
  return lists.reduce<Combination[]>(
    (before, { name, texts }) =>
      before.flatMap((combination) => texts.map((text) => ({ ...combination, [name]: text }))),
    [{}],
  );
}

type LookUp = (name: string, path: Path) => string | undefined;

/** All of an instance's vCPUs but one, which is the system's. */
function processes(lookUp: LookUp, path: Path): { value?: string; message?: string } {
  const type = lookUp('instance_type', path);
  if (type === undefined) return {};
  const vcpus = vcpusOf(type);
  if (vcpus === undefined)
    return { message: `The vCPUs of ${JSON.stringify(type)} are not known: add nprocs to vars.` };
  return { value: String(Math.max(vcpus - 1, 1)) };
}

/** The texts of a list are the same for every job. */
function join({ value, path }: Definition, readList: ReadList): Definition {
  if (!isRecord(value) || !('join' in value)) return { value, path };
  return { value: readList(value.join as string | string[], [...path, 'join']).join(','), path };
}

function resolve({ value, path }: Definition, lookUp: LookUp, findings: Findings): string | undefined {
  if (!isRecord(value)) {
    if (typeof value !== 'string') return String(value);
    const template = readTemplate(value);
    for (const { message } of template.problems) findings.error(path, message, value);
    return fill(template, (name) => lookUp(name, path));
  }
  const { by, else: otherwise, ...cases } = value as Readonly<Record<string, Value>>;
  const decides = lookUp(String(by), [...path, 'by']);
  if (decides === undefined) return undefined;
  const found = Object.entries(cases).find(([texts]) => casesIn(texts).includes(decides));
  const chosen = found ? found[1] : otherwise;
  if (chosen === undefined) {
    findings.error(path, `No case is for ${by} ${JSON.stringify(decides)}: add one, or "else".`);
    return undefined;
  }
  return resolve({ value: chosen, path: [...path, found ? found[0] : 'else'] }, lookUp, findings);
}

function casesIn(texts: string): string[] {
  return texts.split(',').map((each) => each.trim());
}

/**
 * Cases of `by` that stand twice or can never be. A case of the whole file may be meant for another stream, and one of a
 * stream for a line with another list.
 *
 * @param depth the length of the path of `each`: what stands higher in the file may be meant for others
 */
function checkCases(
  definitions: ReadonlyMap<string, Definition>,
  variable: string,
  possible: readonly string[],
  depth: number,
  findings: Findings,
): void {
  for (const { value, path } of definitions.values()) {
    if (!isRecord(value) || !('by' in value) || value.by !== variable || possible.length === 0) continue;
    const seen = new Set<string>();
    for (const key of Object.keys(value).filter((each) => each !== 'by' && each !== 'else')) {
      for (const text of casesIn(key)) {
        if (seen.has(text)) {
          findings.error([...path, key], `${JSON.stringify(text)} stands in two cases: leave one of them out.`);
        } else if (path.length >= depth && !possible.includes(text)) {
          const message = `${variable} is never ${JSON.stringify(text)} here: leave it out, or add it to the list.`;
          findings.warning([...path, key], message);
        }
        seen.add(text);
      }
    }
  }
}

function reserved(name: string, path: Path, findings: Findings): void {
  if (!OWN.includes(name)) return;
  const meaning = name === 'init' ? "the cycle's hour" : "the line's name";
  findings.error(path, `${name} is ${meaning}, which the matrix gives: choose another name.`);
}
