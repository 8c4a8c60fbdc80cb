import { basename } from 'node:path';

/** `20260818-091501`, in UTC. */
export const stamp = (now: Date) => now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');

/** A name for an execution of a file, unlike those of its earlier ones. @param suffix such as a `stamp`, or none */
export function jobName(file: string, suffix?: string): string {
  return [basename(file).replace(/\.json$/i, ''), ...(suffix ? [suffix] : [])].join('_');
}

/** Characters that are left for the file's name: `_20260818-091501` and `_r99` fit within an execution's 80. */
const LONGEST_FILE_NAME = 58;

/** The default name of an execution of one file. It never has a character that is not possible. */
export function defaultName(file: string, now: Date): string {
  return jobName(
    basename(file)
      .replace(/\.json$/i, '')
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .slice(0, LONGEST_FILE_NAME),
    stamp(now),
  );
}

/** What to tell a user whose name for an execution is not possible. */
export function impossibleName(name: string): string {
  return `'${name}' cannot be the name of an execution: write 1 to 80 letters, digits, _ and -.`;
}

/** What to tell a user whose name for an execution was used before. */
export function nameTaken(name: string): string {
  return `There is an execution '${name}' already, and a name starts once: write another --name.`;
}
