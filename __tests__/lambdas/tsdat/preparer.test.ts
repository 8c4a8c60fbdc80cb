import { createHash } from 'node:crypto';
import { gunzipSync } from 'fflate';
import { createPreparer, prepare } from '../../../lambdas/tsdat/preparer';
import { seedImage } from '../../../lambdas/tsdat/seed-image';
import { PreparersAccount as Account } from '../../support/preparers-account';

const log = { info() {} } as unknown as Parameters<typeof prepare>[2];
const PREPARE = {
  action: 'prepare' as const,
  repository: 'buoy-main',
  tags: ['lidar-main', 'vap-main'],
};
const RELEASE = {
  action: 'release' as const,
  buckets: ['in'],
  replaces: 'buoy-main-lambda-',
  pipeline: 'buoy-main-build-pipeline',
  token: 'abc',
};
const THEIRS = {
  TopicConfigurations: [{ Id: 'a topic', TopicArn: 'arn:aws:sns:us-west-2:1:t', Events: ['s3:ObjectRemoved:*'] }],
  LambdaFunctionConfigurations: ['buoy-main-lambda-x-s3-notification', 'buoy-dev-lambda-x-s3-notification', 'mine'].map(
    (Id) => ({ Id, Events: ['s3:ObjectCreated:*'] }),
  ),
};

test('gives every tag that is missing an image, and leaves the others', async () => {
  const account = new Account();
  account.images.set('vap-main', 'built');

  expect(await prepare(PREPARE, account.clients, log)).toEqual({ seeded: ['lidar-main'] });
  expect(account.images.get('vap-main')).toBe('built');
  expect(account.images.get('lidar-main')).toBe(seedImage().manifest);
});

test('uploads nothing where no tag is missing, and asks for a hundred tags at a time', async () => {
  const account = new Account();
  const tags = Array.from({ length: 250 }, (_, at) => `p${at}-main`);
  for (const tag of tags) account.images.set(tag, 'built');

  await prepare({ ...PREPARE, tags }, account.clients, log);

  expect(account.calls).toEqual(['BatchGetImage', 'BatchGetImage', 'BatchGetImage']);
});

test("adds EventBridge to a bucket's notifications, and removes aws-template's own of this branch alone", async () => {
  const account = new Account();
  account.notifications = THEIRS;

  await prepare(RELEASE, account.clients, log);

  expect(account.notifications).toEqual({
    TopicConfigurations: THEIRS.TopicConfigurations,
    LambdaFunctionConfigurations: THEIRS.LambdaFunctionConfigurations.slice(1),
    EventBridgeConfiguration: {},
  });
});

test('writes nothing to a bucket that sends its events already', async () => {
  const account = new Account();
  account.notifications = { EventBridgeConfiguration: {}, LambdaFunctionConfigurations: [{ Id: 'mine' }] };

  expect(await prepare(RELEASE, account.clients, log)).toMatchObject({ changed: [] });
  expect(account.calls).not.toContain('PutBucketNotificationConfiguration');
});

test('starts the build with the token, and does nothing when Terraform deletes the invocation', async () => {
  const account = new Account();

  await prepare({ ...RELEASE, buckets: [] }, account.clients, log);
  await prepare({ tf: { action: 'delete' } }, account.clients, log);

  expect([...account.releases]).toEqual([['abc', 'buoy-main-build-pipeline']]);
  expect(account.calls).toHaveLength(1);
});

describe('as Terraform calls it', () => {
  const call = (account: Account, event: unknown) =>
    createPreparer(account.clients, { ...log, appendKeys() {}, resetKeys() {}, error() {} } as never)(event);

  test.each(['create', 'update'])('it prepares at a %s', async (action) => {
    const account = new Account();

    await call(account, { ...PREPARE, tf: { action, prev_input: null } });

    expect([...account.images.keys()]).toEqual(['lidar-main', 'vap-main']);
  });

  test('it does nothing at a delete: buckets keep their events, the repository is deleted with its images', async () => {
    const account = new Account();

    await call(account, { ...PREPARE, tf: { action: 'delete', prev_input: PREPARE } });

    expect(account.calls).toEqual([]);
  });

  test('it refuses what is no call of this deployment', async () => {
    await expect(call(new Account(), { action: 'remove' })).rejects.toMatchObject({ name: 'ZodError' });
  });
});

describe.each(['throttled', 'lost reply', 'refused'] as const)('each call once %s', (kind) => {
  test.each([PREPARE, RELEASE])(
    'ends, after a second call by Terraform, as without the fault: $action',
    async (event) => {
      const seen = ({ notifications, images, releases }: Account) => [notifications, [...images].sort(), [...releases]];
      const wanted = new Account();
      wanted.notifications = THEIRS;
      await prepare(event, wanted.clients, log);
      const all = wanted.calls.length;

      for (let at = 1; at <= all; at += 1) {
        const account = new Account();
        account.notifications = THEIRS;
        account.fault = { at, kind };
        const first = prepare(event, account.clients, log);
        // IAM may not know a new role's policy yet: the call waits for it.
        if (kind === 'refused') await first;
        else await expect(first).rejects.toThrow();
        account.fault = undefined;
        await prepare(event, account.clients, log);

        expect([at, ...seen(account)]).toEqual([at, ...seen(wanted)]);
      }
      expect(all).toBeGreaterThanOrEqual(3);
    },
  );
});

test('gives up after a minute of refusals', async () => {
  const account = new Account();
  account.clients.ecr.send = async () => {
    throw Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
  };

  await expect(prepare(PREPARE, account.clients, log)).rejects.toThrow('not authorized');
  expect(account.slept).toBe(11);
});

describe('the image of a pipeline that has not been built', () => {
  test('is small, and the same each time', () => {
    const { layer, config, manifest } = seedImage();

    expect(layer.bytes.length + config.bytes.length + manifest.length).toBeLessThan(1500);
    expect(seedImage()).toEqual(seedImage());
  });

  test('is an archive that tar reads, whose hash the configuration has', () => {
    const { layer, config } = seedImage();
    const tar = gunzipSync(layer.bytes);
    const { rootfs, architecture, os } = JSON.parse(Buffer.from(config.bytes).toString());

    expect(rootfs.diff_ids).toEqual([`sha256:${createHash('sha256').update(tar).digest('hex')}`]);
    expect([architecture, os]).toEqual(['amd64', 'linux']);
    expect(tar.length % 512).toBe(0);
    const header = tar.slice(0, 512);
    const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    expect(Number.parseInt(Buffer.from(header.slice(148, 154)).toString(), 8)).toBe(sum);
  });
});
