import { CreateRepositoryCommand } from '@aws-sdk/client-ecr';
import { CreateFunctionCommand, GetFunctionCommand } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { prepare } from '../../lambdas/tsdat/preparer';
import { changed } from '../support/pipelines';
import { type Finished, succeed } from '../support/terraform';
import { describeWith } from '../support/tools';
import { startTsdatAws, type TsdatAws, tsdatClients } from '../support/tsdat-aws';
import { deniedTsdat, tsdatCalls, tsdatPolicies } from '../support/tsdat-calls';
import { said, TsdatWorkspace } from '../support/tsdat-workspace';

describeWith(['terraform', 'moto_server', 'aws'], 'tsdat beside others on an emulated AWS', () => {
  let aws: TsdatAws;
  let workspace: TsdatWorkspace;
  beforeAll(async () => {
    aws = await startTsdatAws();
    workspace = new TsdatWorkspace(aws.endpoint);
  });
  afterAll(async () => {
    await aws?.stop();
    workspace?.remove();
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
      const folder = await workspace.stacks('branches', file, { branches: ['main', 'dev'] });
      const both = [folder('tsdat-main'), folder('tsdat-dev')];
      for (const each of both) await workspace.init(each);
      const [main, dev] = await Promise.all(both.map((each) => workspace.apply(each)));
      after = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: 'their-input' }));
      // A bucket that is not empty needs more rights to be deleted.
      await s3.send(
        new PutObjectCommand({ Bucket: 'twin-pipelines-main-123456789012-records', Key: 'runs/f/1.json', Body: 'x' }),
      );
      const gone = await workspace.destroy(both[0] ?? '');
      seen = { main, dev, gone, again: await workspace.plan(both[1] ?? '') } as Record<string, Finished>;
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
      const folder = await workspace.stacks('adopt', file, { adopt: true, ephemeralStorageMb });
      const both = [folder('tsdat-main'), folder('tsdat-data-old-input')];
      for (const each of both) await workspace.init(each);
      const [main, data] = await Promise.all(both.map((each) => workspace.apply(each)));
      const { Code, Configuration } = await lambda.send(
        new GetFunctionCommand({ FunctionName: 'old-pipelines-main-lambda-lidar-morro' }),
      );
      image = `${Code?.ImageUri} ${Configuration?.Timeout}`;
      targets = JSON.parse(
        await workspaceAws('events', 'list-targets-by-rule', '--rule', RULE, '--output', 'json'),
      ).Targets;
      // Taken over once, the setting may stay or go.
      const later = await workspace.stacks('adopt', file, { ephemeralStorageMb });
      seen = { main, data, again: await workspace.plan(later('tsdat-main')) } as Record<string, Finished>;
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
    const REPOSITORIES = ['twin-pipelines-main', 'twin-pipelines-dev', 'old-pipelines-main'];

    test('allow every call of Terraform in all of the above', () => {
      expect(deniedTsdat(aws.deployer, REPOSITORIES, ['old'])).toEqual([]);
      expect(aws.deployer.length).toBeGreaterThan(1000);
    });

    test('allow nothing else, but for what an update, a longer wait or a larger bucket needs', () => {
      const called = new Set(tsdatCalls(aws.deployer).map(({ action }) => action));
      const allowed = new Set(
        tsdatPolicies(REPOSITORIES, ['old']).flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action)),
      );

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
});
