import fc from 'fast-check';
import { parsePipelines } from '../../pipelines/parse';
import { changed, PIPELINES } from '../support/pipelines';

/** Each problem as one line: severity, line, path, found and message. */
const found = (text: string, branch?: string) =>
  parsePipelines(text, branch).problems.map(
    ({ severity, line, path, found: shown = '-', message }) => `${severity} ${line} ${path} ${shown} ${message}`,
  );

test('reads a filled file without a problem', () => {
  const { config, problems } = parsePipelines(PIPELINES);

  expect(problems).toEqual([]);
  expect(config).toEqual({
    githubOrg: 'river-lab',
    pipelinesRepoName: 'buoy-pipelines',
    awsRepoName: 'buoy-aws',
    accountId: '123456789012',
    region: 'us-west-2',
    inputBucketName: 'buoy-input',
    outputBucketName: 'buoy-output',
    createBuckets: true,
    connectionArn: 'arn:aws:codestar-connections:us-west-2:123456789012:connection/0a1b2c3d',
    pipelines: [
      {
        name: 'lidar',
        type: 'Ingest',
        trigger: 'S3',
        configs: [
          {
            id: 'humboldt',
            configFilePath: 'pipelines/lidar/config/pipeline_humboldt.yaml',
            inputPath: 'lidar/humboldt/',
          },
          { id: 'morro', configFilePath: 'pipelines/lidar/config/pipeline_morro.yaml', inputPath: 'lidar/morro/' },
        ],
      },
      {
        name: 'lidar_vap',
        type: 'VAP',
        trigger: 'Cron',
        schedule: 'Hourly',
        configs: [{ id: 'humboldt', configFilePath: 'pipelines/lidar_vap/config/pipeline.yaml' }],
      },
    ],
  });
});

test('reads the file as the guide publishes it: a list without indentation, and a remark on every line', () => {
  const [head = '', list = ''] = PIPELINES.split(/^(?=pipelines:)/m);
  const published = `${head}${list.replace(/^ {2}/gm, '')}`.replace(/(?<=\S)$/gm, '  # (1)!');

  expect(published).toContain('pipelines:  # (1)!\n- name: lidar  # (1)!\n  type: Ingest  # (1)!');
  expect(parsePipelines(published)).toMatchObject({ problems: [], config: parsePipelines(PIPELINES).config });
});

const SITE = '      humboldt:\n        config_file_path: pipelines/lidar_vap/config/pipeline.yaml';
const VAP = 'type: VAP\n    trigger: Cron\n    schedule: Hourly';

