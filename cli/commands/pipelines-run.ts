import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { PRODUCT } from '../../files/product';
import { realClock } from '../../local/clock';
import { EmbeddedPipelines, type LocalRun } from '../../local/pipelines';
import { commitOf, pythonProblem, withDocker, withPython } from '../../local/python';
import { type DeployedFunction, deploymentOf } from '../../pipelines/deployment';
import type { PipelinesConfig } from '../../pipelines/model';
import { baseName } from '../../pipelines/names';
import { interruption, localPlace } from '../local-place';
import { problemLines } from '../output/problem-lines';
import { count } from '../output/summary';
import { unknownName } from '../output/unknown-name';
import { type Output, wrap } from '../output/wrap';
import { checkPipelinesFile, withLine } from './pipelines-validate';

export interface RunPipelinesOptions {
  readonly local?: boolean;
  /** A checkout of the pipelines' repository. */
  readonly repo: string;
  readonly branch: string;
  /** Where the embedded buckets are. */
  readonly folder: string;
  /** The path in the input bucket that the files go to. Default: what their own paths say. */
  readonly to?: string;
  /** A Cron pipeline, or `NAME/CONFIG`, to run as its schedule does; true: all of them. */
  readonly schedule?: string | true;
  readonly python: string;
  /** Run in the images of the build, with Docker. */
  readonly docker?: boolean;
}

/**
 * Runs pipelines on this computer as the deployment would: files arrive in the embedded input bucket, or a schedule comes.
 *
 * @returns the exit code: 0, 1 if a run has failed or nothing ran, 2 when a file cannot be read, has errors, or nothing
 * can run here, 130 when it was interrupted
 */
export async function runPipelines(
  file: string,
  inputs: readonly string[],
  options: RunPipelinesOptions,
  out: Output,
  err: Output,
): Promise<number> {
  const refuse = (sentence: string) => {
    err.write(wrap(`${sentence}\n`, err));
    return 2;
  };
  if (!options.local) {
    return refuse(
      "This command runs pipelines on this computer: write '--local'. On AWS, upload the file to the input bucket.",
    );
  }
  if (inputs.length === 0 && options.schedule === undefined) {
    return refuse(
      'Nothing is to be run: name an input file, or write --schedule for the pipelines that a schedule starts.',
    );
  }
  const checked = checkPipelinesFile(file, options);
  if ('error' in checked) return refuse(checked.error);
  for (const problem of checked.problems) err.write(problemLines(withLine(problem), err));
  const { config } = checked;
  if (!config || checked.problems.some(({ severity }) => severity === 'error'))
    return refuse(`${file}: nothing was run.`);
  const place = localPlace(options.folder);
  if ('error' in place) return refuse(place.error);
  const repository = path.resolve(options.repo);
  const { functions } = deploymentOf(config, options.branch);
  const scheduled = options.schedule === undefined ? [] : cronFunctions(functions, options.schedule);
  if ('error' in scheduled) return refuse(scheduled.error);
  const arriving = inputs.map((input) => ({ input, key: keyOf(input, functions, options.to) }));
  for (const { input, key } of arriving) {
    const found = statSync(input, { throwIfNoEntry: false });
    if (!found) return refuse(`${input}: there is no such file: check the path.`);
    if (!found.isFile()) return refuse(`${input}: this is a folder; name the files in it.`);
    if (typeof key !== 'string') return refuse(key.error);
  }
  const cannot = options.docker
    ? buildImages(config, options.branch, repository)
    : pythonProblem(options.python, repository, options.repo);
  if (cannot) return refuse(cannot);
  const interrupted = interruption();
  const embedded = new EmbeddedPipelines({
    config,
    branch: options.branch,
    folder: path.resolve(options.folder, 'buckets'),
    clock: realClock,
    start: options.docker
      ? withDocker((name) => localImage(config, options.branch, name), repository)
      : withPython(options.python, repository, commitOf(repository)),
    heard: (_, text) => err.write(text),
    interrupted: interrupted.signal,
  });
  const runs: LocalRun[] = [];
  try {
    for (const { input, key } of arriving) {
      if (interrupted.signal.aborted) break;
      out.write(`${input} -> s3://${config.inputBucketName}/${key}\n`);
      const started = await embedded.arrive(input, String(key));
      if (started.length === 0) {
        out.write(`  no pipeline watches this path; those that do: ${watchedPaths(functions).join(', ') || 'none'}\n`);
      }
      runs.push(...started);
    }
    runs.push(...(await embedded.fire(scheduled)));
  } finally {
    interrupted.done();
  }
  const { aborted } = interrupted.signal;
  const code = report(runs, aborted, config, options, out);
  return aborted ? 130 : code;
}

