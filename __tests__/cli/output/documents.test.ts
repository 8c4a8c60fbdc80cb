import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { outputSchema } from '../../../cli/output/documents';

/** The formats are zod's, which checks them by the pattern beside each. */
const ajv = new Ajv({ strict: false, validateFormats: false });

const row = {
  name: 'a',
  status: 'FAILED',
  ...{ error: 'CommandFailed', cause: 'c', attempts: 1, type: null, market: null, seconds: 3, dollars: null },
  dollars_unknown: 'why',
  ...{ object: null, started_at: '2026-08-18T00:00:00.000Z', ended_at: '2026-08-18T00:00:03.000Z' },
};

describe('docs/output.schema.json', () => {
  it('is what the shapes make: npm run generate', () => {
    const page = readFileSync(join(__dirname, '../../../docs/output.schema.json'), 'utf8');

    expect(JSON.parse(page)).toEqual(JSON.parse(JSON.stringify(outputSchema())));
  });

  it('takes a document, and refuses one with a key that is missing or of another kind', () => {
    const validate = ajv.compile({ ...outputSchema(), $ref: '#/definitions/list' });

    expect(validate({ executions: [row] })).toBe(true);
    expect(validate({ executions: [{ ...row, more: 1 }] })).toBe(true);
    expect(validate({ executions: [{ ...row, status: 'LOST' }] })).toBe(false);
    expect(validate({ executions: [{ ...row, object: undefined }] })).toBe(false);
    expect(validate({ executions: [{ ...row, started_at: 'yesterday' }] })).toBe(false);
  });
});
