import { createHash } from 'node:crypto';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformOutput, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { readTextFile } from '../../files/text-file';
import { isRecord } from '../../files/values';
import type { PipelinesConfig } from '../../pipelines/model';
import { dataStackName } from '../../pipelines/names';
import { parsePipelines } from '../../pipelines/parse';
import { valueProblems } from '../aws/rules';
import { SettingsError } from '../aws/settings-error';
import { keepState } from '../aws/state';
import { DATA_CHECKS, TsdatData, type TsdatDataProps } from './tsdat-data';
import { PIPELINES_CHECKS, TsdatPipelines, type TsdatPipelinesProps } from './tsdat-pipelines';

/** What `context.tsdat` of cdktf.json may hold besides the file and the branches: properties of the constructs. */
const { config: _file, branch: _branch, configHash: _hash, ...OPTIONS } = PIPELINES_CHECKS;
const CHECKS = { ...OPTIONS, removeData: DATA_CHECKS.removeData };
const SETTINGS = ['config', 'branches', ...Object.keys(CHECKS)];

const EXAMPLE = '{ "config": "../aws-template/pipelines_config.yml", "branches": ["main"] }';

/**
 * The stacks of tsdat: one for each branch, and with `create_buckets` one for the buckets.
 *
 * @param settings `context.tsdat` of cdktf.json; paths are relative to the working directory
 * @throws SettingsError with every problem of the settings, or of the file
 */
export function tsdatStacks(app: Construct, settings: unknown): void {
  if (!isRecord(settings)) {
    const is = settings === undefined ? 'is missing' : `is ${JSON.stringify(settings)}`;
    throw new SettingsError(`context.tsdat of cdktf.json ${is}: write ${EXAMPLE}.`);
  }
  const { config: file, branches = ['main'], ...rest } = settings;
  const problems = settingsProblems(settings);
  const isFile = typeof file === 'string' && file !== '';
  if (!isFile) {
    problems.push(
      `context.tsdat.config of cdktf.json ${file === undefined ? 'is missing' : `is ${JSON.stringify(file)}`}: write the path of a pipelines_config.yml.`,
    );
  }
  const isList = Array.isArray(branches) && branches.length > 0 && branches.every((each) => typeof each === 'string');
  if (!isList) {
    problems.push(
      `context.tsdat.branches of cdktf.json is ${JSON.stringify(branches)}: write a list of branches such as ["main"].`,
    );
  }
  const text = isFile ? textOf(file, problems) : undefined;
  const parsed =
    text === undefined
      ? []
      : [...new Set<string>(isList ? branches : ['main'])].map((branch) => ({
          branch,
          ...parsePipelines(text, branch),
        }));
  problems.push(
    ...parsed
      .flatMap((each) => each.problems)
      .filter(({ severity }) => severity === 'error')
      .map(
        ({ line, path, message, found }) =>
          `${file}:${line}: ${path}: ${message}${found === undefined ? '' : ` Found: ${found}`}`,
      ),
  );
  if (problems.length > 0) throw new SettingsError([...new Set(problems)].join('\n'));
  const { removeData, ...props }: Rest = rest;
  const configHash = createHash('sha256').update(String(text).replace(/\r\n/g, '\n')).digest('hex');
  const branchProps = parsed.flatMap(({ branch, config }) =>
    config ? [{ ...props, config, branch, configHash }] : [],
  );
  const { adopt, tags } = props;
  const dataProps = branchProps
    .slice(0, 1)
    .filter(({ config }) => config.createBuckets)
    .map(({ config }) => ({ config, adopt, tags, removeData }));
  for (const each of branchProps) new PipelinesStack(app, `tsdat-${each.branch}`, each);
  for (const each of dataProps) new DataStack(app, dataStackName(each.config), each);
}

type Rest = Omit<TsdatPipelinesProps, 'config' | 'branch' | 'configHash'> & Pick<TsdatDataProps, 'removeData'>;

/** Keys that no setting has, and values that no construct takes. */
function settingsProblems(settings: Readonly<Record<string, unknown>>): string[] {
  return [
    ...Object.keys(settings)
      .filter((key) => !SETTINGS.includes(key))
      .map((key) => `context.tsdat of cdktf.json has the key ${key}: choose from ${SETTINGS.join(', ')}.`),
    ...valueProblems(settings, CHECKS).map((problem) => `context.tsdat of cdktf.json: ${problem}`),
  ];
}

/** The text of the file; undefined after a problem has been added. */
function textOf(file: string, problems: string[]): string | undefined {
  const read = readTextFile(file);
  if ('text' in read) return read.text;
  problems.push(read.error);
  return undefined;
}

/** The provider of the file's account and region alone, and the state. */
function prepareStack(stack: TerraformStack, { region, accountId }: PipelinesConfig): void {
  new AwsProvider(stack, 'aws', { region, allowedAccountIds: [accountId] });
  // The provider's package pins the version that it was generated from. Later 5.x versions have the same resources.
  stack.addOverride('terraform.required_providers.aws.version', '~> 5.100');
  keepState(stack);
}

/** The pipelines of one branch. */
class PipelinesStack extends TerraformStack {
  constructor(scope: Construct, id: string, props: TsdatPipelinesProps) {
    super(scope, id);
    prepareStack(this, props.config);
    const pipelines = new TsdatPipelines(this, 'tsdat', props);
    const outputs = {
      build_pipeline: { value: pipelines.pipelineName, description: 'The CodePipeline that builds the images.' },
      records_bucket: { value: pipelines.recordsBucketName, description: 'Records of runs and failures.' },
      function_names: { value: pipelines.functionNames, description: "The pipelines' functions." },
    };
    for (const [name, output] of Object.entries(outputs)) new TerraformOutput(this, name, output);
  }
}

/** The buckets, which branches share. */
class DataStack extends TerraformStack {
  constructor(scope: Construct, id: string, props: TsdatDataProps) {
    super(scope, id);
    prepareStack(this, props.config);
    const data = new TsdatData(this, 'data', props);
    new TerraformOutput(this, 'input_bucket', { value: data.inputBucketName, description: 'Where inputs go.' });
    new TerraformOutput(this, 'output_bucket', { value: data.outputBucketName, description: 'Where tsdat writes.' });
  }
}
