import Ajv from 'ajv';
import { type DOCUMENTS, outputSchema } from '../../cli/output/documents';

/** The formats are zod's, which has the pattern beside each. */
const ajv = new Ajv({ strict: false, validateFormats: false });
const schema = outputSchema();

/** Reads what a command has printed with `--json`. @throws Error where it is not as docs/output.schema.json says */
export function documentIn(command: keyof typeof DOCUMENTS, printed: string): unknown {
  const document: unknown = JSON.parse(printed);
  const pointer = encodeURIComponent(command.replaceAll('/', '~1'));
  const validate = ajv.compile({ ...schema, $ref: `#/definitions/${pointer}` });
  if (!validate(document)) throw new Error(`${command} --json: ${ajv.errorsText(validate.errors)}`);
  return document;
}
