import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type Tag,
} from '@aws-sdk/client-ec2';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { readHclFile } from '../../files/hcl';
import { createStarter } from '../../lambdas/datastream/starter';
import { systemClock } from '../../lambdas/runtime/clock';
import { NEWEST, writeAmazonImages } from '../support/amazon-images';
import { type Moto, motoClients, motoEnvironment, startMoto } from '../support/moto';
import { NO_INPUTS } from '../support/no-inputs';
import { pathWithPacker, readableImage } from '../support/packer';
import { clone, ENVIRONMENT, ROOT, run, succeed, TEMPLATE } from '../support/terraform';
import { describeWith } from '../support/tools';

const asRecord = (tags: Tag[] = []) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));

describeWith(['packer', 'moto_server', 'aws'], 'datastream ami build on an emulated AWS', () => {
  let folder: string;
  let moto: Moto;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-ami-'));
    const images = path.join(folder, 'images.json');
    writeAmazonImages(images);
    moto = await startMoto({ MOTO_AMIS_PATH: images });
    await clone(path.join(folder, 'clone'));
    env = {
      ...motoEnvironment(moto.endpoint),
      PATH: pathWithPacker(folder),
      // An emulator's instances cannot be reached: nothing is installed on them.
      PKR_VAR_communicator: 'none',
      PKR_VAR_custom_endpoint_ec2: moto.endpoint,
    };
    // The deployment's; IAM knows no regions.
    const profile = ['iam', 'create-instance-profile', '--instance-profile-name', 'nextgen_ec2_profile'];
    await succeed('aws', profile, { cwd: folder, env });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await moto.stop();
  });

  /** Of a clone, in which nobody has values of his own. */
  const command = () => path.join(folder, 'clone', 'cli', 'datastream.cjs');
  const ec2In = (region: string) => motoClients(moto.endpoint, region).ec2;
  const ssmIn = (region: string) => motoClients(moto.endpoint, region).ssm;
  const instancesIn = async (region: string) =>
    ((await ec2In(region).send(new DescribeInstancesCommand({}))).Reservations ?? []).flatMap(
      ({ Instances = [] }) => Instances,
    );

  /** A deployment's tfvars, a template, and the command in their folder. */
  function deployment(name: string, region: string) {
    const cwd = path.join(folder, name);
    mkdirSync(cwd);
    writeFileSync(path.join(cwd, 'my.tfvars'), `region = "${region}"\nsm_name = "nextgen"\n`);
    cpSync(TEMPLATE, path.join(cwd, 'execution_template.json'));
    const common = ['--tfvars', 'my.tfvars', '--executions', cwd];
    const datastream = (...args: string[]) => run(process.execPath, [command(), ...args], { cwd, env });
    return {
      cwd,
      read: (file: string) => JSON.parse(readFileSync(path.join(cwd, file), 'utf8')),
      datastream,
      build: (...args: string[]) =>
        datastream('ami', 'build', ...common, '--var', `output_folder=${cwd}/output`, ...args),
      common,
    };
  }

  it('builds for arm64, copies, publishes, and the template launches an instance of the image', async () => {
    const { cwd, build, read, datastream } = deployment('arm64', 'us-east-2');

    const built = await build(
      ...['--var', 'ami_parameter_name=/datastream/ami', '--var', 'ami_regions=["us-west-2"]'],
      ...['--var', 'name=river', '--var', 'tags={Project = "vpu-09"}', '--var', 'volume_size=100'],
    );

    expect(built).toMatchObject({ code: 0 });
    const { Images: [image] = [] } = await ec2In('us-east-2').send(new DescribeImagesCommand({ Owners: ['self'] }));
    const { Images: [copy] = [] } = await ec2In('us-west-2').send(new DescribeImagesCommand({ Owners: ['self'] }));
    const tags = {
      Project: 'vpu-09',
      Name: image?.Name,
      'datastream:image': 'river',
      'datastream:base': NEWEST.arm64,
      'datastream:parameter': '/datastream/ami',
    };
    expect(image).toMatchObject({ Name: expect.stringMatching(/^river-arm64-\d{8}-\d{6}$/), Architecture: 'arm64' });
    expect([asRecord(image?.Tags), asRecord(copy?.Tags)]).toEqual([tags, tags]);
    const { Snapshots = [] } = await ec2In('us-east-2').send(
      new DescribeSnapshotsCommand({ Filters: [{ Name: 'tag:datastream:image', Values: ['river'] }] }),
    );
    expect(Snapshots.map(({ SnapshotId }) => SnapshotId)).toEqual([image?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId]);

    // The build instance, and what was made for it, are gone.
    const [builder, ...others] = await instancesIn('us-east-2');
    expect(others).toEqual([]);
    expect(builder).toMatchObject({ ImageId: NEWEST.arm64, InstanceType: 't4g.large', State: { Name: 'terminated' } });
    expect(asRecord(builder?.Tags)).toEqual({
      Project: 'vpu-09',
      Name: `${image?.Name} (build)`,
      'datastream:build': 'river',
    });
    const attribute = (Attribute: 'instanceInitiatedShutdownBehavior' | 'userData') =>
      ec2In('us-east-2').send(new DescribeInstanceAttributeCommand({ InstanceId: builder?.InstanceId, Attribute }));
    expect(await attribute('instanceInitiatedShutdownBehavior')).toMatchObject({
      InstanceInitiatedShutdownBehavior: { Value: 'terminate' },
    });
    const { UserData } = await attribute('userData');
    expect(Buffer.from(UserData?.Value ?? '', 'base64').toString()).toBe('#!/bin/sh\nshutdown --poweroff +120\n');
    expect((await ec2In('us-east-2').send(new DescribeVolumesCommand({}))).Volumes).toEqual([]);
    expect((await ec2In('us-east-2').send(new DescribeKeyPairsCommand({}))).KeyPairs).toEqual([]);
    const { SecurityGroups = [] } = await ec2In('us-east-2').send(new DescribeSecurityGroupsCommand({}));
    expect(SecurityGroups.map(({ GroupName }) => GroupName)).toEqual(['default']);

    for (const [region, id] of [
      ['us-east-2', image?.ImageId],
      ['us-west-2', copy?.ImageId],
    ] as const) {
      const { Parameter } = await ssmIn(region).send(new GetParameterCommand({ Name: '/datastream/ami' }));
      expect(Parameter).toMatchObject({ Value: id, DataType: 'aws:ec2:image' });
    }
    expect(read('execution_template.json')).toMatchObject({
      region: 'us-east-2',
      instance_parameters: {
        ImageId: image?.ImageId,
        InstanceType: 't4g.xlarge',
        IamInstanceProfile: { Name: 'nextgen_ec2_profile' },
        BlockDeviceMappings: [{ Ebs: { VolumeSize: 100 } }],
      },
    });
    expect(read('execution_template.us-west-2.json')).toMatchObject({
      region: 'us-west-2',
      instance_parameters: { ImageId: copy?.ImageId },
    });
    await completesAndStarts(cwd, datastream, 'us-east-2', 'arm64', image?.ImageId);
  });

  it('builds for x86_64 by one variable, from an image that is given', async () => {
    const { cwd, build, read, datastream } = deployment('x86_64', 'eu-central-1');

    const built = await build(
      ...['--var', 'architecture=x86_64', '--var', `base_ami=${NEWEST.x86_64}`],
      ...['--var', 'kms_key_id=alias/images', '--var', 'ami_users=["210987654321"]'],
    );

    expect(built).toMatchObject({ code: 0 });
    const { Images: [image] = [] } = await ec2In('eu-central-1').send(new DescribeImagesCommand({ Owners: ['self'] }));
    const [builder] = await instancesIn('eu-central-1');
    expect(image).toMatchObject({ Name: expect.stringMatching(/^datastream-x86_64-/), Architecture: 'x86_64' });
    expect(builder).toMatchObject({ ImageId: NEWEST.x86_64, InstanceType: 't3.large' });
    const ImageId = image?.ImageId;
    const permission = new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' });
    expect((await ec2In('eu-central-1').send(permission)).LaunchPermissions).toEqual([{ UserId: '210987654321' }]);
    expect(read('execution_template.json').instance_parameters).toMatchObject({
      ImageId: image?.ImageId,
      InstanceType: 't3.xlarge',
    });
    expect(readdirSync(cwd).sort()).toEqual(['execution_template.json', 'my.tfvars', 'output']);
    await completesAndStarts(cwd, datastream, 'eu-central-1', 'x86_64', image?.ImageId);
  });

  /** The template, filled in as its user would, is valid and its instance is launched. */
  async function completesAndStarts(
    cwd: string,
    datastream: (...args: string[]) => Promise<{ code: number; output: string }>,
    region: string,
    architecture: string,
    imageId: string | undefined,
  ): Promise<void> {
    const filled = await datastream(
      ...['new', 'job.json', '--from', 'execution_template.json', '--region', region],
      ...['--set', 'instance_parameters.KeyName=my-key', '--unset', 'instance_parameters.SecurityGroupIds'],
      ...['--set', 'instance_parameters.TagSpecifications[0].Tags[0].Value=vpu-09'],
      ...['--set', 'commands=["true"]', '--set', 'run_options.ii_check_s3.bucket=my-bucket'],
      // moto calls the root device of an image that it makes otherwise than that of the instance it was made from.
      ...['--set', 'instance_parameters.BlockDeviceMappings[0].DeviceName=/dev/sda1'],
    );
    expect(filled).toMatchObject({ code: 0 });
    const valid = ['validate', 'job.json', '--region', region, '--image-architecture', architecture];
    // The key opens nothing in the deployment's security group, of which validate warns.
    expect(await datastream(...valid)).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^job\.json: valid, 1 warning\n/),
    });

    const inRegion = { cwd, env: { ...env, AWS_REGION: region, AWS_DEFAULT_REGION: region } };
    await succeed('aws', ['ec2', 'create-key-pair', '--key-name', 'my-key'], inRegion);
    const { SecurityGroups } = await ec2In(region).send(new DescribeSecurityGroupsCommand({}));
    const now = new Date().toISOString();
    const starter = createStarter({
      ...NO_INPUTS,
      ec2: ec2In(region),
      // moto has no agents.
      ssm: { send: async () => ({ InstanceInformationList: [{ PingStatus: 'Online' }] }) } as never,
      clock: systemClock,
      region,
      defaults: {
        stateMachineArn: `arn:aws:states:${region}:123456789012:stateMachine:nextgen`,
        securityGroupId: SecurityGroups?.[0]?.GroupId ?? '',
        instanceProfileName: 'nextgen_ec2_profile',
        subnetIds: [],
      },
    });
    const state = JSON.parse(readFileSync(path.join(cwd, 'job.json'), 'utf8'));
    const execution = `arn:aws:states:${region}:123456789012:execution:nextgen:one`;

    await starter({ execution, start_time: now, state });

    const launched = (await instancesIn(region)).filter(({ State }) => State?.Name === 'running');
    expect(launched.map(({ ImageId }) => ImageId)).toEqual([imageId]);
  }

  // A region for each case: what one of them launches is not another's fault.
  it.each([
    [
      'ap-south-1',
      'a region that AWS does not have',
      ['region=us-east-9', 'ami_regions=["ap-south-1"]'],
      /region = "us-east-9"\n +AWS has no region us-east-9: write us-east-1/,
    ],
    [
      'ap-northeast-1',
      'a region whose executions are elsewhere',
      ['region=us-east-1'],
      /region = "us-east-1"\n +my.tfvars deploys to ap-northeast-1, where executions could not use the image/,
    ],
    [
      'ap-northeast-2',
      'an AMI name over 128 characters',
      [`name=${'n'.repeat(120)}`],
      /name = "n+…\n +The name has 3 to 104 letters/,
    ],
    [
      'ap-northeast-3',
      'an instance type of the other architecture',
      ['instance_type=m7i.large'],
      /instance_type = "m7i.large"\n +This type is x86_64, the image is to be arm64: write a type such as "t4g.large"/,
    ],
    [
      'ap-southeast-1',
      'a docker image without a tag',
      ['docker_images=["awiciroh/datastream"]'],
      /docker_images = \["awiciroh\/datastream"\]\n +Each of docker_images has a tag/,
    ],
    [
      'ap-southeast-2',
      'a base image of the other architecture',
      [`base_ami=${NEWEST.x86_64}`],
      /base_ami = "ami-\w+"\n +This image is x86_64, the new one is to be arm64/,
    ],
    [
      'ca-central-1',
      'a base image that is not there',
      ['base_ami=ami-0123456789abcdef0'],
      /base_ami = "ami-0123456789abcdef0"\n +There is no such image in ca-central-1/,
    ],
    [
      'us-west-1',
      'a kernel that Amazon has no image of',
      ['kernel=5.10'],
      /kernel = "5.10"\n +Amazon has no Amazon Linux 2023 with this kernel for arm64 in us-west-1: write kernel = "6.1", or the ID/,
    ],
    [
      'eu-west-1',
      'accounts to share with, without a key',
      ['ami_users=["123456789012"]'],
      /ami_users = \["123456789012"\]\n +An image encrypted with the account's own EBS key cannot be shared: write kms_key_id/,
    ],
    [
      'eu-west-2',
      'a misspelt variable',
      ['architectur=arm64'],
      /the template has no variable "architectur": write architecture\./,
    ],
    [
      'eu-west-3',
      'a value of another type',
      ['volume_size=large'],
      /volume_size = "large"\n +This is not of the type number: write a number/,
    ],
  ])('in %s refuses %s before anything is launched', async (region, _, assignments, sentence) => {
    const { build, read } = deployment(`refused-in-${region}`, region);
    const before = read('execution_template.json');

    const { code, output } = await build(...assignments.flatMap((assignment) => ['--var', assignment]));

    expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(sentence) });
    expect(output).not.toMatch(/^ +at /m);
    expect(await instancesIn(region)).toEqual([]);
    expect(read('execution_template.json')).toEqual(before);
  });

  it('says in one sentence that Packer is too old, and builds nothing', async () => {
    const { cwd, common } = deployment('old-packer', 'us-west-1');
    const bin = path.join(cwd, 'bin');
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'packer'), '#!/bin/sh\necho Packer v1.10.3\n', { mode: 0o755 });

    const finished = await run(process.execPath, [command(), 'ami', 'build', ...common], {
      ...{ cwd, env: { ...env, PATH: `${bin}${path.delimiter}${process.env.PATH}` } },
    });

    expect(finished).toEqual({
      code: 2,
      output:
        'datastream: This is Packer 1.10.3: install 1.11 or newer (https://developer.hashicorp.com/packer/install).\n',
    });
    expect(await instancesIn('us-west-1')).toEqual([]);
  });

  it('leaves the template when the build fails', async () => {
    const { build, read } = deployment('fails', 'eu-north-1');
    const before = read('execution_template.json');

    const { code, output } = await build('--var', 'subnet_id=subnet-0123456789abcdef0');

    expect(code).toBe(1);
    expect(output).toContain('the execution template is as it was');
    expect(read('execution_template.json')).toEqual(before);
    expect(await instancesIn('eu-north-1')).toEqual([]);
  });

  it.each([
    ['Ctrl-C', 'SIGINT', true, 'sa-east-1'],
    ['kill', 'SIGTERM', false, 'ca-central-1'],
    ['an interrupt of this process alone', 'SIGINT', false, 'eu-north-1'],
    ['a terminal that is closed', 'SIGHUP', true, 'ap-northeast-1'],
  ] as const)(
    'removes the build instance on %s, and leaves the template',
    async (_, signal, toAll, region) => {
      const { cwd, read, common } = deployment(`stopped-in-${region}`, region);
      const before = read('execution_template.json');
      const sums = ['mount-s3-1.14.0-arm64.rpm', 'hfsubset-v1.1.0-linux_arm64.tar.gz'];
      // With ssh, for which an emulated instance lets Packer wait.
      const args = ['--var', 'communicator=ssh', '--var', `output_folder=${cwd}/output`, '--var'];
      args.push(`sha256={${sums.map((name) => `"${name}" = "${'0'.repeat(64)}"`).join(', ')}}`);
      const child = spawn(process.execPath, [command(), 'ami', 'build', ...common, ...args], {
        ...{ cwd, env: { ...ENVIRONMENT, ...env }, detached: true },
      });
      let output = '';
      const waiting = new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          output += chunk;
          if (/Waiting for SSH|Using ssh communicator/.test(output)) resolve();
        });
      });
      await Promise.race([waiting, once(child, 'exit')]);
      const running = (await instancesIn(region)).map(({ State }) => State?.Name);
      const { Volumes } = await ec2In(region).send(new DescribeVolumesCommand({}));

      // A terminal sends its signals to every process of the group, `kill` to one.
      process.kill(toAll ? -(child.pid ?? 0) : (child.pid ?? 0), signal);
      const [code] = await once(child, 'close');

      expect({ code, output }).toEqual({
        code: 130,
        output: expect.stringContaining('the execution template is as it was'),
      });
      expect(running).toEqual(['running']);
      expect(Volumes).toMatchObject([
        { Size: 32, VolumeType: 'gp3', Iops: 3000, Encrypted: true, Attachments: [{ Device: '/dev/xvda' }] },
      ]);
      expect((await ec2In(region).send(new DescribeVolumesCommand({}))).Volumes).toEqual([]);
      expect((await instancesIn(region)).map(({ State }) => State?.Name)).toEqual(['terminated']);
      expect((await ec2In(region).send(new DescribeKeyPairsCommand({}))).KeyPairs).toEqual([]);
      expect(read('execution_template.json')).toEqual(before);
      expect(readdirSync(cwd).sort()).toEqual(['execution_template.json', 'my.tfvars']);
    },
    120_000,
  );
});

