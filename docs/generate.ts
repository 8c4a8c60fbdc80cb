import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputSchema } from '../cli/output/documents';
import { writeFileAtomically } from '../files/write-file';
import { bisonPage } from './bison';
import { carouselPage } from './carousel';
import { performancePage } from './performance';
import { stateMachinePage } from './state-machine';

try {
  writeFileAtomically(join(__dirname, 'state-machine.md'), stateMachinePage());
  writeFileAtomically(join(__dirname, 'output.schema.json'), `${JSON.stringify(outputSchema(), null, 2)}\n`);
  const carousel = join(__dirname, 'carousel.md');
  writeFileAtomically(carousel, carouselPage(readFileSync(carousel, 'utf8')));
  const bison = join(__dirname, 'bison.md');
  writeFileAtomically(bison, bisonPage(readFileSync(bison, 'utf8')));
  const report = JSON.parse(readFileSync(join(__dirname, 'performance.json'), 'utf8'));
  writeFileAtomically(join(__dirname, 'performance.md'), performancePage(report));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
