import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../constructs/aws/bundle';
import { FUNCTIONS, SOURCES } from '../constructs/datastream/functions';
import { type Figure, median } from './report';
import { type Load, load, writeYardstick } from './yardstick';

/** The number of new processes for each function. */
const PROCESSES = 20;

/** The size of each function's bundle. It is the same on every computer. */
export function bundleFigures(): Figure[] {
  const { functions } = bundle(SOURCES);
  return FUNCTIONS.map((name) => ({
    section: 'bundle of each function, minified',
    name,
    value: functions[name].code.length,
    unit: 'bytes',
    beside: 'our own limit: 600,000',
  }));
}

/** The time to load each function's bundle in a new process, and the peak memory of that process. */
export function loadingFigures(): Figure[] {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-bench-'));
  try {
    const { functions } = bundle(SOURCES);
    const yardstick = writeYardstick(folder);
    const files = FUNCTIONS.map((name) => {
      const file = join(folder, `${name}.js`);
      writeFileSync(file, functions[name].code);
      return file;
    });
    // The files take turns, so other work of the computer affects all of them alike.
    const rounds = Array.from({ length: PROCESSES }, () => [undefined, yardstick, ...files].map(load));
    const medianOf = (what: keyof Load, column: number) => median(rounds.map((loads) => loads[column]?.[what] ?? 0));
    const memory = (name: string, column: number): Figure => ({
      section: `peak memory of these processes: the largest resident set, median of ${PROCESSES}`,
      name,
      value: medianOf('kilobytes', column) / 1024,
      unit: 'MiB',
      beside: 'a function has 256 MB',
      measured: true,
    });
    return [
      ...FUNCTIONS.map((name, index) => ({
        section: `time to load each function’s bundle, median of ${PROCESSES} fresh processes`,
        name,
        value: medianOf('milliseconds', index + 2),
        unit: 'ms',
        measured: true as const,
        yardstick: medianOf('milliseconds', 1),
      })),
      memory('Node.js alone', 0),
      ...FUNCTIONS.map((name, index) => memory(name, index + 2)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
