import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { GlueCatalogDatabase } from '@cdktf/provider-aws/lib/glue-catalog-database';
import { GlueClassifier } from '@cdktf/provider-aws/lib/glue-classifier';
import { GlueCrawler } from '@cdktf/provider-aws/lib/glue-crawler';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { CurrentAws } from './current-aws';
import { derivedName } from './names';
import { type Grant, Role } from './role';
import { checkProps, flag, logRetention, RULES, requiredText, text, texts, unchecked, whole } from './rules';

/** Where every crawler of an account writes its log (Glue Developer Guide, Crawler logging). */
const CRAWLER_LOG_GROUP = '/aws-glue/crawlers';

export interface CatalogProps {
  /** The crawler's name, and the beginning of the names of its role and classifier. */
  readonly name: string;
  /** Folders of S3 to crawl, such as s3://bucket/folder/; another account's open data too. Each becomes a table. */
  readonly targets: readonly string[];
  /** The database's name. SQL must quote a hyphen. Default: bison-metadata. */
  readonly databaseName?: string;
  /** What begins the names of crawled tables. Default: gbif-odr-. */
  readonly tablePrefix?: string;
  /** How many files of each folder the crawler reads: 1 to 249. Default: all. */
  readonly sampleSize?: number;
  /**
   * Whether something else points the crawler at folders below the targets. Terraform then leaves it pointed there.
   * Default: no.
   */
  readonly targetsMove?: boolean;
  /**
   * Days that the log of all of the account's crawlers is kept. Terraform then makes its group /aws-glue/crawlers, which
   * must not exist. Default: the group stays as it is; Glue makes one without a retention.
   */
  readonly logRetentionDays?: number;
  /** The ARN of a managed policy, the permissions boundary of the crawler's role. Default: none. */
  readonly permissionsBoundaryArn?: string;
  /** What must exist before. Default: nothing. */
  readonly after?: ITerraformDependable;
}

/**
 * A database of Glue's Data Catalog, and a crawler that makes its tables from folders of S3: Parquet, and text with tabs
 * and a header. A crawl costs $0.44 for a DPU-hour, at least ten minutes (AWS Glue pricing, us-east-1, 2025).
 *
 * @throws Error that names a property whose value AWS would refuse
 */
export class Catalog extends Construct {
  readonly databaseName: string;
  readonly databaseArn: string;
  readonly crawlerName: string;
  readonly crawlerArn: string;
  /** The crawler's role. */
  readonly role: Role;

