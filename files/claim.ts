import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stillRuns, thisProcess } from './processes';

/**
 * Claims a folder for this process, by a file of its own in `<folder>/.runs`. What a killed process left does not count,
 * nor does a claim from another host or container, whose process cannot be seen from here.
 *
 * @returns the ID of the process that has the folder already; else what gives the folder back
 * @throws the file system's error where the claim cannot be written
 */
export function claim(folder: string): { readonly heldBy: number } | { readonly release: () => void } {
  const claims = join(folder, '.runs');
  mkdirSync(claims, { recursive: true });
  const { pid, place, began = '' } = thisProcess();
  const own = `${pid}-${place}-${began}`;
  const release = () => rmSync(join(claims, own), { force: true });
  // Written before the others are read: of two processes that begin at once, at most one goes on.
  writeFileSync(join(claims, own), '');
  for (const name of readdirSync(claims)) {
    if (name === own) continue;
    const [other = '', where = '', since] = name.split('-');
    if (stillRuns({ pid: Number(other), place: where, ...(since && { began: since }) })) {
      release();
      return { heldBy: Number(other) };
    }
    rmSync(join(claims, name), { force: true });
  }
  return { release };
}
