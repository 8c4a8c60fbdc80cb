import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The measurements of a new process that has loaded a file. */
export interface Load {
  readonly milliseconds: number;
  /** The largest resident set of the process. */
  readonly kilobytes: number;
}

/**
 * Loads a file as Lambda does before the first call. Prints the time and the peak memory. On Linux, the maxRSS of a
 * process starts with the memory of its parent at the fork. VmHWM does not (proc(5)).
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

/** Loads a file, or nothing, in a new process of Node.js. */
export function load(file?: string): Load {
  const said = execFileSync(process.execPath, ['-e', LOADER, ...(file ? [file] : [])], { encoding: 'utf8' });
  return JSON.parse(said) as Load;
}

/**
 * Writes the yardstick: a program that never changes, of about the size of a function's bundle. Its load time shows
 * the present speed of this computer. On a busy computer both the bundle and the yardstick take longer to load. The
 * ratio of the two times stays nearly the same.
 *
 * @returns the yardstick's file
 */
export function writeYardstick(folder: string): string {
  const file = join(folder, 'yardstick.js');
  const functions = Array.from(
    { length: 4000 },
    (_, n) =>
      `var f${n}=function(a){var b={k${n}:a,list:[a,${n}],text:"some text ${n}"};return b.list.map(function(x){return x+b.k${n}})};f${n}(${n});`,
  );
  writeFileSync(file, functions.join('\n'));
  return file;
}