  constructor(scope: Construct, id: string, props: CatalogProps) {
    super(scope, id);
    checkProps('Catalog', props, {
      name: requiredText({
        pattern: '^[A-Za-z0-9_-]{1,200}$',
        write: '1 to 200 letters, digits, hyphens and underscores',
      }),
      targets: texts(FOLDER),
      databaseName: text({
        pattern: '^[a-z0-9_-]{1,255}$',
        write: '1 to 255 lower-case letters, digits, hyphens and underscores (the names that Athena can read)',
      }),
      tablePrefix: text({
        pattern: '^[a-z0-9_-]{1,128}$',
        write: 'lower-case letters, digits, hyphens and underscores',
      }),
      sampleSize: whole(1, 249, 'files of each folder'),
      targetsMove: flag,
      logRetentionDays: logRetention,
      permissionsBoundaryArn: text(RULES.permissionsBoundary),
      after: unchecked,
    });
    const { name, targets, tablePrefix = 'gbif-odr-', databaseName = 'bison-metadata' } = props;
    if (!Array.isArray(targets) || targets.length === 0) {
      throw new Error(`targets is ${JSON.stringify(targets)}: write at least one folder such as s3://bucket/folder/.`);
    }
    const aws = new CurrentAws(this, 'aws');
    this.role = new Role(this, 'role', {
      roleName: derivedName(name, '-crawler'),
      policyName: 'crawler',
      service: 'glue.amazonaws.com',
      trustConditions: { StringEquals: { 'aws:SourceAccount': aws.account } },
      ...(props.permissionsBoundaryArn && { permissionsBoundaryArn: props.permissionsBoundaryArn }),
      ...(props.after && { after: props.after }),
    });
    const database = new GlueCatalogDatabase(this, 'database', { name: databaseName, dependsOn: [this.role.role] });
    this.databaseName = database.name;
    this.databaseArn = aws.arn('glue', `database/${databaseName}`);
    const group =
      props.logRetentionDays === undefined
        ? undefined
        : new CloudwatchLogGroup(this, 'log', {
            name: CRAWLER_LOG_GROUP,
            retentionInDays: props.logRetentionDays,
            dependsOn: [this.role.role],
          });
    for (const grant of [...targetGrants(aws, targets), ...crawlerGrants(aws, databaseName, !group)]) {
      this.role.grant(grant);
    }
    // The classifier of Glue's own guesses the delimiter, and takes a quote within a field for the field's end.
    const classifier = new GlueClassifier(this, 'tabs', {
      name: derivedName(name, '-tabs', 255),
      csvClassifier: { delimiter: '\t', containsHeader: 'PRESENT', serde: 'LazySimpleSerDe', allowSingleColumn: false },
      dependsOn: [this.role.role],
    });
    const crawler = new GlueCrawler(this, 'crawler', {
      name,
      description: `Makes tables of ${databaseName} from folders of S3.`,
      role: this.role.arn,
      databaseName: database.name,
      tablePrefix,
      classifiers: [classifier.name],
      s3Target: targets.map((path) => ({
        path,
        ...(props.sampleSize !== undefined && { sampleSize: props.sampleSize }),
      })),
      schemaChangePolicy: { updateBehavior: 'UPDATE_IN_DATABASE', deleteBehavior: 'LOG' },
      recrawlPolicy: { recrawlBehavior: 'CRAWL_EVERYTHING' },
      ...(props.targetsMove && { lifecycle: { ignoreChanges: ['s3_target'] } }),
      dependsOn: [this.role.policy],
    });
    this.crawlerName = crawler.name;
    this.crawlerArn = crawler.arn;
  }
}

const FOLDER = {
  pattern: '^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([^*?]*/)?$',
  write: 'folders of S3 that end with a slash, such as s3://bucket/folder/',
} as const;

/** To read folders of S3. */
function targetGrants(aws: CurrentAws, targets: readonly string[]): readonly Grant[] {
  const places = targets.map((target) => target.replace('s3://', ''));
  return [
    {
      sid: 'ReadTargets',
      actions: ['s3:GetObject'],
      resources: places.map((place) => `arn:${aws.partition}:s3:::${place}*`),
    },
    {
      sid: 'ListTargets',
      actions: ['s3:ListBucket', 's3:GetBucketLocation'],
      resources: [...new Set(places.map((place) => `arn:${aws.partition}:s3:::${place.split('/')[0]}`))],
    },
  ];
}

/**
 * AWSGlueServiceRole without its `*`: a database's tables, and the crawlers' log (Glue Developer Guide, Crawler
 * prerequisites).
 *
 * @param makesLogGroup whether Glue makes the log's group. Default: yes.
 */
export function crawlerGrants(aws: CurrentAws, databaseName: string, makesLogGroup = true): readonly Grant[] {
  const log = aws.arn('logs', `log-group:${CRAWLER_LOG_GROUP}`);
  return [
    {
      sid: 'MakeTables',
      actions: [
        'glue:GetDatabase',
        'glue:GetTable',
        'glue:GetTables',
        'glue:CreateTable',
        'glue:UpdateTable',
        'glue:GetPartition',
        'glue:GetPartitions',
        'glue:BatchGetPartition',
        'glue:BatchCreatePartition',
        'glue:BatchUpdatePartition',
      ],
      resources: tablesOf(aws, databaseName),
    },
    {
      sid: 'WriteLogs',
      actions: [...(makesLogGroup ? ['logs:CreateLogGroup'] : []), 'logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [log, `${log}:*`],
    },
  ];
}

/** What an action on a table of a database needs: IAM asks for the catalogue and the database, too. */
export function tablesOf(aws: CurrentAws, databaseName: string): readonly string[] {
  return ['catalog', `database/${databaseName}`, `table/${databaseName}/*`].map((each) => aws.arn('glue', each));
}
