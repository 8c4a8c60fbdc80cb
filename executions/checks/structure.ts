import type * as z from 'zod';
import { nearest } from '../../files/nearest';
import type { Path, Problems } from '../../files/problems';
import { isRecord, member } from '../../files/values';
import { WANTED_TYPES, wantedValues } from '../../files/wanted';
import { datastreamOptionsShape, executionFileShape, RUN_STATE_KEYS, runOptionsShape } from '../shape';

type Issue = z.core.$ZodIssue;

/**
 * Reports wrong types, values outside a fixed list, and unknown keys.
 *
 * @returns the parsed file; undefined if it does not match the shape
 */
export function checkStructure(
  file: Readonly<Record<string, unknown>>,
  problems: Problems,
): z.infer<typeof executionFileShape> | undefined {
  const { data, error } = executionFileShape.safeParse(withoutRunState(file));
  for (const issue of error?.issues ?? []) report(issue, [], file, problems);

  const optionKeys = Object.keys(runOptionsShape.shape).filter((key) => !RUN_STATE_KEYS.has(key));
  for (const key of optionKeys.filter((each) => Object.hasOwn(file, each) && !(each in executionFileShape.shape))) {
    problems.error([key], 'This key belongs in run_options, and has no effect here: write it there.', file[key]);
  }
  unknownKeys(file, [], Object.keys(executionFileShape.shape), problems, (key) =>
    [...optionKeys, ...RUN_STATE_KEYS].includes(key),
  );
  const runOptions = member(file, 'run_options');
  unknownKeys(runOptions, ['run_options'], Object.keys(runOptionsShape.shape), problems, (key) =>
    RUN_STATE_KEYS.has(key),
  );
  const options = ['datastream_command_options'];
  unknownKeys(member(file, 'datastream_command_options'), options, Object.keys(datastreamOptionsShape.shape), problems);
  return data;
}

/** Removes the instance's ID, which a file saved from an earlier run has in `instance_parameters`. */
function withoutRunState(file: Readonly<Record<string, unknown>>): unknown {
  const parameters = member(file, 'instance_parameters');
  if (!isRecord(parameters)) return file;
  const { InstanceId: _, ...rest } = parameters;
  return { ...file, instance_parameters: rest };
}

/** An unknown key that resembles a known one is a typo, which would silently change the job. Other keys are notes. */
function unknownKeys(
  value: unknown,
  path: Path,
  known: readonly string[],
  problems: Problems,
  isKnownOtherwise: (key: string) => boolean = () => false,
): void {
  if (!isRecord(value)) return;
  for (const key of Object.keys(value)) {
    if (known.includes(key) || isKnownOtherwise(key)) continue;
    const meant = nearest(key, known);
    if (meant === undefined) problems.warning([...path, key], 'This key is unknown and is ignored.', value[key]);
    else
      problems.error(
        [...path, key],
        `This key is unknown: write ${JSON.stringify(meant)} if that is meant.`,
        value[key],
      );
  }
}

function report(issue: Issue, base: Path, file: unknown, problems: Problems): void {
  const path: Path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  const found = valueAt(file, path);
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) problems.error([...path, key], unknownMember(key, path), member(found, key));
    return;
  }
  if (issue.code === 'invalid_union') {
    // The option whose own type matched tells what is wrong within it.
    const within = issue.errors.find((issues) =>
      issues.every((each) => each.path.length > 0 || each.code === 'unrecognized_keys'),
    );
    if (within && within.length > 0) {
      for (const each of within) report(each, path, file, problems);
      return;
    }
  }
  problems.error(path, sentence(issue, path, found), found);
}

/** The shape's own message, if it has one. zod's own messages begin with "Invalid". */
function sentence(issue: Issue, path: Path, found: unknown): string {
  if (!issue.message.startsWith('Invalid')) return issue.message;
  if (issue.code === 'invalid_value') {
    const { one, hint } = wantedValues(issue.values, found);
    return `Write ${one}.${hint}`;
  }
  if (issue.code !== 'invalid_type') return issue.message;
  return found === undefined ? missing(path) : wrongType(issue.expected, found);
}

function missing(path: Path): string {
  return `${JSON.stringify(path.at(-1) ?? '$')} is missing: an execution needs it.`;
}

function wrongType(expected: string, found: unknown): string {
  const wanted = WANTED_TYPES[expected] ?? expected;
  if (found === null) return `Write ${wanted}, or leave the key out: null is no value.`;
  return `Write ${wanted} in place of ${nameOf(found)}.`;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? 'a string' : 'a number';
}

function unknownMember(key: string, path: Path): string {
  const known = membersAt(path);
  const meant = nearest(key, known);
  const where =
    path[0] === 'instance_parameters' ? 'RunInstances has no such member, and EC2 refuses it' : 'This key is unknown';
  if (meant !== undefined) return `${where}: write ${JSON.stringify(meant)} if that is meant.`;
  const few = known.length > 0 && known.length <= 8 ? ` Known here: ${known.join(', ')}.` : '';
  return `${where}: leave it out.${few}`;
}

/** The part of a zod schema that is needed to find a member. */
interface Shape {
  readonly def: { readonly innerType?: Shape; readonly options?: readonly Shape[]; readonly element?: Shape };
  readonly shape?: Readonly<Record<string, Shape>>;
}

/** The keys that the shape has at a path. */
function membersAt(path: Path): string[] {
  const found = path.reduce<Shape | undefined>((shape, step) => {
    const inner = unwrap(shape);
    return typeof step === 'number' ? inner?.def.element : inner?.shape?.[step];
  }, executionFileShape as Shape);
  return Object.keys(unwrap(found)?.shape ?? {});
}

/** The object or array within `optional()` and unions. */
function unwrap(shape: Shape | undefined): Shape | undefined {
  if (shape?.def.innerType) return unwrap(shape.def.innerType);
  return shape?.def.options?.map(unwrap).find((option) => option?.shape !== undefined) ?? shape;
}

function valueAt(file: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof step === 'number' ? (value as readonly unknown[] | undefined)?.[step] : member(value, step),
    file,
  );
}
