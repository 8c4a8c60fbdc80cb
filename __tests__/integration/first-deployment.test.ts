import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Moto, startMoto } from '../support/moto';
import { clone, ROOT, run, Workspace } from '../support/terraform';
import { describeWith, findTool } from '../support/tools';

const PAGE = readFileSync(path.join(ROOT, 'docs', 'first-deployment.md'), 'utf8');
const BLOCKS = [...PAGE.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block = '']) => block);

/** Programs that stand before the real ones on the PATH, each with what it does in their place. */
const STAND_INS = {
  // What the CLI has sent is good enough: there is no deployment here, and the emulation does not know every call.
  aws: `case "$2" in describe-instances) printf 'i-0123456789abcdef0\\trunning\\n' ;; esac
AWS "$@" 2>"$0.$$" || grep -q 'when calling the' "$0.$$" || { echo "refused: aws $*" >&2; cat "$0.$$" >&2; exit 1; }`,
  terraform: `case "$*" in *' output '*) echo arn:aws:states:us-east-1:123456789012:stateMachine:first ;; esac`,
  npx: `case "$1 $2" in
  'datastream new') shift; exec node cli/datastream.cjs "$@" ;;
  cdktf\\ *|'datastream ami') echo "npx $*" ;;
  *) echo "npx $* is not expected" >&2; exit 1 ;;
esac`,
  // For loops of many.
  seq: 'echo 1',
  npm: '',
  sleep: '',
  git: '',
};

describeWith(['moto_server', 'aws'], 'The check list of the first deployment', () => {
  let moto: Moto;
  let workspace: Workspace;

  beforeAll(async () => {
    moto = await startMoto();
    workspace = new Workspace(moto.endpoint);
  });
  afterAll(async () => {
    workspace?.remove();
    await moto?.stop();
  });

  it('has no command that bash, the AWS CLI or datastream refuses', async () => {
    const home = path.join(workspace.folder, 'clone');
    await clone(home);
    const folder = path.join(workspace.folder, 'stand-ins');
    mkdirSync(folder);
    for (const [name, script] of Object.entries(STAND_INS)) {
      const file = path.join(folder, name);
      writeFileSync(file, `#!/usr/bin/env bash\n${script.replaceAll('AWS "$@"', `'${findTool('aws')}' "$@"`)}\n`);
      chmodSync(file, 0o755);
    }
    // The last removes the files that are looked at below.
    const blocks = BLOCKS.map((block) => block.replace(/^rm -r .*$/m, 'true'));

    const { code, output } = await run('bash', ['-euo', 'pipefail', '-c', blocks.join('\n')], {
      cwd: home,
      env: { ...workspace.environment, AWS_MAX_ATTEMPTS: '1', PATH: `${folder}${path.delimiter}${process.env.PATH}` },
    });

    expect([code, output.match(/^.*(refused:|not expected).*$/gim)]).toEqual([0, null]);
    const written = readdirSync(path.join(home, 'executions', 'first')).sort();
    expect(written).toEqual(
      ['fails', 'floods', 'key-spot', 'key', 'long', 'lost', 'missing', 'ok', 'slow', 'spot', 'stopped'].map(
        (name) => `${name}.json`,
      ),
    );
    expect(JSON.parse(readFileSync(path.join(home, 'executions', 'first', 'ok.json'), 'utf8'))).toMatchObject({
      commands: ['sleep 60', 'date | aws s3 cp - s3://first-123456789012-us-east-1/ok/done'],
      run_options: { ii_check_s3: { bucket: 'first-123456789012-us-east-1', prefix: 'ok/done' } },
    });
  });
});
