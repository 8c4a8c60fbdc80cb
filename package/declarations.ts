import path from 'node:path';
import ts from 'typescript';
import { PRODUCT } from '../files/product';

/**
 * The type declarations of a file, and of all that they name in turn.
 *
 * @param entry relative to PRODUCT
 * @param named what a package that they import is called
 * @returns texts by their path, relative to PRODUCT
 */
export function declarations(entry: string, named: (name: string) => string): ReadonlyMap<string, string> {
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
  const follow = (file: string) => {
    if (found.has(file)) return;
    const text = emitted.get(file);
    if (text === undefined) throw new Error(`${file} is imported by a declaration, but TypeScript has emitted none.`);
    const renamed = text.replace(/(\bfrom |\bimport\()(['"])([^'"\n]+)\2/g, (_, before, quote, name) => {
      if (!name.startsWith('.')) return `${before}${quote}${named(name)}${quote}`;
      toFollow.push(path.join(path.dirname(file), `${name}.d.ts`));
      return `${before}${quote}${name}${quote}`;
    });
    found.set(file, renamed);
  };
  const toFollow = [entry.replace(/\.ts$/, '.d.ts')];
  for (const file of toFollow) follow(file);
  return found;
}
