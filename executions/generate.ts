/** Writes execution.schema.json: `npx tsx executions/generate.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { executionSchema } from './schema';

const file = join(__dirname, 'execution.schema.json');
writeFileSync(file, `${JSON.stringify(executionSchema(), null, 2)}\n`);
console.log(`wrote ${file}`);
