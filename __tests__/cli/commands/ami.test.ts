import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { carryOut } from '../../../cli/commands/ami-prune';
import { findImages, planPrune } from '../../../packer/images';
import { COMMAND, inNewFolders } from '../../support/cli';
import { ImageCloud } from '../../support/images';

const { env, path, file } = inNewFolders();

/** Without credentials, and with no AWS to be reached. */
function datastream(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const offline = {
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, 'ami', ...args], {
    cwd: path(),
    env: { ...env(), ...offline, ...environment },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

describe.each(['list', 'prune'])('datastream ami %s', (command) => {
  it('exits 1 and names the tfvars that it has no region from', () => {
    expect(datastream([command, '--tfvars', 'my.tfvars'], CREDENTIALS)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'datastream: my.tfvars: there is no such file: check the path.\n',
    });
  });

  it('exits 1 and says in one sentence that there are no credentials', () => {
    const { status, stdout, stderr } = datastream([command, '--region', 'us-east-1']);

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^There are no AWS credentials: run 'aws configure' or [^\n]+\n$/);
  });

  it('exits 1 and says in one sentence that AWS does not answer', () => {
    file('my.tfvars', 'region = "eu-west-1"\nsm_name = "sm"\n');
    const { status, stdout, stderr } = datastream([command, '--tfvars', 'my.tfvars'], CREDENTIALS);

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^AWS does not answer in eu-west-1 \(ECONNREFUSED\): [^\n]+\n$/);
  });
});

describe('datastream ami', () => {
  it.each([
    [['prune', '--keep', '-1'], "'-1' is not a number of images"],
    [['prune', '--keep', '1.5'], "'1.5' is not a number of images"],
    [['list', '--region', 'narnia'], "'narnia' is not a region's name"],
    [['list', '--keep', '3'], "unknown option '--keep'"],
    [['lst'], "unknown command 'lst'"],
  ])('exits 2 and helps when it is called with %j', (args, message) => {
    const { status, stderr } = datastream(args, CREDENTIALS);

    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain('Usage: datastream ami');
  });
});

describe('datastream ami write-template', () => {
  const MANIFEST = {
    builds: [
      {
        artifact_id: 'us-east-2:ami-0bbbbbbbbbbbbbbbb,us-west-2:ami-0cccccccccccccccc',
        packer_run_uuid: 'one',
        custom_data: { architecture: 'x86_64', name: 'an-image', volume_size: '32', ami_parameter_name: '' },
      },
    ],
    last_run_uuid: 'one',
  };
  const TEMPLATE = {
    commands: ['./model'],
    run_options: { ii_terminate_instance: true, ii_check_s3: false },
    instance_parameters: { ImageId: 'ami-###', InstanceType: 't4g.xlarge', KeyName: '<your-key-pair>' },
  };
  const writeTemplate = (manifest: string) =>
    datastream(['write-template', '--manifest', manifest, '--tfvars', 'my.tfvars', '--executions', '.']);
  beforeEach(() => {
    file('my.tfvars', 'region = "us-east-2"\nsm_name = "nextgen"\n');
    file('execution_template.json', TEMPLATE);
  });

  it("writes the image's IDs without AWS, and lists what is left", () => {
    const { status, stdout, stderr } = writeTemplate(file('manifest.json', MANIFEST));

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(
      [
        '',
        'Image      an-image, x86_64, 32 GiB',
        'Template   execution_template.json: ami-0bbbbbbbbbbbbbbbb in us-east-2',
        '           Left to fill in:',
        '           $.instance_parameters.KeyName',
        "             This is a placeholder: write the key pair's name as EC2 lists it, or leave KeyName out.",
        'Template   execution_template.us-west-2.json: ami-0cccccccccccccccc in us-west-2',
        '           The same is left to fill in.',
        '',
      ].join('\n'),
    );
    expect(JSON.parse(readFileSync(path('execution_template.us-west-2.json'), 'utf8'))).toEqual({
      ...TEMPLATE,
      instance_parameters: {
        ...{ ImageId: 'ami-0cccccccccccccccc', InstanceType: 't3.xlarge', KeyName: '<your-key-pair>' },
        IamInstanceProfile: { Name: 'nextgen_ec2_profile' },
      },
      region: 'us-west-2',
    });
  });

  it('says in one sentence what is wrong with the manifest, and leaves the template', () => {
    const { status, stdout, stderr } = writeTemplate(file('manifest.json', { ...MANIFEST, last_run_uuid: 'two' }));

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^datastream: manifest\.json: its last build \(two\) has left no image: it has failed\. [^\n]+\n$/,
    );
    expect(JSON.parse(readFileSync(path('execution_template.json'), 'utf8'))).toEqual(TEMPLATE);
  });
});

describe('a prune that is carried out', () => {
  async function carriedOut(cloud: ImageCloud) {
    const written = { out: '', err: '' };
    const sink = (name: keyof typeof written) => ({
      write: (text: string) => {
        written[name] += text;
      },
    });
    const plan = planPrune(await findImages(cloud.ec2), 1, new Map());
    const exitCode = await carryOut(cloud.ec2, 'eu-west-1', plan, sink('out'), sink('err'));
    return { exitCode, ...written };
  }

  it('says what was removed', async () => {
    const cloud = new ImageCloud();
    for (const day of [1, 2, 3]) cloud.add(`ami-${day}`, `2026-01-0${day}`);

    expect(await carriedOut(cloud)).toEqual({
      exitCode: 0,
      out: 'deregistered ami-2\nderegistered ami-1\ndeleted snap-1\ndeleted snap-2\neu-west-1: removed 2 images and 2 snapshots (64 GiB of volumes).\n',
      err: '',
    });
  });

  it('exits 1 with what could not be removed, and why, after the rest is', async () => {
    const cloud = new ImageCloud((operation, _call, input) => {
      const { SnapshotId } = input as { SnapshotId?: string };
      if (operation !== 'DeleteSnapshot' || SnapshotId === 'snap-1') return undefined;
      return SnapshotId === 'snap-2' ? { error: 'InvalidSnapshot.InUse' } : { error: 'RequestLimitExceeded' };
    });
    for (const day of [1, 2, 3, 4, 5]) cloud.add(`ami-${day}`, `2026-01-0${day}`);
    cloud.add('ami-4', '2026-01-04', { DeregistrationProtection: 'enabled' });

    const { exitCode, out, err } = await carriedOut(cloud);

    expect(exitCode).toBe(1);
    expect(out).toContain('kept snap-2: EC2 says that it is in use; a later prune tries again\n');
    expect(out).toContain('eu-west-1: removed 3 images and 1 snapshot (32 GiB of volumes).\n');
    expect(err).toBe(
      "ami-4: The image 'ami-4' has deregistration protection (OperationNotPermitted).\n" +
        'snap-3: AWS takes no more calls at the moment: try again in a minute.\n' +
        'eu-west-1: not removed: ami-4, snap-3.\n',
    );
  });
});
