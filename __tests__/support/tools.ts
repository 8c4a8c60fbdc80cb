import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';

/** The programs that integration tests run. This project does not install them. */
export type Tool =
  | 'terraform'
  | 'moto_server'
  | 'aws'
  | 'packer'
  | 'shellcheck'
  | 'jq'
  | 'python3'
  | 'pyflakes3'
  | '/usr/sbin/sshd'
  | 'ssh-keygen'
  | 'scp'
  | 'chromium';

const WHERE_FROM: Readonly<Record<Tool, string>> = {
  terraform: 'https://developer.hashicorp.com/terraform/install',
  moto_server: "pip install 'moto[server]'",
  aws: 'https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html',
  packer: 'https://developer.hashicorp.com/packer/install',
  shellcheck: 'https://www.shellcheck.net',
  jq: 'https://jqlang.org/download',
  '/usr/sbin/sshd': 'apt-get install openssh-server',
  'ssh-keygen': 'apt-get install openssh-client',
  scp: 'apt-get install openssh-client',
  chromium: 'apt-get install chromium',
  python3: 'https://www.python.org',
  pyflakes3: 'apt-get install pyflakes3',
};

/** The program's path; undefined if it is not on the PATH. */
export function findTool(tool: Tool): string | undefined {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.resolve(folder, tool))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Works as `describe`. If a tool is missing, it adds one skipped test that names the tool instead. With
 * DATASTREAM_INTEGRATION=required this test fails.
 */
export function describeWith(tools: readonly Tool[], name: string, suite: () => void): void {
  const missing = tools.filter((tool) => !findTool(tool));
  if (missing.length === 0) {
    describe(name, suite);
    return;
  }
  const reason = missing.map((tool) => `${tool} is not on the PATH (${WHERE_FROM[tool]})`).join('; ');
  describe(name, () => {
    if (process.env.DATASTREAM_INTEGRATION === 'required') {
      test(`cannot run: ${reason}`, () => {
        throw new Error(`DATASTREAM_INTEGRATION=required, but ${reason}.`);
      });
    } else {
      // Jest prints the names of skipped tests only if a suite runs alone.
      process.stderr.write(`${name}: skipped, ${reason}.\n`);
      test.skip(`skipped: ${reason}`, () => {});
    }
  });
}

/** The folder of the Terraform provider mirror in TF_MIRROR; undefined if Terraform uses its registry. */
export function providerMirror(): string | undefined {
  const mirror = process.env.TF_MIRROR;
  if (!mirror) return undefined;
  if (!existsSync(path.join(mirror, 'registry.terraform.io'))) {
    throw new Error(
      `TF_MIRROR is ${JSON.stringify(mirror)}: write the folder that holds registry.terraform.io, or leave it out.`,
    );
  }
  return mirror;
}
