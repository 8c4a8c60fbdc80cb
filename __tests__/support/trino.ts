import type { TrinoSQL } from 'dt-sql-parser';
import { buildSync } from 'esbuild';
import { PRODUCT } from '../../files/product';

/** Trino's own grammar. The package is an ES module, which Jest does not read: this is its part for Trino, bundled. */
export function trinoParser(): TrinoSQL {
  const built = buildSync({
    stdin: { contents: "export { TrinoSQL } from 'dt-sql-parser/dist/parser/trino';", resolveDir: PRODUCT },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  const module = { exports: {} as { TrinoSQL: new () => TrinoSQL } };
  new Function('module', 'exports', 'require', built.outputFiles[0]?.text ?? '')(module, module.exports, require);
  return new module.exports.TrinoSQL();
}
