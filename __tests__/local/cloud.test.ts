import { existsSync } from 'node:fs';
import {
  CreateTagsCommand,
  DescribeImagesCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SendCommandCommand } from '@aws-sdk/client-ssm';
import { virtualClock } from '../../local/clock';
import type { EmbeddedCloud } from '../../local/cloud';
import { PUBLISHED_LIMITS } from '../../local/limits';
import { testCloud } from '../support/cloud';

const errorName = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: Error) => error.name,
  );

describe('Virtual time', () => {
  it('jumps from timer to timer, in their order, and only while it is run', async () => {
    const clock = virtualClock(new Date(0));
    const seen: number[] = [];
    for (const at of [3000, 1000, 2000]) clock.after(at, () => seen.push(clock.now().getTime()));

    expect(seen).toEqual([]);
    await clock.run(clock.sleep(2500));

    expect(seen).toEqual([1000, 2000]);
    expect(clock.now()).toEqual(new Date(2500));
  });

  it('stands still while it is held', async () => {
    const clock = virtualClock(new Date(0));
    const release = clock.hold();
    setTimeout(release, 30);
    const begun = Date.now();

    await clock.run(clock.sleep(1000));

    expect(Date.now() - begun).toBeGreaterThanOrEqual(25);
  });

  it('says so when it would have to wait for ever', async () => {
    await expect(virtualClock(new Date(0)).run(new Promise(() => {}))).rejects.toThrow('nothing left to wait for');
  });

  it('ends a sleep that is called off', async () => {
    const clock = virtualClock(new Date(0));
    const off = new AbortController();
    const sleep = clock.sleep(60_000, off.signal);
    off.abort();

    await clock.run(sleep);

    expect(clock.now()).toEqual(new Date(0));
  });
});

describe("The account's rates", () => {
  const launches = async (cloud: EmbeddedCloud, count: number) => {
    const send = (index: number) =>
      cloud.ec2.client.send(
        new RunInstancesCommand({ ImageId: 'ami-1', MinCount: 1, MaxCount: 1, ClientToken: String(index) }),
      );
    const names = await cloud.clock.run(
      Promise.all(Array.from({ length: count }, (_, index) => errorName(send(index)))),
    );
    return names.filter((name) => name === 'RequestLimitExceeded').length;
  };

  it('let a burst through, then as many as come back each second', async () => {
    const { cloud, wait } = testCloud({ limits: PUBLISHED_LIMITS });

    expect(await launches(cloud, 8)).toBe(3);
    await wait(1_000);
    expect(await launches(cloud, 8)).toBe(6);
    await wait(3_600_000);
    expect(await launches(cloud, 8)).toBe(3);
  });

  it('are not in force unless they are asked for', async () => {
    const { cloud } = testCloud();

    expect(await launches(cloud, 50)).toBe(0);
  });
});

describe('The embedded EC2', () => {
  const launch = { ImageId: 'ami-1', MinCount: 1, MaxCount: 1, ClientToken: 'token' };

  it('answers the same client token with the same instance, and another request with it by an error', async () => {
    const { cloud, clock } = testCloud();
    const run = (input: object) => clock.run(cloud.ec2.client.send(new RunInstancesCommand({ ...launch, ...input })));

    const [first, second] = [await run({}), await run({})];

    expect(second.Instances?.[0]?.InstanceId).toBe(first.Instances?.[0]?.InstanceId);
    await expect(errorName(run({ ImageId: 'ami-2' }))).resolves.toBe('IdempotentParameterMismatch');
  });

  it("names EC2's errors", async () => {
    const { cloud, clock } = testCloud();
    const { Instances } = await clock.run(cloud.ec2.client.send(new RunInstancesCommand(launch)));
    const InstanceIds = [Instances?.[0]?.InstanceId ?? ''];

    await expect(
      errorName(clock.run(cloud.ec2.client.send(new TerminateInstancesCommand({ InstanceIds: ['i-0'] })))),
    ).resolves.toBe('InvalidInstanceID.NotFound');
    await expect(
      errorName(clock.run(cloud.ec2.client.send(new DescribeImagesCommand({ ImageIds: ['resolve:ssm:/ami'] })))),
    ).resolves.toBe('InvalidAMIID.Malformed');
    await expect(
      errorName(clock.run(cloud.ec2.client.send(new CreateTagsCommand({ Resources: ['i-0'], Tags: [] })))),
    ).resolves.toBe('InvalidInstanceID.NotFound');
    await expect(errorName(clock.run(cloud.ec2.client.send(new StopInstancesCommand({ InstanceIds }))))).resolves.toBe(
      'IncorrectInstanceState',
    );
  });
});

describe('The embedded SSM', () => {
  it('refuses a command for an instance that is not Online', async () => {
    const { cloud, clock } = testCloud();

    const send = cloud.ssm.client.send(
      new SendCommandCommand({ DocumentName: 'AWS-RunShellScript', InstanceIds: ['i-0'] }),
    );

    await expect(errorName(clock.run(send))).resolves.toBe('InvalidInstanceId');
  });
});

describe('The embedded S3', () => {
  it('keeps an object under its key, dated by the clock', async () => {
    const { cloud, clock } = testCloud();
    await clock.run(cloud.s3.client.send(new PutObjectCommand({ Bucket: 'b', Key: 'a/k', Body: 'text' })));

    await expect(
      clock.run(cloud.s3.client.send(new HeadObjectCommand({ Bucket: 'b', Key: 'a/k' }))),
    ).resolves.toMatchObject({
      ContentLength: 4,
      LastModified: new Date('2026-03-01T12:00:00.000Z'),
    });
  });

  it.each(['a', 'a/k/', 'A/K', 'a/kk', '../b/a/k'])('does not find it under %j', async (Key) => {
    const { cloud, clock } = testCloud();
    await clock.run(cloud.s3.client.send(new PutObjectCommand({ Bucket: 'b', Key: 'a/k', Body: 'text' })));

    await expect(
      errorName(clock.run(cloud.s3.client.send(new HeadObjectCommand({ Bucket: 'b', Key })))),
    ).resolves.not.toBe('none');
  });

  it.each(['../outside', 'x/../../../outside'])('writes nothing outside of its bucket: %s', async (Key) => {
    const { cloud, clock } = testCloud();

    await expect(
      errorName(clock.run(cloud.s3.client.send(new PutObjectCommand({ Bucket: 'b', Key, Body: '' })))),
    ).resolves.toBe('InvalidRequest');
    expect(existsSync(`${cloud.s3.folder}/outside`)).toBe(false);
  });

  it('says that it does not know an operation', async () => {
    const { cloud, clock } = testCloud();

    await expect(
      errorName(clock.run(cloud.s3.client.send(new DeleteObjectCommand({ Bucket: 'b', Key: 'k' })))),
    ).resolves.toBe('NotImplemented');
  });
});
