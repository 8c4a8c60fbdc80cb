/** How fast an archived object is restored, as S3 calls it. */
export type Tier = 'Expedited' | 'Standard' | 'Bulk';

/** The storage classes whose objects must be restored before they are read. */
export type ArchiveClass = 'GLACIER' | 'DEEP_ARCHIVE';

interface Retrieval {
  /** One RestoreObject, in dollars. */
  readonly request: number;
  /** A GB that is retrieved, in dollars. */
  readonly gb: number;
}

/**
 * List prices of us-east-1 (Amazon S3 pricing, "Requests and data retrievals" and "Storage"; AWS re:Post,
 * s3-manage-data-retrieval). Deep Archive takes no Expedited.
 */
export const ARCHIVE_PRICES: {
  readonly as_of: string;
  readonly region: string;
  readonly source: string;
  readonly copy_gb_month: number;
  readonly retrieval: Readonly<Record<ArchiveClass, Readonly<Partial<Record<Tier, Retrieval>>>>>;
} = {
  as_of: '2026-11-28',
  region: 'us-east-1',
  source: 'Amazon S3 pricing page; AWS re:Post, s3-manage-data-retrieval',
  /** The restored copy is billed as S3 Standard beside the archived object. */
  copy_gb_month: 0.023,
  retrieval: {
    GLACIER: {
      Expedited: { request: 10 / 1000, gb: 0.03 },
      Standard: { request: 0.05 / 1000, gb: 0.01 },
      Bulk: { request: 0, gb: 0 },
    },
    DEEP_ARCHIVE: {
      Standard: { request: 0.1 / 1000, gb: 0.02 },
      Bulk: { request: 0.025 / 1000, gb: 0.0025 },
    },
  },
};

/** S3 bills GB of 2^30 bytes. */
export const GB = 2 ** 30;
const DAYS_PER_MONTH = 30;

/** What a GB of a restored copy costs a day, in dollars. */
export const COPY_GB_DAY = ARCHIVE_PRICES.copy_gb_month / DAYS_PER_MONTH;

/** The tiers that objects of a storage class can be restored with. */
export function tiersOf(storageClass: ArchiveClass): Tier[] {
  return Object.keys(ARCHIVE_PRICES.retrieval[storageClass]) as Tier[];
}

/**
 * What it costs to restore one object and to keep its copy.
 *
 * @param days as asked for; S3 rounds the expiry up to the next midnight UTC, so one more day is counted
 * @returns dollars; undefined where the storage class does not have the tier
 */
export function restoreCost(
  { bytes, storageClass }: { readonly bytes: number; readonly storageClass: ArchiveClass },
  tier: Tier,
  days: number,
): number | undefined {
  const retrieval = ARCHIVE_PRICES.retrieval[storageClass][tier];
  if (!retrieval) return undefined;
  const gb = bytes / GB;
  return retrieval.request + gb * (retrieval.gb + COPY_GB_DAY * (days + 1));
}

/**
 * For how many days a copy is cheaper to keep than to restore again. Flexible Retrieval: Bulk 0, Standard 13, Expedited
 * 39; Deep Archive: Bulk 3.3, Standard 26.
 */
export function daysWorthKeeping(storageClass: ArchiveClass, tier: Tier): number {
  return (ARCHIVE_PRICES.retrieval[storageClass][tier]?.gb ?? 0) / COPY_GB_DAY;
}
