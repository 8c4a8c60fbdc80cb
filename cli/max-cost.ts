import type { SubmittedJob } from '../executions/submission/items';
import { estimateJobs, type JobEstimate } from './estimate';
import { dollars } from './output/dollars';
import { count } from './output/summary';
import { type Output, wrap } from './output/wrap';

/** The exit code of a start that a limit has refused. */
export const REFUSED_BY_LIMIT = 4;

/** Jobs that are about to be started. */
type Jobs = readonly Pick<SubmittedJob, 'name' | 'input'>[];

/**
 * Compares jobs with the limit of `--max-cost`, before anything starts. It says why they may not start: they may cost
 * more, or a price is not known.
 *
 * What counts is the most that their first attempts cost: each lasts its `timeout_s`, and none gets spot capacity.
 *
 * @param limit in dollars; undefined is no limit
 * @param region the region of files that name none
 */
export function exceeds(limit: number | undefined, jobs: Jobs, region: string, err: Output): boolean {
  if (limit === undefined) return false;
  const found = estimateJobs(jobs, { region });
  if ('unknown' in found) {
    const why = `So it is not known whether this costs more than --max-cost ${limit}: nothing was started.`;
    err.write(wrap(`${[...found.unknown, why].join('\n')}\n`, err));
    return true;
  }
  const most = found.estimates.reduce((sum, each) => sum + each.most, 0);
  if (most <= limit) return false;
  err.write(
    wrap(
      `${count(jobs.length, 'job')} may cost ${dollars(most)}, if every first attempt lasts its timeout_s, and --max-cost is ${dollars(limit)}: nothing was started. Lower timeout_s, start fewer jobs, or raise --max-cost.\n`,
      err,
    ),
  );
  return true;
}

/**
 * What a job's first attempt costs if it lasts its `timeout_s`: `estimate $0.05, spot $0.020`.
 *
 * @returns undefined where a price is not known
 */
export function estimateText(job: Jobs[number], region: string): string | undefined {
  const found = estimateJobs([job], { region });
  const [estimate] = 'estimates' in found ? found.estimates : [];
  return estimate && `estimate ${dollars(estimate.most)}${spotText(estimate)}`;
}

const spotText = ({ market, atTimeout }: JobEstimate) => (market === 'spot' ? `, spot ${dollars(atTimeout)}` : '');
