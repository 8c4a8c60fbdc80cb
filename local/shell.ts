import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { type DiskError, isDiskError } from '../files/disk';
import { PRODUCT } from '../files/product';
import type { LocalClock } from './clock';
import type { Shell } from './ssm';

/** Programs of an instance that this computer lacks or must not run. The stand-ins come first on the commands' PATH. */
const STAND_INS = join(PRODUCT, 'local', 'stand-ins');

/** Settles the script's changes to the mounted buckets. */
const MOUNTS = join(PRODUCT, 'local', 'mounts.cjs');

/** The number of characters kept from the end of each stream. The API's replies have AWS's own limits. */
const KEPT = 1_000_000;

/** More characters than both pipes can hold (pipe(7): 64 KiB each, or as much as pipe-max-size allows). */
const PIPES = 4_000_000;

/** The home of the user of upstream's AMIs. In a script it is replaced by the home on the instance's disk. */
const HOME = /\/home\/ec2-user(?![\w-])/g;

/**
 * Runs scripts with this computer's bash. Each instance has a folder below `scratch` as its disk. The commands get none
 * of this computer's environment variables except PATH. They have no HOME, as with SSM's agent (amazon-ssm-agent,
 * issue 427).
 *
 * @param buckets the folder that contains a folder for each bucket
 * @param onDiskError called if the instance's disk cannot be created; the command then fails with exit code 126
 */
export function bashShell({
  buckets,
  scratch,
  clock,
  onDiskError = () => {},
  standIns = [],
  environment = {},
}: {
  readonly buckets: string;
  readonly scratch: string;
  readonly clock: LocalClock;
  readonly onDiskError?: (error: DiskError) => void;
  /** Folders of `local/stand-ins/` with further programs. Default: none. */
  readonly standIns?: readonly string[];
  /** Further variables. Default: none. */
  readonly environment?: Readonly<Record<string, string>>;
}): Shell {
  return async ({ script, instanceId, signal, onStdout }) => {
    const disk = join(scratch, instanceId);
    const release = clock.hold();
    try {
      const cwd = join(disk, 'root');
      const env = { ...instanceEnvironment(disk, buckets, standIns), ...environment };
      const ended = await run('bash', [prepare(disk, script, buckets)], { cwd, env }, signal, onStdout);
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

/**
 * The environment of the commands of an instance.
 *
 * @param disk the instance's folder
 * @param standIns folders of `local/stand-ins/` with further programs
 */
export function instanceEnvironment(
  disk: string,
  buckets: string,
  standIns: readonly string[] = [],
): Record<string, string> {
  const programs = [...standIns.map((folder) => join(STAND_INS, folder)), STAND_INS];
  return {
    PATH: [...programs, process.env.PATH ?? '/usr/bin:/bin'].join(':'),
    LANG: 'C.UTF-8',
    TMPDIR: disk,
    DATASTREAM_DISK: disk,
    DATASTREAM_BUCKETS: resolve(buckets),
    DATASTREAM_NODE: process.execPath,
  };
}

/** Creates the folders of the instance's disk and writes the script. @returns the script's file */
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
  onStdout: (text: string) => void = () => {},
): ReturnType<Shell> {
  return new Promise((finish) => {
    // The script has its own process group. So the end of the instance kills all its processes, and Ctrl-C none.
    const child = spawn(program, args, { ...place, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const stopWatching = child.pid === undefined ? () => {} : killWithThisProcess(child.pid);
    const output = { stdout: '', stderr: '' };
    let read = 0;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] = (output[stream] + text).slice(-KEPT);
        read += text.length;
        if (stream === 'stdout') onStdout(text);
      });
    }
    const kill = () => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      stopWatching();
    };
    if (signal.aborted) kill();
    signal.addEventListener('abort', kill);
    child.on('error', (error) =>
      finish({ code: 127, stdout: '', stderr: `${program} could not be started: ${error.message}` }),
    );
    child.on('exit', (code) => {
      // What the script has left in the background lives as long as the instance.
      if (child.pid === undefined || !signalGroup(child.pid, 0)) stopWatching();
      const done = () => {
        clearTimeout(late);
        child.stdout.destroy();
        child.stderr.destroy();
        // After a signal the exit code is -1, as in Go, in which SSM's agent is written.
        finish({ code: code ?? -1, ...output });
      };
      const atExit = read;
      // A background process may keep the pipes open, and nobody waits for it. The script's own output is in the pipes.
      // All of it has been read when nothing more arrives, or when more has arrived than the pipes can hold.
      const look = () => {
        const before = read;
        setImmediate(() => (read === before || read - atExit > PIPES ? done() : look()));
      };
      const late = setTimeout(look, 200);
      child.on('close', done);
    });
  });
}

/**
 * Kills a process group when this process ends in any way, also by `kill -9`: the kernel then closes the pipe from which
 * a small process reads. That is in a session of its own, so that Ctrl-C and the end of the terminal leave it, and it is
 * this process's child, not the job's. The job has no end of the pipe.
 *
 * @returns ends it without killing the group
 */
function killWithThisProcess(group: number): () => void {
  const watcher = spawn('sh', ['-c', `read -r _; kill -s KILL -- -${group}`], {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without it the job runs all the same; only a killed process then leaves it running.
  watcher.on('error', () => {});
  watcher.unref();
  (watcher.stdin as Socket).unref();
  return () => watcher.kill('SIGKILL');
}

/** @returns whether the group has a process */
function signalGroup(group: number, signal: 'SIGKILL' | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // macOS: a group of processes that have ended, and are not yet waited for, refuses.
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/** Looks for bash, which a local run needs. @returns a sentence that says what is missing; undefined if nothing is */
export function missingForLocalRun(path = process.env.PATH ?? ''): string | undefined {
  return isOnPath('bash', path) ? undefined : 'A local run needs bash on the PATH: install it (on Windows, use WSL).';
}

/** Whether there is a program of this name on the PATH. */
export function isOnPath(program: string, path = process.env.PATH ?? ''): boolean {
  return path.split(':').some((folder) => folder && existsSync(join(folder, program)));
}
