import { record } from '../../files/values';
import type { MatrixFile } from './shape';

/** Values of variables that the deployment gives, in place of the matrix's. */
export type Overrides = Readonly<Record<string, string>>;

/**
 * The values of tfvars that stand for variables of a matrix: `environment_suffix`, and each `*_ami_id`. Of a stream
 * `cfe_nom`, `cfe_nom_ami_id` is the variable `ami_id`. Empty texts are none.
 */
export function overridesOf(tfvars: Readonly<Record<string, unknown>>): Overrides {
  return Object.fromEntries(
    Object.entries(tfvars).filter(
      (entry): entry is [string, string] =>
        (entry[0] === 'environment_suffix' || entry[0].endsWith('_ami_id')) &&
        typeof entry[1] === 'string' &&
        entry[1] !== '',
    ),
  );
}

/** The overrides that no variable of the matrix takes. */
export function unusedOverrides(file: MatrixFile, overrides: Overrides): string[] {
  const used = new Set(Object.keys(file.vars ?? {}));
  for (const [stream, { vars = {}, lines }] of Object.entries(file.streams)) {
    used.add(`${stream}_ami_id`);
    for (const each of [vars, ...Object.values(lines).map((line) => line.vars ?? {})]) {
      for (const name of Object.keys(each)) used.add(name);
    }
  }
  return Object.keys(overrides).filter((name) => !used.has(name));
}

/**
 * The overrides that a matrix can take: `environment_suffix`, and the AMI of each stream and of each variable. The matrix
 * may have problems.
 */
export function overridableNames(file: unknown): string[] {
  const { vars, streams } = record(file);
  const names = Object.entries(record(streams)).flatMap(([name, stream]) => {
    const { vars: own, lines } = record(stream);
    const ofLines = Object.values(record(lines)).map((line) => record(line).vars);
    return [`${name}_ami_id`, ...[own, ...ofLines].flatMap((each) => Object.keys(record(each)))];
  });
  const amis = [...names, ...Object.keys(record(vars))].filter((name) => name.endsWith('_ami_id'));
  // Terraform's variables do not begin with a digit, as the name of a stream may.
  return [...new Set(['environment_suffix', ...amis])].filter((name) => /^[A-Za-z_][\w-]*$/.test(name));
}
