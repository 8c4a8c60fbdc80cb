import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { readJsonFile } from '../files/json-file';
import { awsSentence } from './aws-errors';
import type { OwnImage } from './images';

/** An image's ID or a parameter's name, to the files that contain it. */
type Names = ReadonlyMap<string, readonly string[]>;

/** The images and parameters that the files of a folder name. */
export interface NamesInFiles {
  readonly images: Names;
  /** The names in `resolve:ssm:NAME`. EC2 resolves each to an image's ID. */
  readonly parameters: Names;
  /** One sentence for each file or folder that cannot be read. */
  readonly unreadable: readonly string[];
}

/**
 * Finds every AMI ID and every `resolve:ssm:` in the JSON files of a folder and of its subfolders.
 *
 * @param shown the folder's name in messages
 */
export function namesInFiles(folder: string, shown: string): NamesInFiles {
  const images = new Map<string, string[]>();
  const parameters = new Map<string, string[]>();
  const unreadable: string[] = [];
  for (const file of jsonFiles(folder, shown, unreadable)) {
    const content = readJsonFile(file.path, file.shown);
    if ('error' in content) {
      unreadable.push(content.error);
      continue;
    }
    // The parsed JSON shows names that escapes hide. The raw text shows the first value of a key that occurs twice.
    const text = `${JSON.stringify(content.value)} ${content.text}`;
    const add = (names: Map<string, string[]>, name: string) => {
      const files = names.get(name) ?? [];
      if (!files.includes(file.shown)) names.set(name, [...files, file.shown]);
    };
    for (const [id] of text.matchAll(/\bami-[0-9a-f]+\b/g)) add(images, id);
    for (const [, name = ''] of text.matchAll(/\bresolve:ssm:([^"\\\s]+)/g)) add(parameters, name);
  }
  return { images, parameters, unreadable };
}

interface Place {
  readonly path: string;
  readonly shown: string;
}

/** Follows symbolic links, and reads each folder once. */
function jsonFiles(folder: string, shown: string, unreadable: string[], seen = new Set<string>()): Place[] {
  try {
    const real = realpathSync(folder);
    if (seen.has(real)) return [];
    seen.add(real);
    return readdirSync(folder)
      .sort()
      .flatMap((name) => {
        const place = { path: join(folder, name), shown: `${shown}/${name}` };
        const isFolder = statSync(place.path, { throwIfNoEntry: false })?.isDirectory();
        if (isFolder) return jsonFiles(place.path, place.shown, unreadable, seen);
        return name.endsWith('.json') ? [place] : [];
      });
  } catch (error) {
    unreadable.push(`${shown}: it cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    return [];
  }
}

/** The images that must stay, and the parameters that could not be read. */
export interface NamedImages {
  /** Image ID to the files and SSM parameters that name it. */
  readonly names: ReadonlyMap<string, readonly string[]>;
  /** Image ID to the SSM parameter that may name it, with the error of reading this parameter. */
  readonly unknown: ReadonlyMap<string, { readonly parameter: string; readonly error: unknown }>;
  /** Unreadable parameters that files name. Each may hold the ID of any image. */
  readonly unread: readonly {
    readonly parameter: string;
    readonly files: readonly string[];
    readonly error: unknown;
  }[];
}

/** Adds the images that SSM parameters name. The parameters come from the images' tags and from the files. */
export async function findNames(
  ssm: Pick<SSMClient, 'send'>,
  images: readonly OwnImage[],
  files: NamesInFiles,
): Promise<NamedImages> {
  const names = new Map([...files.images].map(([id, where]) => [id, [...where]]));
  const add = (id: string, name: string) => {
    if (!names.get(id)?.includes(name)) names.set(id, [...(names.get(id) ?? []), name]);
  };
  const unknown = new Map<string, { parameter: string; error: unknown }>();
  const unread: { parameter: string; files: readonly string[]; error: unknown }[] = [];
  const tagged = images.flatMap(({ parameter }) => (parameter === undefined ? [] : [parameter]));
  for (const parameter of new Set([...files.parameters.keys(), ...tagged])) {
    const where = files.parameters.get(parameter);
    try {
      const id = await parameterValue(ssm, parameter);
      if (id !== undefined) for (const name of [`SSM parameter ${parameter}`, ...(where ?? [])]) add(id, name);
    } catch (error) {
      for (const image of images) if (image.parameter === parameter) unknown.set(image.id, { parameter, error });
      if (where) unread.push({ parameter, files: where, error });
    }
  }
  return { names, unknown, unread };
}

/**
 * Returns, for each image ID, the reason why a prune must keep the image: something names it, or may name it.
 *
 * @param region the region of the parameters, for the messages
 */
export function reasonsToKeep({ names, unknown }: NamedImages, region: string): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const [id, { parameter, error }] of unknown)
    reasons.set(id, `SSM parameter ${parameter} may name it and cannot be read: ${awsSentence(error, region)}`);
  for (const [id, where] of names) reasons.set(id, `named by ${where.join(', ')}`);
  return reasons;
}

/** @returns undefined if the parameter does not exist */
async function parameterValue(ssm: Pick<SSMClient, 'send'>, name: string): Promise<string | undefined> {
  try {
    return (await ssm.send(new GetParameterCommand({ Name: name }))).Parameter?.Value?.trim();
  } catch (error) {
    if (['ParameterNotFound', 'ParameterVersionNotFound'].includes((error as Error).name)) return undefined;
    throw error;
  }
}
