import { parse } from '@cdktn/hcl2json';
import { readJsonFile } from './json-file';
import { readTextFile } from './text-file';
import { isRecord } from './values';

/**
 * What an HCL file holds (tfvars, pkrvars, a template), or a JSON file of such values. Expressions that are not
 * literals are strings in `${}`.
 *
 * @throws Error that names the file and says why it cannot be read
 */
export async function readHclFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  const read = file.endsWith('.json') ? readJsonFile(file) : readTextFile(file);
  if ('error' in read) throw new Error(read.error);
  if (!('value' in read)) return readHcl(file, read.text);
  if (!isRecord(read.value)) throw new Error(`${file}: this is no object: write { "name": value, ... }.`);
  return read.value;
}

/**
 * The same for a text.
 *
 * @param name the file that the message names
 */
export async function readHcl(name: string, text: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    // Undefined for a file without a value.
    return (await parse(name, text)) ?? {};
  } catch (error) {
    const found = /\[[^[\]]*?:(\d+),(\d+)[^:]*: (.*)\]/s.exec((error as Error).message);
    throw new Error(found ? `${name}:${found[1]}:${found[2]}: ${found[3]}` : `${name}: ${(error as Error).message}`);
  }
}
