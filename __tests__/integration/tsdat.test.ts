import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateRepositoryCommand } from '@aws-sdk/client-ecr';
import { CreateFunctionCommand, GetFunctionCommand } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { prepare } from '../../lambdas/tsdat/preparer';
import { allowing } from '../support/deployer-policy';
import { changed, PIPELINES } from '../support/pipelines';
import { type Finished, succeed, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';
import { startTsdatAws, type TsdatAws, tsdatClients } from '../support/tsdat-aws';
import { fillInTsdat, TsdatAuthorisations } from '../support/tsdat-calls';

const SITE = `      morro:
        input_bucket_path: ./lidar/morro
        config_file_path: pipelines/lidar/config/pipeline_morro.yaml
`;

describeWith(['terraform', 'moto_server', 'aws'], 'tsdat on an emulated AWS', () => {
  let aws: TsdatAws;
  let workspace: Workspace;
  beforeAll(async () => {
    aws = await startTsdatAws();
    workspace = new Workspace(aws.endpoint);
  });
  afterAll(async () => {
    await aws?.stop();
    workspace?.remove();
  });

  /** Synthesises. @returns the folder of each stack */
  async function synthesise(name: string, file: string, settings: object = {}) {
    mkdirSync(path.join(workspace.folder, name), { recursive: true });
    const config = path.join(workspace.folder, name, 'pipelines_config.yml');
    writeFileSync(config, file);
    const context = { systems: ['tsdat'], tsdat: { config, branches: ['main'], ...settings } };
    const first = await workspace.synthesise(name, { CDKTF_CONTEXT_JSON: JSON.stringify(context) });
    return (stack: string) => path.join(path.dirname(first), stack);
  }
  const terraform = (folder: string, ...args: string[]) => workspace.terraform(folder, ...args);
  const init = (folder: string) => workspace.terraformSucceeds(folder, 'init', '-input=false');
  const apply = (folder: string) => terraform(folder, 'apply', '-input=false', '-auto-approve');
  const plan = (folder: string) => terraform(folder, 'plan', '-input=false', '-detailed-exitcode');
  const destroy = (folder: string) => terraform(folder, 'destroy', '-input=false', '-auto-approve');
  const said = ({ code, output }: Finished) => [
    code,
    (output.match(/(Apply|Destroy) complete.*|No changes/) ?? output.match(/Plan: .*/))?.[0] ?? output,
  ];

  describe('a branch, from its first plan to its end', () => {
    let seen: Record<string, Finished>;
    beforeAll(async () => {
      const folder = await synthesise('life', PIPELINES);
      const [main, data] = [folder('tsdat-main'), folder('tsdat-data-buoy-input')];
      await init(main);
      await init(data);
      seen = {};
      seen.data = await apply(data);
      seen.apply = await apply(main);
      seen.again = await plan(main);
      seen.dataAgain = await plan(data);
      // The state lies beside the output, so another synthesis goes on with it.
      const without = await synthesise('life', changed([SITE, '']));
      seen.removed = await plan(without('tsdat-main'));
      seen.removedData = await plan(without('tsdat-data-buoy-input'));
      await synthesise('life', PIPELINES);
      const { s3 } = tsdatClients(aws.endpoint);
      await s3.send(
        new PutObjectCommand({ Bucket: 'buoy-pipelines-main-123456789012-records', Key: 'runs/f/1.json', Body: 'x' }),
      );
      seen.destroy = await destroy(main);
      await s3.send(new PutObjectCommand({ Bucket: 'buoy-output', Key: 'storage/root/data/x.nc', Body: 'x' }));
      seen.refused = await destroy(data);
    });

    test('is deployed: 43 resources, and 7 of its data', () => {
      expect(said(seen.data as Finished)).toEqual([0, 'Apply complete! Resources: 7 added, 0 changed, 0 destroyed.']);
      expect(said(seen.apply as Finished)).toEqual([0, 'Apply complete! Resources: 43 added, 0 changed, 0 destroyed.']);
    });

    test('shows no change in a second plan', () => {
      expect(said(seen.again as Finished)).toEqual([0, 'No changes']);
      expect(said(seen.dataAgain as Finished)).toEqual([0, 'No changes']);
    });

    test('loses six resources with a site, and the folder', () => {
      expect(said(seen.removed as Finished)).toEqual([2, 'Plan: 0 to add, 3 to change, 6 to destroy.']);
      expect(said(seen.removedData as Finished)).toEqual([2, 'Plan: 0 to add, 0 to change, 1 to destroy.']);
    });

    test('is destroyed, and leaves the data', () => {
      expect(said(seen.destroy as Finished)).toEqual([0, 'Destroy complete! Resources: 43 destroyed.']);
      expect(seen.refused?.code).toBe(1);
      expect(seen.refused?.output).toContain('BucketNotEmpty');
    });

    test('has started the build once', () => {
      expect(aws.releases).toHaveLength(1);
    });
  });

  describe('two branches on buckets that somebody else has made', () => {
    const file = changed(
      ['pipelines_repo_name: buoy', 'pipelines_repo_name: twin'],
      ['buoy-input', 'their-input'],
      ['buoy-output', 'their-output'],
      ['True #', 'False #'],
    );
    const theirs = {
      QueueConfigurations: [
        { Id: 'theirs', QueueArn: 'arn:aws:sqs:us-west-2:123456789012:q', Events: ['s3:ObjectRemoved:*' as const] },
      ],
      LambdaFunctionConfigurations: ['other-pipelines-main-lambda-x', 'twin-pipelines-main-lambda-lidar-humboldt'].map(
        (name) => ({
          Id: `${name}-s3-notification`,
          LambdaFunctionArn: `arn:aws:lambda:us-west-2:123456789012:function:${name}`,
          Events: ['s3:ObjectCreated:*' as const],
        }),
      ),
    };
    let seen: Record<string, Finished>;
    let after: object;
    beforeAll(async () => {
      const { s3 } = tsdatClients(aws.endpoint);
      for (const Bucket of ['their-input', 'their-output']) {
        await s3.send(
          new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'us-west-2' } }),
        );
      }
      await s3.send(
        new PutBucketNotificationConfigurationCommand({ Bucket: 'their-input', NotificationConfiguration: theirs }),
      );
      const folder = await synthesise('branches', file, { branches: ['main', 'dev'] });
      const both = [folder('tsdat-main'), folder('tsdat-dev')];
      for (const each of both) await init(each);
      const [main, dev] = await Promise.all(both.map(apply));
      after = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: 'their-input' }));
      const gone = await destroy(both[0] ?? '');
      seen = { main, dev, gone, again: await plan(both[1] ?? '') } as Record<string, Finished>;
    });

    test('are two deployments', () => {
      expect(said(seen.main as Finished)).toEqual([0, 'Apply complete! Resources: 43 added, 0 changed, 0 destroyed.']);
      expect(said(seen.dev as Finished)).toEqual([0, 'Apply complete! Resources: 43 added, 0 changed, 0 destroyed.']);
    });

    test("leave everybody else's notifications, and replace aws-template's own", () => {
      expect(after).toMatchObject({
        EventBridgeConfiguration: {},
        QueueConfigurations: [{ Id: 'theirs' }],
        LambdaFunctionConfigurations: [{ Id: 'other-pipelines-main-lambda-x-s3-notification' }],
      });
    });

    test('end one by one', () => {
      expect(said(seen.gone as Finished)).toEqual([0, 'Destroy complete! Resources: 43 destroyed.']);
      expect(said(seen.again as Finished)).toEqual([0, 'No changes']);
    });
  });

  describe("a deployment of aws-template's, taken over", () => {
    const file = changed(
      ['pipelines_repo_name: buoy', 'pipelines_repo_name: old'],
      ['buoy-input', 'old-input'],
      ['buoy-output', 'old-output'],
    );
    let seen: Record<string, Finished>;
    let image: string | undefined;
    let targets: unknown;
    const RULE = 'old-pipelines-main-lambda-lidar_vap-humboldt-cron-rule';
    beforeAll(async () => {
      const { s3, ecr, lambda, codepipeline } = tsdatClients(aws.endpoint);
      for (const Bucket of ['old-input', 'old-output']) {
        await s3.send(
          new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'us-west-2' } }),
        );
      }
      await s3.send(new PutObjectCommand({ Bucket: 'old-output', Key: 'storage/root/data/x.nc', Body: 'x' }));
      const repositoryName = 'old-pipelines-main';
      const { repository } = await ecr.send(new CreateRepositoryCommand({ repositoryName }));
      const clock = { now: () => new Date(), sleep: async () => {} };
      await prepare(
        {
          action: 'prepare',
          repository: repositoryName,
          tags: ['lidar-main', 'lidar_vap-main'],
        },
        { ecr, s3, codepipeline, clock },
        { info() {} } as never,
      );
      for (const [pipeline, site] of [
        ['lidar', 'humboldt'],
        ['lidar', 'morro'],
        ['lidar_vap', 'humboldt'],
      ]) {
        const name = `old-pipelines-main-lambda-${pipeline}-${site}`;
        await workspaceAws('iam', 'create-role', '--role-name', name, '--assume-role-policy-document', TRUST);
        await workspaceAws('logs', 'create-log-group', '--log-group-name', `/aws/lambda/${name}`);
        await lambda.send(
          new CreateFunctionCommand({
            FunctionName: name,
            Role: `arn:aws:iam::123456789012:role/${name}`,
            PackageType: 'Image',
            Code: { ImageUri: `${repository?.repositoryUri}:${pipeline}-main` },
            MemorySize: 1024,
            Timeout: 120,
            Environment: { Variables: { PIPELINE_NAME: pipeline ?? '', RETAIN_INPUT_FILES: 'True' } },
          }),
        );
      }
      await workspaceAws('events', 'put-rule', '--name', RULE, '--schedule-expression', 'cron(0 0/1 * * ? *)');
      await workspaceAws(
        ...['events', 'put-targets', '--rule', RULE, '--targets'],
        `Id=1,Arn=arn:aws:lambda:us-west-2:123456789012:function:${RULE.replace(/-cron-rule$/, '')}`,
      );
      // moto does not change a function's /tmp: aws-template's own size.
      const ephemeralStorageMb = 512;
      const folder = await synthesise('adopt', file, { adopt: true, ephemeralStorageMb });
      const both = [folder('tsdat-main'), folder('tsdat-data-old-input')];
      for (const each of both) await init(each);
      const [main, data] = await Promise.all(both.map(apply));
      const { Code, Configuration } = await lambda.send(
        new GetFunctionCommand({ FunctionName: 'old-pipelines-main-lambda-lidar-morro' }),
      );
      image = `${Code?.ImageUri} ${Configuration?.Timeout}`;
      targets = JSON.parse(
        await workspaceAws('events', 'list-targets-by-rule', '--rule', RULE, '--output', 'json'),
      ).Targets;
      // Taken over once, the setting may stay or go.
      const later = await synthesise('adopt', file, { ephemeralStorageMb });
      seen = { main, data, again: await plan(later('tsdat-main')) } as Record<string, Finished>;
    });
    const TRUST =
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}';
    const workspaceAws = (...args: string[]) =>
      succeed('aws', [...args, '--region', 'us-west-2'], { cwd: workspace.folder, env: workspace.environment });

    test('replaces nothing and destroys nothing', () => {
      expect(said(seen.main as Finished)).toEqual([
        0,
        'Apply complete! Resources: 7 imported, 36 added, 7 changed, 0 destroyed.',
      ]);
      expect(said(seen.data as Finished)).toEqual([
        0,
        'Apply complete! Resources: 2 imported, 5 added, 2 changed, 0 destroyed.',
      ]);
      expect(said(seen.again as Finished)).toEqual([0, 'No changes']);
    });

    test('leaves one target to a rule: with two, each schedule would come twice', () => {
      expect(targets).toHaveLength(1);
    });

    test('keeps the image of a function, and gives it its new time', () => {
      expect(image).toMatch(/old-pipelines-main:lidar-main 900$/);
    });
  });

  describe('the documented permissions', () => {
    const VALUES = { ACCOUNT: '123456789012', REGION: 'us-west-2' };
    const policies = [
      ...['buoy-pipelines-main', 'twin-pipelines-main', 'twin-pipelines-dev', 'old-pipelines-main'].map((PREFIX) =>
        fillInTsdat('tsdat-deployer-policy', { ...VALUES, PREFIX }),
      ),
      ...['buoy', 'old'].map((name) =>
        fillInTsdat('tsdat-data-deployer-policy', { INPUT: `${name}-input`, OUTPUT: `${name}-output` }),
      ),
    ];
    const needed = () => {
      const calls = new TsdatAuthorisations();
      return aws.deployer
        .filter(({ headers }) => /Terraform/.test(String(headers['user-agent'])))
        .flatMap((request) => calls.of(request));
    };

    test('allow every call of Terraform in all of the above', () => {
      const refused = needed().flatMap((each) =>
        each.resources
          .filter((resource) => !policies.some((policy) => allowing(policy, each, resource).length > 0))
          .map((resource) => `${each.action} on ${resource}`),
      );

      expect([...new Set(refused)]).toEqual([]);
      expect(needed().length).toBeGreaterThan(1000);
    });

    test('allow nothing else, but for what an update, a longer wait or a larger bucket needs', () => {
      const called = new Set(needed().map(({ action }) => action));
      const allowed = new Set(policies.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action)));

      expect([...allowed].filter((action) => !called.has(action)).sort()).toEqual([
        // A change of the project, the pipeline, a role, the preparer's code or how failures are kept.
        'codebuild:UpdateProject',
        // CodePipeline asks for it when a pipeline names a connection; no emulation does.
        'codeconnections:PassConnection',
        'codepipeline:UntagResource',
        'codepipeline:UpdatePipeline',
        'codestar-connections:PassConnection',
        // Lambda asks for these in the name of who makes a function of an image.
        'ecr:BatchGetImage',
        'ecr:GetDownloadUrlForLayer',
        'ecr:UntagResource',
        'events:UntagResource',
        'iam:UntagRole',
        'iam:UpdateAssumeRolePolicy',
        // maxConcurrency.
        'lambda:DeleteFunctionConcurrency',
        'lambda:GetFunctionConfiguration',
        'lambda:ListTags',
        'lambda:PutFunctionConcurrency',
        'lambda:UntagResource',
        'lambda:UpdateFunctionCode',
        'lambda:UpdateFunctionEventInvokeConfig',
        'logs:UntagResource',
      ]);
    });
  });

  test('the preparer calls what its role allows, and nothing else', () => {
    const calls = new TsdatAuthorisations();
    const made = new Set(aws.preparer.flatMap((request) => calls.of(request)).map(({ action }) => action));

    expect([...made].sort()).toEqual([
      'codepipeline:StartPipelineExecution',
      'ecr:BatchGetImage',
      'ecr:CompleteLayerUpload',
      'ecr:InitiateLayerUpload',
      'ecr:PutImage',
      'ecr:UploadLayerPart',
      's3:GetBucketNotification',
      's3:PutBucketNotification',
    ]);
  });
});
