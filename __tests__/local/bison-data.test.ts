import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { featuresOf } from '../../files/geopackage';
import { PRODUCT } from '../../files/product';
import { describeWith } from '../support/tools';

const SHIPPED = join(PRODUCT, 'local/examples/bison');

/** The files below a folder, whatever their order on the disk. */
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();

/** The content of a file: of archives and databases what is in them, since other versions of their libraries pack otherwise. */
function contentOf(file: string): unknown {
  if (file.endsWith('.zip')) {
    const entries = Object.entries(unzipSync(readFileSync(file)));
    return entries.map(([name, bytes]) => [name, Buffer.from(bytes).toString('utf8')]);
  }
  const layer = /(\w+)\.gpkg$/.exec(file)?.[1];
  return layer === undefined ? readFileSync(file, 'utf8') : featuresOf(file, layer);
}

describeWith(['python3'], 'the synthetic month', () => {
  test('is what its script makes of its seed', () => {
    const made = mkdtempSync(join(tmpdir(), 'bison-data-'));
    const { status, stderr } = spawnSync('python3', [join(SHIPPED, 'generate.py'), made], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const files = filesIn(made);

    expect(files).toHaveLength(5);
    expect(files.filter((file) => !filesIn(SHIPPED).includes(file))).toEqual([]);
    for (const file of files) expect(contentOf(join(made, file))).toEqual(contentOf(join(SHIPPED, file)));
    rmSync(made, { recursive: true });
  });

  test('is smaller than 300 KB', () => {
    const bytes = filesIn(SHIPPED).reduce((sum, file) => sum + statSync(join(SHIPPED, file)).size, 0);

    expect(bytes).toBeLessThan(300_000);
  });
});
