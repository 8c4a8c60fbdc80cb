import { own } from '../../prices/instances';
import { type EstimateOptions, estimateJobs, type JobEstimate, USUAL_REGION } from '../estimate';
import { grouped } from '../grouped';
import { HISTORY_DAYS, medianSeconds } from '../history';
import type { MatrixOptions } from '../matrix-file';
import { dollars } from '../output/dollars';
import { priceSentence } from '../output/price-sentence';
import { problemLines } from '../output/problem-lines';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';
import { knownPrices } from '../price-list';
import { isMatrixFile, readJobs } from '../submission-jobs';
import { type WhereOptions, withExecutions } from '../where';

export interface CostEstimateOptions extends MatrixOptions, Partial<WhereOptions> {
  /** How long each job's commands run. Default: until its `timeout_s`. */
  readonly seconds?: number;
  /** Ask how long the jobs have lasted in the last days, where `arn`, `local` and `folder` say. */
  readonly history?: boolean;
  /** Print one JSON document. */
  readonly json?: boolean;
}

/**
 * Prints what jobs are expected to cost: those of execution files, of a manifest, or of a day of a matrix.
 *
 * @returns the exit code: 0, 1 with any error in a file and where a price is not known, 2 for wrong options; with `history`
 * also as of `withExecutions`
 */
export async function costEstimate(
  files: readonly string[],
  { seconds: given, history, json, ...options }: CostEstimateOptions,
  now: Date,
  out: Output,
  err: Output,
): Promise<number> {
  if (given !== undefined && history) {
    err.write(wrap('--seconds says how long each job runs, and --history asks for it: leave one of them out.\n', err));
    return 2;
  }
  const [first = ''] = files;
  // Any day will do: each day of a matrix has the same jobs.
  const date = isMatrixFile(first) ? { date: now.toISOString().slice(0, 10).replaceAll('-', '') } : {};
  const read = await readJobs(files, { ...options, ...date }, err);
  if (typeof read === 'number') return read;
  if ('error' in read) {
    err.write(wrap(`${read.error}\n`, err));
    return 2;
  }
  const errors = read.problems.filter(({ severity }) => severity === 'error');
  for (const problem of errors) err.write(problemLines(problem, err));
  if (errors.length > 0) return 1;
  const { jobs } = read;
  let seconds: EstimateOptions['seconds'] = given;
  if (history) {
    const code = await withExecutions({ folder: '.datastream', ...options }, err, async (executions) => {
      seconds = await medianSeconds(jobs, executions, now);
      return 0;
    });
    if (code !== 0) return code;
  }
  const found = estimateJobs(jobs, { ...(seconds && { seconds }), region: options.region ?? USUAL_REGION });
  if ('unknown' in found) {
    for (const sentence of found.unknown) err.write(wrap(`${sentence}\n`, err));
    return 1;
  }
  const { estimates } = found;
  if (json) out.write(`${JSON.stringify(documentOf(estimates, given), null, 2)}\n`);
  else {
    out.write(table([HEADER, ...rowsOf(estimates), rowOf('total', '', estimates)]));
    out.write(wrap(`${sentencesOf(estimates, { given, history }, now).join('\n')}\n`, out));
  }
  return 0;
}

const HEADER = ['TYPE', 'MARKET', 'JOBS', 'INSTANCES', 'VOLUMES', 'IPV4', 'MACHINE', 'TOTAL'];

const PARTS = ['instance', 'volumes', 'addresses', 'orchestration', 'total'] as const;

const sum = (all: readonly JobEstimate[], part: (typeof PARTS)[number] | 'atTimeout') =>
  all.reduce((total, each) => total + each[part], 0);

function rowsOf(estimates: readonly JobEstimate[]): string[][] {
  const groups = grouped(estimates, ({ type, market }) => `${type} ${market}`);
  return [...groups].map(([key, group]) => rowOf(...(key.split(' ') as [string, string]), group));
}

function rowOf(type: string, market: string, group: readonly JobEstimate[]): string[] {
  return [type, market, group.length.toLocaleString('en-US'), ...PARTS.map((part) => dollars(sum(group, part)))];
}

function sentencesOf(
  estimates: readonly JobEstimate[],
  { given, history }: { readonly given: number | undefined; readonly history: boolean | undefined },
  now: Date,
): string[] {
  const jobs = count(estimates.length, 'job');
  const most = `at most ${dollars(sum(estimates, 'atTimeout'))}, if every first attempt lasts its timeout_s`;
  const unknownTimes = estimates.filter(({ seconds }) => seconds === null).length;
  const how =
    given === undefined ? `as long as the median of the last ${HISTORY_DAYS} days` : `whose commands run ${given} s`;
  const expected =
    unknownTimes === estimates.length
      ? `${jobs}: ${most}`
      : `${jobs} ${how}: ${dollars(sum(estimates, 'total'))}; ${most}`;
  const early = estimates.filter(({ endsAtTimeout }) => endsAtTimeout).length;
  const unknown = [...new Set(estimates.filter(({ spotUnknown }) => spotUnknown).map(({ type }) => type))];
  const regions = [...new Set(estimates.map(({ region }) => region))];
  return [
    expected,
    ...(early > 0
      ? [`${count(early, 'job')} of these ${early === 1 ? 'ends at its' : 'end at their'} timeout_s before that.`]
      : []),
    ...(history && unknownTimes > 0
      ? [
          `${count(unknownTimes, 'job')} of these ${unknownTimes === 1 ? 'has' : 'have'} not succeeded in the last ${HISTORY_DAYS} days, and count${unknownTimes === 1 ? 's' : ''} until timeout_s.`,
        ]
      : []),
    ...(unknown.length > 0
      ? [
          `The spot price of ${unknown.join(', ')} is not known, so on-demand is assumed: run 'datastream cost prices update --region ${regions[0]}'.`,
        ]
      : []),
    ...regions.map((region) => priceSentence(region, now, knownPrices())),
  ];
}

function documentOf(estimates: readonly JobEstimate[], seconds: number | undefined) {
  const regions = [...new Set(estimates.map(({ region }) => region))];
  return {
    jobs: estimates.length,
    seconds: seconds ?? null,
    dollars: Object.fromEntries(PARTS.map((part) => [part, rounded(sum(estimates, part))])),
    dollars_at_timeout: rounded(sum(estimates, 'atTimeout')),
    prices_of: Object.fromEntries(regions.map((region) => [region, own(knownPrices(), region)?.as_of])),
    estimates: estimates.map(({ name, region, type, seconds: its, market, spotUnknown, total, endsAtTimeout }) => ({
      name,
      region,
      type,
      seconds: its,
      ends_at_timeout: endsAtTimeout,
      market,
      spot_price_known: !spotUnknown,
      dollars: rounded(total),
    })),
  };
}

const rounded = (value: number) => Number(value.toFixed(6));
