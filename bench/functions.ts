import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, FUNCTIONS } from '../constructs/bundle';
import { type Figure, median } from './report';

/** Fresh processes for each function. */
const PROCESSES = 20;

/**
 * Loads a file as Lambda does before the first call, and tells how long that took and how much memory it came to. On
 * Linux the resource usage of a process begins with what its parent held when it forked; VmHWM does not (proc(5)).
 */
const LOADER = `
const begun = performance.now();
if (process.argv[1]) require(process.argv[1]);
const milliseconds = performance.now() - begun;
const { existsSync, readFileSync } = require('node:fs');
const status = '/proc/self/status';
const high = existsSync(status) && /VmHWM:\\s+(\\d+)/.exec(readFileSync(status, 'utf8'));
console.log(JSON.stringify({ milliseconds, kilobytes: high ? Number(high[1]) : process.resourceUsage().maxRSS }));
`;

/** How large each function's bundle is: the same on every computer. */
export function bundleFigures(): Figure[] {
  const { functions } = bundle();
  return FUNCTIONS.map((name) => ({
    section: 'bundle of each function, minified',
    name,
    value: functions[name].code.length,
    unit: 'bytes',
    beside: 'limit of our own: 600,000',
  }));
}

/** How long each function's bundle takes to load in a fresh process, and the most memory that the process held. */
export function loadingFigures(): Figure[] {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-bench-'));
  try {
    const { functions } = bundle();
    const files = FUNCTIONS.map((name) => {
      const file = join(folder, `${name}.js`);
      writeFileSync(file, functions[name].code);
      return [name, file] as const;
    });
    return [['Node.js alone', ''] as const, ...files].flatMap(([name, file]) => {
      const loads = Array.from({ length: PROCESSES }, () => load(file));
      const memory = {
        section: `peak memory of these processes: the largest resident set, median of ${PROCESSES}`,
        name,
        value: median(loads.map(({ kilobytes }) => kilobytes)) / 1024,
        unit: 'MiB',
        beside: 'a function has 256 MB',
        timing: true as const,
      };
      const time = {
        section: `time to load each function’s bundle, median of ${PROCESSES} fresh processes`,
        name,
        value: median(loads.map(({ milliseconds }) => milliseconds)),
        unit: 'ms',
        timing: true as const,
      };
      return file ? [time, memory] : [memory];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function load(file: string): { milliseconds: number; kilobytes: number } {
  const said = execFileSync(process.execPath, ['-e', LOADER, ...(file ? [file] : [])], { encoding: 'utf8' });
  return JSON.parse(said) as { milliseconds: number; kilobytes: number };
}
