import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { DescribeRegionsCommand, type Region } from '@aws-sdk/client-ec2';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { shellQuote } from '../executions/datastream-command/quoting';
import { nearest } from '../files/nearest';
import { shorten } from '../files/problems';
import { awsSentence } from './aws-errors';
import { checkBaseImage } from './base-image';
import { type Clients, clientsIn } from './clients';
import { buildProfile, type Deployment, readDeployment } from './deployment';
import { removeLeftovers } from './leftovers';
import { type BuiltImage, readManifest } from './manifest';
import { PINNED_FILE, pin } from './pin';
import { type Packer, preparePacker } from './program';
import { publish } from './publish';
import { readTemplate, type WrittenTemplate, writeTemplates } from './template';
import {
  ambiguousDownloads,
  checkTogether,
  checkTypes,
  PACKER_FOLDER,
  readVariables,
  type Settings,
  settingsOf,
  type VariableProblem,
  type Variables,
} from './variables';

/** The options of a build. */
export interface BuildOptions {
  /** The tfvars that the state machine is deployed with. */
  readonly tfvars: string;
  /** Variable files in Packer's format. */
  readonly varFile: readonly string[];
  /** Single variables as `name=value`. They override the files. */
  readonly var: readonly string[];
  /** The folder of the execution template. */
  readonly executions: string;
}

type Print = (line: string) => void;

/** The signals of Ctrl-C, of `kill` and of a closed terminal. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Reads the deployment and the variables. Some variables take their value from the deployment. */
async function readBuild(
  options: Pick<BuildOptions, 'tfvars' | 'varFile' | 'var'>,
): Promise<{ readonly deployment: Deployment; readonly variables: Variables }> {
  const deployment = await readDeployment(options.tfvars);
  const variables = await readVariables({
    files: options.varFile,
    assignments: options.var,
    environment: process.env,
    fallbacks: {
      region: deployment.region,
      ...(deployment.amiParameterName && { ami_parameter_name: deployment.amiParameterName }),
    },
  });
  const time = new Date().toISOString().replace(/[-:]|\..*/g, '');
  const run = `${variables.architecture}-${time.replace('T', '-')}`;
  // Each build has its own folder, even two builds in one second. So no build writes into another build's manifest.
  const folder = String(variables.output_folder || path.join(PACKER_FOLDER, 'output', `${run}-${process.pid}`));
  const image_name = variables.image_name || `${variables.name}-${run}`;
  const iam_instance_profile = buildProfile(variables, deployment);
  return {
    deployment,
    variables: { ...variables, image_name, output_folder: path.resolve(folder), iam_instance_profile },
  };
}

/**
 * Builds the image, checks it and writes its ID into the execution template. If an SSM parameter is named, it also
 * writes the ID into this parameter. It shows Packer's output while Packer runs. After Ctrl-C, `kill` or the end of the
 * terminal, Packer stops by itself. The build then removes the resources that Packer left.
 *
 * @returns the exit code: 0 for success, 1 after printing every reason, 130 after an interrupt
 * @throws Error with one sentence, before the launch: a file is not readable, Packer is missing, or AWS does not answer
 */
