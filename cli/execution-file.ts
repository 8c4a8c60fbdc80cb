import { shellQuote } from '../executions/datastream-command/quoting';
import { parseJson } from '../files/json';
import { readTextFile } from '../files/text-file';

/** What an execution file holds, with a line for each key that stands twice; or in one sentence why it cannot be read. */
export type Content = { readonly value: unknown; readonly repeated: readonly string[] } | { readonly error: string };

/** Reads a file as JSON; the sentence names the place. */
export function readExecutionFile(file: string): Content {
  const read = readTextFile(file);
  if ('error' in read) return read;
  const parsed = parseJson(read.text);
  if ('error' in parsed) {
    const { line, column, message } = parsed.error;
    return { error: `${file}:${line}:${column}: not JSON: ${message}` };
  }
  const repeated = parsed.repeated.map(({ line, column, message }) => `${file}:${line}:${column}: warning: ${message}`);
  return { value: parsed.value, repeated };
}

/** The command that starts a file on AWS, from the project's folder. */
export function startExecutionCommand(file: string): string {
  return `aws stepfunctions start-execution --state-machine-arn "$(terraform -chdir=cdktf.out/stacks/datastream output -raw datastream_arn)" --input ${shellQuote(`file://${file}`)}`;
}
