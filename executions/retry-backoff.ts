import { member } from '../files/values';
import type { RetryBackoff } from './model';

/** Upstream's defaults for a file that asks for a wait. */
export const BACKOFF: RetryBackoff = { base_s: 1800, max_s: 7200, rate: 2 };

/** The wait between attempts. None if run_options has none of the three keys, as upstream before it had them. */
export function readRetryBackoff(options: unknown): RetryBackoff | undefined {
  const read = (key: string) => {
    const value = member(options, key);
    return typeof value === 'number' && value >= 0 ? value : undefined;
  };
  const [base_s, max_s, rate] = ['retry_backoff_base_s', 'retry_backoff_max_s', 'retry_backoff_rate'].map(read);
  if (base_s === undefined && max_s === undefined && rate === undefined) return undefined;
  return { base_s: base_s ?? BACKOFF.base_s, max_s: max_s ?? BACKOFF.max_s, rate: rate ?? BACKOFF.rate };
}
