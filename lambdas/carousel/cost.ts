import { ARCHIVE_PRICES, type ArchiveClass, COPY_GB_DAY, GB, restoreCost, type Tier } from '../../prices/archive';
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
  /** How often AWS Batch begins it at most: again where the host was taken. */
  readonly attempts: number;
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
 * For how many days a copy is asked for, so that it outlives all attempts of its jobs. A job that is submitted late needs
 * an extension all the same.
 *
 * @param days of the turn
 */
export function copyDays(days: number, jobs: readonly JobSize[]): number {
  const longest = Math.max(0, ...jobs.map(({ timeoutSeconds, attempts }) => (timeoutSeconds * attempts) / 86_400));
  return longest > days ? Math.ceil(longest) + 1 : days;
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

/** The instance type whose price jobs are told at: 2 vCPUs and 8 GB of the queue's middle family. */
const PRICED = 'm7i.large';
const PRICED_VCPUS = 2;

/** The list prices of a region's instances; us-east-1's where the list does not have the region. */
export function instancePrices(region: string) {
  const known = (of: string) => {
    const prices = own(PRICE_LIST, of);
    const hour = prices && own(prices.on_demand, PRICED);
    return hour === undefined ? undefined : { region: of, as_of: prices?.as_of, vcpuHour: hour / PRICED_VCPUS };
  };
  const prices = known(region) ?? known('us-east-1');
  if (!prices) throw new Error(`prices/list.json has no ${PRICED} of us-east-1: run 'datastream cost prices update'.`);
  return prices;
}

/** What one attempt of a job costs: its whole timeout, on demand, which no spot price of the type exceeds. */
export function jobDollars({ vcpus, timeoutSeconds }: JobSize, region: string): number {
  return (timeoutSeconds / 3600) * vcpus * instancePrices(region).vcpuHour;
}

/** What no estimate counts: the further attempts of a job whose hosts are taken, in dollars at worst. */
export function retryDollars(job: JobSize, region: string): number {
  return (job.attempts - 1) * jobDollars(job, region);
}

/**
 * What no estimate counts: the extensions of a file's copy while a job of it is unfinished, in dollars at worst. A copy is
 * extended about once a day, until the turn's hours are over.
 */
export function laterExtensionDollars(file: ArchivedFile, tier: Tier, turnTimeoutHours: number): number {
  if (!isArchived(file)) return 0;
  const days = turnTimeoutHours / 24;
  const fee = ARCHIVE_PRICES.retrieval[file.storageClass as ArchiveClass][tier]?.request ?? 0;
  return (file.bytes / GB) * COPY_GB_DAY * days + fee * (Math.ceil(days) + 1);
}

/**
 * What the turn's machine, functions, tables and calls cost for one file with one job, in dollars. The virtual run of
 * 1,000 files measures less (docs/carousel.md): two events, five writes of 1 KB, and its share of the looks.
 */
export const ORCHESTRATION_DOLLARS = 2 * (PRICES.request + 0.25 * PRICES.gbSecond) + 5 * 1.25e-6 + 4e-5;
