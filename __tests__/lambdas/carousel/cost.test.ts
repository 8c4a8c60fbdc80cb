import {
  type ArchivedFile,
  copyDays,
  extensionDollars,
  fileDollars,
  isAlive,
  jobDollars,
  laterExtensionDollars,
  retryDollars,
} from '../../../lambdas/carousel/cost';
import { ARCHIVE_PRICES, daysWorthKeeping, GB, tiersOf } from '../../../prices/archive';

const NOW = new Date('2026-11-28T12:00:00Z');
const file = (rest: Partial<ArchivedFile> = {}): ArchivedFile => ({
  key: 'P22/a.h5',
  bytes: 31 * GB,
  etag: 'e',
  storageClass: 'GLACIER',
  ...rest,
});
const sum = (tier: 'Bulk' | 'Standard') => 300 * (fileDollars(file(), tier, 3, NOW) ?? Number.NaN);

test("prices the design's example: 300 files of 31 GB for three days, and their jobs of an hour", () => {
  expect(sum('Bulk')).toBeCloseTo(28.52, 2);
  expect(sum('Standard') - sum('Bulk')).toBeCloseTo(93.015, 2);
  expect(300 * jobDollars({ vcpus: 1, timeoutSeconds: 3600, attempts: 3 }, 'us-east-1')).toBeCloseTo(15.12, 2);
  expect(ARCHIVE_PRICES.as_of).toMatch(/^\d{4}-\d\d-\d\d$/);
});

test('knows which tiers a storage class has', () => {
  expect(tiersOf('GLACIER')).toEqual(['Expedited', 'Standard', 'Bulk']);
  expect(tiersOf('DEEP_ARCHIVE')).toEqual(['Standard', 'Bulk']);
  expect(fileDollars(file({ storageClass: 'DEEP_ARCHIVE' }), 'Expedited', 3, NOW)).toBeUndefined();
});

test.each([
  ['is not archived', { storageClass: 'STANDARD' }, true],
  ['is being restored', { restoring: true }, true],
  ['has a copy that lives', { expiry: '2026-11-30T00:00:00Z' }, true],
  ['has a copy that has expired', { expiry: '2026-11-28T00:00:00Z' }, false],
  ['has no copy', {}, false],
])('a file that %s costs accordingly', (_what, rest, alive) => {
  expect(isAlive(file(rest), NOW)).toBe(alive);
  expect(fileDollars(file(rest), 'Bulk', 3, NOW) === 0).toBe(alive);
});

test('knows for how long a copy is worth its keep', () => {
  expect(daysWorthKeeping('GLACIER', 'Bulk')).toBe(0);
  expect(daysWorthKeeping('GLACIER', 'Standard')).toBeCloseTo(13, 0);
  expect(daysWorthKeeping('DEEP_ARCHIVE', 'Bulk')).toBeCloseTo(3.3, 1);
  expect(daysWorthKeeping('DEEP_ARCHIVE', 'Standard')).toBeCloseTo(26, 0);
});

test('a region without prices counts as us-east-1', () => {
  const job = { vcpus: 2, timeoutSeconds: 1800, attempts: 3 };

  expect(jobDollars(job, 'xx-nowhere-1')).toBe(jobDollars(job, 'us-east-1'));
});

test('prices the further days of a copy that is extended, and none of a young or a dead one', () => {
  const soon = file({ expiry: '2026-11-29T12:00:00Z' });

  expect(extensionDollars(soon, 3, NOW)).toBeCloseTo((31 * 0.023 * 3) / 30, 6);
  expect(extensionDollars(file({ expiry: '2026-12-02T00:00:00Z' }), 3, NOW)).toBe(0);
  expect(extensionDollars(file({ expiry: '2026-11-27T00:00:00Z' }), 3, NOW)).toBe(0);
  expect(extensionDollars(file(), 3, NOW)).toBe(0);
});

test('asks for a copy for as long as all attempts of its longest job may take', () => {
  const job = (hours: number, attempts: number) => ({ vcpus: 1, timeoutSeconds: hours * 3600, attempts });

  expect(copyDays(3, [])).toBe(3);
  expect(copyDays(3, [job(24, 3), job(1, 3)])).toBe(3);
  expect(copyDays(3, [job(1, 3), job(25, 3)])).toBe(5);
});

test('tells what no estimate counts: further attempts, and the extensions of a turn', () => {
  const job = { vcpus: 1, timeoutSeconds: 3600, attempts: 3 };

  expect(retryDollars(job, 'us-east-1')).toBeCloseTo(2 * 0.0504, 6);
  expect(retryDollars({ ...job, attempts: 1 }, 'us-east-1')).toBe(0);
  // Four days of the copy, and five requests.
  expect(laterExtensionDollars(file(), 'Standard', 96)).toBeCloseTo(31 * (0.023 / 30) * 4 + 5 * 0.00005, 6);
  expect(laterExtensionDollars(file({ storageClass: 'STANDARD' }), 'Standard', 96)).toBe(0);
});
