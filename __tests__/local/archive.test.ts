import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, RestoreObjectCommand } from '@aws-sdk/client-s3';
import { ARCHIVE } from '../../local/carousel';
import { HDF5, testCarousel } from '../support/carousel';

const HOUR = 3_600_000;

async function archive(storageClass = 'GLACIER') {
  const events: string[] = [];
  const carousel = await testCarousel(1, {
    storageClass,
    deliver: (event) => {
      events.push(event['detail-type']);
      return [];
    },
  });
  const { cloud, run, keys, clock } = carousel;
  const [Key = ''] = keys;
  const s3 = cloud.s3.client();
  const at = { Bucket: ARCHIVE, Key };
  const restore = (Days: number, Tier?: 'Bulk' | 'Standard' | 'Expedited') =>
    run(
      s3.send(
        new RestoreObjectCommand({ ...at, RestoreRequest: { Days, ...(Tier && { GlacierJobParameters: { Tier } }) } }),
      ),
    );
  const head = () => run(s3.send(new HeadObjectCommand(at)));
  const first = async () => {
    const { Body } = await run(s3.send(new GetObjectCommand({ ...at, Range: 'bytes=0-7' })));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  };
  const wait = (hours: number) => run(clock.sleep(hours * HOUR));
  return { ...carousel, events, restore, head, first, wait, s3, Key };
}

test('an archived object is read only from its copy, which comes after hours and goes at a midnight', async () => {
  const { restore, head, first, wait, events } = await archive();
  await expect(first()).rejects.toMatchObject({ name: 'InvalidObjectState' });

  expect((await restore(1, 'Bulk')).$metadata.httpStatusCode).toBe(202);
  expect((await head()).Restore).toBe('ongoing-request="true"');
  await expect(restore(1, 'Bulk')).rejects.toMatchObject({
    name: 'RestoreAlreadyInProgress',
    $metadata: { httpStatusCode: 409 },
  });

  await wait(12);
  expect(await first()).toEqual(HDF5);
  // Restored on November 28: a day later, and then to midnight.
  expect((await head()).Restore).toBe('ongoing-request="false", expiry-date="Mon, 30 Nov 2026 00:00:00 GMT"');

  expect((await restore(5)).$metadata.httpStatusCode).toBe(200);
  expect((await head()).Restore).toContain('04 Dec 2026');
  await wait(6 * 24);
  await expect(first()).rejects.toMatchObject({ name: 'InvalidObjectState' });
  expect(events).toEqual(['Object Restore Completed', 'Object Restore Expired']);
});

test('a shortened copy goes earlier', async () => {
  const { restore, head, wait } = await archive();
  await restore(30, 'Expedited');
  await wait(1);
  await restore(1);

  expect((await head()).Restore).toContain('Mon, 30 Nov 2026');
});

test('a list tells the states of a thousand objects a call', async () => {
  const { cloud, run, restore, s3, Key } = await archive();
  for (let index = 0; index < 1001; index++)
    cloud.s3.archive(ARCHIVE, `Q/${String(index).padStart(4, '0')}.h5`, 'STANDARD', 8, HDF5);
  await restore(1, 'Bulk');
  const list = (StartAfter?: string) =>
    run(
      s3.send(new ListObjectsV2Command({ Bucket: ARCHIVE, StartAfter, OptionalObjectAttributes: ['RestoreStatus'] })),
    );
  const { Contents = [], IsTruncated } = await list();

  expect([Contents.length, IsTruncated]).toEqual([1000, true]);
  expect(Contents[0]).toMatchObject({ Key, StorageClass: 'GLACIER', RestoreStatus: { IsRestoreInProgress: true } });
  expect((await list(Contents.at(-1)?.Key)).Contents?.map((each) => each.Key)).toEqual(['Q/0999.h5', 'Q/1000.h5']);
});

test.each([
  ['DEEP_ARCHIVE', 'Expedited', 'InvalidArgument'],
  ['STANDARD', 'Bulk', 'InvalidObjectState'],
] as const)('refuses to restore %s with %s', async (storageClass, tier, name) => {
  const { restore } = await archive(storageClass);

  await expect(restore(1, tier)).rejects.toMatchObject({ name });
});
