import { temporaryFolder } from '../../files/temporary-folder';

/**
 * One temporary folder for all that tests, and what they run, leave behind: cdktf, for one, never removes its own. Jest
 * calls this before it starts its workers.
 */
export default function inOneTemporaryFolder(): void {
  process.env.TMPDIR = temporaryFolder('tests');
}
