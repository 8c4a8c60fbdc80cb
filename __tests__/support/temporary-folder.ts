import { temporaryFolder } from '../../files/temporary-folder';

/**
 * Sets one temporary folder for all tests and their programs. Some of them leave files behind: cdktf never removes its
 * temporary folders. Jest calls this function before it starts its workers.
 */
export default function inOneTemporaryFolder(): void {
  process.env.TMPDIR = temporaryFolder('tests');
}
