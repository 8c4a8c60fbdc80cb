import { readFileSync } from 'node:fs';
import { shellQuote } from '../executions/commands';
import { parseJson } from '../executions/json';
import type { Fault } from '../executions/model';

/** What an execution file holds, with a line for each key that stands twice; or in one sentence why it cannot be read. */
export type Content = { readonly value: unknown; readonly repeated: readonly string[] } | { readonly error: string };

/** Reads a file as JSON; the sentence names the place. */
export function readExecutionFile(file: string): Content {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return { error: `${file}: ${reason((error as NodeJS.ErrnoException).code)}` };
  }
  const text = decode(bytes);
  if (text === undefined) {
    return { error: `${file}: this is not UTF-8 text (perhaps UTF-16, as PowerShell writes it): save it as UTF-8.` };
  }
  const parsed = parseJson(text);
  if ('error' in parsed) {
    const { line, column, message } = parsed.error;
    return { error: `${file}:${line}:${column}: not JSON: ${message}` };
  }
  const repeated = parsed.repeated.map(({ line, column, message }) => `${file}:${line}:${column}: warning: ${message}`);
  return { value: parsed.value, repeated };
}

/** @returns undefined for anything but UTF-8 text */
function decode(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
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

/** The command that starts a file on AWS, from the project's folder. */
export function startExecutionCommand(file: string): string {
  return `aws stepfunctions start-execution --state-machine-arn "$(terraform -chdir=cdktf.out/stacks/datastream output -raw datastream_arn)" --input ${shellQuote(`file://${file}`)}`;
}
