import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { readHclFile } from '../../files/hcl';
import { COMMIT, CURL, DATASTREAMCLI_COMMIT, instance, SCRIPTS, X86_64 } from '../support/image-instance';
import { freePort } from '../support/moto';
import { imageForDebians } from '../support/packer';
import { run, succeed } from '../support/terraform';
import { describeWith } from '../support/tools';

/** The scripts in the order in which the template runs them. */
async function order(): Promise<readonly string[]> {
  const template = (await readHclFile(path.join(SCRIPTS, '../image.pkr.hcl'))) as {
    build: { provisioner: { shell: { scripts?: string[]; script?: string }[] } }[];
  };
  const shells = template.build[0]?.provisioner.shell ?? [];
  return shells.flatMap(({ scripts, script }) => scripts ?? [script ?? '']).map((script) => path.basename(script));
}

describeWith(['jq'], 'The provisioning scripts', () => {
  let scripts: readonly string[];
  beforeAll(async () => {
    scripts = await order();
  });

  /** As Packer runs them: none after one that has failed. */
  function provision(variables?: Readonly<Record<string, string>>) {
    const { root, run, calls } = instance(variables);
    for (const script of scripts) {
      const { status, stdout, stderr } = run(script);
      if (status !== 0) return { root, calls: calls(), failed: script, stderr, stdout };
    }
    return { root, calls: calls() };
  }
  const softwareOf = (root: string) =>
    JSON.parse(readFileSync(path.join(root, 'etc/datastream/software.json'), 'utf8'));

  it('install everything, try it as ec2-user, and clean up, in this order', () => {
    const { root, calls, failed, stderr } = provision({
      DOCKER_IMAGES: 'awiciroh/datastream:latest awiciroh/forcingprocessor:1.2',
    });

    expect({ failed, stderr }).toEqual({});
    expect(calls).toEqual([
      'dnf --assumeyes upgrade',
      'dnf --assumeyes install docker git = 2.47.1 jq',
      'systemctl enable --now docker',
      'usermod --append --groups docker ec2-user',
      `${CURL} /tmp/tmp/mount-s3.rpm https://example.org/1.14.0/mount-s3-1.14.0-arm64.rpm`,
      'dnf --assumeyes install /tmp/tmp/mount-s3.rpm',
      `${CURL} /tmp/tmp/hfsubset.tar.gz https://example.org/hfsubset-v1.1.0-linux_arm64.tar.gz`,
      'git clone --quiet -- https://example.org/ngen-datastream.git /home/ec2-user/ngen-datastream',
      `git -C /home/ec2-user/ngen-datastream checkout --quiet --detach ${COMMIT}`,
      'git -C /home/ec2-user/ngen-datastream rev-parse HEAD',
      'chown --recursive ec2-user:ec2-user /home/ec2-user/ngen-datastream',
      'git clone --quiet -- https://example.org/datastreamcli.git /home/ec2-user/datastreamcli',
      `git -C /home/ec2-user/datastreamcli checkout --quiet --detach ${DATASTREAMCLI_COMMIT}`,
      'git -C /home/ec2-user/datastreamcli rev-parse HEAD',
      'chown --recursive --no-dereference ec2-user:ec2-user /home/ec2-user/datastreamcli /home/ec2-user/ngen-datastream /home/ec2-user/datastream',
      'docker pull --quiet awiciroh/datastream:latest',
      'docker image inspect --format {{.Architecture}} awiciroh/datastream:latest',
      'docker pull --quiet awiciroh/forcingprocessor:1.2',
      'docker image inspect --format {{.Architecture}} awiciroh/forcingprocessor:1.2',
      ...asUser('docker --version', 'docker --version'),
      ...asUser('mount-s3 --version', 'mount-s3 --version'),
      ...asUser('git --version', 'git --version'),
      ...asUser('python3 -m pip --version', 'python3 -m pip --version'),
      ...asUser('pigz --version', 'pigz --version'),
      ...asUser('aws --version', 'aws --version'),
      ...asUser('python3 --version', 'python3 --version'),
      ...asUser('jq --version'),
      ...asUser('hfsubset --help', 'hfsubset --help'),
      ...asUser('cd ~/datastream && ./scripts/datastream --help'),
      ...asUser('cd ~ && ~/datastreamcli/scripts/datastream --help'),
      ...asUser('cd ~ && ~/datastreamcli/scripts/routing_only_datastream --help'),
      ...asUser('cd ~ && ~/ngen-datastream/scripts/datastream --help'),
      ...asUser('cd ~ && ~/ngen-datastream/scripts/ngen-datastream --help'),
      ...asUser('cd ~/ngen-datastream && ./scripts/stream.sh --help'),
      ...['datastream', 'datastreamcli', 'ngen-datastream'].flatMap((clone) =>
        asUser(`ls ~/${clone}/configs/ngen/realization_sloth_nom_cfe_pet.json`),
      ),
      ...asUser("docker info --format '{{.ServerVersion}}'", 'docker info --format {{.ServerVersion}}'),
      ...asUser(
        'tar --create --files-from /dev/null | docker import - datastream-smoke-test',
        'docker import - datastream-smoke-test',
      ),
      expect.stringMatching(/^runuser --login ec2-user --command docker run --rm --network none .*uname --machine$/),
      expect.stringMatching(/^docker run --rm --network none .*datastream-smoke-test \/usr\/bin\/uname --machine$/),
      ...asUser('docker image rm datastream-smoke-test', 'docker image rm datastream-smoke-test'),
      ...['awiciroh/datastream:latest', 'awiciroh/forcingprocessor:1.2'].flatMap((image) =>
        asUser(
          `docker image inspect --format '{{index .RepoDigests 0}}' '${image}'`,
          `docker image inspect --format {{index .RepoDigests 0}} ${image}`,
        ),
      ),
      'uname --kernel-release',
      'grubby --default-kernel',
      ...asUser('git -C ~/ngen-datastream rev-parse HEAD', 'git -C /home/ec2-user/ngen-datastream rev-parse HEAD'),
      ...asUser('git -C ~/datastreamcli rev-parse HEAD', 'git -C /home/ec2-user/datastreamcli rev-parse HEAD'),
      'dnf clean all',
      'systemctl stop docker.socket docker.service',
      'sync',
    ]);
    expect(softwareOf(root)).toEqual({
      system: 'Amazon Linux 2023.9',
      kernel: '6.1.0-amzn2023',
      architecture: 'arm64',
      versions: {
        docker: 'Docker version 25.0.8',
        'docker daemon': '25.0.8',
        'mount-s3': 'mount-s3 1.14.0',
        git: 'git version 2.47.1',
        pip: 'Python 3.9',
        pigz: 'pigz 2.5',
        aws: 'aws-cli/2.15.30 Python/3.9',
        python: 'Python 3.9',
        jq: expect.stringMatching(/^jq-/),
        hfsubset: 'hfsubset-v1.1.0-linux_arm64.tar.gz',
      },
      docker_images: {
        'awiciroh/datastream:latest': 'awiciroh/datastream:latest@sha256:0123',
        'awiciroh/forcingprocessor:1.2': 'awiciroh/forcingprocessor:1.2@sha256:0123',
      },
      ngen_datastream: { repository: 'https://example.org/ngen-datastream.git', commit: COMMIT },
      datastreamcli: { repository: 'https://example.org/datastreamcli.git', commit: DATASTREAMCLI_COMMIT },
    });
    expect(readFileSync(path.join(root, 'usr/bin/hfsubset'), 'utf8')).toBe('#!/bin/sh\n');
  });

  it('do the same for x86_64', () => {
    const { root, failed, stderr } = provision({
      ...X86_64,
      DOCKER_IMAGES: 'awiciroh/datastream:latest',
      MOUNT_S3_URL: 'https://example.org/1.14.0/mount-s3-1.14.0-x86_64.rpm',
      HFSUBSET_URL: 'https://example.org/hfsubset-v1.1.0-linux_amd64.tar.gz',
    });

    expect({ failed, stderr }).toEqual({});
    expect(softwareOf(root)).toMatchObject({
      architecture: 'x86_64',
      versions: { hfsubset: 'hfsubset-v1.1.0-linux_amd64.tar.gz' },
    });
  });

  it('end at whichever step fails', () => {
    const steps = provision({ DOCKER_IMAGES: 'awiciroh/datastream:latest' }).calls;

    const survived = steps.filter((_, index) => {
      const { calls, failed } = provision({ DOCKER_IMAGES: 'awiciroh/datastream:latest', FAIL_AT: String(index + 1) });
      return failed === undefined || calls.length < index + 1;
    });

    expect(steps.length).toBeGreaterThan(30);
    expect(survived).toEqual([]);
  });

  describe.each([
    ['MOUNT_S3_SHA256', 'mount-s3.sh', 'mount-s3-1.14.0-arm64.rpm'],
    ['HFSUBSET_SHA256', 'hfsubset.sh', 'hfsubset-v1.1.0-linux_arm64.tar.gz'],
  ])('with the sum %s', (variable, script, name) => {
    it.each([
      ['wrong', '0'.repeat(64), 1, /^\S+: its SHA-256 is [0-9a-f]{64}, but the variable sha256 says 0{64}: /],
      ['missing', '', 0, /^\S+: its SHA-256 is '': write the 64 hexadecimal digits/],
      ['half there', 'ea6f6f76', 0, /^\S+: its SHA-256 is 'ea6f6f76': write the 64 hexadecimal digits/],
    ])('%s install nothing of the file', (_, sum, downloads, sentence) => {
      const { root, calls, failed, stderr } = provision({ [variable]: sum });

      expect(failed).toBe(script);
      expect(stderr).toMatch(sentence);
      expect(stderr?.split(':')[0]).toBe(name);
      expect(calls.filter((call) => call.startsWith('curl') && call.endsWith(name))).toHaveLength(downloads);
      const installed = calls.filter((call) => call.endsWith('mount-s3.rpm') && call.startsWith('dnf'));
      expect(installed).toHaveLength(script === 'mount-s3.sh' ? 0 : 1);
      expect(existsSync(path.join(root, 'usr/bin/hfsubset'))).toBe(false);
    });
  });

  it('refuse a machine of the other architecture', () => {
    const { failed, stderr } = provision({ MACHINE: 'x86_64' });

    expect(failed).toBe('smoke-test.sh');
    expect(stderr).toBe(
      'A container runs on x86_64, not on aarch64: choose a base_ami and an instance_type of the architecture arm64.\n',
    );
  });

  it('write down the kernel that boots next where the upgrade has brought another', () => {
    const { root } = provision({ DEFAULT_KERNEL: '6.1.158-amzn2023' });

    expect(softwareOf(root)).toMatchObject({ kernel: '6.1.0-amzn2023', default_kernel: '6.1.158-amzn2023' });
  });

  it.each([
    ['GIT_COMMIT', 'ngen-datastream', COMMIT],
    ['DATASTREAMCLI_COMMIT', 'datastreamcli', DATASTREAMCLI_COMMIT],
  ])('refuse another commit than the one that was pinned (%s)', (variable, name, pinned) => {
    const { failed, stderr } = provision({ [variable]: 'f'.repeat(40) });

    expect(failed).toBe(`${name}.sh`);
    expect(stderr).toBe(`https://example.org/${name}.git is at ${'f'.repeat(40)}, not at ${pinned}.\n`);
  });

  it('refuse a datastream script that ends without a word', () => {
    const { root, run } = instance();
    for (const script of ['ngen-datastream.sh', 'datastreamcli.sh', 'hfsubset.sh']) {
      expect(run(script)).toMatchObject({ status: 0 });
    }
    writeFileSync(path.join(root, 'home/ec2-user/datastreamcli/scripts/datastream'), '#!/bin/sh\nexit 2\n');

    expect(run('smoke-test.sh')).toMatchObject({
      status: 1,
      stderr:
        './scripts/datastream does not work. ec2-user has run: cd ~/datastream && ./scripts/datastream --help\nIt prints nothing.\n',
    });
  });

  it('refuse a docker image of the other architecture', () => {
    const { failed, stderr } = provision({ DOCKER_IMAGES: 'a/b:1', IMAGE_ARCHITECTURE: 'amd64' });

    expect(failed).toBe('docker-images.sh');
    expect(stderr).toBe('a/b:1 is there for amd64, not for arm64: leave it out, or choose a tag that is.\n');
  });

  it('take packages from the release that is asked for', () => {
    const { calls } = provision({ RELEASE: '2023.9.20251117' });

    expect(calls[0]).toBe('dnf --assumeyes --releasever=2023.9.20251117 upgrade');
  });

  it('refuse a base image that is not Amazon Linux 2023', () => {
    const { root, run, calls } = instance();
    writeFileSync(path.join(root, 'etc/os-release'), 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n');

    expect(run('packages.sh')).toMatchObject({
      status: 1,
      stderr: 'The base image is not Amazon Linux 2023 but PRETTY_NAME="Debian 12": choose another base_ami.\n',
    });
    expect(run('clean-up.sh')).toMatchObject({ status: 1, stderr: 'This is not Amazon Linux: nothing is removed.\n' });
    expect(calls()).toEqual([]);
  });

  it("leave no identity of the build instance's in the image", () => {
    const { root, run } = instance();
    const left = (file: string) => path.join(root, file);
    const gone = [
      'etc/ssh/ssh_host_ed25519_key',
      'etc/hostname',
      'home/ec2-user/.bash_history',
      'var/lib/cloud/instance/user-data.txt',
      'var/lib/docker/engine-id',
    ];
    const emptied = ['etc/machine-id', 'var/log/messages'];
    // Packer may be on this instance by the SSM agent.
    const kept = ['var/lib/docker/overlay2/layer', 'var/lib/amazon/ssm/i-0123456789abcdef0/channels/session'];
    for (const file of [...gone, ...emptied, ...kept]) {
      mkdirSync(path.dirname(left(file)), { recursive: true });
      writeFileSync(left(file), 'of this instance');
    }

    expect(run('clean-up.sh')).toMatchObject({ status: 0, stderr: '' });

    expect(gone.filter((file) => existsSync(left(file)))).toEqual([]);
    expect(emptied.map((file) => readFileSync(left(file), 'utf8'))).toEqual(['', '']);
    expect(kept.filter((file) => !existsSync(left(file)))).toEqual([]);
  });
});

describeWith(['packer', '/usr/sbin/sshd', 'ssh-keygen', 'scp', 'jq'], "The template's provisioners over ssh", () => {
  let sshd: ChildProcess | undefined;
  afterEach(() => sshd?.kill());

  /** sshd for one key, whose sessions are on the instance. */
  async function serve({ folder, environment }: ReturnType<typeof instance>): Promise<{ port: number; key: string }> {
    const key = path.join(folder, 'key');
    for (const file of [key, path.join(folder, 'host-key')]) {
      await succeed('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file], { cwd: folder });
    }
    // sudo is everybody's here, and is not one of the steps.
    writeFileSync(path.join(folder, 'bin', 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
    const names = ['PATH', 'DESTDIR', 'CALLS', 'TARBALL', 'IMAGE_ARCHITECTURE', 'MACHINE'];
    const variables = Object.entries(environment).flatMap(([name, value]) =>
      names.includes(name) ? [`"${name}=${value}"`] : [],
    );
    const port = await freePort();
    const configuration = path.join(folder, 'sshd_config');
    const lines = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${folder}/host-key`,
      `AuthorizedKeysFile ${key}.pub`,
      ...['PidFile none', 'StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'PermitRootLogin yes'],
      `SetEnv ${variables.join(' ')}`,
    ];
    writeFileSync(configuration, `${lines.join('\n')}\n`);
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', configuration], { stdio: 'ignore' });
    return { port, key };
  }

  it.each([
    ['arm64', 'arm64', {}],
    ['x86_64', 'amd64', X86_64],
  ] as const)(
    'run the scripts in order for %s with every variable as it was given, and fetch what the smoke test has found',
    async (architecture, goarch, stand) => {
      const host = instance(stand);
      const { port, key } = await serve(host);
      const template = path.join(host.folder, 'template');
      imageForDebians(template);
      const file = path.join(template, 'image.pkr.hcl');
      const onThisComputer = `source "null" "datastream" {
  ssh_host             = "127.0.0.1"
  ssh_port             = ${port}
  ssh_username         = "${userInfo().username}"
  ssh_private_key_file = "${key}"
}`;
      const text = readFileSync(file, 'utf8')
        .replace(/^source "amazon-ebs" "datastream" \{.*?^\}$/ms, onThisComputer)
        .replaceAll('amazon-ebs.datastream', 'null.datastream')
        .replace('"/etc/datastream/', `"${host.root}/etc/datastream/`);
      writeFileSync(file, text);
      const values = path.join(host.folder, 'values.pkrvars.json');
      const output = path.join(host.folder, 'output');
      mkdirSync(output);
      const variables = {
        architecture,
        output_folder: output,
        package_versions: { docker: '25.0.8', git: '' },
        docker_images: ['awiciroh/datastream:latest', 'awiciroh/forcingprocessor:latest'],
        sha256: {
          [`mount-s3-1.14.0-${architecture}.rpm`]: host.environment.MOUNT_S3_SHA256,
          [`hfsubset-v1.1.0-linux_${goarch}.tar.gz`]: host.environment.HFSUBSET_SHA256,
        },
      };
      writeFileSync(values, JSON.stringify(variables));

      const { code, output: words } = await run('packer', ['build', `-var-file=${values}`, template], {
        cwd: host.folder,
        env: { CHECKPOINT_DISABLE: '1', PACKER_NO_COLOR: '1' },
      });

      expect({ code, words: code === 0 ? '' : words }).toEqual({ code: 0, words: '' });
      expect(host.calls().slice(0, 2)).toEqual([
        'dnf --assumeyes upgrade',
        'dnf --assumeyes install docker = 25.0.8 git',
      ]);
      expect(host.calls().at(-3)).toBe('dnf clean all');
      expect(
        host
          .calls()
          .filter((call) => call.startsWith('curl'))
          .map((call) => call.split(' ').at(-1)),
      ).toEqual([
        `https://s3.amazonaws.com/mountpoint-s3-release/1.14.0/${architecture}/mount-s3-1.14.0-${architecture}.rpm`,
        `https://github.com/lynker-spatial/hfsubsetCLI/releases/download/v1.1.0/hfsubset-v1.1.0-linux_${goarch}.tar.gz`,
      ]);
      const [software = ''] = readdirSync(output).filter((name) => name.startsWith(`datastream-${architecture}-`));
      expect(JSON.parse(readFileSync(path.join(output, software), 'utf8'))).toMatchObject({
        architecture,
        versions: { hfsubset: `hfsubset-v1.1.0-linux_${goarch}.tar.gz` },
        docker_images: { 'awiciroh/forcingprocessor:latest': 'awiciroh/forcingprocessor:latest@sha256:0123' },
        ngen_datastream: { commit: COMMIT },
        datastreamcli: { commit: DATASTREAMCLI_COMMIT },
      });
      expect(words).toContain('"system": "Amazon Linux 2023.9"');
    },
    120_000,
  );
});

/** What ec2-user runs, and the command that it comes to. */
function asUser(command: string, ...calls: readonly string[]): string[] {
  return [`runuser --login ec2-user --command ${command}`, ...calls];
}
