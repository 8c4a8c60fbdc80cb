import { REGION, unknownRegion } from '../executions/region';
import { bucketProblem } from '../executions/s3-names';
import { nearest } from '../files/nearest';
import { isRecord, record, text } from '../files/values';
import { parseYaml, type YamlFile } from '../files/yaml';
import { Findings, type LineProblem } from './findings';
import { type Pipeline, type PipelineConfig, type PipelinesConfig, SCHEDULES, TRIGGERS, TYPES } from './model';
import {
  baseName,
  baseProblem,
  branchProblem,
  CRON_SUFFIX,
  functionName,
  longestFunctionName,
  ownBuckets,
} from './names';
import { DEFAULT_SCHEDULE, STORAGE_PREFIX, watched } from './rules';

export interface ParsedPipelines {
  /** Only of a file without an error. */
  readonly config?: PipelinesConfig;
  /** What could be read of a file with errors too, for checks against other files. */
  readonly draft?: PipelinesConfig;
  /** The line of a path in the file. */
  readonly lineOf?: YamlFile['lineOf'];
  /** Every problem, by line. */
  readonly problems: readonly LineProblem[];
}

/** The keys of the file's top level. All but `create_buckets` must be there. */
const KEYS = [
  'github_org',
  'pipelines_repo_name',
  'aws_repo_name',
  'account_id',
  'region',
  'input_bucket_name',
  'output_bucket_name',
  'create_buckets',
  'github_codestar_arn',
  'pipelines',
];
const PIPELINE_KEYS = ['name', 'type', 'trigger', 'schedule', 'configs'];
const CONFIG_KEYS = ['config_file_path', 'input_bucket_path'];

/** Keys of aws-template's drafts before 21 September 2023, which today's deployment ignores. */
const DRAFT_KEYS: Readonly<Record<string, string>> = {
  pipelines_repo: 'write `pipelines_repo_name`, the name without its organization',
  aws_build_repo: 'write `aws_repo_name`, the name without its organization',
  vpc_id: 'remove it; functions need no VPC',
  pipelines_to_deploy: 'write `pipelines` with `configs`',
  runs: 'write `configs`',
  location: 'write `configs`, one for each location',
  locations: 'write `configs`, one for each location',
  input_dir: 'write `input_bucket_path` in each config',
  input_prefix: 'write `input_bucket_path` in each config',
  cron: 'write `trigger: Cron` and `schedule`',
  daily: 'write `schedule: Daily`',
};

/** Texts that stand for a user's own. */
const PLACEHOLDER = /X{4}|\.\.\.|^<.*>$|(^|[-_./])your[-_ ]/i;

/** Quotas of an event bus (EventBridge endpoints and quotas): 300 rules in most regions, 100 in some. */
const MOST_RULES = 300;
const FEWEST_RULES = 100;

/** The ARN of a connection to GitHub: CodeStar Connections' old name, or CodeConnections. */
const CONNECTION = /^arn:aws[a-z-]*:(?:codestar-connections|codeconnections):[a-z0-9-]+:(\d{12}):connection\/[\w-]+$/;

/**
 * Reads a `pipelines_config.yml` and finds everything in it that the deployment, or a run, would fail at or do
 * otherwise than its writer means. Never throws.
 *
 * @param branch the branch to deploy, a part of every name; default: main
 */
export function parsePipelines(content: string, branch = 'main'): ParsedPipelines {
  const yaml = parseYaml(content);
  if ('errors' in yaml) {
    return { problems: yaml.errors.map(({ line, message }) => ({ severity: 'error', line, path: '$', message })) };
  }
  const findings = new Findings(yaml.lineOf);
  if (!isRecord(yaml.value)) {
    findings.error([], 'Write one mapping, from github_org to pipelines.', yaml.value ?? undefined);
    return { problems: findings.inOrder() };
  }
  const config = new Checks(yaml, yaml.value, branch, findings).config();
  return {
    ...(!findings.hasErrors && { config }),
    draft: config,
    lineOf: yaml.lineOf,
    problems: findings.inOrder(),
  };
}

type Record_ = Readonly<Record<string, unknown>>;

class Checks {
  readonly #base: string;

  constructor(
    private readonly yaml: YamlFile,
    private readonly file: Record_,
    private readonly branch: string,
    private readonly findings: Findings,
  ) {
    this.#base = baseName(text(file.pipelines_repo_name) ?? '', branch);
  }

