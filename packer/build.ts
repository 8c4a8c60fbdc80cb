import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { DescribeImagesCommand, DescribeRegionsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';
import { shorten } from '../executions/faults';
import { nearest } from '../executions/nearest';
import { awsSentence } from './aws-errors';
import { type Deployment, readDeployment } from './deployment';
import { finish } from './finish';
import { type BuiltImage, readManifest } from './manifest';
import { PINNED_FILE, pin } from './pin';
import { preparePacker } from './program';
import { readTemplate, type WrittenTemplate, writeTemplates } from './template';
import {
  checkTogether,
  checkTypes,
  PACKER_FOLDER,
  readVariables,
  Settings,
  type VariableFault,
  type Variables,
} from './variables';

/** What a build is told. */
export interface BuildOptions {
  /** The tfvars that the state machine is deployed with. */
  readonly tfvars: string;
  /** Files of variables, as Packer takes them. */
  readonly varFile: readonly string[];
  /** `name=value` of single variables, stronger than the files. */
  readonly var: readonly string[];
  /** The folder of the execution template. */
  readonly executions: string;
}

type Print = (line: string) => void;

/** The variables in force, and the deployment that some of them come from. */
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
  // One for each build: two at a time do not write into one manifest.
  const stamp = new Date().toISOString().replace(/[-:]|\..*/g, '');
  const folder = variables.output_folder || path.join(PACKER_FOLDER, 'output', `${stamp}-${variables.architecture}`);
  return { deployment, variables: { ...variables, output_folder: path.resolve(String(folder)) } };
}

/**
 * Builds the image, checks it, writes its ID into the execution template and, where one is named, into the SSM
 * parameter. Packer's own output is shown as it comes.
 *
 * @returns the exit code: 0, or 1 with every reason printed
 * @throws Error with one sentence, before anything is launched: a file that cannot be read, no Packer, no AWS
 */
export async function build(options: BuildOptions, print: Print): Promise<number> {
  const { deployment, variables } = await readBuild(options);
  readTemplate(options.executions);
  const packer = await preparePacker(variables);
  const wrong = await checkTypes(variables);
  const refused = wrong.length > 0 ? wrong : await packer.refusedVariables();
  if (refused.length > 0) return nothingLaunched(refused, print);
  const settings = Settings.parse(variables);
  const together = [...checkTogether(settings), ...checkRegionOf(deployment, settings), ...checkPlugin(settings)];
  if (together.length > 0) return nothingLaunched(together, print);
  const atAws = await checkAtAws(settings, deployment);
  if (atAws.length > 0) return nothingLaunched(atAws, print);

  const output = String(variables.output_folder);
  makeFolder(output);
  for (const command of packer.plugins ? (['init', 'validate'] as const) : (['validate'] as const)) {
    if ((await packer.run(command)) === 0) continue;
    print(`'packer ${command}' has failed, with the words above. Nothing was launched.`);
    return 1;
  }
  if ((await packer.run('build')) !== 0) {
    if (readdirSync(output).length === 0) rmdirSync(output);
    print(
      "The build has failed, with the words above; the execution template is as it was. 'npx datastream ami list' shows whether an image was made all the same.",
    );
    return 1;
  }

  const image = readManifest(path.join(output, 'manifest.json'));
  printWritten(image, writeTemplates(image, deployment, options.executions), print);
  print(`Manifests  ${path.relative('', output)}`);
  const exitCode = await finish(
    image,
    (region) => ({ ec2: ec2In(region, settings), ssm: new SSMClient({ region }) }),
    print,
  );
  print('Next       npx datastream new my-job.json --set instance_parameters.KeyName=my-key ...');
  return exitCode;
}

/**
 * Writes the templates of an image that is there already.
 *
 * @throws Error with one sentence; the templates are as they were
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
 * Writes down the SHA-256 of each download that has none.
 *
 * @returns the exit code: 0, or 1 with every reason printed
 * @throws Error with one sentence, and nothing is written
 */
export async function pinDownloads(
  options: Pick<BuildOptions, 'tfvars' | 'varFile' | 'var'>,
  print: Print,
): Promise<number> {
  const { variables } = await readBuild(options);
  const wrong = await checkTypes(variables);
  if (wrong.length > 0) {
    printFaults(wrong, print);
    return 1;
  }
  const pinned = await pin(Settings.parse(variables));
  for (const { url, sha256 } of pinned) print(`${url}\n  ${sha256}`);
  print(
    pinned.length === 0
      ? 'Every download has its SHA-256 already.'
      : `Written to ${path.relative('', PINNED_FILE)}: compare the sums with a source that you trust, and commit the file.`,
  );
  return 0;
}

