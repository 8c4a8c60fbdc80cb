import { Catalog, type CatalogProps } from '../../../constructs';
import { foundation } from '../../support/foundation';

const catalog = (props: Partial<CatalogProps> = {}) =>
  foundation((stack) => new Catalog(stack, 'cat', { name: 'bison', targets: ['s3://data/raw/'], ...props }));
const statements = ({ resource }: ReturnType<typeof catalog>) =>
  JSON.parse(String(resource.aws_iam_role_policy?.cat_role_policy?.policy)).Statement as {
    Sid: string;
    Action: string[];
    Resource: string[];
  }[];
const GLUE =
  'arn:${data.aws_partition.cat_aws_partition.partition}:glue:${data.aws_region.cat_aws_region.id}:${data.aws_caller_identity.cat_aws_account.account_id}:';

describe('Catalog', () => {
  test("is a database and a crawler with the document's names, and reads tabs without quotes", () => {
    const { resource } = catalog();
    const { aws_iam_role, aws_iam_role_policy, ...rest } = resource;

    expect(rest).toEqual({
      aws_glue_catalog_database: {
        cat_database: { name: 'bison-metadata', depends_on: ['aws_iam_role.cat_role'] },
      },
      aws_glue_classifier: {
        cat_tabs: {
          name: 'bison-tabs',
          csv_classifier: {
            delimiter: '\t',
            contains_header: 'PRESENT',
            serde: 'LazySimpleSerDe',
            allow_single_column: false,
          },
          depends_on: ['aws_iam_role.cat_role'],
        },
      },
      aws_glue_crawler: {
        cat_crawler: {
          name: 'bison',
          description: 'Makes tables of bison-metadata from folders of S3.',
          role: '${aws_iam_role.cat_role.arn}',
          database_name: '${aws_glue_catalog_database.cat_database.name}',
          table_prefix: 'gbif-odr-',
          classifiers: ['${aws_glue_classifier.cat_tabs.name}'],
          s3_target: [{ path: 's3://data/raw/' }],
          schema_change_policy: { update_behavior: 'UPDATE_IN_DATABASE', delete_behavior: 'LOG' },
          recrawl_policy: { recrawl_behavior: 'CRAWL_EVERYTHING' },
          depends_on: ['aws_iam_role_policy.cat_role_policy'],
        },
      },
    });
    expect(Object.values(aws_iam_role ?? {}).map(({ name }) => name)).toEqual(['bison-crawler']);
    expect(Object.keys(aws_iam_role_policy ?? {})).toEqual(['cat_role_policy']);
  });

  test('may read its targets and write its tables, and no other', () => {
    const granted = Object.fromEntries(statements(catalog()).map(({ Sid, Resource }) => [Sid, Resource]));

    expect(granted.ReadTargets).toEqual([expect.stringMatching(/:s3:::data\/raw\/\*$/)]);
    expect(granted.ListTargets).toEqual([expect.stringMatching(/:s3:::data$/)]);
    expect(granted.MakeTables).toEqual([
      `${GLUE}catalog`,
      `${GLUE}database/bison-metadata`,
      `${GLUE}table/bison-metadata/*`,
    ]);
    for (const { Action } of statements(catalog())) expect(Action.join()).not.toContain('*');
  });

  test('owns the log of the crawlers only if it is told how long to keep it', () => {
    const made = (actions: ReturnType<typeof statements>) =>
      actions.some(({ Action }) => Action.includes('logs:CreateLogGroup'));
    expect(made(statements(catalog()))).toBe(true);
    const kept = catalog({ logRetentionDays: 90 });
    expect(made(statements(kept))).toBe(false);
    expect(kept.resource.aws_cloudwatch_log_group).toMatchObject({
      cat_log: { name: '/aws-glue/crawlers', retention_in_days: 90 },
    });
  });

  test('leaves the targets alone where something else points the crawler', () => {
    const { resource } = catalog({ targetsMove: true, sampleSize: 20 });
    expect(resource.aws_glue_crawler?.cat_crawler).toMatchObject({
      lifecycle: { ignore_changes: ['s3_target'] },
      s3_target: [{ path: 's3://data/raw/', sample_size: 20 }],
    });
  });

  test.each<[Partial<CatalogProps>, string]>([
    [{ targets: [] }, 'targets is []: write at least one folder such as s3://bucket/folder/.'],
    [{ targets: ['s3://data/raw'] }, 'targets[0] is "s3://data/raw": write folders of S3 that end with a slash'],
    [{ databaseName: 'Bison' }, 'databaseName is "Bison": write 1 to 255 lower-case letters'],
    [{ sampleSize: 250 }, 'sampleSize is 250: write a whole number from 1 to 249'],
  ])('refuses %p', (props, sentence) => {
    expect(() => catalog(props)).toThrow(sentence);
  });
});
