import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App } from 'cdktf';
import { DatastreamStack } from '../constructs/datastream/stack';
import { withoutMetadata } from './support/synthesis';
import { ROOT, succeed } from './support/terraform';

/** In this suite `cdktf` is cdktn; `tsx main.ts` has cdktf. */

const folder = mkdtempSync(path.join(tmpdir(), 'datastream-cdktn-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A stack's JSON, and the paths of all files of its synthesis. */
function synthesis(outdir: string) {
  const stack = withoutMetadata(readFileSync(path.join(outdir, 'stacks/datastream/cdk.tf.json'), 'utf8'));
  return { stack, files: readdirSync(outdir, { recursive: true, encoding: 'utf8' }).sort() };
}

test('the same source gives the same Terraform under cdktn', async () => {
  const [cdktn, cdktf] = ['cdktn', 'cdktf'].map((name) => path.join(folder, name)) as [string, string];
  const app = new App({ outdir: cdktn });
  expect(require.resolve('cdktf')).toContain(path.join('node_modules', 'cdktn'));
  new DatastreamStack(app, 'datastream');
  app.synth();
  await succeed(path.join(ROOT, 'node_modules', '.bin', 'tsx'), ['main.ts'], {
    cwd: ROOT,
    env: { CDKTF_OUTDIR: cdktf },
  });

  expect(synthesis(cdktn)).toEqual(synthesis(cdktf));
  expect(synthesis(cdktf).files).toContain('stacks/datastream/cdk.tf.json');
});