/** The variables' faults as lines for a person. */
function printFaults(faults: readonly VariableFault[], print: Print): void {
  for (const { name, value, message } of faults)
    print(`  ${name}${value === undefined ? '' : ` = ${shorten(value)}`}\n      ${message}`);
}

/** @throws Error beforehand: Packer would find out at its very end, with the image there and not named */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${folder} cannot be written to (${code}): name another output_folder. Nothing was launched.`);
  }
}

function nothingLaunched(faults: readonly VariableFault[], print: Print): number {
  print(`${faults.length === 1 ? 'A variable is' : `${faults.length} variables are`} wrong. Nothing was launched.`);
  printFaults(faults, print);
  return 1;
}

/** An image that the state machine cannot launch would be found out by its first execution. */
function checkRegionOf(deployment: Deployment, { region, ami_regions }: Settings): readonly VariableFault[] {
  if ([region, ...ami_regions].includes(deployment.region)) return [];
  const message = `${deployment.file} deploys to ${deployment.region}, where executions could not use the image: leave region out, name the tfvars in use by --tfvars, or write ami_regions = ["${deployment.region}"].`;
  return [{ name: 'region', value: region, message }];
}

function checkPlugin({ session_manager }: Settings): readonly VariableFault[] {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  if (!session_manager || folders.some((folder) => existsSync(path.join(folder, 'session-manager-plugin')))) return [];
  const message =
    'session-manager-plugin is not on the PATH: install it (https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html), or leave session_manager out.';
  return [{ name: 'session_manager', value: session_manager, message }];
}

/** The clients for a region; an emulator's endpoint is EC2's alone, as Packer has it. */
function ec2In(region: string, { custom_endpoint_ec2 }: Settings): EC2Client {
  return new EC2Client({ region, ...(custom_endpoint_ec2 && { endpoint: custom_endpoint_ec2 }) });
}

/** What AWS alone knows: which regions there are, and what the base image is. */
async function checkAtAws(settings: Settings, deployment: Deployment): Promise<readonly VariableFault[]> {
  const { region, ami_regions, base_ami } = settings;
  // A region that does not exist has no endpoint to ask.
  const regions = await asking(deployment.region, async () => {
    const known = new DescribeRegionsCommand({ AllRegions: true });
    return (await ec2In(deployment.region, settings).send(known)).Regions ?? [];
  });
  const names = regions.map(({ RegionName = '' }) => RegionName);
  const faultOf = (name: 'region' | 'ami_regions', each: string): VariableFault[] => {
    const found = regions.find(({ RegionName }) => RegionName === each);
    if (found && found.OptInStatus !== 'not-opted-in') return [];
    const message = found
      ? `The account has not enabled ${each}: enable it in the console, or write another region.`
      : `AWS has no region ${each}: write ${nearest(each, names) ?? 'one such as us-east-1'}.`;
    return [{ name, value: settings[name], message }];
  };
  const faults = [...faultOf('region', region), ...ami_regions.flatMap((each) => faultOf('ami_regions', each))];
  if (faults.length > 0 || base_ami === '') return faults;
  return asking(region, () => checkBaseImage(ec2In(region, settings), settings));
}

/** @throws Error with one sentence for whatever AWS answers instead */
async function asking<Answer>(region: string, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    throw new Error(`${awsSentence(error, region)} Nothing was launched.`, { cause: error });
  }
}

async function checkBaseImage(
  ec2: EC2Client,
  { base_ami, architecture, region }: Settings,
): Promise<readonly VariableFault[]> {
  const fault = (message: string) => [{ name: 'base_ami', value: base_ami, message }];
  const notThere = fault(
    `There is no such image in ${region} that this account may use: write the ID of one, or leave base_ami out.`,
  );
  try {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [base_ami] }));
    if (!image) return notThere;
    if (image.Architecture === architecture) return [];
    return fault(
      `This image is ${image.Architecture}, the new one is to be ${architecture}: write another one, or leave it out.`,
    );
  } catch (error) {
    if (/^InvalidAMIID\./.test((error as Error).name)) return notThere;
    throw error;
  }
}

function printWritten(image: BuiltImage, written: readonly WrittenTemplate[], print: Print): void {
  print(`\nImage      ${image.name}, ${image.architecture}, ${image.volumeSize} GiB`);
  let shown = '';
  for (const { file, region, imageId, faults } of written) {
    print(`Template   ${path.relative('', file)}: ${imageId} in ${region}`);
    const open = faults
      .filter((fault) => fault.severity === 'error')
      .map((fault) => `${fault.path}\n             ${fault.message}`);
    if (open.length > 0 && open.join() === shown) print('           The same is left to fill in.');
    else if (open.length > 0) print(`           Left to fill in:\n           ${open.join('\n           ')}`);
    shown = open.join();
  }
}
