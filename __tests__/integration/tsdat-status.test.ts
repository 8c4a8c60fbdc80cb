import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateRepositoryCommand } from '@aws-sdk/client-ecr';
import { EventBridgeClient, PutRuleCommand } from '@aws-sdk/client-eventbridge';
import { CreateFunctionCommand } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { deploymentOf } from '../../pipelines/deployment';
import { parsePipelines } from '../../pipelines/parse';
import { COMMAND } from '../support/cli';
import { motoEnvironment } from '../support/moto';
import { PIPELINES } from '../support/pipelines';
import { ENVIRONMENT, succeed } from '../support/terraform';
import { describeWith } from '../support/tools';
import { startTsdatAws, type TsdatAws, tsdatClients } from '../support/tsdat-aws';

const { config } = parsePipelines(PIPELINES);
if (!config) throw new Error('The file has errors.');
const { artifactsBucket, recordsBucket, functions } = deploymentOf(config, 'main');
const [{ name: LIDAR } = { name: '' }] = functions;
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

describeWith(['moto_server', 'aws'], 'status and rerun on an emulated AWS', () => {
  let aws: TsdatAws;
  const folder = mkdtempSync(path.join(tmpdir(), 'datastream-tsdat-status-'));
  const file = path.join(folder, 'pipelines_config.yml');

  beforeAll(async () => {
    aws = await startTsdatAws();
    writeFileSync(file, PIPELINES);
    const { s3, ecr, lambda } = tsdatClients(aws.endpoint);
    const environment = motoEnvironment(aws.endpoint);
    for (const Bucket of [artifactsBucket, recordsBucket]) {
      await s3.send(
        new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'us-west-2' } }),
      );
    }
    const put = (Bucket: string, Key: string, content: object) =>
      s3.send(new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(content) }));
    const now = new Date().toISOString();
    const run = { status: 'succeeded', started: now, ended: now, runs: [['x']], code_version: 'abc' };
    for (let at = 0; at < 3; at += 1)
      await put(recordsBucket, `runs/${LIDAR}/${now.slice(0, 10)}/12000${at}-x.json`, run);
    await put(recordsBucket, `aws/lambda/async/${LIDAR}/2026/03/10/x`, {
      timestamp: '2026-03-10T12:00:00Z',
      requestPayload: { id: 'e1', inputs: ['lidar/humboldt/x'] },
      responsePayload: { errorType: 'ValueError', errorMessage: 'bad' },
    });
    await put(artifactsBucket, 'built/lidar', { commit: 'abc', digest: 'sha256:feed' });
    await ecr.send(new CreateRepositoryCommand({ repositoryName: 'buoy-pipelines-main' }));
    const cli = (...args: string[]) =>
      succeed('aws', [...args, '--region', 'us-west-2'], { cwd: folder, env: environment });
    await cli('iam', 'create-role', '--role-name', 'r', '--assume-role-policy-document', TRUST);
    for (const FunctionName of [LIDAR, 'buoy-pipelines-main-lambda-old-site', 'another-main-lambda-x-y']) {
      await lambda.send(
        new CreateFunctionCommand({
          FunctionName,
          Role: 'arn:aws:iam::123456789012:role/r',
          Runtime: 'nodejs22.x',
          Handler: 'x.handler',
          Code: { ZipFile: Buffer.from('UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', 'base64') },
        }),
      );
    }
    const events = new EventBridgeClient({
      endpoint: aws.endpoint,
      region: 'us-west-2',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    for (const Name of ['buoy-pipelines-main-lambda-lidar-cron-rule', 'another-main-lambda-x-y-cron-rule']) {
      await events.send(new PutRuleCommand({ Name, ScheduleExpression: 'rate(1 day)' }));
    }
  });
  afterAll(async () => {
    await aws?.stop();
    rmSync(folder, { recursive: true });
  });

  /** Runs the command beside this process, which is the proxy that it asks. */
  const command = (...args: string[]) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, [COMMAND, 'pipelines', ...args], {
        cwd: folder,
        env: { ...(ENVIRONMENT as NodeJS.ProcessEnv), ...motoEnvironment(aws.endpoint) },
      });
      const heard = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) child[stream].on('data', (chunk) => (heard[stream] += chunk));
      child.on('close', (code) => resolve({ code, ...heard }));
    });

  test('status shows runs, failed events, the build, and what the file does not have', async () => {
    const { code, stdout, stderr } = await command('status', file);

    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(
      /lidar\/humboldt {2}s3:\/\/buoy-input\/lidar\/humboldt\/\n( {2}\S+Z {2}succeeded {2}0\.0 s {2}1 input {2}abc\n){3}/,
    );
    expect(stdout).toContain('waits for rerun since 2026-03-10T12:00:00Z: ValueError: bad');
    expect(stdout).toMatch(/Last build: Succeeded, 2026-03-10T12:00:00\.000Z\n {2}lidar +\S+Z {2}abc +sha256:feed/);
    expect(stdout).toContain(
      'Deployed, but not in the file\n  function buoy-pipelines-main-lambda-old-site\n  rule buoy-pipelines-main-lambda-lidar-cron-rule\n',
    );
    expect(stdout).not.toContain('another-main');
  });

  test('rerun calls the function with the event, and removes the event', async () => {
    const { code, stdout } = await command('rerun', file, 'lidar/humboldt');
    const call = aws.deployer.find(({ url }) => url.startsWith(`/2015-03-31/functions/${LIDAR}/invocations`));
    const left = await tsdatClients(aws.endpoint).s3.send(
      new ListObjectsV2Command({ Bucket: recordsBucket, Prefix: 'aws/lambda/async/' }),
    );

    expect([code, stdout]).toEqual([0, expect.stringContaining('1 event called again')]);
    expect([call?.body, call?.headers['x-amz-invocation-type']]).toEqual([
      '{"id":"e1","inputs":["lidar/humboldt/x"],"rerun":true,"failed_first":"2026-03-10T12:00:00Z"}',
      'Event',
    ]);
    expect(left.KeyCount).toBe(0);
  });

  test('says that the branch is not deployed', async () => {
    const { code, stderr } = await command('status', file, '--branch', 'dev');

    expect([code, stderr]).toEqual([
      5,
      expect.stringMatching(/^There is no bucket buoy-pipelines-dev-123456789012-records: deploy the branch first/),
    ]);
  });
});
