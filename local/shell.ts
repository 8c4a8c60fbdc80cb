import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type DiskError, isDiskError } from '../files/disk';
import { PRODUCT } from '../files/product';
import type { LocalClock } from './clock';
import type { Shell } from './ssm';

/** Stand-ins for what an instance has and this computer has not, or must not run: first on the commands' PATH. */
const STAND_INS = join(PRODUCT, 'local', 'stand-ins');

/** Settles what the script has done with the buckets that it has mounted. */
const MOUNTS = join(PRODUCT, 'local', 'mounts.cjs');

/** How much of each stream is kept, from the end; AWS' own limits apply where the API reports it. */
const KEPT = 1_000_000;

/** More characters than both pipes hold at once (pipe(7): 64 KiB each, or what pipe-max-size allows). */
const PIPES = 4_000_000;

/** The user that upstream's AMIs have; a path below its home in a command means the scratch folder's home. */
const HOME = /\/home\/ec2-user(?![\w-])/g;

/**
 * Runs scripts for real, with bash, each instance in a folder of its own below `scratch` that plays its disk.
 * The commands see none of this computer's environment variables, and like those of SSM's agent no HOME
 * (amazon-ssm-agent, issue 427).
 *
 * @param buckets the folder that holds a folder for each bucket
 * @param onDiskError told when an instance's disk cannot be laid out: the command fails then, through no fault of its own
 */
export function bashShell({
  buckets,
  scratch,
  clock,
  onDiskError = () => {},
}: {
  readonly buckets: string;
  readonly scratch: string;
  readonly clock: LocalClock;
  readonly onDiskError?: (error: DiskError) => void;
}): Shell {
  return async ({ script, instanceId, signal }) => {
    const disk = join(scratch, instanceId);
    const release = clock.hold();
    try {
      const cwd = join(disk, 'root');
      const env = {
        PATH: `${STAND_INS}:${process.env.PATH ?? '/usr/bin:/bin'}`,
        LANG: 'C.UTF-8',
        TMPDIR: disk,
        DATASTREAM_DISK: disk,
        DATASTREAM_BUCKETS: resolve(buckets),
        DATASTREAM_NODE: process.execPath,
      };
      const ended = await run('bash', [prepare(disk, script, buckets)], { cwd, env }, signal);
      if (signal.aborted || !existsSync(join(disk, 'mounts'))) return ended;
      const settled = await run(process.execPath, [MOUNTS, 'enter', 'root'], { cwd, env }, signal);
      return { ...ended, code: ended.code || settled.code, stderr: ended.stderr + settled.stderr };
    } catch (error) {
      if (isDiskError(error)) onDiskError(Object.assign(error, { path: disk }));
      return { code: 126, stdout: '', stderr: `${(error as Error).message}\n` };
    } finally {
      release();
    }
  };
}

/** Lays out the instance's disk. @returns the script's file */
function prepare(disk: string, script: string, buckets: string): string {
  const home = join(disk, 'home', 'ec2-user');
  for (const folder of [home, join(disk, 'root'), buckets]) mkdirSync(folder, { recursive: true });
  const file = join(disk, 'script.sh');
  writeFileSync(file, `${script.replace(HOME, () => home)}\n`);
  chmodSync(file, 0o700);
  return file;
}

function run(
  program: string,
  args: readonly string[],
  place: { readonly cwd: string; readonly env: Record<string, string> },
  signal: AbortSignal,
): ReturnType<Shell> {
  return new Promise((finish) => {
    // A group of its own: the end of the instance ends all that the script has started, and Ctrl-C reaches only us.
    const child = spawn(program, args, { ...place, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    let read = 0;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] = (output[stream] + text).slice(-KEPT);
        read += text.length;
      });
    }
    const kill = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch (error) {
        // ESRCH: all of the group has ended already.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    };
    if (signal.aborted) kill();
    signal.addEventListener('abort', kill);
    child.on('error', (error) =>
      finish({ code: 127, stdout: '', stderr: `${program} could not be started: ${error.message}` }),
    );
    child.on('exit', (code) => {
      const done = () => {
        clearTimeout(late);
        child.stdout.destroy();
        child.stderr.destroy();
        // Killed by a signal: -1, as SSM's agent has it from Go.
        finish({ code: code ?? -1, ...output });
      };
      const atExit = read;
      // What a background process still holds open is not waited for. What the script itself has written is in the
      // pipes: it has been read when nothing more comes, or as much as they can hold.
      const look = () => {
        const before = read;
        setImmediate(() => (read === before || read - atExit > PIPES ? done() : look()));
      };
      const late = setTimeout(look, 200);
      child.on('close', done);
    });
  });
}

/** Whether this computer has what a local run needs. @returns a sentence that says what is missing */
export function missingForLocalRun(path = process.env.PATH ?? ''): string | undefined {
  const found = path.split(':').some((folder) => folder && existsSync(join(folder, 'bash')));
  return found ? undefined : 'A local run needs bash on the PATH: install it (on Windows, use WSL).';
}
