import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformOutput, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { type ExistingNetworkProps, Network } from '../aws/network';
import { checkAll, RULES, type Rule } from '../aws/rules';
import { SettingsError } from '../aws/settings-error';
import { keepState } from '../aws/state';
import { positiveVariable, ruledVariable } from '../aws/variables';
import { checkParts, DataCarousel, type DataCarouselProps } from './data-carousel';

/** What `context.carousel` of cdktf.json may say: the structure of the deployment, which Terraform cannot vary. */
export interface CarouselContext
  extends Pick<DataCarouselProps, 'jobs' | 'hsds' | 'architecture' | 'instanceTypes' | 'sample'> {
  /** A VPC that is there already, with its subnets and security group. Default: a new VPC. */
  readonly network?: ExistingNetworkProps;
}

const CONTEXT_KEYS = ['jobs', 'hsds', 'architecture', 'instanceTypes', 'sample', 'network'];

/**
 * The Carousel's stack.
 *
 * @param context `context.carousel` of cdktf.json
 * @throws SettingsError that names a property whose value cannot be deployed
 */
export function carouselStack(app: Construct, context: CarouselContext | undefined): void {
  try {
    new CarouselStack(app, 'carousel', context);
  } catch (error) {
    // A fault of this product has a class of its own, and keeps its stack.
    if ((error as Error).constructor !== Error) throw error;
    const lines = (error as Error).message.split('\n');
    throw new SettingsError(lines.map((line) => `context.carousel of cdktf.json: ${line}`).join('\n'));
  }
}

/** @throws Error with a line for each problem of the context */
function checkContext(context: CarouselContext): void {
  const unknown = Object.keys(context).filter((key) => !CONTEXT_KEYS.includes(key));
  checkAll([
    ...unknown.map((key) => () => {
      throw new Error(`context.carousel has ${key}, which it does not know: write ${CONTEXT_KEYS.join(', ')}.`);
    }),
    () => checkParts(context),
  ]);
}

/** The stack that the checkout deploys: a DataCarousel with its variables and outputs, the provider and the state. */
export class CarouselStack extends TerraformStack {
  constructor(scope: Construct, id: string, context: CarouselContext = {}) {
    super(scope, id);
    checkContext(context);
    new AwsProvider(this, 'aws', { region: ruledVariable(this, 'region', 'The region to deploy to.', RULES.region) });
    this.addOverride('terraform.required_providers.aws.version', '~> 5.100');
    const { network, ...rest } = context;
    const carousel = new DataCarousel(this, 'carousel', {
      ...rest,
      network: network
        ? Network.existing(this, 'network', network)
        : new Network(this, 'network', { name: 'datacarousel' }),
      archiveBucket: ruledVariable(this, 'archive_bucket', 'The bucket with the archived files.', RULES.bucket),
      archivePrefix: ruledVariable(this, 'archive_prefix', 'Keys of the archive begin with this.', ANYTHING, ''),
      outputBucket: ruledVariable(
        this,
        'output_bucket',
        "The bucket of the jobs' objects, plans and reports.",
        RULES.bucket,
      ),
      budgetDollars: positiveVariable(this, 'budget_dollars', "What a turn's estimate may be at most, in dollars."),
      tier: ruledVariable(this, 'tier', 'Expedited, Standard or Bulk.', TIER, 'Bulk') as 'Bulk',
      days: positiveVariable(this, 'days', 'Days that a copy is asked for.', 3),
      concurrency: positiveVariable(this, 'concurrency', 'Calls of RestoreObject at once.', 50),
      maxWaitTurns: positiveVariable(this, 'max_wait_turns', 'Turns after which a request goes first.', 12),
      turnTimeoutHours: positiveVariable(this, 'turn_timeout_hours', 'Hours after which a turn ends.', 96),
      maxVcpus: positiveVariable(this, 'max_vcpus', 'vCPUs of all jobs that run at once.', 16),
      schedule: ruledVariable(this, 'schedule', 'When a turn starts by itself.', SCHEDULE, 'rate(7 days)'),
      queueName: ruledVariable(this, 'queue_name', 'The queue.', RULES.batchName, 'datacarousel-job-queue'),
      filesTableName: ruledVariable(
        this,
        'files_table_name',
        "The table of the files' metadata.",
        TABLE,
        'BasicFusionFiles',
      ),
      jobsTableName: ruledVariable(
        this,
        'jobs_table_name',
        'The table of requests and turns.',
        TABLE,
        'DataCarouselJobs',
      ),
      prefix: ruledVariable(this, 'prefix', 'The beginning of all other names.', PREFIX, 'datacarousel'),
    });
    const outputs = {
      carousel_arn: [carousel.stateMachineArn, "The turns' state machine."],
      carousel_deployment: [carousel.deployment, "What 'datastream carousel' knows of this deployment, as JSON."],
      job_queue_name: [carousel.queueName, 'The queue of AWS Batch.'],
      requester_name: [carousel.requesterName, 'The function that takes requests.'],
      hsload_repository_url: [carousel.hsloadRepositoryUrl, 'Where the image of images/hsload is pushed to.'],
      work_queue_url: [carousel.workQueueUrl, 'The queue of files to index.'],
      dead_letter_queue_url: [carousel.deadLetterQueueUrl, 'Files that could not be indexed.'],
      ...(carousel.hsdsEndpoint && { hsds_endpoint: [carousel.hsdsEndpoint, 'Where jobs call HSDS.'] }),
    } as const;
    for (const [name, [value, description]] of Object.entries(outputs) as [string, readonly [string, string]][]) {
      new TerraformOutput(this, name, { value, description });
    }
    new TerraformOutput(this, 'definition_names', {
      value: [...carousel.definitionNames],
      description: 'The job definitions.',
    });
    keepState(this);
  }
}

const ANYTHING: Rule = { pattern: '^[^*?]*$', write: 'a prefix of keys without * and ?' };
const TIER: Rule = { pattern: '^(Expedited|Standard|Bulk)$', write: 'Expedited, Standard or Bulk' };
const SCHEDULE: Rule = { pattern: '^(rate|cron)\\(.+\\)$', write: 'rate(...) or cron(...)' };
const TABLE: Rule = { pattern: '^[A-Za-z0-9_.-]{3,255}$', write: '3 to 255 letters, digits and _.-' };
const PREFIX: Rule = { pattern: '^[a-z][a-z0-9-]{1,30}$', write: '2 to 31 lower-case letters, digits and hyphens' };
