import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import { PRODUCT } from '../../files/product';
import { temporaryFolder } from '../../files/temporary-folder';
import { zip } from './zip';

/** The sources of a system's functions. */
export interface Sources<Name extends string = string> {
  /** The folder of lambdas/. */
  readonly folder: string;
  /** The names of files in that folder. Each file exports `handler`. */
  readonly names: readonly Name[];
}

/** The code of one function. */
export interface Bundle {
  /** The minified code, `<name>.js` in the archive. */
  readonly code: Buffer;
  /** Its source map, `<name>.js.map` in the archive. */
  readonly map: Buffer;
  /** The ZIP archive of both, as Lambda takes it. */
  readonly archive: Buffer;
}

export interface Bundles<Name extends string = string> {
  readonly functions: Readonly<Record<Name, Bundle>>;
  /** esbuild's record of the files in each bundle. */
  readonly metafile: Metafile;
}

/**
 * Bundles all functions of a system in one run of esbuild (about 1 s). The bytes depend only on the sources and the
 * installed packages, not on the folder, the working directory or the time.
 *
 * @param root the folder that holds lambdas/ and node_modules/; default: this package
 * @throws Error with esbuild's message if a file of lambdas/ is missing or does not compile
 */
export function bundle<Name extends string>({ folder, names }: Sources<Name>, root: string = PRODUCT): Bundles<Name> {
  const outdir = temporaryFolder('bundle');
  try {
    execFileSync(process.execPath, [path.join(PRODUCT, 'constructs/aws/bundler.cjs'), root, outdir, folder, ...names], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const functions = Object.fromEntries(
      names.map((name) => {
        const code = readFileSync(path.join(outdir, `${name}.js`));
        const map = readFileSync(path.join(outdir, `${name}.js.map`));
        return [name, { code, map, archive: zip({ [`${name}.js`]: code, [`${name}.js.map`]: map }) }];
      }),
    ) as Record<Name, Bundle>;
    const metafile: Metafile = JSON.parse(readFileSync(path.join(outdir, 'metafile.json'), 'utf8'));
    return { functions, metafile };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