describeWith(['packer'], 'The template', () => {
  let folder: string;
  let image: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-ami-'));
    image = readableImage(path.join(folder, 'image'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is formatted', async () => {
    for (const file of readdirSync(path.join(ROOT, 'packer', 'image')).filter((name) => name.endsWith('.pkr.hcl'))) {
      const args = ['fmt', '-check', '-diff', path.join(ROOT, 'packer', 'image', file)];
      expect(await run('packer', args, { cwd: ROOT })).toEqual({ code: 0, output: '' });
    }
  });

  // moto's images have a volume of moto's own, and its snapshots neither encryption nor permissions.
  it('encrypts and shares the volume as it is told, and leaves nothing of the build', async () => {
    const { source } = (await readHclFile(path.join(ROOT, 'packer', 'image', 'image.pkr.hcl'))) as {
      source: { 'amazon-ebs': { datastream: Record<string, unknown>[] } };
    };

    expect(source['amazon-ebs'].datastream[0]).toMatchObject({
      shutdown_behavior: 'terminate',
      user_data: '#!/bin/sh\nshutdown --poweroff +120\n',
      ssh_clear_authorized_keys: true,
      launch_block_device_mappings: [
        {
          device_name: '/dev/xvda',
          volume_size: '${var.volume_size}',
          volume_type: 'gp3',
          iops: 3000,
          throughput: 125,
          encrypted: true,
          kms_key_id: '${var.kms_key_id}',
          delete_on_termination: true,
        },
      ],
      imds_support: 'v2.0',
      metadata_options: [{ http_endpoint: 'enabled', http_tokens: 'required', http_put_response_hop_limit: 2 }],
      ami_users: '${var.ami_users}',
      snapshot_users: '${var.ami_users}',
      tags: '${local.tags}',
      snapshot_tags: '${local.tags}',
      run_tags: '${local.build_tags}',
      run_volume_tags: '${local.build_tags}',
    });
  });

  it.each([
    ['as it is', []],
    ['for x86_64', ['architecture=x86_64']],
    ['with ssh through Session Manager', ['session_manager=true', 'iam_instance_profile=p']],
    [
      'with a subnet, a group and a profile',
      ['subnet_id=subnet-01234567', 'security_group_id=sg-01234567', 'iam_instance_profile=p'],
    ],
    [
      'shared and copied with keys',
      [
        'kms_key_id=alias/a',
        'ami_users=["123456789012"]',
        'ami_regions=["us-west-2"]',
        'region_kms_key_ids={us-west-2 = "alias/b"}',
      ],
    ],
  ])('is valid %s', async (_, assignments) => {
    const args = ['validate', ...assignments.flatMap((each) => ['-var', each]), image];

    expect(await run('packer', args, { cwd: ROOT, env: motoEnvironment('http://127.0.0.1:9') })).toMatchObject({
      code: 0,
    });
  });

  it.each([
    'architecture=arm',
    'region=Ohio',
    'base_ami=al2023',
    'kernel=',
    'kernel=kernel-6.1',
    'volume_size=7',
    'volume_size=32.5',
    'subnet_id=default',
    'security_group_id=default',
    'name=',
    'name=a*b*c',
    'ami_users=["me"]',
    'ami_parameter_name=datastream',
    'release=2022.1',
    'ngen_datastream_ref=main',
    'datastreamcli_ref=main',
    'datastreamcli_repository=git@github.com:CIROH-UA/datastreamcli.git',
    'docker_images=["a/b"]',
    'docker_images=["localhost:5000/a"]',
    'docker_images=["a/b:1", "c:2;reboot"]',
    'communicator=winrm',
  ])('refuses %s by itself', async (assignment) => {
    const finished = await run('packer', ['validate', '-var', assignment, image], { cwd: ROOT });

    expect(finished).toEqual({ code: 1, output: expect.stringContaining('This was checked by the validation rule') });
  });

  it.each([
    [
      ['ami_regions=["us-west-2", "us-west-1"]', 'region_kms_key_ids={us-west-2 = "alias/b"}'],
      'Region us-west-1 is in ami_regions but not in region_kms_key_ids',
    ],
    [
      ['region_kms_key_ids={us-west-2 = "alias/b"}'],
      'Region us-west-2 is in region_kms_key_ids but not in ami_regions',
    ],
  ])('lets Packer refuse %j', async (assignments, sentence) => {
    const args = ['validate', ...['kms_key_id=alias/a', ...assignments].flatMap((each) => ['-var', each]), image];

    expect(await run('packer', args, { cwd: ROOT, env: motoEnvironment('http://127.0.0.1:9') })).toEqual({
      code: 1,
      output: expect.stringContaining(sentence),
    });
  });

  it.each(['a/b:1', 'localhost:5000/a:1', `a@sha256:${'0'.repeat(64)}`, `a/b:1@sha256:${'0'.repeat(64)}`])(
    'takes the docker image %s',
    async (name) => {
      const args = ['validate', '-var', `docker_images=["${name}"]`, image];

      expect(await run('packer', args, { cwd: ROOT, env: motoEnvironment('http://127.0.0.1:9') })).toMatchObject({
        code: 0,
      });
    },
  );
});

describeWith(['shellcheck'], 'The shell scripts', () => {
  it('pass shellcheck', async () => {
    const scripts = readdirSync(path.join(ROOT, 'packer', 'image', 'scripts')).map((name) =>
      path.join('packer', 'image', 'scripts', name),
    );

    expect(await run('shellcheck', ['.ci/run', ...scripts], { cwd: ROOT })).toEqual({ code: 0, output: '' });
  });
});
