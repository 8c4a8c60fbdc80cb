import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The provisioning scripts. */
export const SCRIPTS = path.join(__dirname, '../../packer/image/scripts');
/** The commit of datastreamcli. */
export const DATASTREAMCLI_COMMIT = '0564b40bc9f510e3b3912b46e2a5df9725e056db';
/** The content of the file that the stand-in for curl downloads. */
const RPM = 'the rpm\n';
/** The commit of ngen-datastream. */
export const COMMIT = 'e684c117c7367ea1d43f34baac3e927c9381d201';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Each command appends its call to the file CALLS. The command with the number FAIL_AT fails. */
const LOG = `
line="$(basename "$0") $*"
line=\${line//$DESTDIR/}
line=\${line//$'\\n'/ }
printf '%s\\n' "\${line//tmp.??????????/tmp}" >>"$CALLS"
if [[ $(wc -l <"$CALLS") == "\${FAIL_AT:-}" ]]; then echo "stand-in: $line fails" >&2; exit 9; fi
`;

/** The variables that give an instance the other architecture. */
export const X86_64 = { ARCHITECTURE: 'x86_64', IMAGE_ARCHITECTURE: 'amd64', MACHINE: 'x86_64' } as const;

/** The call of curl in download.sh. */
export const CURL = 'curl --fail --silent --show-error --location --proto =https --retry 5 --output';

/** Programs of Amazon Linux that this computer may lack. The other programs (tar, jq, sha256sum) are real. */
const STAND_INS: Readonly<Record<string, string>> = {
  dnf: '',
  systemctl: '',
  usermod: '',
  chown: '',
  // Reads its standard input, as a tool may do.
  'mount-s3': 'cat >/dev/null; echo "mount-s3 1.14.0"',
  pigz: 'echo "pigz 2.5" >&2',
  aws: 'echo "aws-cli/2.15.30 Python/3.9"',
  hfsubset: 'echo "hfsubset - Hydrofabric Subsetter" >&2; exit 2',
  sync: '',
  uname: 'echo 6.1.0-amzn2023',
  grubby: 'echo "/boot/vmlinuz-${DEFAULT_KERNEL:-6.1.0-amzn2023}"',
  // Runs the command in the home folder of ec2-user, without changing the user.
  runuser: 'cd "$DESTDIR/home/ec2-user"; HOME=$PWD exec bash -c "${*: -1}"',
  python3: 'echo "Python 3.9"',
  git: `
folder=\${@: -1}
clone() {
  mkdir -p "$folder/scripts" "$folder/configs/ngen"
  printf '#!/bin/sh\\necho "Usage: $0 [options]"; exit 1\\n' >"$folder/scripts/$1"
  chmod +x "$folder/scripts/$1"
}
case "$*" in
  *clone*datastreamcli) clone datastream ;;
  *clone*) clone stream.sh; echo '{}' >"$folder/configs/ngen/realization_sloth_nom_cfe_pet.json" ;;
  *datastreamcli*rev-parse*) echo "\${DATASTREAMCLI_COMMIT:-${DATASTREAMCLI_COMMIT}}" ;;
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

/** An instance whose disk is a folder. The provisioning scripts run on it one after the other. */
export function instance(variables: Readonly<Record<string, string>> = {}) {
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
    DATASTREAMCLI_REPOSITORY: 'https://example.org/datastreamcli.git',
    DATASTREAMCLI_REF: DATASTREAMCLI_COMMIT,
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
