import path from 'node:path';
import { awsSentence } from '../../packer/aws-errors';
import { type Deployment, deploymentOf } from '../../pipelines/deployment';
import type { PipelinesConfig } from '../../pipelines/model';
import { ruleName } from '../../pipelines/names';
import { cronOf, watched } from '../../pipelines/rules';
import type { DeployedPipelines } from '../aws/pipelines';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';
import {
  failedEvents,
  folderObjects,
  lastBuild,
  lastRuns,
  type Objects,
  type RunRecord,
  toSecond,
} from '../pipeline-records';
import { checkPipelinesFile } from './pipelines-validate';

export interface StatusOptions {
  readonly branch: string;
  /** The runs of this computer, in place of those on AWS. */
  readonly local?: boolean;
  readonly folder: string;
  /** How far to look back for runs. */
  readonly days: number;
  readonly json?: boolean;
}

/** Runs that are shown of each function. */
const SHOWN = 3;

/**
 * Prints what has run of each config, what has failed, the last build, and what is deployed that the file does not have.
 *
 * @param aws asks AWS in the file's region
 * @returns the exit code: 0, 1 where an event waits for `rerun`, a last run has failed or something is left over, 2 when
 * the file cannot be read or has errors, 5 when AWS cannot be asked
 */
export async function pipelinesStatus(
  file: string,
  options: StatusOptions,
  aws: (region: string) => DeployedPipelines,
  out: Output,
  err: Output,
  now = new Date(),
): Promise<number> {
  const config = readConfig(file, options.branch, err);
  if (!config) return 2;
  const deployment = deploymentOf(config, options.branch);
  try {
    const deployed = options.local ? undefined : aws(config.region);
    const objects = deployed?.objects ?? folderObjects(path.resolve(options.folder, 'buckets'));
    const configs = [];
    for (const each of deployment.functions) {
      const runs = await lastRuns(objects, deployment.recordsBucket, each.name, {
        now,
        most: SHOWN,
        days: options.days,
      });
      const failures = await failedEvents(objects, deployment.recordsBucket, each);
      configs.push({ each, runs, failures });
    }
    const builds = deployed ? await buildsOf(deployment, objects) : [];
    // An operator may lack the rights to these: the rest is shown all the same.
    const ask = <Answer>(what: string, answer: Promise<Answer>) =>
      answer.catch((error) => {
        if (!isRefusal(error)) throw error;
        err.write(wrap(`${what} cannot be shown: ${awsSentence(error, config.region)}\n`, err));
        return undefined;
      });
    const last = deployed && (await ask('The last build', deployed.execution(deployment.pipelineName)));
    const left = deployed && (await ask('What is left over', leftovers(deployment, deployed)));
    const failed =
      configs.some(({ runs, failures }) => failures.length > 0 || isFailed(runs[0])) || (left ?? []).length > 0;
    const rows = configs.map(({ each, runs, failures }) => ({
      pipeline: each.pipeline.name,
      config: each.site.id,
      function: each.name,
      trigger: triggerOf(config, each),
      runs,
      failed_events: failures.map(({ key, time, error }) => ({ key, time, error })),
    }));
    const links = deployed ? linksOf(config, deployment) : {};
    if (options.json) {
      out.write(`${JSON.stringify(documentOf(rows, { builds, last, left, links }), null, 2)}\n`);
    } else {
      show(rows, { builds, last, left, links }, out);
    }
    return failed ? 1 : 0;
  } catch (error) {
    err.write(wrap(`${sentence(error, deployment.recordsBucket, config.region)}\n`, err));
    return 5;
  }
}

/** The configuration of a file without errors; undefined after the reason has been printed. */
export function readConfig(file: string, branch: string, err: Output): PipelinesConfig | undefined {
  const checked = checkPipelinesFile(file, { branch });
  if ('error' in checked) {
    err.write(wrap(`${checked.error}\n`, err));
    return undefined;
  }
  if (!checked.config) {
    err.write(wrap(`${file} has errors: run 'datastream pipelines validate ${file}'.\n`, err));
  }
  return checked.config;
}

/** What to say when AWS cannot be asked. */
export function sentence(error: unknown, bucket: string, region: string): string {
  if ((error as Error).name === 'NoSuchBucket') {
    return `There is no bucket ${bucket}: deploy the branch first, write its --branch, or use the credentials of its account (AWS_PROFILE).`;
  }
  return awsSentence(error, region);
}

const isRefusal = (error: unknown) => /^AccessDenied/.test((error as Error).name);

const isFailed = (run: RunRecord | undefined) => run !== undefined && !['running', 'succeeded'].includes(run.status);

function triggerOf(config: PipelinesConfig, { pipeline, site }: Deployment['functions'][number]): string {
  if (pipeline.trigger === 'Cron') return `${pipeline.schedule ?? 'Daily'}, ${cronOf(pipeline)} UTC`;
  const { bucket, prefix } = watched(config, pipeline, site);
  return `s3://${bucket}/${prefix}`;
}

async function buildsOf({ artifactsBucket, config }: Deployment, objects: Objects) {
  const builds = [];
  for (const { name } of config.pipelines) {
    const build = await lastBuild(objects, artifactsBucket, name);
    builds.push({ pipeline: name, ...(build && { ...build, time: build.time.toISOString() }) });
  }
  return builds;
}

