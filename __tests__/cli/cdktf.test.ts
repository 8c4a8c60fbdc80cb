import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { inNewFolders } from '../support/cli';

const CDKTF = join(__dirname, '../../cli/cdktf.cjs');
const { env, file, path } = inNewFolders();

/** What cdktf and Terraform find of the variable by which they ask their maker nothing. */
function checkpointDisabled(own: Record<string, string>): string {
  file(
    'witness.cjs',
    // The command does not go on with a Node.js for which cdktf-cli has no build.
    "Object.defineProperty(process.versions, 'node', { value: '22.23.3' });" +
      "process.once('exit', () => process.stderr.write(`[${process.env.CHECKPOINT_DISABLE}]`));",
  );
  const options = { cwd: path(), env: { ...env(), CHECKPOINT_DISABLE: undefined, ...own }, encoding: 'utf8' } as const;
  const { stderr } = spawnSync(process.execPath, ['--require', path('witness.cjs'), CDKTF, '--version'], options);
  return /\[(.*)\]$/.exec(stderr)?.[1] ?? '';
}

test('npx cdktf asks nothing of the internet, unless its user wants it', () => {
  expect(checkpointDisabled({})).toBe('1');
  expect(checkpointDisabled({ CHECKPOINT_DISABLE: '' })).toBe('');
});
