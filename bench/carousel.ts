import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { replaced } from '../docs/carousel';
import { temporaryFolder } from '../files/temporary-folder';
import { writeFileAtomically } from '../files/write-file';
import { ARCHIVE_PRICES } from '../prices/archive';
import { choiceFigures } from './carousel-choice';
import { largeTurn } from './carousel-turn';
import { runCommand } from './command';

const ROOT = resolve(__dirname, '..');
const PAGE = join(ROOT, 'docs/carousel.md');
const USAGE = 'npm run bench:carousel, or npm run bench:carousel -- --write (keeps the table in docs/carousel.md)';

/**
 * `npm run bench:carousel`: the figures of the choice, of a large turn and of the example, beside their bounds.
 *
 * @throws Error with every figure beyond its bound
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { write: { type: 'boolean' } } });
  const rows: string[] = [];
  const broken: string[] = [];
  const figure = (what: string, found: string, bound = '', holds = true) => {
    rows.push(`| ${what} | ${found} | ${bound} |`);
    console.log(`${holds ? 'ok  ' : 'FAIL'}  ${what}: ${found}${bound && `, ${bound}`}`);
    if (!holds) broken.push(what);
  };
  const { together, arriving, saturated, small, milliseconds } = choiceFigures();
  const all = together.seeds;
  figure(
    '200 requests that wait together: seeds where each distinct file is restored once',
    `${together.once} of ${all}`,
    'all',
    together.once === all,
  );
  figure('restores, as a share of what each request alone would restore', together.shareOfAlone.toFixed(3));
  const ratio = together.meanTurns / together.firstComeTurns;
  figure(
    'turns until a request ends, on average, and of first come, first served',
    `${together.meanTurns.toFixed(2)} and ${together.firstComeTurns.toFixed(2)}: ${ratio.toFixed(2)}`,
    'at most 0.70',
    ratio <= 0.7,
  );
  figure(
    'seeds where the last request ends with the last file',
    `${together.lastInTime} of ${all}`,
    'all',
    together.lastInTime === all,
  );
  figure(
    'arriving over 40 turns: restores, as a share of what each request alone would restore',
    arriving.shareOfAlone.toFixed(2),
  );
  figure(`the same where a copy lives for ${arriving.keptTurns} turns`, arriving.shareWhereKept.toFixed(2));
  figure('restores of a file of which a copy lives', `${arriving.beside}`, 'none', arriving.beside === 0);
  figure(
    'arriving faster than the budget allows: longest wait in turns, and of first come, first served',
    `${saturated.longest} and ${saturated.firstCome}`,
    'at most 3 more',
    saturated.longest <= saturated.firstCome + 3,
  );
  figure('the same without max_wait_turns', `${saturated.withoutMaxWaitTurns}`);
  figure(
    `${small.cases} small cases: turns, as a share of the optimum's, on average`,
    small.mean.toFixed(3),
    'at most 1.01',
    small.mean <= 1.01,
  );
  figure('the same at worst', small.worst.toFixed(3), 'at most 1.25', small.worst <= 1.25);
  figure('a choice among 200 requests', `${milliseconds.toFixed(0)} ms`, 'below 100 ms', milliseconds < 100);

  const turn = await largeTurn();
  const { functions, calls, machine, file } = turn.dollars;
  figure(
    `a turn of ${turn.files} files, ${turn.requests} requests and ${turn.pairs} jobs`,
    `${turn.status} after ${turn.virtualHours.toFixed(1)} virtual hours`,
    'SUCCEEDED',
    turn.status === 'SUCCEEDED',
  );
  figure(
    'its restores',
    `${turn.restores}`,
    'one a file',
    turn.restores === turn.files && turn.restored === turn.files,
  );
  figure('its jobs', `${turn.submitted}`, 'one a pair of request and file', turn.submitted === turn.pairs);
  figure('events in its history', `${turn.events}`, 'below 25,000', turn.events < 25_000);
  figure('its orchestration, a file', `$${file.toFixed(6)}`, 'at most $0.0001', file <= 0.0001);
  figure(
    'of that, for all files: functions; DynamoDB and S3; the state machine',
    [functions, calls, machine].map((dollars) => `$${dollars.toFixed(3)}`).join('; '),
  );

  const example = [
    'carousel',
    'run',
    '--local',
    join(ROOT, 'local/examples/carousel/turn.json'),
    '--folder',
    temporaryFolder('carousel-bench'),
  ];
  const begun = performance.now();
  await promisify(execFile)(process.execPath, [join(ROOT, 'cli/datastream.cjs'), ...example]);
  const seconds = (performance.now() - begun) / 1000;
  figure(
    'the example of `carousel run --local`, on this computer',
    `${seconds.toFixed(1)} s`,
    'below 10 s',
    seconds < 10,
  );

  if (broken.length > 0) throw new Error(`Not as it must be: ${broken.join('; ')}.`);
  if (!values.write) return;
  const how = `\`npm run bench:carousel -- --write\`, with the prices of ${ARCHIVE_PRICES.as_of}:`;
  const table = ['| what | figure | bound |', '| --- | --- | --- |', ...rows].join('\n');
  writeFileAtomically(PAGE, replaced(readFileSync(PAGE, 'utf8'), 'figures', `${how}\n\n${table}`));
  console.log('Stored in docs/carousel.md.');
}

runCommand(USAGE, main);
