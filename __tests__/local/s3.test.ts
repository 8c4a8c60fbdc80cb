import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskError } from '../../files/disk';
import { testCloud } from '../support/cloud';

test('a disk that is full is told to who runs the cloud, and leaves no part of an object', () => {
  const errors: DiskError[] = [];
  const { cloud } = testCloud({ onDiskError: (error) => errors.push(error) });
  const bucket = join(cloud.s3.folder, 'a-bucket');
  mkdirSync(bucket, { recursive: true });
  // Where the object is written before it is moved to its place.
  symlinkSync('/dev/full', join(bucket, `key.part.${process.pid}`));

  expect(() => cloud.s3.put('a-bucket', 'key', 'body')).toThrow('ENOSPC');

  expect(errors.map(({ code }) => code)).toEqual(['ENOSPC']);
  expect(readdirSync(bucket)).toEqual([]);
});
