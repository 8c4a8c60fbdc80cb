import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { diskErrorOf, diskSentence } from '../files/disk';
import { temporaryFolder } from '../files/temporary-folder';
import { missingForLocalRun } from '../local/shell';

/** Ctrl-C, `kill`, and the terminal's end. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Listens for the signals until `done`; the process does not end by them meanwhile. */
export function interruption(): { readonly signal: AbortSignal; done(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const signal of SIGNALS) process.on(signal, abort);
  return {
    signal: controller.signal,
    done: () => {
      for (const signal of SIGNALS) process.off(signal, abort);
    },
  };
}

const REMEDY = 'name another --folder';

/**
 * Makes what a local run needs on this computer.
 *
 * @param folder where the embedded buckets are
 * @returns the folder of the instances' disks, which the caller removes; or in one sentence why nothing can run here
 */
export function localPlace(folder: string): { readonly scratch: string } | { readonly error: string } {
  const buckets = resolve(folder, 'buckets');
  const missing = missingForLocalRun() ?? cannotMake(buckets) ?? cannotWrite(buckets, REMEDY);
  if (missing) return { error: missing };
  try {
    return { scratch: realpathSync(temporaryFolder('run')) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** @returns a sentence where nothing can be written into the folder */
export function cannotWrite(folder: string, remedy: string): string | undefined {
  const error = diskErrorOf(folder);
  return error && diskSentence(folder, error, remedy);
}

/**
 * Makes a folder, level by level: in places such as /proc Node.js' recursive mkdir never ends.
 * @returns a sentence where that cannot be done
 */
function cannotMake(folder: string): string | undefined {
  if (isFolder(folder)) return undefined;
  const above = dirname(folder) === folder ? undefined : cannotMake(dirname(folder));
  if (above) return above;
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another local run may have made it in between.
    if (!isFolder(folder)) return diskSentence(folder, error, REMEDY);
  }
  return undefined;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // What it is instead of one, making it says.
    return false;
  }
}
