import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { INVARIANTS, type Invariant } from '../support/invariants';
import { add, emptyTally, matrix, type Tally } from './matrix';
import { DISORDERS, FAULTS, parseRun, perform, STOPS } from './run';
import { walk } from './walk';

/** Random walks beside the matrix, over all processes. */
const WALKS = 4000;
/** Failures that are told one by one. */
const SHOWN = 20;

/** The fault matrix: `npm run faults`, with `--seed N` for the random walks, or `--run NAME` for one run alone. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, run: { type: 'string' }, share: { type: 'string' } },
  });
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed is a whole number, not '${values.seed}'.`);
  if (values.run !== undefined) return one(values.run);
  if (values.share !== undefined) {
    const [index = 0, of = 1] = values.share.split('/').map(Number);
    const tally = await matrix({ of, index });
    await walk(tally, seed + index, Math.ceil(WALKS / of));
    process.send?.(tally);
    return;
  }
  const processes = availableParallelism();
  const begun = performance.now();
  console.log(`The fault matrix, on ${processes} processes, with seed ${seed}:`);
  const shares = Array.from({ length: processes }, (_, index) => share(index, processes, seed));
  const sum = emptyTally();
  for (const tally of await Promise.all(shares)) add(sum, tally);
  const broken = report(sum);
  console.log(`\n${sum.runs} runs in ${((performance.now() - begun) / 1000).toFixed(0)} s.`);
  if (broken) {
    console.log(`Something is broken. All again: npm run faults -- --seed ${seed}`);
    process.exitCode = 1;
  }
}

function share(index: number, of: number, seed: number): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const child = fork(__filename, ['--share', `${index}/${of}`, '--seed', String(seed)]);
    let tally: Tally | undefined;
    child.on('message', (message) => {
      tally = message as Tally;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (tally && code === 0) resolve(tally);
      else reject(new Error(`Share ${index} of ${of} ended with code ${code}.`));
    });
  });
}

async function one(name: string): Promise<void> {
  const { met, end, broken } = await perform(parseRun(name));
  for (const { at, row } of met) console.log(at.startsWith('event') ? `${at} (${row.replace('event ', '')})` : at);
  console.log(`${end.status} ${end.error ?? ''}`);
  for (const { invariant, sentence } of broken) {
    console.log(`Invariant ${invariant} (${INVARIANTS[invariant]}) is broken: ${sentence}`);
  }
  if (broken.length > 0) process.exitCode = 1;
  else console.log('Every invariant holds.');
}

/** @returns whether any invariant is broken */
function report({ runs, outcomesHeld, broken, table, failures }: Tally): boolean {
  for (const { name, broken: reasons } of failures.slice(0, SHOWN)) {
    console.log(`\n${name}`);
    for (const { invariant, sentence } of reasons) console.log(`  invariant ${invariant}: ${sentence}`);
    console.log(`  npm run faults -- --run '${name}'`);
  }
  if (failures.length > SHOWN) console.log(`\n... and ${failures.length - SHOWN} more`);
  console.log('\n| invariant | held against runs | broken by |\n| --- | --- | --- |');
  for (const [number, text] of Object.entries(INVARIANTS)) {
    console.log(
      `| ${number}. ${text} | ${number === '6' ? outcomesHeld : runs} | ${broken[Number(number) as Invariant] ?? 0} |`,
    );
  }
  printTable('call', table, [...FAULTS, ...STOPS], (row) => !isEvent(row));
  printTable('event', table, DISORDERS, isEvent);
  return failures.length > 0;
}

const isEvent = (row: string) => row.startsWith('event') || row === 'all events';

function printTable(
  name: string,
  table: Tally['table'],
  columns: readonly (keyof Tally['table'][string])[],
  wanted: (row: string) => boolean,
): void {
  console.log(`\n| ${[name, ...columns].join(' | ')} |\n|${' --- |'.repeat(columns.length + 1)}`);
  for (const row of Object.keys(table).filter(wanted).sort()) {
    console.log(`| ${[row, ...columns.map((column) => table[row]?.[column] ?? '')].join(' | ')} |`);
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 2;
});
