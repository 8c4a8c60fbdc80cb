import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { prepare } from '../../../lambdas/tsdat/preparer';
import { deploymentOf } from '../../../pipelines/deployment';
import { functionEnvironment, watched } from '../../../pipelines/rules';
import { allowing } from '../../support/deployer-policy';
import type { Policy } from '../../support/least-privilege';
import { changed } from '../../support/pipelines';
import { PreparersAccount } from '../../support/preparers-account';
import { describeWith } from '../../support/tools';
import { all, configOf, pipelinesStack, policiesOf } from '../../support/tsdat-stack';

/** Every kind of pipeline, on buckets that somebody else has made. */
const CONFIG = configOf(
  changed(['True #', 'False #']).concat(`
  - name: winds
    type: Ingest
    trigger: Cron
    schedule: Daily
    configs:
      morro:
        input_bucket_path: winds/
        config_file_path: pipelines/winds/config/pipeline.yaml

  - name: winds_vap
    type: VAP
    trigger: S3
    configs:
      morro:
        input_bucket_path: storage/root/data/hum.raw.a1/
        config_file_path: pipelines/winds_vap/config/pipeline.yaml
`),
);
const { pipelineName, functions, recordsBucket } = deploymentOf(CONFIG, 'main');

/** A call, with what it needs. */
interface Call {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

const ARTIFACTS = '<artifacts_bucket.arn>';
const RECORDS = '<records_bucket.arn>';
const REPOSITORY = '<images_repository.arn>';
const PROJECT = '<delivery_build.arn>';
const own = (role: string, resource: string, ...actions: string[]): Call[] =>
  actions.map((action) => ({ role, action, resource }));

/** What AWS does with the roles, beside the calls of this product's code. */
const BY_AWS: readonly Call[] = [
  // Lambda Developer Guide: "CloudWatch Logs", "Retaining records of asynchronous invocations".
  ...functions.flatMap(({ name }) => [
    ...own('functions', logs(`/aws/lambda/${name}`), 'logs:CreateLogStream', 'logs:PutLogEvents'),
    ...own('functions', `${RECORDS}/aws/lambda/async/${name}/2026/03/10/x`, 's3:PutObject'),
  ]),
  ...own('functions', RECORDS, 's3:ListBucket'),
  ...own('preparer', '<preparer_log.arn>:log-stream:x', 'logs:CreateLogStream', 'logs:PutLogEvents'),
  // CodeBuild User Guide, "Allow CodeBuild to interact with other AWS services"; the kit, by buildspec.yml's first line.
  ...own('build', '<delivery_build-log.arn>:log-stream:x', 'logs:CreateLogStream', 'logs:PutLogEvents'),
  ...[`${ARTIFACTS}/${pipelineName.slice(0, 20)}/pipelines/x`, `${ARTIFACTS}/kit.zip`].flatMap((object) =>
    own('build', object, 's3:GetObject', 's3:GetObjectVersion'),
  ),
  // CodePipeline User Guide, "Manage the CodePipeline service role".
  ...own('pipeline', CONFIG.connectionArn, 'codestar-connections:UseConnection'),
  ...own(
    'pipeline',
    `${ARTIFACTS}/${pipelineName.slice(0, 20)}/pipelines/x`,
    ...['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
  ),
  ...own('pipeline', ARTIFACTS, 's3:GetBucketVersioning'),
  ...own('pipeline', PROJECT, 'codebuild:BatchGetBuilds', 'codebuild:StartBuild'),
];

function logs(group: string): string {
  return `arn:aws:logs:REGION:ACCOUNT:log-group:${group}:log-stream:x`;
}

/** Runs code beside the tests in Python. @returns what it prints last, read as JSON */
function python(code: string, input: unknown): unknown {
  const folder = path.join(__dirname, '..', '..', 'images');
  const { status, stdout, stderr } = spawnSync(
    'python3',
    [
      '-B',
      '-c',
      `import json, sys\nsys.path.insert(0, ${JSON.stringify(folder)})\ngiven = json.load(sys.stdin)\n${code}`,
    ],
    { input: JSON.stringify(input), encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** Every function with the deployed environment, on moto's S3: a file or a dataset arrives, or a schedule comes; twice. */
function handlersCalls(): Call[] {
  const given = functions.map(({ name, pipeline, site }) => ({
    environment: functionEnvironment({ config: CONFIG, pipeline, site, branch: 'main', name, records: recordsBucket }),
    watched: watched(CONFIG, pipeline, site),
  }));
  const code = `
import handler_test
calls = []
handler_test.OnS3.buckets = (${[CONFIG.inputBucketName, CONFIG.outputBucketName, recordsBucket].map((each) => JSON.stringify(each))},)
for each in given:
    case = handler_test.OnS3("test_a_file_that_arrives_is_run_once")
    case.setUp()
    environment = each["environment"]
    handler_test.os.environ["TSDAT_S3_BUCKET_NAME"] = environment["TSDAT_S3_BUCKET_NAME"]
    case.env(environment["PIPELINE_TYPE"], environment["PIPELINE_TRIGGER"], storage="FileSystemS3")
    case.variables = {**environment, "CONFIG_FILE": str(case.config)}
    bucket = each["watched"]["bucket"]
    for day in ("20260308", "20260309"):
        prefix = each["watched"]["prefix"] or environment["INPUT_PREFIX"]
        key = f"{prefix}{day}.csv"
        if environment["PIPELINE_TYPE"] == "VAP":
            bucket, key = environment["TSDAT_S3_BUCKET_NAME"], f"storage/root/data/hum.raw.a1/hum.raw.a1.{day}.000000.nc"
        case.put(key, bucket=bucket)
        arrived = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}], "id": day}
        case.call(arrived if environment["PIPELINE_TRIGGER"] == "S3" else case.tick(day), store=case.store)
    calls += case.calls
    case.doCleanups()
print()
print(json.dumps(calls))`;
  const arn = (bucket: string) => (bucket === recordsBucket ? RECORDS : `arn:aws:s3:::${bucket}`);
  return (python(code, given) as [string, string, string | null, number][]).flatMap(([name, bucket, key, status]) => {
    // S3 User Guide, required permissions: S3 says that an object is not there only to those who may list the bucket.
    const action = { HeadObject: 's3:GetObject', ListObjectsV2: 's3:ListBucket' }[name] ?? `s3:${name}`;
    return [
      ...own('functions', key === null ? arn(bucket) : `${arn(bucket)}/${key}`, action),
      ...(status === 404 ? own('functions', arn(bucket), 's3:ListBucket') : []),
    ];
  });
}

/** A first build, and one after a change of a pipeline, with stand-ins of docker and aws. */
function buildsCalls(): Call[] {
  const pipelines = Object.fromEntries(
    CONFIG.pipelines.map(({ name }) => [
      name,
      functions.filter(({ pipeline }) => pipeline.name === name).map((each) => each.name),
    ]),
  );
  const lines = python(
    `
import build_test
case = build_test.Case()
case.setUp()
for name in given:
    case.write(f"pipelines/{name}/config/pipeline.yaml", "a: 1\\n")
case.deploy(given)
case.build()
print(json.dumps((case.work / "calls.txt").read_text().splitlines()))`,
    pipelines,
  ) as string[];
  return lines.flatMap((line) => {
    const words = line.split(' ');
    const value = (option: string) => words[words.indexOf(option) + 1] ?? '';
    const image = (...actions: string[]) => own('build', REPOSITORY, ...actions.map((action) => `ecr:${action}`));
    const lambda = `arn:aws:lambda:REGION:ACCOUNT:function:${value('--function-name')}`;
    switch (words.slice(0, 3).join(' ')) {
      case 'aws s3api get-object':
        return [
          ...own('build', `${ARTIFACTS}/${value('--key')}`, 's3:GetObject'),
          ...own('build', ARTIFACTS, 's3:ListBucket'),
        ];
      case 'aws s3api put-object':
        return own('build', `${ARTIFACTS}/${value('--key')}`, 's3:PutObject');
      case 'aws ecr get-login-password':
        return own('build', '*', 'ecr:GetAuthorizationToken');
      case 'aws lambda wait':
        // Both waiters call GetFunctionConfiguration (AWS CLI reference).
        return own('build', lambda, 'lambda:GetFunctionConfiguration');
      case 'aws lambda update-function-code':
        return own('build', lambda, 'lambda:UpdateFunctionCode');
      default:
        break;
    }
    // ECR User Guide, "IAM permissions for pushing an image" and "for pulling".
    if (words[1] === 'push') {
      return image(
        ...['BatchCheckLayerAvailability', 'InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'],
      );
    }
    if (words[1] === 'build') return image('BatchGetImage', 'GetDownloadUrlForLayer');
    if (['inspect', 'login'].includes(words[1] ?? '')) return [];
    throw new Error(`${line} is no call that ${__filename} knows: add it there.`);
  });
}

/** What Terraform calls the preparer with, for one bucket after the other. */
async function preparersCalls(input: Record<string, unknown>): Promise<Call[]> {
  const { buckets = [] } = input as { buckets?: string[] };
  if (buckets.length > 1) {
    const each = buckets.map((bucket) => preparersCalls({ ...input, buckets: [bucket] }));
    return (await Promise.all(each)).flat();
  }
  const account = new PreparersAccount();
  await prepare(input as never, account.clients, { info() {} } as never);
  return account.calls.flatMap((name, at) => {
    const made = account.inputs[at] as Record<string, string>;
    if (/BucketNotification/.test(name)) {
      return own('preparer', `arn:aws:s3:::${made.Bucket}`, `s3:${name.replace('Configuration', '')}`);
    }
    if (name === 'StartPipelineExecution') {
      return own('preparer', `arn:aws:codepipeline:REGION:ACCOUNT:${made.name}`, `codepipeline:${name}`);
    }
    expect(made.repositoryName).toMatch(/aws_ecr_repository\.tsdat_images_repository_\w+\.name/);
    return own('preparer', REPOSITORY, `ecr:${name}`);
  });
}

describeWith(['python3'], 'the roles of a branch', () => {
  const stack = pipelinesStack({ config: CONFIG });
  const policies = policiesOf(stack);
  let calls: Call[];
  beforeAll(async () => {
    const inputs = all(stack, 'aws_lambda_invocation').map(({ input }) => JSON.parse(String(input)));
    const prepared = (await Promise.all(inputs.map(preparersCalls))).flat();
    calls = [...BY_AWS, ...handlersCalls(), ...buildsCalls(), ...prepared];
  });

  const allows = (policy: Policy | undefined, { action, resource }: Call) =>
    policy !== undefined && allowing(policy, { action, resources: [], context: {} }, resource).length > 0;

  test('may make every call that they make, on what they make it', () => {
    const refused = calls.filter((call) => !allows(policies[call.role], call));

    expect(new Set(refused.map(({ role, action, resource }) => `${role}: ${action} on ${resource}`))).toEqual(
      new Set(),
    );
    expect(calls.length).toBeGreaterThan(150);
  });

  test('may do nothing else, and on nothing else', () => {
    const unused = Object.entries(policies).flatMap(([role, { Version, Statement }]) =>
      Statement.flatMap((statement) =>
        [statement.Action].flat().flatMap((action) =>
          [statement.Resource].flat().flatMap((resource) => {
            const alone = { Version, Statement: [{ ...statement, Action: [action], Resource: [resource] }] };
            return calls.some((call) => call.role === role && allows(alone, call))
              ? []
              : [`${role}: ${action} on ${resource} (${statement.Sid})`];
          }),
        ),
      ),
    );

    expect(unused).toEqual([]);
  });
});
