import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ENVIRONMENT } from './terraform';

/** The command as npx finds it. */
export const COMMAND = resolve(__dirname, '../../cli/datastream.cjs');
export const EXAMPLES = resolve(__dirname, '../../executions/examples');

/** Nothing that a test runs takes so long on the busiest machine: it hangs. Jest cannot say so while it waits for it. */
const HANGS_MS = 540_000;

/** A new folder for each test of a suite, in which the command runs. */
export function inNewFolders() {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  /** Without this computer's AWS account, and with temporary files where the test can see them. */
  const env = () => ({ ...ENVIRONMENT, TMPDIR: folder });
  return {
    env,
    path: (name = '') => join(folder, name),
    /** What local runs have left behind of their instances' disks. */
    scratchFolders: () => readdirSync(folder).filter((name) => name.startsWith('datastream-')),
    /** Runs the command to its end. */
    datastream(...args: string[]) {
      const options = { cwd: folder, env: env(), encoding: 'utf8', timeout: HANGS_MS } as const;
      const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], options);
      return { status, stdout, stderr };
    },
    /** Writes a file; anything but text becomes JSON. @returns its name */
    file(name: string, content: unknown): string {
      writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
      return name;
    },
  };
}

/** A small execution file without an object to check. */
export const job = (commands: string[], rest: object = {}) => ({
  commands,
  run_options: { ii_terminate_instance: true, ii_check_s3: false },
  instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.micro' },
  ...rest,
});
