import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { inNewFolders } from '../support/cli';

const CDKTF = join(__dirname, '../../cli/cdktf.cjs');
const { env, file, path } = inNewFolders();

/** What cdktf and Terraform find of the variable by which they ask their maker nothing. */
function checkpointDisabled(own: Record<string, string>): string {
  file('witness.cjs', "process.once('exit', () => process.stderr.write(`[${process.env.CHECKPOINT_DISABLE}]`));");
  const options = { cwd: path(), env: { ...env(), CHECKPOINT_DISABLE: undefined, ...own }, encoding: 'utf8' } as const;
  const { stderr } = spawnSync(process.execPath, ['--require', path('witness.cjs'), CDKTF, '--version'], options);
  return /\[(.*)\]$/.exec(stderr)?.[1] ?? '';
}

test('npx cdktf asks nothing of the internet, unless its user wants it', () => {
  expect(checkpointDisabled({})).toBe('1');
  expect(checkpointDisabled({ CHECKPOINT_DISABLE: '' })).toBe('');
});
