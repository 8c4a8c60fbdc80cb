import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { shellQuote } from '../executions/datastream-command/quoting';
import { firstName, lastRun } from '../executions/submission/items';
import { Records } from '../local/records';
import { missingForLocalRun } from '../local/shell';
import { grouped } from './grouped';
import type { Finding } from './output/findings';
import { count } from './output/summary';

const GB = 1e9;
/** Less is told: what a job writes is on this disk. */
const LITTLE_GB = 5;
const TOO_LITTLE_GB = 0.1;

/** Looks at what a local run needs. @param folder the embedded cloud's, such as `.datastream` */
export function checkLocal(folder: string): Finding[] {
  return [checkNode(), checkBash(), checkDisk(folder), ...checkRecords(folder)];
}

/** The oldest that `engines` of package.json takes, and the one that AWS runs the functions with. */
const OLDEST_NODE = 20;
const SAME_NODE = 22;

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  const text = `${process.version}${major < SAME_NODE ? `; the functions on AWS have ${SAME_NODE}` : ''}`;
  if (major >= OLDEST_NODE) return { check: 'node', severity: 'ok', text };
  return { check: 'node', severity: 'fail', text: `${process.version} is too old.`, mend: `nvm install ${SAME_NODE}` };
}

function checkBash(): Finding {
  const missing = missingForLocalRun();
  if (missing !== undefined) {
    return { check: 'bash', severity: 'fail', text: missing, mend: 'sudo apt-get install bash' };
  }
  const version = execFileSync('bash', ['-c', 'echo "$BASH_VERSION"'], { encoding: 'utf8' }).trim();
  const major = Number(version.split('.')[0]);
  if (major >= 4) return { check: 'bash', severity: 'ok', text: version };
  // As on macOS: Amazon Linux has 5.
  const text = `${version} is older than the instances' bash 5: commands with newer syntax fail here.`;
  return { check: 'bash', severity: 'warn', text, mend: 'brew install bash' };
}

function checkDisk(folder: string): Finding {
  let place = resolve(folder);
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  const free = (bavail * bsize) / GB;
  const text = `${free.toFixed(1)} GB free in ${place}`;
  if (free >= LITTLE_GB) return { check: 'disk', severity: 'ok', text };
  return { check: 'disk', severity: free < TOO_LITTLE_GB ? 'fail' : 'warn', text, mend: `du -sh ${place}/*` };
}

/**
 * Jobs whose last run's process was killed: an earlier run does not matter any more. The next local run removes what a
 * killed one had in the temporary folder.
 */
function checkRecords(folder: string): Finding[] {
  const kept = new Records(resolve(folder));
  const records = kept.list();
  const last = [...grouped(records, ({ name }) => firstName(name)).values()].flatMap((runs) => lastRun(runs) ?? []);
  const lost = last.filter(({ error }) => error === 'ProcessEnded');
  const unread = unreadable(folder, kept);
  const findings: Finding[] = [];
  if (lost.length > 0) {
    const [youngest] = lost;
    findings.push({
      check: 'runs',
      severity: 'warn',
      text: `${count(lost.length, 'run')} ended by a killed process; the youngest is ${youngest?.name}.`,
      mend: `datastream retry ${youngest?.name} --local`,
    });
  }
  if (unread.length > 0) {
    findings.push({
      check: 'runs',
      severity: 'warn',
      text: `${count(unread.length, 'folder')} of ${folder}/executions ${unread.length === 1 ? 'has' : 'have'} no record that can be read.`,
      mend: `rm -r ${unread.map(shellQuote).join(' ')}`,
    });
  }
  if (findings.length > 0) return findings;
  return [{ check: 'runs', severity: 'ok', text: `${count(records.length, 'execution')} kept, none lost` }];
}

/** @returns the folders, and what else is among them */
function unreadable(folder: string, records: Records): string[] {
  const executions = resolve(folder, 'executions');
  const names = existsSync(executions) ? readdirSync(executions) : [];
  return names.filter((name) => !records.read(name)).map((name) => join(folder, 'executions', name));
}
