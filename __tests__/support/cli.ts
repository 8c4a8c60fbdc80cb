import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ENVIRONMENT } from './terraform';

/** The file that npx runs: it compiles the sources at each start. */
export const SOURCES = resolve(__dirname, '../../cli/datastream.cjs');
/** The same command in one file, which `global-setup.ts` makes. The tests start it a thousand times. */
export const COMMAND = resolve(__dirname, '../../dist/datastream-of-tests.cjs');
export const EXAMPLES = resolve(__dirname, '../../executions/examples');

/** A command that takes longer than this hangs. Jest's time-out cannot end a synchronous call. */
const HANGS_MS = 540_000;

/** Creates a new folder for each test of a suite. The command runs in it. */
export function inNewFolders() {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  /** The environment, without this computer's AWS account. Temporary files are in the test's folder. */
  const env = () => ({ ...ENVIRONMENT, TMPDIR: folder });
  return {
    env,
    path: (name = '') => join(folder, name),
    /** The folders of instances' disks that local runs have not deleted. */
    scratchFolders: () => readdirSync(folder).filter((name) => name.startsWith('datastream-')),
    /** Runs the command to its end. */
    datastream(...args: string[]) {
      const options = { cwd: folder, env: env(), encoding: 'utf8', timeout: HANGS_MS } as const;
      const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], options);
      return { status, stdout, stderr };
    },
    /** Starts the command, and goes on. */
    inBackground(args: readonly string[], more: Record<string, string> = {}) {
      const child = spawn(process.execPath, [COMMAND, ...args], { cwd: folder, env: { ...env(), ...more } });
      const told = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          told[stream] += text;
        });
      }
      const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((done) => {
        child.on('close', (status) => done({ status, ...told }));
      });
      /** Waits until it has printed a text. */
      const until = async (text: string) => {
        while (!told.stdout.includes(text)) await new Promise((done) => setTimeout(done, 20));
      };
      return { child, ended, until };
    },
    /** Writes a file. Content other than text becomes JSON. @returns the file's name */
    file(name: string, content: unknown): string {
      writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
      return name;
    },
  };
}

/** A small execution file that does not check an object. */
export const job = (commands: string[], rest: object = {}) => ({
  commands,
  run_options: { ii_terminate_instance: true, ii_check_s3: false },
  instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.micro' },
  ...rest,
});
