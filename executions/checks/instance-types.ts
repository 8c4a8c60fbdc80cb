import { collectProblems, type Path, type Problem, type Problems } from '../../files/problems';
import { list } from '../../files/values';
import { type Architecture, checkInstanceType } from '../instance-types';
import type { Execution, ParseOptions } from '../model';
import { WRITE_TYPE } from '../run-instances';
import { placeholderInValue } from './placeholders';

/** An instance type, and where the file has it. */
interface Named {
  readonly type: string;
  readonly path: Path;
}

/** Checks the type to launch and the types to try after it. All of them run the same image. */
export function checkInstanceTypes(
  first: unknown,
  further: unknown,
  { imageArchitecture }: ParseOptions,
  problems: Problems,
): void {
  const types = named(first, further);
  for (const each of types) checkName(each, problems);
  if (imageArchitecture) checkImage(types, imageArchitecture, problems);
  const architecture = typeof first === 'string' ? architectureIn(first) : undefined;
  types.forEach(({ type, path }, index) => {
    const its = architectureIn(type);
    if (types.findIndex((other) => other.type === type) < index) {
      problems.warning(path, 'This type is tried already: leave it out.', type);
    } else if (its && architecture && its !== architecture && !problems.hasProblemAt(path)) {
      problems.error(path, `This type is ${its}, but ${first} is ${architecture}: one image cannot run on both.`, type);
    }
  });
}

/** The problems of an execution's instance types with an image of this architecture. */
export function problemsOfImage(
  { instance_parameters, ii_instance_types }: Execution,
  architecture: NonNullable<ParseOptions['imageArchitecture']>,
): readonly Problem[] {
  const problems = collectProblems();
  checkImage(named(instance_parameters.InstanceType, ii_instance_types), architecture, problems);
  return problems.inFileOrder(undefined);
}

function named(first: unknown, further: unknown): Named[] {
  const types = list(further).map((type, index) => ({ type, path: ['run_options', 'ii_instance_types', index] }));
  return [{ type: first, path: ['instance_parameters', 'InstanceType'] }, ...types].flatMap(({ type, path }) =>
    typeof type === 'string' ? [{ type, path }] : [],
  );
}

/** Reports a type that EC2 is certain to refuse, and warns of one that the table does not know. */
function checkName({ type, path }: Named, problems: Problems): void {
  const check = checkInstanceType(type);
  if (check.kind === 'malformed') {
    const write = `${WRITE_TYPE}; the nearest is "${check.nearest}"`;
    if (type === '') problems.error(path, `This is empty: ${WRITE_TYPE}.`, type);
    else if (placeholderInValue(type))
      problems.placeholder('error', path, `This is a placeholder: ${WRITE_TYPE}.`, type);
    else if (/\s/.test(type)) problems.error(path, `White space is no part of an instance type: ${write}.`, type);
    else problems.error(path, `This is no instance type's name: ${write}.`, type);
  } else if (check.kind === 'unknown') {
    problems.warning(
      path,
      `This instance type is not known here: if it is misspelt, "${check.nearest}" is the nearest.`,
      type,
    );
  } else if (check.kind === 'newer') {
    problems.warning(path, 'This instance type is newer than those known here: make sure that EC2 has it.', type);
  }
}

function checkImage(types: readonly Named[], image: Architecture, problems: Problems): void {
  const write = image === 'arm64' ? 'an arm64 type such as "t4g.xlarge"' : 'an x86_64 type such as "t3.xlarge"';
  for (const { type, path } of types) {
    const its = architectureIn(type);
    if (!its || its === image) continue;
    problems.error(path, `This type is ${its}, the AMI is ${image}: write ${write}, or use another AMI.`, type);
  }
}

/** The architecture of a type in the table. Undefined for a newer type, whose architecture is a guess. */
function architectureIn(type: string): Architecture | undefined {
  const check = checkInstanceType(type);
  return check.kind === 'known' ? check.architecture : undefined;
}
