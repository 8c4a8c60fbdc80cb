import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performancePage } from './performance';
import { stateMachinePage } from './state-machine';

writeFileSync(join(__dirname, 'state-machine.md'), stateMachinePage());
const report = JSON.parse(readFileSync(join(__dirname, 'performance.json'), 'utf8'));
writeFileSync(join(__dirname, 'performance.md'), performancePage(report));
