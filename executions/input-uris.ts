import { bucketProblem, keyProblem } from './s3-names';

/**
 * How many objects a gate may wait for, with every range written out. EC2StarterFromAMI asks for 16 at once and for
 * 25 s at most, so that it ends well within its 60 s. A thousand are the medium range's 240 hours in four files each.
 */
export const MOST_INPUTS = 1000;

/** Seconds that a gate waits at least: the state's first retry comes after so long. */
export const SHORTEST_WAIT_S = 60;
/** A day: the state's 300 retries last a little longer. */
export const LONGEST_WAIT_S = 86_400;
/** Twelve hours. */
export const DEFAULT_WAIT_S = 43_200;
/**
 * Seconds before the day of DAILY changes in which a gate no longer waits: the state looks again after five minutes at
 * the latest, and an instance takes some minutes until its script reads DAILY.
 */
export const DAILY_MARGIN_S = 600;

const RANGE = /\{(\d{1,9})\.\.(\d{1,9})\}/;
const RANGES = new RegExp(RANGE, 'g');

/** How many URIs `expandRanges` makes of one. */
export function countOf(uri: string): number {
  return [...uri.matchAll(RANGES)].reduce((all, [, from, to]) => all * (Number(to) - Number(from) + 1), 1);
}

/**
 * Every URI that one with ranges stands for, as bash writes them: `f{001..018}` has three digits in each, `f{1..18}` has
 * one or two. Several ranges in a URI give every combination.
 */
export function expandRanges(uri: string): string[] {
  const range = RANGE.exec(uri);
  if (!range) return [uri];
  const [whole, from = '', to = ''] = range;
  const width = [from, to].some((end) => /^0\d/.test(end)) ? Math.max(from.length, to.length) : 0;
  const rest = expandRanges(uri.slice(range.index + whole.length));
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) =>
    String(Number(from) + index).padStart(width, '0'),
  ).flatMap((number) => rest.map((end) => uri.slice(0, range.index) + number + end));
}

/** Bucket and key of `s3://bucket/key`; undefined for other URIs. */
export function s3Parts(uri: string): { readonly bucket: string; readonly key: string } | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]*)\/?(.*)$/s.exec(uri) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

/** What is wrong with the URI of an input, as one sentence; undefined where nothing is. */
export function uriProblem(uri: string): string | undefined {
  const backwards = [...uri.matchAll(RANGES)].find(([, from, to]) => Number(from) > Number(to));
  if (backwards) return `The range ${backwards[0]} is empty: write the smaller number first.`;
  // ${DATE} and ${INSTANCE_TYPE} are replaced.
  if (/[{}]/.test(uri.replace(RANGES, '').replace(/\$\{(DATE|INSTANCE_TYPE)\}/g, ''))) {
    return 'A brace begins a range of whole numbers: write it as {001..018}.';
  }
  const parts = s3Parts(uri);
  if (parts) return bucketProblem(parts.bucket) ?? keyProblem(parts.key);
  if (/^http:\/\//i.test(uri)) return 'Plain http can be forged on its way: write https://.';
  const url = /^https:\/\//.test(uri) && URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url) return 'Write s3://BUCKET/KEY or https://HOST/PATH.';
  if (url.username || url.password) return 'An execution file is no place for a password: leave it out of the URI.';
  if (url.hash) return 'What follows # is never sent to a server: leave it out.';
  return undefined;
}
