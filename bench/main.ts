import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performancePage } from '../docs/performance';
import { deploymentFigures } from './deployment';
import { bundleFigures, loadingFigures } from './functions';
import { load, loadFigures } from './load';
import { orchestrationFigures } from './orchestration';
import { type Report, table, thisMachine, verdict } from './report';

const DOCS = join(__dirname, '..', 'docs');
const STORED = join(DOCS, 'performance.json');
const EXECUTIONS = 1000;

/** Measures everything, prints it beside what is stored, and stores it with `--write`: `npm run bench`. */
async function main(): Promise<void> {
  const stored = existsSync(STORED) ? (JSON.parse(readFileSync(STORED, 'utf8')) as Report) : undefined;
  const busy = await load(EXECUTIONS);
  const deployment = await deploymentFigures();
  const report: Report = {
    machine: thisMachine(),
    figures: [
      ...(await orchestrationFigures()),
      ...loadFigures(EXECUTIONS, busy),
      ...bundleFigures(),
      ...loadingFigures(),
      ...deployment.figures,
    ],
    missing: deployment.missing,
  };
  console.log(`${report.machine}\n\n${table(report, stored)}\n`);
  for (const line of [...report.missing, ...verdict(report, stored)]) console.log(line);
  if (process.argv.includes('--write')) {
    writeFileSync(STORED, `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(join(DOCS, 'performance.md'), performancePage(report));
    console.log('Stored in docs/performance.json and docs/performance.md.');
  }
  const broken = Object.entries(busy.broken).filter(([, times]) => times > 0);
  if (broken.length > 0 || busy.outcomes.SUCCEEDED !== EXECUTIONS) {
    console.error(
      `${EXECUTIONS} executions at once: ${JSON.stringify({ outcomes: busy.outcomes, broken: busy.broken })}`,
    );
    process.exitCode = 1;
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
