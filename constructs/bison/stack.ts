import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformOutput, TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import { isRecord } from '../../files/values';
import { type ExistingNetworkProps, Network } from '../aws/network';
import { RULES, type Rule } from '../aws/rules';
import { SettingsError } from '../aws/settings-error';
import { keepState } from '../aws/state';
import { positiveVariable, ruledVariable } from '../aws/variables';
import { Bison, type BisonProps, DATA_STREAM_ARN, IMAGE } from './bison';
import { DATABASE } from './names';

/** What `context.bison` of cdktf.json may say: the structure of the deployment, which Terraform cannot vary. */
export interface BisonContext
  extends Pick<
    BisonProps,
    'ingest' | 'checkDataStream' | 'openDataBucket' | 'regions' | 'chunks' | 'instanceTypes' | 'priority' | 'postgres'
  > {
  /** A VPC that is there already, with its subnets and security group. Default: a new VPC. */
  readonly network?: ExistingNetworkProps;
}

const CONTEXT_KEYS = [
  'ingest',
  'checkDataStream',
  'openDataBucket',
  'regions',
  'chunks',
  'instanceTypes',
  'priority',
  'postgres',
  'network',
];

/**
 * BISON's stack.
 *
 * @param context `context.bison` of cdktf.json
 * @throws SettingsError that names a property whose value cannot be deployed
 */
export function bisonStack(app: Construct, context: BisonContext | undefined): void {
  try {
    new BisonStack(app, 'bison', context);
  } catch (error) {
    // A fault of this product has a class of its own, and keeps its stack.
    if ((error as Error).constructor !== Error) throw error;
    throw new SettingsError(`context.bison of cdktf.json: ${(error as Error).message}`);
  }
}

/** The stack that the checkout deploys: a Bison with its variables and outputs, the provider and the state. */
export class BisonStack extends TerraformStack {
  constructor(scope: Construct, id: string, context: BisonContext = {}) {
    super(scope, id);
    for (const [name, value] of [
      ['', context],
      ['.postgres', context.postgres ?? {}],
    ] as const) {
      if (isRecord(value)) continue;
      throw new Error(`context.bison${name} is ${JSON.stringify(value)}: write an object such as {}.`);
    }
    const unknown = Object.keys(context).find((key) => !CONTEXT_KEYS.includes(key));
    if (unknown !== undefined) {
      throw new Error(`context.bison has ${unknown}, which it does not know: write ${CONTEXT_KEYS.join(', ')}.`);
    }
    new AwsProvider(this, 'aws', { region: ruledVariable(this, 'region', 'The region to deploy to.', RULES.region) });
    this.addOverride('terraform.required_providers.aws.version', '~> 5.100');
    const { network, ...rest } = context;
    const bison = new Bison(this, 'bison', {
      ...rest,
      network: network
        ? Network.existing(this, 'network', network)
        : new Network(this, 'network', { name: 'bison', isolatedSubnets: context.postgres !== undefined }),
      dataStreamArn: ruledVariable(
        this,
        'datastream_arn',
        'The output datastream_arn of the stack datastream.',
        DATA_STREAM_ARN,
      ),
      image: ruledVariable(
        this,
        'image',
        "The jobs' image, by its digest. Default: latest of image_repository_url.",
        ANY_IMAGE,
        '',
      ),
      bucket: ruledVariable(
        this,
        'bucket',
        'The bucket, which is made. Default: bison-<account>-<region>.',
        BUCKET,
        '',
      ),
      removeObjects: this.#flag('remove_objects', "Whether 'destroy' deletes the bucket's objects too."),
      scanLimitBytes: positiveVariable(this, 'scan_limit_bytes', 'Bytes that one query may read.', 2 * 2 ** 40),
      maxVcpus: positiveVariable(this, 'max_vcpus', 'vCPUs of all jobs that run at once.', 64),
      schedule: ruledVariable(this, 'schedule', 'When a month is made by itself.', SCHEDULE, 'cron(0 0 2 * ? *)'),
      prefix: ruledVariable(this, 'prefix', 'The beginning of all other names.', PREFIX, 'bison'),
      databaseName: ruledVariable(
        this,
        'database_name',
        'The database of the Glue Data Catalog.',
        DATABASE_NAME,
        DATABASE,
      ),
    });
    const outputs = {
      bison_arn: [bison.stateMachineArn, 'The workflow.'],
      bison_deployment: [bison.deployment, "What 'datastream bison' knows of this deployment, as JSON."],
      bison_bucket: [bison.bucketName, 'Where inputs, intermediate objects and results lie.'],
      image_repository_url: [bison.repositoryUrl, 'Where the image of images/bison is pushed to.'],
      gbif_secret_arn: [bison.gbifSecretArn, "The secret for GBIF's user and password; empty with open data."],
      job_queue_name: [bison.queueName, 'The queue of AWS Batch.'],
      ...(bison.postgres && {
        postgres_connection_name: [bison.postgres.connectionName, "Glue's connection to PostgreSQL."],
        postgres_role_arn: [bison.postgres.role.arn, 'The role that tests the connection.'],
        postgres_operator_policy: [
          bison.postgres.operatorPolicy,
          'The least that a person needs who tests the connection.',
        ],
      }),
      operator_policy: [
        bison.operatorPolicy,
        'The least that a person needs who starts and follows months: an IAM policy.',
      ],
    } as const;
    for (const [name, [value, description]] of Object.entries(outputs) as [string, readonly [string, string]][]) {
      new TerraformOutput(this, name, { value, description });
    }
    keepState(this);
  }

  #flag(name: string, description: string): boolean {
    const variable = new TerraformVariable(this, name, { type: 'bool', nullable: false, description, default: false });
    return variable.booleanValue as unknown as boolean;
  }
}

/** A variable that may be empty. */
const orNothing = ({ pattern, write }: Rule): Rule => ({ pattern: `^$|${pattern}`, write: `${write}, or nothing` });

const ANY_IMAGE = orNothing(IMAGE);
const BUCKET = orNothing(RULES.bucket);
const PREFIX: Rule = { pattern: '^[a-z][a-z0-9-]{1,30}$', write: '2 to 31 lower-case letters, digits and hyphens' };
const DATABASE_NAME: Rule = { pattern: '^[a-z0-9_-]{1,255}$', write: 'lower-case letters, digits, - and _' };
const SCHEDULE: Rule = { pattern: '^(rate|cron)\\(.+\\)$', write: 'rate(...) or cron(...)' };
