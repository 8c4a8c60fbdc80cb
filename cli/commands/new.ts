import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { shellQuote } from '../../executions/datastream-command/quoting';
import { applyEdit, type Edit, isKnownPath, parseUnset } from '../../executions/edit';
import { architectureOfType } from '../../executions/instance-types';
import type { ParseOptions } from '../../executions/model';
import { formatPath, type Path, type Problem } from '../../files/problems';
import { PRODUCT } from '../../files/product';
import { isRecord, list, member, text } from '../../files/values';
import { writeFileAtomically } from '../../files/write-file';
import { readExecutionFile } from '../execution-file';
import { problemLines } from '../output/problem-lines';
import { type Output, wrap } from '../output/wrap';
import { checkFile } from './validate';

export interface NewOptions extends ParseOptions {
  /** `template`, or the path of an execution file to begin with. */
  readonly from: string;
  /** The edits, in the order of the command line. */
  readonly edits: readonly Edit[];
  /** Whether an existing file may be replaced. Default: no. */
  readonly force?: boolean;
}

const EXECUTIONS = join(PRODUCT, 'executions');
const TEMPLATE = join(EXECUTIONS, 'execution_template.json');
const SCHEMA = join(EXECUTIONS, 'execution.schema.json');

/**
 * Writes an execution file without errors. If it has an error, prints what is wrong and writes nothing.
 *
 * @returns the exit code: 0 written, 1 the file has an error, 2 a file cannot be read or written
 */
export function writeNew(file: string, options: NewOptions, out: Output, err: Output): number {
  const refuse = (sentence: string, exitCode = 2, options = '') => {
    err.write(`${wrap(sentence, err)}\n${options}`);
    return exitCode;
  };
  if (!options.force && existsSync(file))
    return refuse(`${file}: this file exists already: name another one, or add --force.`);
  const folder = dirname(resolve(file));
  if (!existsSync(folder))
    return refuse(`${file}: the folder ${folder} does not exist: make it first, or check the path.`);

  const source = options.from === 'template' ? TEMPLATE : options.from;
  const content = readExecutionFile(source);
  if ('error' in content) return refuse(content.error);
  for (const line of content.repeated) err.write(wrap(`${line}\n`, err));
  let value = withSchema(content.value, folder);
  for (const edit of options.edits) {
    const edited = applyEdit(value, edit);
    if ('error' in edited) return refuse(`${source}: ${edited.error}`);
    value = edited.file;
  }

  const { problems } = checkFile(value, { ...options, ...architectureOf(content.value, value) });
  for (const problem of problems) err.write(problemLines(problem, err));
  // A placeholder is an error in a new file: it was forgotten. In other files it may be a value that is meant.
  const inTheWay = problems.filter(({ severity, placeholder }) => severity === 'error' || placeholder);
  if (inTheWay.length > 0) {
    const mending = remedies(inTheWay, value, options.edits);
    const how = mending && '\nGive what is missing, or take with --unset PATH what may be left out:';
    return refuse(`${file}: nothing was written.${how}`, 1, mending);
  }
  try {
    writeFileAtomically(file, `${JSON.stringify(value, null, 2)}\n`);
  } catch (error) {
    return refuse((error as Error).message);
  }
  out.write(
    `${file}: written.\n` +
      `Run it on this computer:\n  npx datastream run --local ${shellQuote(file)}\n` +
      `Start it on AWS:\n  npx datastream start ${shellQuote(file)}\n`,
  );
  return 0;
}

/** The architecture of an image that the edits keep: that of the source's instance type. */
function architectureOf(source: unknown, file: unknown): Pick<ParseOptions, 'imageArchitecture'> {
  const [before, after] = [source, file].map((each) => member(each, 'instance_parameters'));
  const type = text(member(before, 'InstanceType'));
  if (type === undefined || member(before, 'ImageId') !== member(after, 'ImageId')) return {};
  const architecture = architectureOfType(type);
  return architecture === 'arm64' || architecture === 'x86_64' ? { imageArchitecture: architecture } : {};
}

/** Adds `$schema`, relative to the new file's folder, where editors look for it. */
function withSchema(file: unknown, folder: string): unknown {
  if (!isRecord(file)) return file;
  const path = relative(folder, SCHEMA).split(sep).join('/');
  const { $schema: _, ...rest } = file;
  return { $schema: path.startsWith('.') ? path : `./${path}`, ...rest };
}

/** The option that mends each error. An unknown key that the user has set has none: its message says what to do. */
function remedies(problems: readonly Problem[], file: unknown, edits: readonly Edit[]): string {
  const options = problems.flatMap((problem) => {
    const at = parseUnset(problem.path);
    if ('error' in at) return [];
    const name = problem.path.slice('$.'.length);
    if (isKnownPath(at.path)) return [`  --set ${quoted(`${name}=${valueToMend(file, at.path)}`)}\n`];
    const own = edits.some(({ path }) => problem.path.startsWith(formatPath(path)));
    return own ? [] : [`  --unset ${quoted(name)}\n`];
  });
  return [...new Set(options)].join('');
}

/** The value to change. A command is shown whole, since it is long and only a part of it needs a change. */
function valueToMend(file: unknown, path: Path): string {
  const command = path.length === 2 && path[0] === 'commands' ? list(member(file, 'commands'))[Number(path[1])] : '';
  return text(command) || '...';
}

/** Quotes a word, with double quotes if it contains single quotes, as commands do: that is easier to read. */
function quoted(word: string): string {
  return word.includes("'") && !/["\\$`!\n]/.test(word) ? `"${word}"` : shellQuote(word);
}
