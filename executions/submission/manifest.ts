import { dirname, resolve } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { nearest } from '../../files/nearest';
import type { Problems } from '../../files/problems';
import { readTextFile } from '../../files/text-file';
import { fill, namesIn, readTemplate, type Template } from '../matrix/fill';
import { collectFindings } from '../matrix/findings';
import type { SubmittedJob } from './items';

/** The columns that every manifest has; all others fill the `${}` of the files. */
const OWN_COLUMNS = ['name', 'file'] as const;

interface Row {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number };
}

/**
 * Reads a manifest: a CSV file whose header names the columns, with a job on each line.
 *
 * @param file the manifest; the files in its column `file` are relative to its folder
 * @returns the jobs; what is wrong is in the problems, each with the manifest's line
 */
export function readManifest(file: string, problems: Problems): SubmittedJob[] {
  const read = readTextFile(file);
  if ('error' in read) {
    problems.error([], read.error);
    return [];
  }
  const rows = rowsOf(file, read.text, problems);
  const columns = Object.keys(rows[0]?.record ?? {});
  const findings = collectFindings(problems);
  const templates = new Map<string, Template | undefined>();
  const templateOf = (path: string, line: number) => {
    if (!templates.has(path)) templates.set(path, templateIn(file, path, line, problems));
    return templates.get(path);
  };
  const jobs = rows.flatMap(({ record, info }): SubmittedJob[] => {
    const source = `${file}:${info.lines}`;
    const { name = '', file: path = '' } = record;
    for (const column of OWN_COLUMNS) {
      if (record[column]?.trim() === '') problems.error([], `${source}: the column ${column} is empty: write a value.`);
    }
    const template = path.trim() === '' ? undefined : templateOf(path, info.lines);
    if (!template || name.trim() === '') return [];
    for (const variable of namesIn(template).filter((each) => !Object.hasOwn(record, each))) {
      const meant = nearest(variable, columns);
      const write = meant === undefined ? 'add it' : `write \${${meant}} if that is meant`;
      const message = `\${${variable}} is no column of ${file}: ${write}, or write $\${${variable}} for what the shell is to read.`;
      findings.ofJob(
        'error',
        [],
        `column ${path} ${variable}`,
        `${name} (${source})`,
        (told) => `${told}: ${path}: ${message}`,
      );
    }
    const text = fill(template, (variable) => (Object.hasOwn(record, variable) ? record[variable] : undefined));
    if (text === undefined) return [];
    try {
      return [{ name, input: JSON.parse(text), source }];
    } catch (error) {
      const why = (error as Error).message;
      findings.ofJob(
        'error',
        [],
        `json ${path} ${why}`,
        `${name} (${source})`,
        (told) => `${told}: ${path} is no JSON when it is filled: ${why}`,
      );
      return [];
    }
  });
  findings.end();
  checkUnused(file, columns, [...templates.values()], problems);
  return jobs;
}

/** A spreadsheet in a language with a decimal comma separates columns by semicolons; others write tabs. */
function delimiterOf(text: string): string {
  const [header = ''] = text.split('\n', 1);
  return [',', ';', '\t'].find((each) => header.includes(each)) ?? ',';
}

function rowsOf(file: string, text: string, problems: Problems): Row[] {
  let rows: Row[];
  try {
    rows = parse(text, {
      bom: true,
      columns: (header: string[]) => header.map((column) => column.trim()),
      delimiter: delimiterOf(text),
      info: true,
      skip_empty_lines: true,
    }) as unknown as Row[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    problems.error([], `${file}:${error.lines ?? 1}: this is no CSV: ${error.message}.`);
    return [];
  }
  const [first] = rows;
  if (!first) {
    problems.error([], `${file}: there are no jobs: write a header, name,file, and a line for each job.`);
    return [];
  }
  const missing = OWN_COLUMNS.filter((column) => !Object.hasOwn(first.record, column));
  if (missing.length === 0) return rows;
  const found = Object.keys(first.record).join(',');
  problems.error([], `${file}:1: the header lacks ${missing.join(' and ')}: write it in the first line.`, found);
  return [];
}

function templateIn(manifest: string, path: string, line: number, problems: Problems): Template | undefined {
  const read = readTextFile(resolve(dirname(manifest), path), path);
  if ('error' in read) {
    problems.error([], `${manifest}:${line}: ${read.error}`);
    return undefined;
  }
  const template = readTemplate(read.text);
  for (const { at, message } of template.problems) {
    const before = read.text.slice(0, at).split('\n');
    problems.error([], `${path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${message}`);
  }
  return template.problems.length > 0 ? undefined : template;
}

/** A column that fills nothing is a slip of the pen, or a note. */
function checkUnused(
  file: string,
  columns: readonly string[],
  templates: readonly (Template | undefined)[],
  problems: Problems,
): void {
  if (templates.includes(undefined)) return;
  const used = new Set([...OWN_COLUMNS, ...templates.flatMap((template) => (template ? namesIn(template) : []))]);
  for (const column of columns.filter((each) => !used.has(each))) {
    problems.warning([], `${file}: no file has \${${column}}, so the column ${column} fills nothing.`);
  }
}