test.each<[name: string, change: [string, string], problem: string]>([
  ['no region', ['region: us-west-2\n', ''], 'error 2 $.region - This is missing: write'],
  ['no account', ['account_id: "123456789012"\n', ''], 'error 2 $.account_id - This is missing: write'],
  ['an empty organization', ['river-lab', ''], 'error 2 $.github_org - This is empty: write the organization'],
  ['a placeholder XXXX', ['river-lab', 'XXXX'], 'error 2 $.github_org "XXXX" This is a placeholder: write'],
  ['a placeholder ...', ['river-lab', '...'], 'error 2 $.github_org "..." This is a placeholder: write'],
  [
    'a placeholder your-',
    ['buoy-input', 'your-input'],
    'error 8 $.input_bucket_name "your-input" This is a placeholder',
  ],
  [
    'an address for a name',
    ['river-lab', 'https://github.com/river-lab'],
    'error 2 $.github_org "https://github.com/river-lab" GitHub has no such name',
  ],
  [
    'an octal account',
    ['"123456789012"', '012345670123'],
    'error 6 $.account_id "012345670123" YAML reads this as a number, and one with a first 0 as octal: write the account\'s 12 digits in quotes.',
  ],
  [
    '11 digits',
    ['"123456789012"', '"12345678901"'],
    'error 6 $.account_id "12345678901" This is no account: write the account\'s 12 digits in quotes.',
  ],
  ['a zone', ['region: us-west-2', 'region: us-west-2a'], 'error 7 $.region "us-west-2a" This is no region'],
  [
    'an unknown region',
    ['region: us-west-2', 'region: us-wset-2'],
    'warning 7 $.region "us-wset-2" AWS is not known to have this region: write "us-west-2" if that is meant.',
  ],
  [
    'a bucket with capitals',
    ['buoy-output', 'Buoy-Output'],
    'error 9 $.output_bucket_name "Buoy-Output" No S3 bucket can have this name',
  ],
  [
    'no boolean',
    ['True #', '"True" #'],
    'error 10 $.create_buckets "True" This is no boolean: write true or false, without quotes.',
  ],
  [
    'an unfinished connection',
    ['123456789012:connection/0a1b2c3d', '...'],
    'error 12 $.github_codestar_arn "arn:aws:codestar-connections:us-west-2:..." This is a placeholder: write arn:aws:codeconnections:REGION:ACCOUNT:connection/ID',
  ],
  [
    'no connection',
    ['arn:aws:codestar-connections:us-west-2:123456789012:connection/0a1b2c3d', 'github'],
    'error 12 $.github_codestar_arn "github" This is no connection: write arn:aws:codeconnections:REGION:ACCOUNT:connection/ID',
  ],
  [
    'a connection of another account',
    ['us-west-2:123456789012:', 'us-west-2:210987654321:'],
    'error 12 $.github_codestar_arn "arn:aws:codestar-connections:us-west-2:210987654321:connection/0a1b2c3d" The connection belongs to 210987654321, the file deploys to 123456789012',
  ],
  [
    'a draft of 2023',
    ['aws_repo_name: buoy-aws', 'aws_repo_name: buoy-aws\npipelines_to_deploy: [a]'],
    'error 5 $.pipelines_to_deploy - This key is of a draft of 2023, which is not read any more: write `pipelines` with `configs`.',
  ],
  [
    'a draft in a pipeline',
    ['    schedule: Hourly', '    schedule: Hourly\n    runs: {}'],
    'error 30 $.pipelines[1].runs - This key is of a draft of 2023, which is not read any more: write `configs`.',
  ],
  [
    'an unknown key',
    ['create_buckets', 'create_bucket'],
    'error 10 $.create_bucket - There is no such key: write create_buckets if that is meant.',
  ],
  [
    'an unknown key of a config',
    ['        input_bucket_path: lidar/humboldt/', '        input_path: x\n        input_bucket_path: a/'],
    'error 20 $.pipelines[0].configs.humboldt.input_path - There is no such key: remove it, or write one of config_file_path, input_bucket_path.',
  ],
  ['no name', ['- name: lidar_vap', '- name:'], 'error 26 $.pipelines[1].name - The pipeline has no name'],
  [
    'a duplicate name',
    ['- name: lidar_vap', '- name: lidar'],
    'error 26 $.pipelines[1].name "lidar" The first lidar, at line 15, would be lost',
  ],
  [
    'a name with a space',
    ['- name: lidar_vap', '- name: lidar vap'],
    'error 26 $.pipelines[1].name "lidar vap" This must be the folder below pipelines/',
  ],
  [
    'a type in small letters',
    ['type: Ingest', 'type: ingest'],
    'error 16 $.pipelines[0].type "ingest" This is not known: write one of Ingest, VAP. Did you mean "Ingest"?',
  ],
  [
    'trigger: s3',
    ['trigger: S3', 'trigger: s3'],
    'error 17 $.pipelines[0].trigger "s3" This is not known: write one of S3, Cron. Did you mean "S3"?',
  ],
  [
    'no trigger',
    ['    trigger: S3\n', ''],
    'error 15 $.pipelines[0].trigger - This is missing: write one of S3, Cron.',
  ],
  [
    'schedule: hourly',
    ['schedule: Hourly', 'schedule: hourly'],
    'error 29 $.pipelines[1].schedule "hourly" This is not known: write one of Hourly, Daily, Weekly, Monthly. Did you mean "Hourly"?',
  ],
  [
    'Cron without schedule',
    ['    schedule: Hourly\n', ''],
    'warning 26 $.pipelines[1] - Without schedule it runs Daily',
  ],
  [
    'S3 with schedule',
    ['    trigger: S3\n', '    trigger: S3\n    schedule: Daily\n'],
    'warning 18 $.pipelines[0].schedule "Daily" An S3 trigger has no schedule',
  ],
  [
    'a VAP on S3 without a path',
    [VAP, 'type: VAP\n    trigger: S3'],
    'error 30 $.pipelines[1].configs.humboldt.input_bucket_path - A VAP with an S3 trigger needs it: write where the datasets that it reads are in the output bucket, such as storage/root/data/LOCATION/',
  ],
  [
    'empty configs',
    [`    configs:\n${SITE}`, '    configs: {}'],
    'error 30 $.pipelines[1].configs - The pipeline would never run',
  ],
  [
    'an id that is a number',
    [SITE, SITE.replace('humboldt', '2024')],
    'error 31 $.pipelines[1].configs["2024"] "2024" YAML does not read this key as text: quote it, "2024".',
  ],
  [
    'an id that is a boolean',
    [SITE, SITE.replace('humboldt', 'on')],
    'error 31 $.pipelines[1].configs.on "on" YAML does not read this key as text: quote it, "on".',
  ],
  [
    'no config file',
    [SITE, '      humboldt: {}'],
    'error 31 $.pipelines[1].configs.humboldt.config_file_path - This is missing: write the path',
  ],
  [
    'an absolute config file',
    ['config_file_path: pipelines/lidar_vap', 'config_file_path: /pipelines/lidar_vap'],
    'error 32 $.pipelines[1].configs.humboldt.config_file_path "/pipelines/lidar_vap/config/pipeline.yaml" This is no path in the repository',
  ],
  [
    'a config file of another pipeline',
    ['config_file_path: pipelines/lidar_vap', 'config_file_path: pipelines/lidar'],
    'warning 32 $.pipelines[1].configs.humboldt.config_file_path "pipelines/lidar/config/pipeline.yaml" This is not below pipelines/lidar_vap/',
  ],
  [
    'no path of an Ingest',
    ['        input_bucket_path: lidar/humboldt/\n', ''],
    'error 19 $.pipelines[0].configs.humboldt.input_bucket_path - An Ingest needs it',
  ],
  [
    'an address for a path',
    ['lidar/humboldt/', 's3://buoy-input/lidar/'],
    'error 20 $.pipelines[0].configs.humboldt.input_bucket_path "s3://buoy-input/lidar/" This is no path in a bucket: write the path alone',
  ],
  [
    'two slashes',
    ['lidar/humboldt/', 'lidar//humboldt/'],
    'error 20 $.pipelines[0].configs.humboldt.input_bucket_path "lidar//humboldt/" This is no path in a bucket',
  ],
  [
    'overlapping prefixes',
    ['./lidar/morro', 'lidar/'],
    'warning 23 $.pipelines[0].configs.morro.input_bucket_path "lidar/" A file in lidar/humboldt/ runs both lidar, humboldt and lidar, morro',
  ],
  ['an endless loop', ['buoy-input', 'buoy-output'], ''],
  [
    'a long name of a function',
    ['      morro:', `      ${'m'.repeat(40)}:`],
    `error 22 $.pipelines[0].configs.${'m'.repeat(40)} "${'m'.repeat(40)}" The function buoy-pipelines-main-lambda-lidar-${'m'.repeat(40)} has 73 characters, and AWS allows 64: shorten name or config by 9.`,
  ],
  [
    'a long name of a Cron rule',
    [SITE, SITE.replace('humboldt', 'h'.repeat(19))],
    `error 31 $.pipelines[1].configs.${'h'.repeat(19)} "${'h'.repeat(19)}" The function buoy-pipelines-main-lambda-lidar_vap-${'h'.repeat(19)} has 56 characters and its rule 10 more, and AWS allows 64: shorten name or config by 2.`,
  ],
  [
    'a repository with capitals',
    ['buoy-pipelines', 'Buoy'],
    'error 3 $.pipelines_repo_name "Buoy" With the branch this is Buoy-main: the image repository',
  ],
])('%s', (_, change, problem) => {
  const all = found(changed(change));

  if (problem === '') expect(all).toEqual([]);
  else expect(all).toEqual(expect.arrayContaining([expect.stringContaining(problem)]));
});

