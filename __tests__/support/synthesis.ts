import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The content of every file below a folder, by its path relative to the folder. */
export function filesBelow(root: string): Record<string, Buffer> {
  const all = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = all.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((file) => [path.relative(root, file), readFileSync(file)]));
}

/** Parses a stack's JSON without cdktf's metadata, which name the package (cdktf or cdktn). */
export function withoutMetadata(json: string) {
  return JSON.parse(json, (key, value) => (key === '//' ? undefined : value));
}

/** Every address that Terraform's state, a tfvars file or another module may use. */
export function addressesOf(
  stack: Readonly<Partial<Record<'resource' | 'data' | 'variable' | 'output', object>>>,
): string[] {
  const { resource = {}, data = {}, variable = {}, output = {} } = stack;
  const byType = (prefix: string, types: object) =>
    Object.entries(types).flatMap(([type, each]) => Object.keys(each).map((name) => `${prefix}${type}.${name}`));
  return [
    ...byType('', resource),
    ...byType('data.', data),
    ...Object.keys(variable).map((name) => `var.${name}`),
    ...Object.keys(output).map((name) => `output.${name}`),
  ].sort();
}
