import { shellQuote } from '../executions/datastream-command/quoting';
import { readJsonFile } from '../files/json-file';
import { isRecord } from '../files/values';

/** The content of an execution file, with a line for each repeated key; or one sentence why it cannot be read. */
export type Content = { readonly value: unknown; readonly repeated: readonly string[] } | { readonly error: string };

/** Reads a file as JSON. The sentence of an error names the place. */
export function readExecutionFile(file: string): Content {
  const read = readJsonFile(file);
  if ('error' in read) return read;
  if (isMatrix(read.value)) {
    return {
      error: `${file}: this is a schedule matrix, which names many executions: check it by 'datastream matrix check ${shellQuote(file)}'.`,
    };
  }
  const repeated = read.repeated.map(({ line, column, message }) => `${file}:${line}:${column}: warning: ${message}`);
  return { value: read.value, repeated };
}

/** Whether the content of a file is a schedule matrix. */
export function isMatrix(value: unknown): boolean {
  return isRecord(value) && 'matrix' in value && 'streams' in value;
}