export async function build(options: BuildOptions, print: Print): Promise<number> {
  let packer: Packer | undefined;
  const interrupt = () => (packer ? packer.interrupt() : process.exit(130));
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    const { deployment, variables } = await readBuild(options);
    readTemplate(options.executions);
    packer = await preparePacker(variables);
    const exitCode = await checkAndBuild(packer, variables, deployment, options.executions, print);
    return packer.interrupted && exitCode !== 0 ? 130 : exitCode;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

async function checkAndBuild(
  packer: Packer,
  variables: Variables,
  deployment: Deployment,
  executions: string,
  print: Print,
): Promise<number> {
  const settings = settingsOf(variables);
  // Each check relies on the success of the checks before it.
  const checks = [
    () => checkTypes(variables),
    () => packer.refusedVariables(),
    () => [...checkTogether(settings), ...checkPlugin(settings)],
    () => checkAtAws(settings, deployment),
  ];
  for (const check of checks) {
    const problems = await check();
    if (problems.length === 0) continue;
    print(
      `${problems.length === 1 ? 'A variable is' : `${problems.length} variables are`} wrong. Nothing was launched.`,
    );
    return refuse(problems, print);
  }

  const output = settings.output_folder;
  const discardFolder = makeFolder(output);
  for (const command of ['init', 'validate'] as const) {
    if ((await packer.run(command)) === 0) continue;
    discardFolder();
    print(`'packer ${command}' has failed, with the words above. Nothing was launched.`);
    return 1;
  }
  const clients = (region: string) => clientsIn(region, settings.custom_endpoint_ec2);
  if ((await packer.run('build')) !== 0) {
    discardFolder();
    await removeLeftovers(settings.image_name, [settings.region, ...settings.ami_regions], clients, print);
    print('The build has failed, with the words above; the execution template is as it was.');
    return 1;
  }

  const manifest = path.join(output, 'manifest.json');
  const image = readManifest(manifest);
  let exitCode = 0;
  try {
    printWritten(image, writeTemplates(image, deployment, executions), print);
  } catch (error) {
    exitCode = 1;
    print(`The image is there, but its ID is not written: ${(error as Error).message}`);
    print(
      `  To make up for it: npx datastream ami write-template --manifest ${shellQuote(path.relative('', manifest))}`,
    );
  }
  print(`Manifests  ${path.relative('', output)}`);
  exitCode = Math.max(exitCode, await publish(image, clients, print));
  print('Next       npx datastream new executions/my-job.json    (it says which --set it needs)');
  return exitCode;
}

/**
 * Writes the templates of an image that exists already.
 *
 * @throws Error with one sentence; the templates are unchanged then
 */
export async function writeTemplate(
  options: Pick<BuildOptions, 'tfvars' | 'executions'> & { readonly manifest: string },
  print: Print,
): Promise<void> {
  const deployment = await readDeployment(options.tfvars);
  const image = readManifest(options.manifest);
  printWritten(image, writeTemplates(image, deployment, options.executions), print);
}

/**
 * Stores the SHA-256 of each download that has none.
 *
 * @returns the exit code: 0 for success, 1 after printing every reason
 * @throws Error with one sentence; nothing is written then
 */
export async function pinDownloads(
  options: Pick<BuildOptions, 'tfvars' | 'varFile' | 'var'>,
  print: Print,
): Promise<number> {
  const { variables } = await readBuild(options);
  const settings = settingsOf(variables);
  for (const check of [() => checkTypes(variables), () => ambiguousDownloads(settings)]) {
    const problems = await check();
    if (problems.length > 0) return refuse(problems, print);
  }
  const pinned = await pin(settings);
  for (const [url, sha256] of pinned) print(`${url}\n  ${sha256}`);
  print(
    pinned.size === 0
      ? 'Every download has its SHA-256 already.'
      : `Written to ${path.relative('', PINNED_FILE)}: compare the sums with a source that you trust, and commit the file.`,
  );
  return 0;
}

/** Prints the problems of the variables for the user. @returns the exit code */
function refuse(problems: readonly VariableProblem[], print: Print): number {
  for (const { name, value, message } of problems)
    print(`  ${name}${value === undefined ? '' : ` = ${shorten(value)}`}\n      ${message}`);
  return 1;
}

/**
 * @returns a function that removes the folder again if this call created it and it is empty
 * @throws Error before the build. Packer would fail only at its end: the image exists then, but no manifest names it
 */
function makeFolder(folder: string): () => void {
  try {
    const made = mkdirSync(folder, { recursive: true }) !== undefined;
    if (!made && existsSync(path.join(folder, 'manifest.json'))) throw Object.assign(new Error(), { code: 'EEXIST' });
    accessSync(folder, constants.W_OK);
    return () => {
      if (made && readdirSync(folder).length === 0) rmdirSync(folder);
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'EEXIST' ? 'has the manifest of another build' : `cannot be written to (${code})`;
    throw new Error(`${folder} ${reason}: name another output_folder. Nothing was launched.`);
  }
}

/** Checks that the state machine's region gets the image. Without this check, only the first execution would fail. */
function checkRegionOf(deployment: Deployment, { region, ami_regions }: Settings): readonly VariableProblem[] {
  if ([region, ...ami_regions].includes(deployment.region)) return [];
  const message = `${deployment.file} deploys to ${deployment.region}, where executions could not use the image: leave region out, name the tfvars in use by --tfvars, or write ami_regions = ["${deployment.region}"].`;
  return [{ name: 'region', value: region, message }];
}

function checkPlugin({ session_manager }: Settings): readonly VariableProblem[] {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  if (!session_manager || folders.some((folder) => existsSync(path.join(folder, 'session-manager-plugin')))) return [];
  const message =
    'session-manager-plugin is not on the PATH: install it (https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html), or leave session_manager out.';
  return [{ name: 'session_manager', value: session_manager, message }];
}

/** Checks what only AWS knows: the regions, the SSM parameter and the base image. */
async function checkAtAws(settings: Settings, deployment: Deployment): Promise<readonly VariableProblem[]> {
  // A region that does not exist has no endpoint. So the deployment's region is asked first.
  let asked = deployment.region;
  const clients = () => clientsIn(asked, settings.custom_endpoint_ec2);
  try {
    const { Regions: regions = [] } = await clients().ec2.send(new DescribeRegionsCommand({ AllRegions: true }));
    const problems = [...checkRegions(settings, regions)];
    if (problems.length === 0) problems.push(...checkRegionOf(deployment, settings));
    if (problems.length > 0) return problems;
    asked = settings.region;
    problems.push(...(await checkBaseImage(clients().ec2, settings)));
    for (asked of settings.ami_parameter_name ? [settings.region, ...settings.ami_regions] : []) {
      problems.push(...(await checkParameter(clients().ssm, asked, settings)));
    }
    return problems;
  } catch (error) {
    throw new Error(`${awsSentence(error, asked)} Nothing was launched.`, { cause: error });
  }
}

function checkRegions(settings: Settings, regions: readonly Region[]): readonly VariableProblem[] {
  const check = (name: 'region' | 'ami_regions', each: string): VariableProblem[] => {
    const found = regions.find(({ RegionName }) => RegionName === each);
    if (found && found.OptInStatus !== 'not-opted-in') return [];
    const names = regions.map(({ RegionName = '' }) => RegionName);
    const message = found
      ? `The account has not enabled ${each}: enable it in the console, or choose another region.`
      : `AWS has no region ${each}: write ${nearest(each, names) ?? 'one such as us-east-1'}.`;
    return [{ name, value: settings[name], message }];
  };
  return [...check('region', settings.region), ...settings.ami_regions.flatMap((each) => check('ami_regions', each))];
}

/** SSM cannot change the data type of a parameter to aws:ec2:image. This check finds that before the build. */
async function checkParameter(
  ssm: Clients['ssm'],
  region: string,
  { ami_parameter_name: name }: Settings,
): Promise<readonly VariableProblem[]> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }));
    if (Parameter?.DataType === 'aws:ec2:image') return [];
    const message = `This parameter is in ${region} already, with the data type ${Parameter?.DataType}, where aws:ec2:image is wanted: name another one, or delete it.`;
    return [{ name: 'ami_parameter_name', value: name, message }];
  } catch (error) {
    // The parameter does not exist yet, or it is not readable. It may still be writable.
    if (['ParameterNotFound', 'AccessDeniedException'].includes((error as Error).name)) return [];
    throw error;
  }
}

function printWritten(image: BuiltImage, written: readonly WrittenTemplate[], print: Print): void {
  print(`\nImage      ${image.name}, ${image.architecture}, ${image.volumeSize} GiB`);
  let shown = '';
  for (const { file, region, imageId, problems } of written) {
    print(`Template   ${path.relative('', file)}: ${imageId} in ${region}`);
    const open = problems
      .filter((problem) => problem.severity === 'error')
      .map((problem) => `${problem.path}\n             ${problem.message}`);
    if (open.length > 0 && open.join() === shown) print('           The same is left to fill in.');
    else if (open.length > 0) print(`           Left to fill in:\n           ${open.join('\n           ')}`);
    shown = open.join();
  }
}
