import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateMachinePage } from './state-machine';

writeFileSync(join(__dirname, 'state-machine.md'), stateMachinePage());