  config(): PipelinesConfig {
    const { file, findings } = this;
    this.#unknownKeys([], file, KEYS);
    for (const { path, source } of this.yaml.oddKeys) {
      findings.error(path, `YAML does not read this key as text: quote it, "${source}".`, source);
    }
    const accountId = this.#accountId();
    const config: PipelinesConfig = {
      githubOrg: this.#named('github_org', 'the organization or user on GitHub', /^[A-Za-z0-9](?:-?[A-Za-z0-9])*$/),
      pipelinesRepoName: this.#named('pipelines_repo_name', "the name of the pipelines' repository", /^[\w.-]+$/),
      awsRepoName: this.#named('aws_repo_name', "the name of this file's repository", /^[\w.-]+$/),
      accountId,
      region: this.#region(),
      inputBucketName: this.#bucket('input_bucket_name'),
      outputBucketName: this.#bucket('output_bucket_name'),
      createBuckets: this.#createBuckets(),
      connectionArn: this.#connection(accountId),
      pipelines: this.#pipelines(),
    };
    this.#names(config);
    this.#watches(config);
    return config;
  }

  /** Reports a value that is not there or stands for the user's own. @returns the text, or undefined after a report */
  #filled(key: string, write: string): string | undefined {
    const value = this.file[key];
    const path = [key];
    if (value === undefined || value === null || value === '') {
      this.findings.error(path, `${value === undefined ? 'This is missing' : 'This is empty'}: write ${write}.`);
      return undefined;
    }
    if (typeof value !== 'string') {
      this.findings.error(path, `This is no text: write ${write}, in quotes.`, value);
      return undefined;
    }
    if (PLACEHOLDER.test(value)) {
      this.findings.error(path, `This is a placeholder: write ${write}.`, value);
      return undefined;
    }
    return value;
  }

  #named(key: string, write: string, pattern: RegExp): string {
    const value = this.#filled(key, write);
    if (value !== undefined && !pattern.test(value)) {
      this.findings.error([key], `GitHub has no such name: write ${write} alone, without a path or an address.`, value);
    }
    return value ?? '';
  }

  #accountId(): string {
    const write = "write the account's 12 digits in quotes";
    const value = this.file.account_id;
    if (value === undefined || value === null || value === '') {
      this.findings.error(['account_id'], `${value === undefined ? 'This is missing' : 'This is empty'}: ${write}.`);
    } else if (typeof value !== 'string') {
      this.findings.error(
        ['account_id'],
        `YAML reads this as a number, and one with a first 0 as octal: ${write}.`,
        value,
      );
    } else if (!/^\d{12}$/.test(value)) {
      const what = PLACEHOLDER.test(value) ? 'This is a placeholder' : 'This is no account';
      this.findings.error(['account_id'], `${what}: ${write}.`, value);
    }
    return text(value) ?? '';
  }

  #region(): string {
    const region = this.#filled('region', "the region's code such as us-west-2");
    if (region === undefined) return '';
    if (!REGION.test(region)) {
      this.findings.error(['region'], "This is no region: write the region's code such as us-west-2.", region);
    } else if (region.startsWith('cn-')) {
      this.findings.error(
        ['region'],
        'Choose a region outside of China (cn-), whose service principals differ.',
        region,
      );
    } else {
      const unknown = unknownRegion(region);
      if (unknown !== undefined) this.findings.warning(['region'], unknown, region);
    }
    return region;
  }

  #bucket(key: string): string {
    const name = this.#filled(key, "the bucket's name");
    const problem = name === undefined ? undefined : bucketProblem(name);
    if (problem !== undefined) this.findings.error([key], problem, name);
    return name ?? '';
  }

  #createBuckets(): boolean {
    const { create_buckets: value } = this.file;
    if (value === undefined || value === null) return false;
    if (typeof value === 'boolean') return value;
    this.findings.error(['create_buckets'], 'This is no boolean: write true or false, without quotes.', value);
    return false;
  }

  #connection(accountId: string): string {
    const write = 'arn:aws:codeconnections:REGION:ACCOUNT:connection/ID, which the console shows';
    const arn = this.#filled('github_codestar_arn', write);
    if (arn === undefined) return '';
    const [, owner] = CONNECTION.exec(arn) ?? [];
    if (owner === undefined) {
      this.findings.error(['github_codestar_arn'], `This is no connection: write ${write}.`, arn);
    } else if (/^\d{12}$/.test(accountId) && owner !== accountId) {
      this.findings.error(
        ['github_codestar_arn'],
        `The connection belongs to ${owner}, the file deploys to ${accountId}: write a connection of that account, or correct account_id.`,
        arn,
      );
    }
    return arn;
  }

  #unknownKeys(path: readonly (string | number)[], value: Record_, known: readonly string[]): void {
    for (const key of Object.keys(value).filter((each) => !known.includes(each))) {
      if (this.yaml.oddKeys.some((odd) => odd.source === key)) continue;
      const draft = Object.hasOwn(DRAFT_KEYS, key) ? DRAFT_KEYS[key] : undefined;
      if (draft !== undefined) {
        this.findings.error([...path, key], `This key is of a draft of 2023, which is not read any more: ${draft}.`);
        continue;
      }
      const meant = nearest(key, known);
      const write =
        meant === undefined ? `remove it, or write one of ${known.join(', ')}` : `write ${meant} if that is meant`;
      this.findings.error([...path, key], `There is no such key: ${write}.`);
    }
  }

  #pipelines(): Pipeline[] {
    const { pipelines } = this.file;
    if (!Array.isArray(pipelines) || pipelines.length === 0) {
      const is = pipelines === undefined || pipelines === null || Array.isArray(pipelines);
      const message = is ? 'Nothing would be deployed' : 'This is no list, and nothing would be deployed';
      this.findings.error(
        ['pipelines'],
        `${message}: write "- name: ..." for each pipeline.`,
        is ? undefined : pipelines,
      );
      return [];
    }
    const names = new Map<string, number>();
    return pipelines.map((each, at) => this.#pipeline(each, at, names));
  }

  #pipeline(value: unknown, at: number, names: Map<string, number>): Pipeline {
    const path = ['pipelines', at];
    if (!isRecord(value)) {
      this.findings.error(
        path,
        'This is no pipeline: write a mapping with name, type, trigger and configs.',
        value ?? undefined,
      );
    }
    const pipeline = record(value);
    this.#unknownKeys(path, pipeline, PIPELINE_KEYS);
    const name = this.#pipelineName(path, pipeline, names);
    const type = this.#oneOf([...path, 'type'], pipeline.type, TYPES);
    const trigger = this.#oneOf([...path, 'trigger'], pipeline.trigger, TRIGGERS);
    const schedule =
      pipeline.schedule === undefined || pipeline.schedule === null
        ? undefined
        : this.#oneOf([...path, 'schedule'], pipeline.schedule, SCHEDULES);
    if (trigger === 'Cron' && (pipeline.schedule === undefined || pipeline.schedule === null)) {
      this.findings.warning(
        path,
        `Without schedule it runs ${DEFAULT_SCHEDULE}: write schedule: ${DEFAULT_SCHEDULE}, or another of ${SCHEDULES.join(', ')}.`,
      );
    }
    if (trigger === 'S3' && schedule !== undefined) {
      this.findings.warning(
        [...path, 'schedule'],
        'An S3 trigger has no schedule: remove it, or write trigger: Cron.',
        schedule,
      );
    }
    return {
      name,
      type: type ?? 'Ingest',
      trigger: trigger ?? 'S3',
      ...(trigger === 'Cron' && { schedule: schedule ?? DEFAULT_SCHEDULE }),
      configs: this.#configs(path, pipeline, name, type, trigger),
    };
  }

  #pipelineName(path: readonly (string | number)[], pipeline: Record_, names: Map<string, number>): string {
    const { name } = pipeline;
    const at = [...path, 'name'];
    if (name === undefined || name === null || name === '') {
      this.findings.error(at, 'The pipeline has no name: write the name of its folder below pipelines/.');
      return '';
    }
    if (typeof name !== 'string' || !/^[A-Za-z0-9_-]+$/.test(name)) {
      this.findings.error(
        at,
        "This must be the folder below pipelines/, and part of a function's name: write letters, digits, - and _, in quotes if they are all digits.",
        name,
      );
      return text(name) ?? '';
    }
    const line = this.yaml.lineOf(at);
    const first = names.get(name);
    if (first !== undefined) {
      this.findings.error(
        at,
        `The first ${name}, at line ${first}, would be lost: write both as configs of one pipeline.`,
        name,
      );
    }
    names.set(name, first ?? line);
    return name;
  }

  #oneOf<Value extends string>(
    path: readonly (string | number)[],
    value: unknown,
    allowed: readonly Value[],
  ): Value | undefined {
    const found = allowed.find((each) => each === value);
    if (found !== undefined) return found;
    const missing = value === undefined || value === null || value === '';
    const meant = typeof value === 'string' ? nearest(value, allowed) : undefined;
    this.findings.error(
      path,
      `${missing ? 'This is missing' : 'This is not known'}: write one of ${allowed.join(', ')}.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
      missing ? undefined : value,
    );
    return undefined;
  }

  #configs(
    path: readonly (string | number)[],
    { configs }: Record_,
    name: string,
    type: string | undefined,
    trigger: string | undefined,
  ): PipelineConfig[] {
    const at = [...path, 'configs'];
    if (!isRecord(configs) || Object.keys(configs).length === 0) {
      const found = isRecord(configs) ? undefined : (configs ?? undefined);
      this.findings.error(at, 'The pipeline would never run: write a mapping with an entry for each site.', found);
      return [];
    }
    return Object.entries(configs).map(([id, value]) => {
      const here = [...at, id];
      if (!/^[A-Za-z0-9_-]+$/.test(id)) {
        this.findings.error(here, "This is part of a function's name: write letters, digits, - and _.", id);
      }
      if (!isRecord(value)) {
        this.findings.error(here, 'This is no config: write a mapping with config_file_path.', value ?? undefined);
        return { id, configFilePath: '' };
      }
      this.#unknownKeys(here, value, CONFIG_KEYS);
      const configFilePath = this.#configFile(here, value, name);
      const inputPath = this.#inputPath(here, value, type, trigger);
      return { id, configFilePath, ...(inputPath !== undefined && { inputPath }) };
    });
  }

  #configFile(here: readonly (string | number)[], { config_file_path: value }: Record_, name: string): string {
    const path = [...here, 'config_file_path'];
    const example = `pipelines/${name || 'NAME'}/config/pipeline.yaml`;
    if (value === undefined || value === null || value === '') {
      this.findings.error(path, `This is missing: write the path in the pipelines' repository, such as ${example}.`);
      return '';
    }
    if (typeof value !== 'string' || /^[/\\~]|^[A-Za-z]:|\\|(^|\/)\.\.(\/|$)/.test(value)) {
      this.findings.error(
        path,
        `This is no path in the repository: write one from its root, with / between folders, such as ${example}.`,
        value,
      );
      return '';
    }
    const file = value.replace(/^\.\//, '');
    if (name !== '' && !file.startsWith(`pipelines/${name}/`)) {
      this.findings.warning(
        path,
        `This is not below pipelines/${name}/: the image of ${name} has that folder and shared/, so it may lack this file.`,
        value,
      );
    }
    return file;
  }

  #inputPath(
    here: readonly (string | number)[],
    { input_bucket_path: value }: Record_,
    type: string | undefined,
    trigger: string | undefined,
  ): string | undefined {
    const path = [...here, 'input_bucket_path'];
    if (value === undefined || value === null || value === '') {
      if (type === 'Ingest') {
        this.findings.error(path, 'An Ingest needs it: write the path in the input bucket, such as lidar/humboldt/.');
      } else if (type === 'VAP' && trigger === 'S3') {
        this.findings.error(
          path,
          `A VAP with an S3 trigger needs it: write where the datasets that it reads are in the output bucket, such as ${STORAGE_PREFIX}data/LOCATION/; or write trigger: Cron.`,
        );
      }
      return undefined;
    }
    if (typeof value !== 'string' || /^s3:|\/\/|\\|[*?]/i.test(value)) {
      this.findings.error(
        path,
        "This is no path in a bucket: write the path alone, without s3://, the bucket's name, // and *.",
        value,
      );
      return undefined;
    }
    const prefix = value.replace(/^\.?\//, '');
    if (type === 'VAP' && trigger === 'Cron') {
      this.findings.warning(path, 'A VAP with a schedule reads datasets, not files of this path: remove it.', value);
    } else if (type === 'VAP' && trigger === 'S3' && !prefix.startsWith('storage/')) {
      this.findings.warning(
        path,
        `A VAP reads datasets, and this watches the input bucket, before an Ingest has run: write ${STORAGE_PREFIX}data/LOCATION/ if it should run when they are there.`,
        value,
      );
    }
    return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
  }

  /** Names that AWS would refuse, some of them after half of the deployment. */
  #names({ pipelines, pipelinesRepoName, accountId }: PipelinesConfig): void {
    const base = this.#base;
    const branch = branchProblem(this.branch);
    if (branch !== undefined) this.findings.error([], `The branch is ${JSON.stringify(this.branch)}: ${branch}.`);
    const repository = pipelinesRepoName && branch === undefined ? baseProblem(base) : undefined;
    if (repository !== undefined)
      this.findings.error(
        ['pipelines_repo_name'],
        `With the branch this is ${base}: ${repository}.`,
        pipelinesRepoName,
      );
    if (
      /^\d{12}$/.test(accountId) &&
      pipelinesRepoName &&
      Object.values(ownBuckets(base, accountId)).some((name) => bucketProblem(name))
    ) {
      this.findings.error(
        ['pipelines_repo_name'],
        'Buckets are named after it: begin it with a letter or a digit.',
        pipelinesRepoName,
      );
    }
    const functions = new Map<string, string>();
    for (const [at, { name, trigger, configs }] of pipelines.entries()) {
      for (const { id } of configs) {
        const path = ['pipelines', at, 'configs', id];
        const named = functionName(base, name, id);
        const over = named.length - longestFunctionName(trigger);
        if (over > 0) {
          const rule = trigger === 'Cron' ? ` and its rule ${CRON_SUFFIX.length} more` : '';
          this.findings.error(
            path,
            `The function ${named} has ${named.length} characters${rule}, and AWS allows 64: shorten name or config by ${over}.`,
            id,
          );
        }
        const other = functions.get(named);
        if (other !== undefined && name !== '') {
          this.findings.error(path, `Its function would have the name of ${other}: choose another id.`, id);
        }
        functions.set(named, `${name}, ${id}`);
      }
    }
    if (functions.size > FEWEST_RULES) {
      const limit =
        functions.size > MOST_RULES ? `an event bus has ${MOST_RULES}` : `some regions allow ${FEWEST_RULES}`;
      this.findings.warning(
        ['pipelines'],
        `${functions.size} configs need as many rules, and ${limit} (EventBridge quotas): ask AWS for more before you deploy.`,
      );
    }
  }

  /** Prefixes that overlap, and outputs that would be inputs. */
  #watches(config: PipelinesConfig): void {
    const { findings } = this;
    const all = config.pipelines.flatMap((pipeline, at) =>
      pipeline.trigger !== 'S3'
        ? []
        : pipeline.configs
            .filter(({ inputPath }) => inputPath !== undefined)
            .map((each) => ({
              path: ['pipelines', at, 'configs', each.id, 'input_bucket_path'],
              label: `${pipeline.name}, ${each.id}`,
              type: pipeline.type,
              ...watched(config, pipeline, each),
            })),
    );
    const storage = (prefix: string) => STORAGE_PREFIX.startsWith(prefix) || prefix.startsWith(STORAGE_PREFIX);
    for (const [at, each] of all.entries()) {
      if (
        each.bucket === config.outputBucketName &&
        each.bucket !== '' &&
        storage(each.prefix) &&
        each.type === 'Ingest'
      ) {
        findings.error(
          each.path,
          `Its output goes to ${STORAGE_PREFIX} of the same bucket, and would start it again: write a path beside it.`,
          each.prefix,
        );
      }
      const also = all
        .slice(0, at)
        .find(
          ({ bucket, prefix }) =>
            bucket === each.bucket && (prefix.startsWith(each.prefix) || each.prefix.startsWith(prefix)),
        );
      if (also !== undefined) {
        const narrower = also.prefix.length > each.prefix.length ? also.prefix : each.prefix;
        findings.warning(
          each.path,
          `A file in ${narrower || 'the bucket'} runs both ${also.label} and ${each.label}: write another path if one alone is meant.`,
          each.prefix,
        );
      }
    }
    for (const [at, pipeline] of config.pipelines.entries()) {
      if (pipeline.type !== 'Ingest' || pipeline.trigger !== 'Cron') continue;
      for (const { id, inputPath } of pipeline.configs) {
        if (inputPath === undefined || config.inputBucketName !== config.outputBucketName || !storage(inputPath))
          continue;
        findings.error(
          ['pipelines', at, 'configs', id, 'input_bucket_path'],
          `Its output goes to ${STORAGE_PREFIX} of the same bucket, and would be its input: write a path beside it.`,
          inputPath,
        );
      }
    }
  }
}
