import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import { MACHINE_FUNCTIONS } from '../datastream/definition';
import { zip } from './zip';

/** Every function, by its role: a file of lambdas/ that exports `handler`. */
export const FUNCTIONS = [...MACHINE_FUNCTIONS, 'relay', 'reaper'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** What Lambda runs of one function. */
export interface Bundle {
  /** The minified code, `<name>.js` in the archive. */
  readonly code: Buffer;
  /** Its source map, `<name>.js.map` in the archive. */
  readonly map: Buffer;
  /** Both, as Lambda wants them. */
  readonly archive: Buffer;
}

export interface Bundles {
  readonly functions: Readonly<Record<FunctionName, Bundle>>;
  /** esbuild's account of which files went into which bundle. */
  readonly metafile: Metafile;
}

/**
 * Bundles all functions in one run of esbuild (about 1 s). The bytes depend on the sources and the installed packages
 * alone, not on the folder, the working directory or the time.
 *
 * @param root the folder that holds lambdas/ and node_modules/; default: this package
 * @throws Error with what esbuild says when a file of lambdas/ is missing or does not compile
 */
export function bundle(root: string = path.join(__dirname, '../..')): Bundles {
  const outdir = mkdtempSync(path.join(tmpdir(), 'datastream-bundle-'));
  try {
    execFileSync(process.execPath, [path.join(__dirname, 'bundler.cjs'), root, outdir, ...FUNCTIONS], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const functions = Object.fromEntries(
      FUNCTIONS.map((name) => {
        const code = readFileSync(path.join(outdir, `${name}.js`));
        const map = readFileSync(path.join(outdir, `${name}.js.map`));
        return [name, { code, map, archive: zip({ [`${name}.js`]: code, [`${name}.js.map`]: map }) }];
      }),
    ) as Record<FunctionName, Bundle>;
    const metafile: Metafile = JSON.parse(readFileSync(path.join(outdir, 'metafile.json'), 'utf8'));
    return { functions, metafile };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