function report(
  runs: readonly LocalRun[],
  interrupted: boolean,
  config: PipelinesConfig,
  options: RunPipelinesOptions,
  out: Output,
): number {
  for (const run of runs) {
    const { function: each, ok, attempts, failureKey } = run;
    const isInterrupted = interrupted && run === runs.at(-1);
    const result = ok ? 'succeeded' : isInterrupted ? 'interrupted' : `failed ${count(attempts, 'time')}`;
    out.write(
      `  ${each.pipeline.name}/${each.site.id}  ${result}${failureKey === undefined ? '' : `, kept for 'pipelines rerun'`}\n`,
    );
  }
  const failed = runs.filter(({ ok }) => !ok);
  const where = `; outputs are in ${path.join(options.folder, 'buckets', config.outputBucketName)}`;
  out.write(`${count(runs.length, 'run')}, ${failed.length} failed${failed.length < runs.length ? where : ''}\n`);
  return failed.length > 0 || runs.length === 0 ? 1 : 0;
}

/** The functions that a schedule starts. @param named a pipeline, `NAME/CONFIG`, or true for all */
function cronFunctions(
  functions: readonly DeployedFunction[],
  named: string | true,
): DeployedFunction[] | { readonly error: string } {
  const crons = functions.filter(({ pipeline }) => pipeline.trigger === 'Cron');
  if (crons.length === 0) return { error: 'No pipeline of the file has trigger: Cron.' };
  const wanted = crons.filter(
    ({ pipeline, site }) => named === true || named === pipeline.name || named === `${pipeline.name}/${site.id}`,
  );
  if (wanted.length > 0) return wanted;
  const known = [...new Set(crons.flatMap(({ pipeline, site }) => [pipeline.name, `${pipeline.name}/${site.id}`]))];
  return { error: unknownName('Cron pipeline', String(named), known) };
}

const watchedPaths = (functions: readonly DeployedFunction[]) => [
  ...new Set(functions.flatMap(({ site }) => (site.inputPath === undefined ? [] : [site.inputPath]))),
];

/** The key that a file gets: below `to`, or below the path in the bucket that its own path has, or below the only one. */
function keyOf(
  input: string,
  functions: readonly DeployedFunction[],
  to: string | undefined,
): string | { readonly error: string } {
  const name = path.basename(input);
  if (to !== undefined) {
    const prefix = to.replace(/^\.?\//, '');
    return `${prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`}${name}`;
  }
  const posix = `/${path.resolve(input).split(path.sep).join('/')}`;
  const paths = watchedPaths(functions);
  const own = paths.filter((each) => posix.includes(`/${each}`)).sort((a, b) => b.length - a.length)[0];
  if (own !== undefined && own !== '') return posix.slice(posix.lastIndexOf(`/${own}`) + 1);
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) return `${only}${name}`;
  return {
    error: `Where ${input} arrives in the input bucket is not known: write --to with one of ${paths.join(', ')}.`,
  };
}

const localImage = (config: PipelinesConfig, branch: string, name: string) =>
  `${baseName(config.pipelinesRepoName, branch)}:${name}-${branch}`;

/** Builds the images of all pipelines with the deployed build, and pushes nothing. @returns why it failed */
function buildImages(config: PipelinesConfig, branch: string, repository: string): string | undefined {
  if (spawnSync('docker', ['version'], { stdio: 'ignore' }).status !== 0) {
    return 'Docker does not run here: start it, or leave out --docker to run with python3.';
  }
  const build = path.join(PRODUCT, 'images', 'tsdat', 'build.py');
  const names = config.pipelines.map(({ name }) => name);
  const { status } = spawnSync('python3', ['-B', build, '--pipelines', repository, '--local', branch, ...names], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, REPOSITORY: baseName(config.pipelinesRepoName, branch), CODE_VERSION: commitOf(repository) },
  });
  return status === 0 ? undefined : 'The images could not be built: see above.';
}
