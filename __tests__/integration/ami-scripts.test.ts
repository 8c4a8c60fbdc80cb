import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { readHclFile } from '../../packer/hcl';
import { layOut } from '../../packer/program';
import { freePort } from '../support/moto';
import { run, succeed } from '../support/terraform';
import { describeWith } from '../support/tools';

jest.setTimeout(60_000);

const SCRIPTS = path.join(__dirname, '../../packer/scripts');
/** Of the bytes that the stand-in for curl downloads. */
const RPM = 'the rpm\n';
const COMMIT = 'e684c117c7367ea1d43f34baac3e927c9381d201';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Each command writes itself down; the one whose number is FAIL_AT fails. */
const LOG = `
line="$(basename "$0") $*"
line=\${line//$DESTDIR/}
line=\${line//$'\\n'/ }
printf '%s\\n' "\${line//tmp.??????????/tmp}" >>"$CALLS"
if [[ $(wc -l <"$CALLS") == "\${FAIL_AT:-}" ]]; then echo "stand-in: $line fails" >&2; exit 9; fi
`;

/** How this computer's instances are told to be of the other architecture. */
const X86_64 = { ARCHITECTURE: 'x86_64', IMAGE_ARCHITECTURE: 'amd64', MACHINE: 'x86_64' } as const;

const CURL = 'curl --fail --silent --show-error --location --proto =https --retry 5 --output';

/** What an instance of Amazon Linux has and this computer may not; the rest (tar, jq, sha256sum) is real. */
const STAND_INS: Readonly<Record<string, string>> = {
  dnf: '',
  systemctl: '',
  usermod: '',
  chown: '',
  // Takes what is there to read, as a tool may.
  'mount-s3': 'cat >/dev/null; echo "mount-s3 1.14.0"',
  pigz: 'echo "pigz 2.5" >&2',
  aws: 'echo "aws-cli/2.15.30 Python/3.9"',
  hfsubset: 'echo "hfsubset - Hydrofabric Subsetter" >&2; exit 2',
  sync: '',
  uname: 'echo 6.1.0-amzn2023',
  grubby: 'echo "/boot/vmlinuz-${DEFAULT_KERNEL:-6.1.0-amzn2023}"',
  // Its ExecStop is for the shutdown.
  runuser: 'cd "$DESTDIR/home/ec2-user"; HOME=$PWD exec bash -c "${*: -1}"',
  python3: 'echo "Python 3.9"',
  git: `
case "$*" in
  *clone*) mkdir -p "\${@: -1}" ;;
  *rev-parse*) echo "\${GIT_COMMIT:-${COMMIT}}" ;;
  --version) echo "git version 2.47.1" ;;
esac`,
  curl: `
file=; while [[ $# -gt 0 ]]; do [[ $1 == --output ]] && file=$2; url=$1; shift; done
case "$url" in
  *.rpm) printf 'the rpm\\n' >"$file" ;;
  *.tar.gz) cp "$TARBALL" "$file" ;;
  *) exit 22 ;;
esac`,
  docker: `
case "$*" in
  --version) echo "Docker version 25.0.8" ;;
  info*) echo 25.0.8 ;;
  *.Architecture*) echo "\${IMAGE_ARCHITECTURE:-arm64}" ;;
  *RepoDigests*) echo "\${@: -1}@sha256:0123" ;;
  import*) cat >/dev/null; echo sha256:4567 ;;
  run*) echo "\${MACHINE:-aarch64}" ;;
  *) echo done ;;
esac`,
};

/** An instance that is a folder, and one script after the other on it. */
function instance(variables: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'datastream-image-'));
  folders.push(folder);
  const root = path.join(folder, 'root');
  for (const each of [
    'bin',
    'root/etc/ssh',
    'root/home/ec2-user',
    'root/var/log',
    'root/var/lib/cloud/instance',
    'tar',
  ]) {
    mkdirSync(path.join(folder, each), { recursive: true });
  }
  writeFileSync(
    path.join(root, 'etc/os-release'),
    'NAME="Amazon Linux"\nID="amzn"\nVERSION_ID="2023"\nPRETTY_NAME="Amazon Linux 2023.9"\n',
  );
  for (const [name, body] of Object.entries(STAND_INS)) {
    writeFileSync(path.join(folder, 'bin', name), `#!/usr/bin/env bash\n${LOG}\n${body}\n`);
    chmodSync(path.join(folder, 'bin', name), 0o755);
  }
  writeFileSync(path.join(folder, 'tar/hfsubset'), '#!/bin/sh\n');
  const tarball = path.join(folder, 'hfsubset.tar.gz');
  spawnSync('tar', ['-czf', tarball, '-C', path.join(folder, 'tar'), 'hfsubset']);
  const environment = {
    PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`,
    DESTDIR: root,
    CALLS: path.join(folder, 'calls'),
    DOWNLOAD: path.join(SCRIPTS, 'download.sh'),
    TARBALL: tarball,
    ARCHITECTURE: 'arm64',
    RELEASE: '',
    PACKAGES: 'docker;git = 2.47.1;jq',
    MOUNT_S3_URL: 'https://example.org/1.14.0/mount-s3-1.14.0-arm64.rpm',
    MOUNT_S3_SHA256: sha256(RPM),
    HFSUBSET_URL: 'https://example.org/hfsubset-v1.1.0-linux_arm64.tar.gz',
    HFSUBSET_SHA256: sha256(readFileSync(tarball)),
    NGEN_DATASTREAM_REPOSITORY: 'https://example.org/ngen-datastream.git',
    NGEN_DATASTREAM_REF: COMMIT,
    DOCKER_IMAGES: '',
    ...variables,
  };
  const run = (script: string) => {
    const { status, stdout, stderr } = spawnSync('bash', [path.join(SCRIPTS, script)], {
      env: environment,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  const calls = () => {
    const file = path.join(folder, 'calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  return { folder, root, environment, run, calls };
}

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

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
  }, 300_000);

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

  it('refuse another commit than the one that was pinned', () => {
    const { failed, stderr } = provision({ GIT_COMMIT: 'f'.repeat(40) });

    expect(failed).toBe('ngen-datastream.sh');
    expect(stderr).toBe(`https://example.org/ngen-datastream.git is at ${'f'.repeat(40)}, not at ${COMMIT}.\n`);
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
      layOut(template, { plugins: false });
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
