import { readdirSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { architectureOfType, checkInstanceType } from '../executions/instance-types';
import { readHcl, readHclFile } from '../files/hcl';
import { nearest } from '../files/nearest';
import { PRODUCT, WORKSPACE } from '../files/product';

/** Where the user's *.auto.pkrvars.* files and Packer's output are. */
export const PACKER_FOLDER = WORKSPACE === PRODUCT ? path.join(PRODUCT, 'packer') : WORKSPACE;
/** Packer's template, its variables and its scripts. */
export const IMAGE_FOLDER = path.join(PRODUCT, 'packer', 'image');
/** The template's variables, with their rules. */
export const VARIABLES_FILE = path.join(IMAGE_FOLDER, 'variables.pkr.hcl');

/** The values of the template's variables, in Packer's format. */
export type Variables = Readonly<Record<string, unknown>>;

/** A problem of a variable's value, with its solution. */
export interface VariableProblem {
  readonly name: string;
  /** Undefined if the variable has no value. */
  readonly value: unknown;
  readonly message: string;
}

/**
 * The sources of values. A later source overrides an earlier one: the template's defaults, PKR_VAR_*,
 * *.auto.pkrvars.hcl, *.auto.pkrvars.json, then these.
 */
export interface Sources {
  /** The folder of the *.auto.pkrvars.* files. Default: the template's folder. */
  readonly folder?: string;
  /** The files of `-var-file`. A later file overrides an earlier one. */
  readonly files: readonly string[];
  /** The `name=value` of `-var`. A later one overrides an earlier one. */
  readonly assignments: readonly string[];
  /** Values for variables that no other source sets. They override the defaults. */
  readonly fallbacks: Variables;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** One variable of variables.pkr.hcl: its HCL type, such as `list(string)`, and the message of its rule, if any. */
type Declaration = z.infer<typeof Declaration>;
const Declaration = z
  .object({
    type: z.string().transform((type) => type.replace(/^\$\{(.*)\}$/, '$1')),
    default: z.unknown(),
    validation: z.tuple([z.object({ error_message: z.string() })]).optional(),
  })
  .transform(({ validation, ...rest }) => ({ ...rest, rule: validation?.[0].error_message }));
const Declarations = z.object({
  variable: z.record(z.string(), z.tuple([Declaration])),
  variables: z.tuple([z.record(z.string(), z.string())]),
});

/** Reads the template's variables. The variables of the block `variables` are strings without a rule. */
export async function readDeclarations(): Promise<ReadonlyMap<string, Declaration>> {
  const { variable, variables } = Declarations.parse(await readHclFile(VARIABLES_FILE));
  const declarations = new Map(Object.entries(variable).map(([name, [declaration]]) => [name, declaration]));
  for (const [name, text] of Object.entries(variables[0]))
    declarations.set(name, { type: 'string', default: text, rule: undefined });
  return declarations;
}

/**
 * Reads every variable's value, with Packer's own precedence.
 *
 * @throws Error that names a file that cannot be read, or a variable that the template does not have
 */
export async function readVariables({ folder = PACKER_FOLDER, ...sources }: Sources): Promise<Variables> {
  const declarations = await readDeclarations();
  const values: Record<string, unknown> = { ...sources.fallbacks };
  const declaration = (from: string, name: string) => {
    const declared = declarations.get(name);
    if (declared) return declared;
    const meant = nearest(name, [...declarations.keys()]) ?? 'one of packer/image/variables.pkr.hcl';
    throw new Error(`${from}: the template has no variable ${JSON.stringify(name)}: write ${meant}.`);
  };
  for (const [name, declared] of declarations) {
    const text = sources.environment[`PKR_VAR_${name}`];
    if (text !== undefined) values[name] = await fromText(name, text, declared);
  }
  const automatic = ['.auto.pkrvars.hcl', '.auto.pkrvars.json'].flatMap((end) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(end))
      .sort(),
  );
  for (const file of [...automatic.map((name) => path.join(folder, name)), ...sources.files]) {
    const given = await readHclFile(file);
    for (const name of Object.keys(given)) declaration(file, name);
    Object.assign(values, given);
  }
  for (const assignment of sources.assignments) {
    const [, name = '', text = ''] = /^([^=]*)=(.*)$/s.exec(assignment) ?? [];
    if (!name)
      throw new Error(`--var ${JSON.stringify(assignment)}: write <name>=<value>, such as --var architecture=x86_64.`);
    values[name] = await fromText(name, text, declaration('--var', name));
  }
  return Object.fromEntries([...declarations].map(([name, declared]) => [name, values[name] ?? declared.default]));
}

/** Reads a variable's text. The text of a string is its value; the text of any other type is HCL. */
async function fromText(name: string, text: string, { type }: Declaration): Promise<unknown> {
  if (type === 'string') return text;
  // Text that is not HCL stays as it is, and `checkTypes` reports it. HCL reads a bare word as an expression. An
  // expression is no value of these types.
  const { value } = await readHcl(name, `value = ${text}\n`).catch(() => ({ value: text }));
  return typeof value === 'string' ? text : value;
}

const TYPES: Readonly<Record<string, { readonly schema: z.ZodType; readonly write: string }>> = {
  string: { schema: z.string(), write: 'a text' },
  number: { schema: z.number(), write: 'a number' },
  bool: { schema: z.boolean(), write: 'true or false' },
  'list(string)': { schema: z.array(z.string()), write: 'a list of texts, ["...", "..."]' },
  'map(string)': { schema: z.record(z.string(), z.string()), write: 'a map of texts, {"..." = "..."}' },
};

/** Finds the values whose type differs from their variable's type. */
export async function checkTypes(variables: Variables): Promise<readonly VariableProblem[]> {
  return [...(await readDeclarations())].flatMap(([name, { type }]) => {
    const { schema, write } = TYPES[type] ?? { schema: z.unknown(), write: type };
    const value = variables[name];
    if (schema.safeParse(value).success) return [];
    return [{ name, value, message: `This is not of the type ${type}: write ${write}.` }];
  });
}

/** The variables that the build itself uses. */
export interface Settings
  extends Record<'region' | 'instance_type' | 'base_ami' | 'kernel' | 'kms_key_id' | 'ami_parameter_name', string>,
    Record<'mount_s3_version' | 'mount_s3_url' | 'hfsubset_version' | 'hfsubset_url', string>,
    Record<'image_name' | 'output_folder' | 'communicator' | 'custom_endpoint_ec2', string>,
    Record<'ami_users' | 'ami_regions', readonly string[]>,
    Record<'region_kms_key_ids' | 'known_sha256' | 'sha256', Readonly<Record<string, string>>> {
  readonly architecture: 'arm64' | 'x86_64';
  readonly session_manager: boolean;
}

/** The variables with their types, after `checkTypes` and Packer's rules have found no problem. */
export function settingsOf(variables: Variables): Settings {
  return variables as Variables & Settings;
}

/** The files that a build downloads: their name in `sha256`, to their address. */
export function downloads(settings: Settings): ReadonlyMap<string, string> {
  const urls = [
    settings.mount_s3_url
      .replaceAll('{version}', settings.mount_s3_version)
      .replaceAll('{architecture}', settings.architecture),
    settings.hfsubset_url
      .replaceAll('{version}', settings.hfsubset_version)
      .replaceAll('{goarch}', { arm64: 'arm64', x86_64: 'amd64' }[settings.architecture]),
  ];
  return new Map(urls.map((url) => [url.slice(url.lastIndexOf('/') + 1), url]));
}

/** The SHA-256 that a download must have; undefined if no variable has it. */
export function sha256Of({ known_sha256, sha256 }: Settings, file: string): string | undefined {
  return sha256[file] ?? known_sha256[file];
}

/** Finds downloads with one file name but two addresses for the two architectures. One sum cannot fit both files. */
export function ambiguousDownloads(settings: Settings): readonly VariableProblem[] {
  const [arm, x86] = (['arm64', 'x86_64'] as const).map((architecture) => downloads({ ...settings, architecture }));
  return [...(arm ?? [])].flatMap(([file, url]) => {
    const other = x86?.get(file);
    if (other === undefined || other === url) return [];
    const name = url === [...(arm?.values() ?? [])][0] ? 'mount_s3_url' : 'hfsubset_url';
    const message = `Both architectures' files are called ${file}, and one SHA-256 cannot be of both: write an address whose last part names the architecture.`;
    return [{ name, value: settings[name], message }];
  });
}

/** Without https, an attacker could replace the file before its SHA-256 is known. */
export function isSafe(url: string): boolean {
  return URL.canParse(url) && (url.startsWith('https://') || new URL(url).hostname === '127.0.0.1');
}

function checkDownloads(settings: Settings): readonly VariableProblem[] {
  return [...downloads(settings)].flatMap(([file, url]) => {
    const address = { name: 'the address', value: url, message: 'Write an address that begins with https://.' };
    const message = `This is to be the SHA-256 of ${url}: run 'npx datastream ami pin', which downloads it once and writes down what came, or write the 64 hexadecimal digits of a source that you trust.`;
    const sum = { name: `sha256["${file}"]`, value: undefined, message };
    return [...(isSafe(url) ? [] : [address]), ...(sha256Of(settings, file) === undefined ? [sum] : [])];
  });
}

/** Checks that concern several variables. No rule of variables.pkr.hcl can express them. */
export function checkTogether(settings: Settings): readonly VariableProblem[] {
  const problems: VariableProblem[] = [];
  const problem = (name: keyof Settings, message: string) => problems.push({ name, value: settings[name], message });
  const { architecture, instance_type, kms_key_id, ami_users, ami_regions, region_kms_key_ids } = settings;

  const type = checkInstanceType(instance_type);
  const itsArchitecture = architectureOfType(instance_type);
  if (instance_type !== '' && type.kind === 'malformed') {
    problem('instance_type', `This is no instance type's name: the nearest is "${type.nearest}".`);
  } else if (itsArchitecture && itsArchitecture !== architecture) {
    const example = { arm64: 't4g.large', x86_64: 't3.large' }[architecture];
    problem(
      'instance_type',
      `This type is ${itsArchitecture}, the image is to be ${architecture}: write a type such as "${example}", leave it out, or write architecture = "${itsArchitecture}".`,
    );
  }

  if (settings.communicator !== 'none') problems.push(...ambiguousDownloads(settings), ...checkDownloads(settings));

  // Packer itself checks that region_kms_key_ids has a key for each of ami_regions and for no other region.
  const isOwn = (key = '') => key === '' || key.endsWith('alias/aws/ebs');
  const away = ami_regions.filter((region) => isOwn(region_kms_key_ids[region]));
  if (ami_users.length > 0 && isOwn(kms_key_id)) {
    problem(
      'ami_users',
      "An image encrypted with the account's own EBS key cannot be shared: write kms_key_id, of a key that those accounts may use.",
    );
  } else if (ami_users.length > 0 && away.length > 0) {
    problem(
      'region_kms_key_ids',
      `An image encrypted with an EBS key of the account cannot be shared: write a key of your own for ${away.join(', ')}.`,
    );
  }
  if (kms_key_id === '' && Object.keys(region_kms_key_ids).length > 0) {
    problem(
      'kms_key_id',
      "With region_kms_key_ids the image of the build's own region needs a key too: write kms_key_id.",
    );
  }
  return problems;
}
