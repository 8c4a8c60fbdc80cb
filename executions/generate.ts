/** Writes execution.schema.json and matrix.schema.json: `npx tsx executions/generate.ts`. */
import { join } from 'node:path';
import { writeFileAtomically } from '../files/write-file';
import { matrixSchema } from './matrix/schema';
import { executionSchema } from './schema';

try {
  for (const [name, schema] of [
    ['execution.schema.json', executionSchema()],
    ['matrix.schema.json', matrixSchema()],
  ] as const) {
    const file = join(__dirname, name);
    writeFileAtomically(file, `${JSON.stringify(schema, null, 2)}\n`);
    console.log(`wrote ${file}`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
