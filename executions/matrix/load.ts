import { dirname, resolve } from 'node:path';
import type { JsonError } from '../../files/json';
import { readJsonFile } from '../../files/json-file';
import { readTextFile } from '../../files/text-file';
import { record, text } from '../../files/values';
import type { MatrixSources } from './expand';

/** A matrix as it is on the disk, with its templates. */
export interface MatrixOnDisk extends Pick<MatrixSources, 'templates'> {
  /** What the file holds. */
  readonly value: unknown;
  /** Keys that stand twice in it. */
  readonly repeated: readonly JsonError[];
}

/** Reads a matrix and the templates that it names; or says in one sentence why the matrix cannot be read. */
export function loadMatrix(file: string): MatrixOnDisk | { readonly error: string } {
  const read = readJsonFile(file);
  if ('error' in read) return read;
  const templates: Record<string, MatrixSources['templates'][string]> = {};
  for (const stream of Object.values(record(record(read.value).streams))) {
    const name = text(record(stream).template);
    if (name === undefined) continue;
    const template = readTextFile(resolve(dirname(file), name), name);
    templates[name] = 'error' in template ? template : template.text;
  }
  return { value: read.value, repeated: read.repeated, templates };
}
