import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { derivedName } from '../../constructs/aws/names';
import { buildProfile, readDeployment } from '../../packer/deployment';

const GENERATIONS = path.join(__dirname, '../support/tfvars');

describe("The deployment's tfvars", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function read(text: string, name = 'my.tfvars') {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return readDeployment(file);
  }

  it.each(['2024', '2025', '2026'])('of %s give region and profile', async (year) => {
    const file = path.join(GENERATIONS, `${year}.tfvars`);
    const text = readFileSync(file, 'utf8');
    const [, region] = /^region\s*=\s*"(.*)"/m.exec(text) ?? [];
    const [, smName = ''] = /^sm_name\s*=\s*"(.*)"/m.exec(text) ?? [];
    const [, profile] = /^profile_name\s*=\s*"(.*)"/m.exec(text) ?? [];

    expect(await readDeployment(file)).toEqual({ file, region, profileName: profile ?? `${smName}_ec2_profile` });
  });

  it.each(['sm', 'p'.repeat(64)])(
    'without profile_name mean the one that the deployment makes of %s',
    async (prefix) => {
      const { profileName } = await read(`region = "us-east-1"\nsm_name = "other"\nresource_prefix = "${prefix}"\n`);

      expect(profileName).toBe(derivedName(prefix, '_ec2_profile'));
    },
  );

  it('may be JSON, and name an SSM parameter', async () => {
    const json = { region: 'us-east-1', sm_name: 'sm', ami_parameter_name: '/datastream/ami' };

    expect(await read(JSON.stringify(json), 'my.tfvars.json')).toMatchObject({ amiParameterName: '/datastream/ami' });
  });

  it.each([
    ['profile_name = "given"\n', true, '', 'given'],
    ['', true, '', 'sm_ec2_profile'],
    ['', true, 'own', 'own'],
    ['', false, '', ''],
    ['', false, 'own', 'own'],
  ])(
    'with %j, session_manager %s and iam_instance_profile %j give the build instance %j',
    async (more, session_manager, iam_instance_profile, profile) => {
      const deployment = await read(`region = "us-east-1"\nsm_name = "sm"\n${more}`);

      expect(buildProfile({ session_manager, iam_instance_profile }, deployment)).toBe(profile);
    },
  );

  it.each([
    ['no region', 'sm_name = "sm"', /my\.tfvars: it names no region: write region = "us-east-1"/],
    ['no name at all', 'region = "us-east-1"', /my\.tfvars: it names neither profile_name nor sm_name/],
    ['a region that is a list', 'region = ["us-east-1"]', /my\.tfvars: region is \["us-east-1"\]: write a text/],
    ['no HCL', 'region = ', /my\.tfvars:1:\d+: Missing expression/],
  ])('are refused with %s', async (_, text, sentence) => {
    await expect(read(text)).rejects.toThrow(sentence);
  });

  it('are missed by their name', async () => {
    await expect(readDeployment('/nowhere/my.tfvars')).rejects.toThrow(
      '/nowhere/my.tfvars: there is no such file: check the path.',
    );
  });
});
