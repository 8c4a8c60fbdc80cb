import { type JsonError, parseJson } from './json';
import { readTextFile } from './text-file';

/** The content of a JSON file, with its text and its repeated keys; or one sentence why it cannot be read. */
export type JsonFile =
  | { readonly value: unknown; readonly text: string; readonly repeated: readonly JsonError[] }
  | { readonly error: string };

/**
 * Reads a file as JSON. The sentence of an error names the file, and the place where it stops being JSON.
 *
 * @param shown the file's name in the sentence; default: its path
 */
export function readJsonFile(file: string, shown = file): JsonFile {
  const read = readTextFile(file, shown);
  if ('error' in read) return read;
  const parsed = parseJson(read.text);
  if ('value' in parsed) return { ...parsed, text: read.text };
  const { line, column, message } = parsed.error;
  return { error: `${shown}:${line}:${column}: not JSON: ${message}` };
}
