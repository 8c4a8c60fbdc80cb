import { parse } from '@cdktn/hcl2json';
import { readJsonFile } from './json-file';
import { readTextFile } from './text-file';
import { isRecord } from './values';

/**
 * The content of an HCL file (tfvars, pkrvars, a template), or of a JSON file of such values. Expressions that are not
 * literals become strings in `${}`.
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
 * The content of an HCL text.
 *
 * @param name the file's name in an error's message
 */
export async function readHcl(name: string, text: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    // The parser returns undefined for a file without a value.
    return (await parse(name, text)) ?? {};
  } catch (error) {
    const found = /\[[^[\]]*?:(\d+),(\d+)[^:]*: (.*)\]/s.exec((error as Error).message);
    throw new Error(found ? `${name}:${found[1]}:${found[2]}: ${found[3]}` : `${name}: ${(error as Error).message}`);
  }
}
