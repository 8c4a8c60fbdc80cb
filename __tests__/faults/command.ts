import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../../bench/command';
import { writeFileAtomically } from '../../files/write-file';
import { INVARIANTS, type Invariant } from '../support/invariants';
import { add, emptyTally, matrix, type Tally } from './matrix';
import { DEPLOYMENTS, DISORDERS, FAULTS, parseRun, perform, STOPS } from './run';
import { walk } from './walk';

const USAGE =
  'npm run faults, or npm run faults -- --seed N, --part (half of it, which one the seed says), ' +
  '--write (keeps the tables in docs/faults.md) or --run NAME';
const PAGE = join(__dirname, '../../docs/faults.md');
/** The part of the page that `--write` writes. */
const LAST_RUN = '## The last run\n';

/** As many on every computer, so that a seed gives the same walks there. */
const SHARES = 8;
/** Random walks beside the matrix, over all shares. */
const WALKS = 4000;
/** Failures that are told one by one. */
const SHOWN = 20;

/** The fault matrix and random walks: `npm run faults`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      run: { type: 'string' },
      write: { type: 'boolean' },
      part: { type: 'boolean' },
      // Of the command's own processes.
      share: { type: 'string' },
    },
  });
  if (values.run !== undefined) {
    if (values.seed !== undefined || values.write || values.part)
      throw new Error('--run NAME is all there is to repeat a run.');
    return one(values.run);
  }
  if (values.seed !== undefined && !/^\d{1,8}$/.test(values.seed)) {
    throw new Error(`--seed is a whole number of at most eight digits, not '${values.seed}'.`);
  }
  const seed = Number(values.seed ?? Date.now() % 10 ** 8);
  if (values.share !== undefined) return shares(values.share, seed);
  if (values.write && values.part) throw new Error('--write keeps the tables of the whole matrix: leave out --part.');
  await all(seed, values.write === true, values.part ? 2 : 1);
}

/** @param every 2: every other share, the even or the odd ones as the seed is; 1: all */
async function all(seed: number, write: boolean, every: 1 | 2): Promise<void> {
  const parts = SHARES / every;
  const processes = Math.min(availableParallelism(), parts);
  const begun = performance.now();
  console.log(
    `${every === 2 ? 'Half of the fault' : 'The fault'} matrix, on ${processes} processes, with seed ${seed}:`,
  );
  const sum = emptyTally();
  let done = 0;
  const take = (tally: Tally) => {
    add(sum, tally);
    done++;
    console.error(`${done} of ${parts} parts: ${sum.runs} runs, ${sum.failures.length} failures`);
  };
  await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      child(`${(seed % every) + index * every}/${processes * every}`, seed, take),
    ),
  );
  for (const { name, broken } of sum.failures.slice(0, SHOWN)) {
    console.log(`\n${name}`);
    for (const { invariant, sentence } of broken) console.log(`  invariant ${invariant}: ${sentence}`);
    console.log(`  npm run faults -- --run '${name}'`);
  }
  if (sum.failures.length > SHOWN) console.log(`\n... and ${sum.failures.length - SHOWN} more`);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(`\n${tables(sum)}\n\n${sum.runs} runs in ${seconds} s.`);
  if (sum.failures.length > 0) {
    console.log(`Something is broken. All again: npm run faults -- --seed ${seed}${every === 2 ? ' --part' : ''}`);
    process.exitCode = 1;
  } else if (write) {
    store(sum, seed, seconds);
    console.log('Stored in docs/faults.md.');
  }
}

/** Plays every so many-th share, e.g. `0/2`, and sends each share's tally. */
async function shares(text: string, seed: number): Promise<void> {
  const send = process.send?.bind(process);
  if (!send) throw new Error(`--share is for the command's own processes. ${USAGE}`);
  const gone = () => process.exit(1);
  process.on('disconnect', gone);
  const [from = 0, step = 1] = text.split('/').map(Number);
  for (let index = from; index < SHARES; index += step) {
    const tally = await matrix({ of: SHARES, index });
    // No seed's walks are another one's, and eight digits of it stay within 32 bits.
    await walk(tally, seed * SHARES + index, WALKS / SHARES);
    send(tally);
  }
  process.off('disconnect', gone);
}

function child(share: string, seed: number, take: (tally: Tally) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const forked = fork(__filename, ['--share', share, '--seed', String(seed)]);
    forked.on('message', (message) => take(message as Tally));
    forked.on('error', reject);
    forked.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`One of the processes ended by ${signal ?? `code ${code}`}: start again.`));
    });
  });
}

async function one(name: string): Promise<void> {
  const run = parseRun(name);
  const { met, end, broken } = await perform(run);
  for (const { at, row, effects } of met) {
    const event = at.startsWith('event') ? ` (${row.replace('event ', '')})` : '';
    console.log([`${at}${event}`, ...effects].join('   <- '));
  }
  console.log(`${end.status} ${end.error ?? ''}`);
  const unmet = run.disturbances.filter(
    ({ at, effect }) => !met.some((point) => point.effects.includes(effect) && [point.at, 'event#*'].includes(at)),
  );
  for (const { at, effect } of unmet) console.error(`The run never came to ${at}: there was no '${effect}'.`);
  for (const { invariant, sentence } of broken) {
    console.log(`Invariant ${invariant} (${INVARIANTS[invariant]}) is broken: ${sentence}`);
  }
  if (broken.length > 0 || unmet.length > 0) process.exitCode = 1;
  else console.log('Every invariant holds.');
}

function store(sum: Tally, seed: number, seconds: string): void {
  const [page = ''] = readFileSync(PAGE, 'utf8').split(LAST_RUN);
  const how =
    `\`npm run faults -- --seed ${seed} --write\`, on ${availableParallelism()} cores with Node.js ${process.versions.node.split('.')[0]}: ` +
    `${sum.runs} runs in ${seconds} s. A cell is the number of runs in which this fault was injected into this call or event.`;
  writeFileAtomically(PAGE, `${page}${LAST_RUN}\n${how}\n\n${tables(sum)}\n`);
}

/** In how many runs each invariant was checked, and which fault was injected how often into which call or event. */
function tables({ runs, outcomesHeld, broken, table }: Tally): string {
  const invariants = Object.entries(INVARIANTS).map(([number, text]) => {
    const held = number === '6' ? outcomesHeld : runs;
    return `| ${number}. ${text} | ${held} | ${broken[Number(number) as Invariant] ?? 0} |`;
  });
  return [
    '| invariant | runs checked | runs that broke it |',
    '| --- | --- | --- |',
    ...invariants,
    '',
    ...rows('call', table, [...FAULTS, ...STOPS, ...DEPLOYMENTS], (row) => !isEvent(row)),
    '',
    ...rows('event', table, [...DISORDERS, ...DEPLOYMENTS], isEvent),
  ].join('\n');
}

const isEvent = (row: string) => row.startsWith('event') || row === 'all events';

function rows(
  name: string,
  table: Tally['table'],
  columns: readonly (keyof Tally['table'][string])[],
  wanted: (row: string) => boolean,
): string[] {
  return [
    `| ${[name, ...columns].join(' | ')} |`,
    `|${' --- |'.repeat(columns.length + 1)}`,
    ...Object.keys(table)
      .filter(wanted)
      .sort()
      .map((row) => `| ${[row, ...columns.map((column) => table[row]?.[column] ?? '')].join(' | ')} |`),
  ];
}

runCommand(USAGE, main);
