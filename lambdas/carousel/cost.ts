import { type ArchiveClass, COPY_GB_DAY, GB, restoreCost, type Tier } from '../../prices/archive';
import { own, PRICE_LIST } from '../../prices/instances';
import { PRICES } from '../../prices/orchestration';

/** An object of the archive, as S3 lists it. */
export interface ArchivedFile {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  /** `STANDARD` and other classes can be read as they are. */
  readonly storageClass: string;
  /** When its restored copy expires; absent without a copy. */
  readonly expiry?: string;
  /** Whether a restore of it runs. */
  readonly restoring?: boolean;
}

/** What a definition's jobs need. */
export interface JobSize {
  readonly vcpus: number;
  readonly timeoutSeconds: number;
}

export function isArchived(file: Pick<ArchivedFile, 'storageClass'>): boolean {
  return file.storageClass === 'GLACIER' || file.storageClass === 'DEEP_ARCHIVE';
}

/**
 * Whether a file costs no restore: it is not archived, a restore of it runs, or its copy lives long enough.
 *
 * @param until the moment until which the copy must live
 */
export function isAlive(file: ArchivedFile, until: Date): boolean {
  if (!isArchived(file) || file.restoring) return true;
  return file.expiry !== undefined && Date.parse(file.expiry) > until.getTime();
}

/**
 * What a file costs a turn: RestoreObject, the retrieval and the copy.
 *
 * @returns dollars, 0 for a file that `isAlive`; undefined where its storage class does not have the tier
 */
export function fileDollars(file: ArchivedFile, tier: Tier, days: number, now: Date): number | undefined {
  if (isAlive(file, now)) return 0;
  return restoreCost({ bytes: file.bytes, storageClass: file.storageClass as ArchiveClass }, tier, days);
}

/**
 * What a copy that lives costs where it is extended for the turn's jobs: its further days. A copy that is as young as the
 * turn's own would be needs none.
 */
export function extensionDollars({ bytes, expiry }: ArchivedFile, days: number, now: Date): number {
  if (expiry === undefined) return 0;
  const left = (Date.parse(expiry) - now.getTime()) / 86_400_000;
  return left <= 0 || left >= days ? 0 : (bytes / GB) * COPY_GB_DAY * (days + 1 - left);
}

/**
 * What a vCPU costs an hour: half of an m7i.large on demand, an upper bound of what spot instances of the queue cost.
 * Regions that the list does not have count as us-east-1.
 */
export function vcpuHourly(region: string): number {
  const hourly = (of: string) => own(own(PRICE_LIST, of)?.on_demand ?? {}, 'm7i.large');
  return (hourly(region) ?? hourly('us-east-1') ?? 0.1008) / 2;
}

/** What one attempt of a job costs at most: its whole timeout, on demand. */
export function jobDollars({ vcpus, timeoutSeconds }: JobSize, region: string): number {
  return (timeoutSeconds / 3600) * vcpus * vcpuHourly(region);
}

/**
 * What the turn's machine, functions, tables and calls cost for one file with one job, in dollars. The virtual run of
 * 1,000 files measures less (docs/carousel.md): two events, five writes of 1 KB, and its share of the looks.
 */
export const ORCHESTRATION_DOLLARS = 2 * (PRICES.request + 0.25 * PRICES.gbSecond) + 5 * 1.25e-6 + 4e-5;
