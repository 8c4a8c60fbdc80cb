import type { PutObjectCommand } from '@aws-sdk/client-s3';
import { s3Place, upload } from '../../../cli/aws/upload';

test.each([
  ['s3://bucket', { bucket: 'bucket', prefix: '' }],
  ['s3://bucket/', { bucket: 'bucket', prefix: '' }],
  ['s3://my.bucket-1/status/nrds//', { bucket: 'my.bucket-1', prefix: 'status/nrds/' }],
  ['bucket/status', undefined],
  ['s3://', undefined],
  ['s3://Bucket/status', undefined],
  ['https://bucket/status', undefined],
])('%s as a place', (uri, place) => {
  expect(s3Place(uri)).toEqual(place);
});

test('a page and its twin have their types, and are not cached', async () => {
  const puts: unknown[] = [];
  const s3 = { send: async ({ input }: PutObjectCommand) => puts.push(input) } as unknown as Parameters<
    typeof upload
  >[2];

  const uris = await upload({ 'report.html': '<p>', 'report.json': '{}' }, { bucket: 'b', prefix: 'status/' }, s3);

  expect(uris).toEqual(['s3://b/status/report.html', 's3://b/status/report.json']);
  const common = { Bucket: 'b', CacheControl: 'no-cache' };
  expect(puts).toEqual([
    { ...common, Key: 'status/report.html', Body: '<p>', ContentType: 'text/html; charset=utf-8' },
    { ...common, Key: 'status/report.json', Body: '{}', ContentType: 'application/json; charset=utf-8' },
  ]);
});
