import { shellQuote } from '../executions/datastream-command/quoting';
import { readJsonFile } from '../files/json-file';

/** What an execution file holds, with a line for each key that stands twice; or in one sentence why it cannot be read. */
export type Content = { readonly value: unknown; readonly repeated: readonly string[] } | { readonly error: string };

/** Reads a file as JSON; the sentence names the place. */
export function readExecutionFile(file: string): Content {
  const read = readJsonFile(file);
  if ('error' in read) return read;
  const repeated = read.repeated.map(({ line, column, message }) => `${file}:${line}:${column}: warning: ${message}`);
  return { value: read.value, repeated };
}

/** The command that starts a file on AWS, from the project's folder. */
export function startExecutionCommand(file: string): string {
  return `aws stepfunctions start-execution --state-machine-arn "$(terraform -chdir=cdktf.out/stacks/datastream output -raw datastream_arn)" --input ${shellQuote(`file://${file}`)}`;
}
