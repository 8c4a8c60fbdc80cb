import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../../bench/command';
import { replaced } from '../../docs/carousel';
import { writeFileAtomically } from '../../files/write-file';
import { INVARIANTS } from './carousel';
import {
  addCarousel,
  type CarouselTally,
  carouselCells,
  carouselMatrix,
  EFFECTS,
  emptyCarouselTally,
  parseCell,
  playCell,
} from './carousel-matrix';

const USAGE =
  "npm run faults:carousel, or npm run faults:carousel -- --write (keeps the tables in docs/carousel.md) or --run 'OPERATION#N EFFECT'";
const PAGE = join(__dirname, '../../docs/carousel.md');
/** As many parts on every computer. */
const SHARES = 8;

/** The Carousel's fault matrix: `npm run faults:carousel`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      run: { type: 'string' },
      write: { type: 'boolean' },
      // Of the command's own processes.
      share: { type: 'string' },
    },
  });
  if (values.run !== undefined) return one(values.run);
  if (values.share !== undefined) return shares(values.share);
  const processes = Math.min(availableParallelism(), SHARES);
  const begun = performance.now();
  console.log(`The Carousel's fault matrix, on ${processes} processes:`);
  const sum = emptyCarouselTally();
  let done = 0;
  const take = (tally: CarouselTally) => {
    addCarousel(sum, tally);
    console.error(`${++done} of ${SHARES} parts: ${sum.runs} runs, ${sum.failures.length} failures`);
  };
  await Promise.all(Array.from({ length: processes }, (_, index) => child(`${index}/${processes}`, take)));
  for (const { name, found } of sum.failures.slice(0, 20)) {
    console.log(`\n${name}\n  ${found.join('\n  ')}\n  npm run faults:carousel -- --run '${name}'`);
  }
  if (sum.failures.length > 20) console.log(`\n... and ${sum.failures.length - 20} more`);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  const how = `\`npm run faults:carousel -- --write\`, on ${availableParallelism()} cores with Node.js ${process.versions.node.split('.')[0]}: ${sum.runs} runs in ${seconds} s. A cell is the number of runs in which this fault was injected into a call of this operation.`;
  console.log(`\n${tables(sum)}\n\n${how}`);
  if (sum.failures.length > 0) process.exitCode = 1;
  else if (values.write) {
    writeFileAtomically(PAGE, replaced(readFileSync(PAGE, 'utf8'), 'faults', `${how}\n\n${tables(sum)}`));
    console.log('Stored in docs/carousel.md.');
  }
}

async function shares(text: string): Promise<void> {
  const send = process.send?.bind(process);
  if (!send) throw new Error(`--share is for the command's own processes. ${USAGE}`);
  const gone = () => process.exit(1);
  process.on('disconnect', gone);
  const [from = 0, step = 1] = text.split('/').map(Number);
  const cells = await carouselCells();
  for (let share = from; share < SHARES; share += step)
    send(await carouselMatrix(cells.filter((_, index) => index % SHARES === share)));
  process.off('disconnect', gone);
}

function child(share: string, take: (tally: CarouselTally) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const forked = fork(__filename, ['--share', share]);
    forked.on('message', (message) => take(message as CarouselTally));
    forked.on('error', reject);
    forked.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`One of the processes ended by ${signal ?? `code ${code}`}: start again.`));
    });
  });
}

async function one(name: string): Promise<void> {
  const { status, error = '', cause = '', broken } = await playCell(parseCell(name));
  console.log([status, error, cause].join(' ').trim());
  for (const each of broken) console.log(`Invariant ${each}`);
  if (broken.length > 0) process.exitCode = 1;
  else console.log('Every invariant holds.');
}

function tables({ runs, succeeded, broken, table }: CarouselTally): string {
  return [
    '| invariant | runs checked | runs that broke it |',
    '| --- | --- | --- |',
    ...Object.entries(INVARIANTS).map(([number, text]) => {
      // The fifth says something of turns that succeeded only.
      const checked = number === '5' ? succeeded : runs;
      return `| ${number}. ${text} | ${checked} | ${broken[Number(number) as keyof typeof INVARIANTS] ?? 0} |`;
    }),
    '',
    `| operation | ${EFFECTS.join(' | ')} |`,
    `|${' --- |'.repeat(EFFECTS.length + 1)}`,
    ...Object.keys(table)
      .sort()
      .map((row) => `| ${[row, ...EFFECTS.map((effect) => table[row]?.[effect] ?? '')].join(' | ')} |`),
  ].join('\n');
}

runCommand(USAGE, main);
