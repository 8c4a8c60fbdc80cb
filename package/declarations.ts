import path from 'node:path';
import ts from 'typescript';
import { PRODUCT } from '../files/product';

/** The name of each module that a declaration imports. */
export const IMPORTED = /(?<=\bfrom ['"]|\bimport\(['"])([^'"\n]+)/g;

/**
 * The type declarations of a file, and of all files that it imports, directly or through others.
 *
 * @param entry relative to PRODUCT
 * @returns the declarations' texts by path, relative to PRODUCT
 */
export function declarations(entry: string): ReadonlyMap<string, string> {
  const { config } = ts.readConfigFile(path.join(PRODUCT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, PRODUCT);
  const emitted = new Map<string, string>();
  const program = ts.createProgram([path.join(PRODUCT, entry)], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
  });
  program.emit(undefined, (file, text) => emitted.set(path.relative(PRODUCT, file), text));

  const found = new Map<string, string>();
  const toFollow = [entry.replace(/\.ts$/, '.d.ts')];
  for (const file of toFollow) {
    if (found.has(file)) continue;
    const text = emitted.get(file);
    if (text === undefined) throw new Error(`${file} is imported by a declaration, but TypeScript has emitted none.`);
    found.set(file, text);
    for (const [, name = ''] of text.matchAll(IMPORTED)) {
      if (name.startsWith('.')) toFollow.push(path.join(path.dirname(file), `${name}.d.ts`));
    }
  }
  return found;
}
