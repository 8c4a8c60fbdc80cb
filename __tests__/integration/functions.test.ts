import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { DescribeInstanceInformationCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { createChecker } from '../../lambdas/datastream/checker';
import { createCommander } from '../../lambdas/datastream/commander';
import { createPoller } from '../../lambdas/datastream/poller';
import { createReaper } from '../../lambdas/datastream/reaper';
import { createStarter } from '../../lambdas/datastream/starter';
import { createStopper } from '../../lambdas/datastream/stopper';
import { systemClock } from '../../lambdas/runtime/clock';
import { virtualClock } from '../../local/clock';
import { Service } from '../../local/service';
import { EmbeddedSfn } from '../../local/sfn';
import { executionOf, seedFile } from '../support/executions';
import { type Moto, motoClients, motoEnvironment, startMoto } from '../support/moto';
import { NO_INPUTS } from '../support/no-inputs';
import { describeWith } from '../support/tools';

const EXECUTION = 'arn:aws:states:us-east-1:123456789012:execution:sm:one';
const stateMachineArn = 'arn:aws:states:us-east-1:123456789012:stateMachine:sm';

/** The SDK's own serialisation of every request, read by another implementation than ours. */
describeWith(['moto_server', 'aws'], "The functions against moto's EC2, SSM and S3", () => {
  let moto: Moto;
  let ec2: EC2Client;
  let ssm: SSMClient;
  let s3: S3Client;

  beforeAll(async () => {
    moto = await startMoto();
    ({ ec2, ssm, s3 } = motoClients(moto.endpoint));
    const { ImageId: Value } = (await x86Image()) ?? {};
    await ssm.send(new PutParameterCommand({ Name: '/ami', Value, Type: 'String', DataType: 'aws:ec2:image' }));
  });
  afterAll(() => moto.stop());

  /** moto has no DescribeInstanceInformation: every other command goes to it. */
  const ssmWithAgents = () => ({
    send: ((command: object) =>
      command instanceof DescribeInstanceInformationCommand
        ? Promise.resolve({ InstanceInformationList: [{ PingStatus: 'Online' }] })
        : ssm.send(command as never)) as SSMClient['send'],
  });

  it('carry one job from the launch to the end of its instance', async () => {
    // prepare
    const env = { ...process.env, ...motoEnvironment(moto.endpoint) };
    // Not the synchronous one: the way to moto leads through this process.
    await promisify(execFile)('aws', ['iam', 'create-instance-profile', '--instance-profile-name', 'profile'], { env });
    await s3.send(new CreateBucketCommand({ Bucket: 'jobs' }));
    const image = await x86Image();
    const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({}));
    const defaults = {
      stateMachineArn,
      securityGroupId: SecurityGroups?.[0]?.GroupId ?? '',
      instanceProfileName: 'profile',
      subnetIds: [],
    };
    // Task tokens are the embedded cloud's: moto completes none without running the machine.
    const clock = { ...virtualClock(new Date()), sleep: async () => {} };
    const sfn = new EmbeddedSfn(clock, new Service(clock, 0));
    sfn.note(EXECUTION, 'SUCCEEDED');
    const clients = { ec2, ssm: ssmWithAgents(), s3, sfn: sfn.client(), clock: systemClock };
    const began = new Date().toISOString();
    const file = {
      commands: ['/opt/scripts/datastream --S3_BUCKET jobs --S3_PREFIX run'],
      run_options: { ii_terminate_instance: true, ii_check_s3: true },
      instance_parameters: {
        ImageId: image?.ImageId,
        InstanceType: 't3.micro',
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Project', Value: 'vpu-09' }] }],
        // moto wants a size for each volume; EC2 takes an AMI's own.
        BlockDeviceMappings: [{ DeviceName: image?.RootDeviceName, Ebs: { VolumeSize: 8, VolumeType: 'gp3' } }],
      },
    };
    const starter = createStarter({ ...clients, ...NO_INPUTS, region: 'us-east-1', defaults });
    const start = () => starter({ execution: EXECUTION, start_time: began, state: file });

    // act
    const started = await start();
    const again = await start();
    const logs = { keep: true, bucket: '', group: '' };
    const commanded = await createCommander({ ...clients, region: 'us-east-1', logs })({
      execution: EXECUTION,
      state: started,
    });
    const task = sfn.waitForTaskToken();
    await createPoller(clients)({ execution: EXECUTION, state: commanded, token: task.token });
    const result = await task.result;
    await s3.send(new PutObjectCommand({ Bucket: 'jobs', Key: 'run/merkdir.file', Body: 'result' }));
    const checked = await createChecker(clients)({ execution: EXECUTION, state: { ...commanded, result } });
    const running = await describeInstances();
    const stopped = await createStopper({ ec2, stateMachineArn, clock: systemClock })({
      execution: EXECUTION,
      state: checked,
    });

    // assess
    expect(again).toEqual(started);
    expect(running).toHaveLength(1);
    const tags = Object.fromEntries((running[0]?.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    expect(tags).toMatchObject({
      Project: 'vpu-09',
      'datastream:state-machine': stateMachineArn,
      'datastream:execution': EXECUTION,
      'datastream:attempt': '1',
      'datastream:command': commanded.command_id,
    });
    expect(result).toMatchObject({ command_id: commanded.command_id });
    expect(checked.object).toMatchObject({ bucket: 'jobs', key: 'run/merkdir.file', size: 6 });
    const record = await s3.send(
      new GetObjectCommand({ Bucket: 'jobs', Key: 'run/datastream-metadata/execution.json' }),
    );
    expect(JSON.parse((await record.Body?.transformToString()) ?? '')).toMatchObject({
      commands: file.commands,
      retry_attempt: 0,
      region: 'us-east-1',
      datastream_run: { execution: EXECUTION, attempt: 1 },
    });
    expect(stopped.instances).toHaveLength(1);
    expect((await describeInstances()).map((instance) => instance.State?.Name)).toEqual(['terminated']);
    await expect(createReaper({ ec2, sfn: sfn.client(), clock: systemClock, stateMachineArn })({})).resolves.toEqual(
      [],
    );
  });

  it.each([
    [
      'an instance type of another architecture than the AMI has',
      'id',
      'InstanceType: This type is arm64, the AMI is x86_64',
    ],
    [
      'one of another architecture than the AMI of an SSM parameter has',
      'resolve:ssm:/ami:1',
      'InstanceType: This type is',
    ],
    [
      'an SSM parameter that does not exist',
      'resolve:ssm:/none',
      'ImageId: SSM has no such parameter, version or label',
    ],
    [
      'a version of it that does not exist',
      'resolve:ssm:/ami:9',
      'ImageId: SSM has no such parameter, version or label',
    ],
  ])('refuse %s', async (_what, imageId, message) => {
    const image = await x86Image();
    const now = new Date().toISOString();
    const starter = createStarter({
      ...NO_INPUTS,
      ec2,
      ssm: ssmWithAgents(),
      clock: systemClock,
      region: 'us-east-1',
      defaults: { stateMachineArn, securityGroupId: 'sg-0', instanceProfileName: 'profile', subnetIds: [] },
    });
    const ImageId = imageId === 'id' ? image?.ImageId : imageId;
    const state = { commands: ['true'], instance_parameters: { ImageId, InstanceType: 't4g.micro' } };

    const started = starter({ execution: `${EXECUTION}-other`, start_time: now, state });

    await expect(started).rejects.toMatchObject({
      name: 'InvalidExecution',
      message: expect.stringContaining(`$.instance_parameters.${message}`),
    });
  });

  it("say with S3's own status that an object is not there", async () => {
    const started = new Date().toISOString();
    const state = {
      attempt: 1,
      attempts: 1,
      market: 'on-demand',
      started_at: started,
      deadline: started,
      instance_id: 'i-0',
      errors: [],
      command_id: 'c',
      reconcile_seconds: 900,
      job: { ...executionOf(seedFile()), check_object: { bucket: 'jobs', key: 'nothing' } },
    };

    await expect(createChecker({ s3 })({ execution: EXECUTION, state })).rejects.toMatchObject({
      name: 'ObjectNotFound',
    });
  });

  async function x86Image() {
    const { Images } = await ec2.send(new DescribeImagesCommand({}));
    return Images?.find(
      ({ Architecture, ImageId }) => Architecture === 'x86_64' && /^ami-[0-9a-f]{8}$/.test(ImageId ?? ''),
    );
  }

  async function describeInstances() {
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({}));
    return (Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
  }
});
