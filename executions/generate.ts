/** Writes execution.schema.json: `npx tsx executions/generate.ts`. */
import { join } from 'node:path';
import { writeFileAtomically } from '../files/write-file';
import { executionSchema } from './schema';

const file = join(__dirname, 'execution.schema.json');
try {
  writeFileAtomically(file, `${JSON.stringify(executionSchema(), null, 2)}\n`);
  console.log(`wrote ${file}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
