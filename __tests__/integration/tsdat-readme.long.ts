import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { changed } from '../support/pipelines';
import { clone, type Finished, ROOT, run } from '../support/terraform';
import { describeWith } from '../support/tools';
import { startTsdatAws, type TsdatAws, tsdatClients } from '../support/tsdat-aws';
import { TsdatWorkspace } from '../support/tsdat-workspace';

/** The README's commands on AWS, from the profile to the end. */
const COMMANDS =
  [...readFileSync(path.join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)]
    .map(([, block = '']) => block.trim().split('\n'))
    .find((block) => block.some((line) => line.includes('cdktf deploy tsdat-main'))) ?? [];

describeWith(['terraform', 'moto_server'], "The README's commands of tsdat on an emulated AWS", () => {
  let aws: TsdatAws;
  let workspace: TsdatWorkspace;
  beforeAll(async () => {
    aws = await startTsdatAws();
    workspace = new TsdatWorkspace(aws.endpoint);
  });
  afterAll(async () => {
    await aws?.stop();
    workspace?.remove();
  });

  test('work one after the other as they stand there, and leave the data alone', async () => {
    const cwd = path.join(workspace.folder, 'here');
    await clone(cwd);
    const system = JSON.parse(readFileSync(path.join(cwd, 'cdktf.json'), 'utf8'));
    const tsdat = { config: '../aws-template/pipelines_config.yml', branches: ['main'] };
    const context = { systems: ['datastream', 'tsdat'], tsdat };
    writeFileSync(path.join(cwd, 'cdktf.json'), JSON.stringify({ ...system, context }));
    mkdirSync(path.join(workspace.folder, 'aws-template'));
    writeFileSync(
      path.join(workspace.folder, 'aws-template/pipelines_config.yml'),
      changed(['buoy-input', 'tsdat-input'], ['buoy-output', 'tsdat-output']),
    );
    // The profile has the credentials; the environment has none.
    const profile = path.join(workspace.folder, 'config');
    writeFileSync(profile, '[profile tsdat]\nregion = us-west-2\naws_access_key_id = x\naws_secret_access_key = x\n');
    const withProfile = {
      ...workspace.environment,
      AWS_CONFIG_FILE: profile,
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
    };
    let env: Record<string, string | undefined> = withProfile;
    const { s3 } = tsdatClients(aws.endpoint);
    const ended: (readonly [string, Finished])[] = [];
    for (const command of COMMANDS) {
      const [, name, value] = /^export (\w+)=(\w+)$/.exec(command) ?? [];
      if (name !== undefined) {
        env = { ...env, [name]: value };
        continue;
      }
      if (command.includes('destroy')) {
        await s3.send(new PutObjectCommand({ Bucket: 'tsdat-output', Key: 'storage/root/data/x.nc', Body: 'x' }));
      }
      // Without a person to ask.
      const unattended = command.replace(/^npx cdktf (deploy|destroy)/, 'npx cdktf $1 --auto-approve');
      ended.push([command, await run('sh', ['-c', unattended], { cwd, env })]);
    }
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));

    expect(ended.map(([command, { code, output }]) => [command, code, code === 0 ? '' : output])).toEqual(
      ended.map(([command]) => [command, 0, '']),
    );
    expect(ended.map(([, { output }]) => /(Apply|Destroy) complete.*/.exec(output)?.[0])).toEqual([
      'Apply complete! Resources: 7 added, 0 changed, 0 destroyed.',
      'Apply complete! Resources: 43 added, 0 changed, 0 destroyed.',
      undefined,
      'Destroy complete! Resources: 43 destroyed.',
    ]);
    expect(ended[2]?.[1].output).toContain('lidar/humboldt  s3://tsdat-input/lidar/humboldt/\n  no run\n');
    expect(Buckets.map(({ Name }) => Name).sort()).toEqual(['tsdat-input', 'tsdat-output']);
  });
});
