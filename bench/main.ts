import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { performancePage } from '../docs/performance';
import { writeFileAtomically } from '../files/write-file';
import { runCommand } from './command';
import { deploymentFigures, requireTerraform } from './deployment';
import { bundleFigures, loadingFigures } from './functions';
import { load, loadFigures } from './load';
import { orchestrationFigures } from './orchestration';
import { pipelinesFigures } from './pipelines';
import { parseReport, type Report, table, thisMachine, verdict } from './report';
import { submissionFigures } from './submissions';

const DOCS = join(__dirname, '..', 'docs');
const STORED = join(DOCS, 'performance.json');
const EXECUTIONS = 1000;

/** `npm run bench`: measures all figures and prints them beside the stored ones. With `--write` it stores them. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { write: { type: 'boolean' } } });
  const stored = read();
  if (values.write) await requireTerraform();
  console.error(`${EXECUTIONS} executions at once ...`);
  const busy = await load(EXECUTIONS);
  console.error('synthesis and plan ...');
  const deployment = await deploymentFigures();
  console.error("tsdat's pipelines ...");
  const pipelines = await pipelinesFigures();
  console.error('orchestration and functions ...');
  const report: Report = {
    machine: thisMachine(),
    figures: [
      ...(await orchestrationFigures()),
      ...loadFigures(EXECUTIONS, busy),
      ...(await submissionFigures()),
      ...bundleFigures(),
      ...loadingFigures(),
      ...deployment.figures,
      ...pipelines,
    ],
    missing: deployment.missing,
  };
  console.log(`${report.machine}\n\n${table(report, stored)}\n`);
  for (const line of [...report.missing, ...verdict(report, stored)]) console.log(line);
  const broken = Object.entries(busy.broken).filter(([, times]) => times > 0);
  if (broken.length > 0 || busy.outcomes.SUCCEEDED !== EXECUTIONS) {
    throw new Error(
      `${EXECUTIONS} executions at once: ${JSON.stringify({ outcomes: busy.outcomes, broken: busy.broken })}. Nothing is stored.`,
    );
  }
  if (!values.write) return;
  if (report.missing.length > 0) throw new Error('Not stored, for not everything was measured.');
  writeFileAtomically(STORED, `${JSON.stringify(report, null, 2)}\n`);
  writeFileAtomically(join(DOCS, 'performance.md'), performancePage(report));
  console.log('Stored in docs/performance.json and docs/performance.md.');
}

/** @throws Error if the stored report is damaged, before the measuring begins */
function read(): Report | undefined {
  if (!existsSync(STORED)) return undefined;
  try {
    return parseReport(readFileSync(STORED, 'utf8'));
  } catch (error) {
    throw new Error(
      `docs/performance.json is damaged (${(error as Error).message}): take it from git again, or delete it and run with --write.`,
    );
  }
}

runCommand('npm run bench, or npm run bench -- --write', main);
