import { createHash } from 'node:crypto';
import path from 'node:path';
import { writeFileAtomically } from '../files/write-file';
import { downloads, isSafe, PACKER_FOLDER, type Settings, sha256Of } from './variables';

/** `datastream ami build` reads this file, as it reads every *.auto.pkrvars.* file of the folder. */
export const PINNED_FILE = path.join(PACKER_FOLDER, 'checksums.auto.pkrvars.json');

/**
 * Downloads each file that has no SHA-256 yet, for both architectures, and stores its sum. Existing sums stay.
 *
 * @param file the file for the sums
 * @returns each downloaded address, with its sum
 * @throws Error that names the file that cannot be downloaded; nothing is written then
 */
export async function pin(
  settings: Settings,
  file = PINNED_FILE,
  get: typeof fetch = fetch,
): Promise<ReadonlyMap<string, string>> {
  const all = (['arm64', 'x86_64'] as const).flatMap((architecture) => [...downloads({ ...settings, architecture })]);
  const sums: Record<string, string> = { ...settings.sha256 };
  const pinned = new Map<string, string>();
  for (const [name, url] of all) {
    if (sha256Of(settings, name) !== undefined) continue;
    if (!isSafe(url)) throw new Error(`${url} is not downloaded: write an address that begins with https://.`);
    sums[name] = await sumOf(url, get);
    pinned.set(url, sums[name]);
  }
  if (pinned.size > 0) writeFileAtomically(file, `${JSON.stringify({ sha256: sums }, null, 2)}\n`);
  return pinned;
}

async function sumOf(url: string, get: typeof fetch): Promise<string> {
  try {
    const response = await get(url);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    return createHash('sha256')
      .update(Buffer.from(await response.arrayBuffer()))
      .digest('hex');
  } catch (error) {
    const { message, cause } = error as Error;
    // fetch puts the reason into `cause`.
    const reason = (cause as Error | undefined)?.message ?? message;
    throw new Error(`${url} cannot be downloaded: ${reason}. Check the version, and the network.`);
  }
}