/** Functions and rules of the branch that the file does not have: aws-template leaves them behind. */
async function leftovers({ base, functions }: Deployment, deployed: DeployedPipelines): Promise<string[]> {
  const known = new Set(functions.map(({ name }) => name));
  const rules = new Set(functions.map(({ name, pipeline }) => ruleName(name, pipeline.trigger)));
  const prefix = `${base}-lambda-`;
  return [
    ...(await deployed.functions(prefix)).filter((name) => !known.has(name)).map((name) => `function ${name}`),
    ...(await deployed.rules(prefix)).filter((name) => !rules.has(name)).map((name) => `rule ${name}`),
  ];
}

/** Pages of AWS's console. */
function linksOf(
  { region, accountId, inputBucketName, outputBucketName }: PipelinesConfig,
  { base, pipelineName, recordsBucket }: Deployment,
) {
  const console = `https://${region}.console.aws.amazon.com`;
  return {
    build: `${console}/codesuite/codepipeline/pipelines/${pipelineName}/view?region=${region}`,
    images: `${console}/ecr/repositories/private/${accountId}/${base}?region=${region}`,
    functions: `${console}/lambda/home?region=${region}#/functions?fo=and&k0=functionName&o0=%3A&v0=${base}-lambda-`,
    rules: `${console}/events/home?region=${region}#/rules`,
    input: `https://s3.console.aws.amazon.com/s3/buckets/${inputBucketName}?region=${region}`,
    output: `https://s3.console.aws.amazon.com/s3/buckets/${outputBucketName}?region=${region}`,
    records: `https://s3.console.aws.amazon.com/s3/buckets/${recordsBucket}?region=${region}`,
  };
}

interface Row {
  readonly pipeline: string;
  readonly config: string;
  readonly trigger: string;
  readonly runs: readonly RunRecord[];
  readonly failed_events: readonly { readonly time: string; readonly error: string }[];
}

/** What else there is to show. */
interface Rest {
  readonly builds: readonly { pipeline: string; commit?: string; digest?: string; time?: string }[];
  readonly last: { readonly status: string; readonly time: Date } | undefined;
  /** undefined where AWS was not asked, or has refused it. */
  readonly left: readonly string[] | undefined;
  readonly links: Readonly<Record<string, string>>;
}

/** What `--json` prints (cli/output/documents.ts). */
function documentOf(rows: readonly Row[], { builds, last, left, links }: Rest): object {
  return {
    configs: rows.map((row) => ({
      ...row,
      runs: row.runs.map(
        ({ status, started, seconds = null, inputs, firstInput = null, codeVersion, error = null }) => ({
          status,
          started_at: new Date(started).toISOString(),
          seconds,
          inputs,
          first_input: firstInput,
          commit: codeVersion,
          error,
        }),
      ),
    })),
    builds: builds.map(({ pipeline, time = null, commit = null, digest = null }) => ({
      pipeline,
      built_at: time,
      commit,
      digest,
    })),
    last_build: last ? { status: last.status, started_at: last.time.toISOString() } : null,
    leftovers: left ?? null,
    links,
  };
}

/** What stands below a run: what it was about where it has not succeeded, and its error. */
function detailsOf({ status, inputs, firstInput, error }: RunRecord): string[] {
  const about = `${firstInput}${inputs > 1 ? ` and ${inputs - 1} more` : ''}`;
  return [
    ...(firstInput === undefined || status === 'succeeded' ? [] : [about]),
    ...(error === undefined ? [] : [error]),
  ];
}

function show(rows: readonly Row[], { builds, last, left = [], links }: Rest, out: Output): void {
  for (const { pipeline, config, trigger, runs, failed_events: failures } of rows) {
    out.write(`${pipeline}/${config}  ${trigger}\n`);
    if (runs.length === 0) out.write('  no run\n');
    const cells = runs.map(({ status, started, seconds, inputs, codeVersion }) => [
      `  ${toSecond(started)}`,
      status,
      seconds === undefined ? '' : `${seconds.toFixed(1)} s`,
      count(inputs, 'input'),
      codeVersion.slice(0, 12),
    ]);
    const lines = table(cells).split('\n');
    for (const [at, run] of runs.entries()) {
      out.write(`${lines[at]}\n`);
      for (const detail of detailsOf(run)) out.write(wrap(`    ${detail}\n`, out));
    }
    for (const { time, error } of failures) {
      out.write(wrap(`  waits for rerun since ${toSecond(time)}: ${error}\n`, out));
    }
  }
  if (builds.length > 0) {
    out.write(last ? `\nLast build: ${last.status}, ${last.time.toISOString()}\n` : '\nImages\n');
    out.write(
      table(
        builds.map(({ pipeline, time = 'never', commit = '', digest = '' }) => [
          `  ${pipeline}`,
          time,
          commit.slice(0, 12),
          digest,
        ]),
      ),
    );
  }
  if (left.length > 0) {
    out.write('\nDeployed, but not in the file\n');
    for (const each of left) out.write(`  ${each}\n`);
  }
  const entries = Object.entries(links);
  if (entries.length > 0) out.write(`\n${table(entries.map(([name, link]) => [name, link]))}`);
}