test.each([
  [
    'a key that is here again',
    `${PIPELINES}region: us-east-1\n`,
    'error 33 $ - The key "region" is here again, first at line 7',
  ],
  ['no pipelines', PIPELINES.replace(/^pipelines:.*/ms, ''), 'error 2 $.pipelines - Nothing would be deployed'],
  [
    'an empty list of pipelines',
    PIPELINES.replace(/^pipelines:.*/ms, 'pipelines: []'),
    'error 14 $.pipelines - Nothing would be deployed',
  ],
])('finds %s', (_, text, problem) => {
  expect(found(text)).toEqual([expect.stringContaining(problem)]);
});

test.each(['/', 'storage', 'storage/root/data/x/'])('an Ingest whose output would start it again: %s', (prefix) => {
  const text = changed(['buoy-input', 'buoy-output'], ['lidar/humboldt/', prefix]);

  expect(found(text)).toContainEqual(expect.stringMatching(/^error 20 .* would start it again/));
});

test('takes a VAP with an S3 trigger that watches the datasets of an Ingest', () => {
  const text = changed(
    [VAP, 'type: VAP\n    trigger: S3'],
    [SITE, `${SITE}\n        input_bucket_path: storage/root/data/humboldt/`],
  );

  expect(found(text)).toEqual([]);
});

