import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { PRODUCT } from '../../files/product';
import { temporaryFolder } from '../../files/temporary-folder';
import { COMMAND, SOURCES } from './cli';

/** Jest calls this function before it starts its workers. */
export default function globalSetup(): void {
  // One temporary folder for all tests and their programs. Some of them leave files behind: cdktf never removes its
  // temporary folders.
  process.env.TMPDIR = temporaryFolder('tests');
  bundleCommand();
}

/** The command in one file, which starts in a third of the time that its sources take. The packages are not in it. */
function bundleCommand(): void {
  const own = `${COMMAND}.${process.pid}`;
  const { dependencies } = JSON.parse(readFileSync(path.join(PRODUCT, 'package.json'), 'utf8'));
  mkdirSync(path.dirname(COMMAND), { recursive: true });
  buildSync({
    entryPoints: [path.join(path.dirname(SOURCES), 'main.ts')],
    outfile: own,
    bundle: true,
    platform: 'node',
    // Plot is an ES module, which Node.js 20 does not require. DuckDB is needed in local runs of BISON alone.
    external: [...Object.keys(dependencies).filter((name) => name !== '@observablehq/plot'), '@duckdb/node-api'],
    logLevel: 'error',
  });
  // Another run of the tests may read it.
  renameSync(own, COMMAND);
}
