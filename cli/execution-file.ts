import { readFileSync } from 'node:fs';
import { parseJson } from '../executions/json';
import type { Fault } from '../executions/model';

/** What an execution file holds, or in one sentence why it cannot be read. */
export type Content = { readonly value: unknown } | { readonly error: string };

/** Reads a file as JSON; the sentence names the place. */
export function readExecutionFile(file: string): Content {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { error: `${file}: ${reason((error as NodeJS.ErrnoException).code)}` };
  }
  const parsed = parseJson(text);
  if ('error' in parsed) {
    const { line, column, message } = parsed.error;
    return { error: `${file}:${line}:${column}: not JSON: ${message}` };
  }
  return { value: parsed.value };
}

function reason(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file; see the path.';
    case 'EISDIR':
      return 'this is a folder; name the files in it.';
    case 'EACCES':
    case 'EPERM':
      return 'you have no permission to read it.';
    default:
      return `it cannot be read (${code}).`;
  }
}

/** A fault as lines for a person. */
export function faultLines({ severity, path, found, message }: Fault): string {
  return `  ${severity.padEnd(7)}  ${path}\n           ${message}${found === undefined ? '' : `\n           found: ${found}`}\n`;
}