test('warns of a VAP with an S3 trigger that watches the input bucket', () => {
  const text = changed([VAP, 'type: VAP\n    trigger: S3'], [SITE, `${SITE}\n        input_bucket_path: days/`]);

  expect(found(text)).toEqual([expect.stringMatching(/^warning 32 .* before an Ingest has run/)]);
});

test.each(['feature/x', '', 'a b'])('refuses the branch %j', (branch) => {
  expect(found(PIPELINES, branch)).toContainEqual(expect.stringContaining('error 2 $ - The branch is'));
});

test('warns of more rules than some regions allow', () => {
  const many = Array.from(
    { length: 101 },
    (_, at) => `      s${at}:\n        config_file_path: pipelines/lidar_vap/${at}.yaml`,
  );

  expect(found(changed([SITE, many.join('\n')]))).toContainEqual(
    expect.stringMatching(/^warning 14 .*103 configs need as many rules/),
  );
});

test('finds two configs whose functions would have one name', () => {
  const text = changed(
    ['- name: lidar_vap', '- name: lidar-a'],
    [SITE, SITE.replace('humboldt', 'b')],
    ['      morro:', '      a-b:'],
  );

  expect(found(text)).toContainEqual(expect.stringMatching(/^error 31 .* would have the name of lidar, a-b/));
});

test('finds the faults of a file all at once, by line', () => {
  const text = changed(
    ['river-lab', ''],
    ['trigger: S3', 'trigger: s3'],
    ['True #', 'perhaps #'],
    ['lidar/humboldt/', 's3://x'],
  );

  expect(found(text).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'error 2',
    'error 10',
    'error 17',
    'error 20',
  ]);
  expect(parsePipelines(text).config).toBeUndefined();
});

test.each([
  ['', 1],
  ['- a\n', 1],
  ['a: "\n', 2],
])('says one thing of a text that is no configuration: %j', (text, line) => {
  const { problems } = parsePipelines(text);

  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ severity: 'error', line });
});

test('never throws, whatever the values', () => {
  const value = fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('null', '[]', '{}', '012', 'yes', '""', '2024-01-01', '[a]', '{a: b}', '*x', '!!set {a}', '|'),
    fc.string().map((each) => JSON.stringify(each)),
  );
  const lines = PIPELINES.split('\n');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(lines.length - 1), value), { maxLength: 6 }),
      fc.string(),
      (changes, branch) => {
        const text = lines.slice();
        for (const [at, each] of changes) text[at] = (text[at] ?? '').replace(/:( .*)?$/, `: ${each}`);
        const { config, problems } = parsePipelines(text.join('\n'), branch);
        expect(config === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
      },
    ),
    { numRuns: 500 },
  );
});
