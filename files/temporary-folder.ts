import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskSentence } from './disk';
import { isAlive, place } from './processes';

/** `datastream-<kind>-<hash of the place where process IDs count>-<process ID>-<random>` */
const NAME = /^datastream-[a-z]+-([0-9a-f]{8})-(\d+)-\w{6}$/;

const made = new Set<string>();

/**
 * Makes a folder in the system's temporary folder. The folder is removed when this process exits; the caller may remove
 * it earlier. If the process is killed, the next process that calls this function removes the folder.
 *
 * @param kind the folder's purpose, a word in lower case
 * @throws Error whose message is one sentence that names the temporary folder and says what to do
 */
export function temporaryFolder(kind: string): string {
  const parent = tmpdir();
  if (made.size === 0) {
    removeStale(parent);
    process.once('exit', () => {
      for (const folder of made) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      made.clear();
    });
  }
  try {
    const folder = mkdtempSync(join(parent, `datastream-${kind}-${place()}-${process.pid}-`));
    made.add(folder);
    return folder;
  } catch (error) {
    throw new Error(diskSentence(parent, error, 'set TMPDIR to another folder'), { cause: error });
  }
}

/** Removes the folders of this user's processes that no longer run. */
function removeStale(parent: string): void {
  const here = place();
  for (const name of namesIn(parent)) {
    const [, where, pid] = NAME.exec(name) ?? [];
    if (where !== here || isAlive(Number(pid))) continue;
    try {
      const folder = join(parent, name);
      const { uid } = lstatSync(folder);
      if (uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Nothing depends on the removal. Another process may be removing the folder, or the disk may be read-only.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Some users may write into a temporary folder but not list it.
    return [];
  }
}
