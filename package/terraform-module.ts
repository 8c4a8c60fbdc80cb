import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { zip } from '../constructs/aws/zip';
import { synthesiseModule } from '../constructs/datastream/module';
import { PRODUCT } from '../files/product';
import { temporaryFolder } from '../files/temporary-folder';
import { type Module, readme } from './module-readme';

/**
 * Writes the Terraform module to dist/terraform-module, or to the folder that the argument names, and an archive of it
 * beside that folder.
 */

const OUT = path.resolve(process.argv[2] ?? path.join(PRODUCT, 'dist', 'terraform-module'));

/** The module's files: contents by name. */
function files(): Readonly<Record<string, Uint8Array>> {
  const outdir = temporaryFolder('module');
  const folder = synthesiseModule(outdir);
  const text = readFileSync(path.join(folder, 'cdk.tf.json'), 'utf8');
  // cdktf writes its metadata under this key.
  const module: Module = JSON.parse(text, (key, value) => (key === '//' ? undefined : value));
  const archives = Object.values(module.resource.aws_lambda_function).map((each) => {
    const archive = `functions/${path.basename(each.filename)}`;
    const contents = readFileSync(path.join(folder, each.filename));
    // Without `path.module` Terraform looks in the folder of the calling configuration.
    each.filename = `\${path.module}/${archive}`;
    return [archive, contents] as const;
  });
  return {
    'main.tf.json': Buffer.from(`${JSON.stringify(module, null, 2)}\n`),
    'README.md': Buffer.from(readme(module)),
    LICENSE: readFileSync(path.join(PRODUCT, 'LICENSE')),
    ...Object.fromEntries(archives),
  };
}

const made = Object.entries(files());
rmSync(OUT, { recursive: true, force: true });
for (const [name, contents] of made) {
  const file = path.join(OUT, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, contents);
}
writeFileSync(`${OUT}.zip`, zip(Object.fromEntries(made)));
console.log(`${OUT} and ${OUT}.zip are written.`);
