import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { context } from '../cdktf.json';
import { SettingsError } from '../constructs/aws/settings-error';
import { zip } from '../constructs/aws/zip';
import { matrixOf } from '../constructs/datastream/matrix';
import { synthesiseModule } from '../constructs/datastream/module';
import { PRODUCT } from '../files/product';
import { temporaryFolder } from '../files/temporary-folder';
import { type Module, readme } from './module-readme';

/**
 * Writes the Terraform module to dist/terraform-module, or to the folder that the argument names, and an archive of it
 * beside that folder. The module has the schedules of the matrix that cdktf.json names.
 */

const OUT = path.resolve(process.argv[2] ?? path.join(PRODUCT, 'dist', 'terraform-module'));

/** The module's files: contents by name. */
function files(): Readonly<Record<string, Uint8Array>> {
  const outdir = temporaryFolder('module');
  const folder = synthesiseModule(outdir, matrixOf(CONTEXT.matrix));
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

/** CDKTF_CONTEXT_JSON wins, as it does in an App. */
const CONTEXT: { readonly matrix?: unknown } = { ...context, ...JSON.parse(process.env.CDKTF_CONTEXT_JSON || '{}') };

let made: [string, Uint8Array][];
try {
  made = Object.entries(files());
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  console.error(error.message);
  process.exit(1);
}
rmSync(OUT, { recursive: true, force: true });
for (const [name, contents] of made) {
  const file = path.join(OUT, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, contents);
}
writeFileSync(`${OUT}.zip`, zip(Object.fromEntries(made)));
console.log(`${OUT} and ${OUT}.zip are written.`);
