import { spawn, spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { PRODUCT } from '../files/product';
import type { Call, Started } from './pipelines';

/** The deployed handler. */
const HANDLER = path.join(PRODUCT, 'images', 'tsdat', 'handler.py');

/** Where the handler and the repository's code are in an image of the build (AWS's base images, LAMBDA_TASK_ROOT). */
const TASK_ROOT = '/var/task';

/** Of the user's environment, what a program needs to start; AWS credentials are not among it. */
const KEPT = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'PYTHONPATH',
  'VIRTUAL_ENV',
  'CONDA_PREFIX',
];

/** Finds tsdat without loading it, which takes seconds. */
const FIND = 'import importlib.util, sys; sys.exit(0 if importlib.util.find_spec("tsdat") else 3)';

/** Why an interpreter cannot run the handler, in one sentence; undefined where it can. @param repository a checkout */
export function pythonProblem(python: string, repository: string, shown = repository): string | undefined {
  const { error, status } = spawnSync(python, ['-B', '-c', FIND], { cwd: repository, env: kept(), stdio: 'ignore' });
  if (error)
    return `${python} cannot be started: install Python 3, or name with --python an interpreter that has tsdat.`;
  if (status === 0) return undefined;
  if (status !== 3) return `${python} is no Python 3: name with --python an interpreter that has tsdat.`;
  const requirements = path.join(shown, 'requirements.txt');
  return `${python} has no tsdat: run '${python} -m pip install -r ${requirements}', or name with --python an interpreter that has it.`;
}

/**
 * The commit of a repository, as the build bakes it into an image; `local` where the folder is no repository, also one
 * within another repository.
 */
export function commitOf(repository: string): string {
  const git = (...args: string[]) =>
    spawnSync('git', ['-C', repository, 'rev-parse', ...args], { encoding: 'utf8' }).stdout?.trim() || undefined;
  const top = git('--show-toplevel');
  if (top === undefined || path.resolve(top) !== realpathSync(repository)) return 'local';
  return git('--verify', '--quiet', 'HEAD') ?? 'local';
}

/** Runs the handler with an interpreter of this computer, in the repository. */
export function withPython(python: string, repository: string, codeVersion: string): (call: Call) => Started {
  return ({ environment, event, requestId, heard }) =>
    started(
      python,
      ['-B', '-u', HANDLER, requestId],
      repository,
      { ...environment, CODE_VERSION: codeVersion },
      event,
      heard,
    );
}

/** Runs the handler in an image of the build. @param imageOf the image of a pipeline */
export function withDocker(imageOf: (pipeline: string) => string, repository: string): (call: Call) => Started {
  return ({ environment, event, requestId, heard }) => {
    const folder = environment.TSDAT_LOCAL_FOLDER ?? '';
    const inside = {
      ...environment,
      TSDAT_LOCAL_FOLDER: '/buckets',
      TSDAT_STORAGE_ROOT: (environment.TSDAT_STORAGE_ROOT ?? '').replace(folder, '/buckets'),
    };
    const name = `datastream-${requestId}`;
    const args = [
      ...['run', '--rm', '--interactive', '--name', name, '--platform', 'linux/amd64'],
      ...['--volume', `${folder}:/buckets`],
      // The image's storage is in S3; here the repository's own, in folders, is in its place.
      ...['--volume', `${path.join(repository, 'shared', 'storage.yaml')}:${TASK_ROOT}/shared/storage.yaml:ro`],
      ...Object.entries(inside).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      ...(process.getuid ? ['--user', `${process.getuid()}:${process.getgid?.()}`] : []),
      ...['--entrypoint', '/opt/env/bin/python', imageOf(environment.PIPELINE_NAME ?? '')],
      ...['-B', '-u', 'handler.py', requestId],
    ];
    const run = started('docker', args, repository, {}, event, heard);
    const kill = () => {
      run.kill();
      // The client's end does not end the container.
      spawn('docker', ['kill', name], { stdio: 'ignore' }).on('error', () => {});
    };
    return { ...run, kill };
  };
}

function started(
  program: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>>,
  event: unknown,
  heard: (text: string) => void,
): Started {
  const child = spawn(program, args, { cwd, env: { ...kept(), ...environment } });
  let output = '';
  const append = (chunk: Buffer) => {
    output += chunk;
    heard(String(chunk));
  };
  child.stdout.on('data', append);
  child.stderr.on('data', append);
  // It may end before it has read the event; how it ended says enough.
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(event));
  const ended = new Promise<{ ok: boolean; output: string }>((resolve) => {
    child.on('error', (error) => resolve({ ok: false, output: `${output}${program}: ${error.message}\n` }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
  return { ended, kill: () => child.kill('SIGKILL') };
}

const kept = () =>
  Object.fromEntries(KEPT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
