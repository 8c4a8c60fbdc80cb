import { oldDays, own } from '../../prices/instances';
import { type EstimateOptions, estimateJobs, type JobEstimate, USUAL_REGION } from '../estimate';
import { grouped } from '../grouped';
import type { MatrixOptions } from '../matrix-file';
import { dollars } from '../output/dollars';
import { problemLines } from '../output/problem-lines';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';
import { knownPrices } from '../price-list';
import { isMatrix, readJobs } from '../submission-jobs';

export interface CostEstimateOptions extends MatrixOptions, Pick<EstimateOptions, 'seconds'> {
  /** Print one JSON document. */
  readonly json?: boolean;
}

/**
 * Prints what jobs are expected to cost: those of execution files, of a manifest, or of a day of a matrix.
 *
 * @returns the exit code: 0, 1 with any error in a file and where a price is not known, 2 for wrong options
 */
export async function costEstimate(
  files: readonly string[],
  { seconds, json, ...options }: CostEstimateOptions,
  now: Date,
  out: Output,
  err: Output,
): Promise<number> {
  const [first = ''] = files;
  // Any day will do: each day of a matrix has the same jobs.
  const date = isMatrix(first) ? { date: now.toISOString().slice(0, 10).replaceAll('-', '') } : {};
  const read = await readJobs(files, { ...options, ...date }, err);
  if (typeof read === 'number') return read;
  if ('error' in read) {
    err.write(wrap(`${read.error}\n`, err));
    return 2;
  }
  const errors = read.problems.filter(({ severity }) => severity === 'error');
  for (const problem of errors) err.write(problemLines(problem, err));
  if (errors.length > 0) return 1;
  const found = estimateJobs(read.jobs, { ...(seconds && { seconds }), region: options.region ?? USUAL_REGION });
  if ('unknown' in found) {
    for (const sentence of found.unknown) err.write(wrap(`${sentence}\n`, err));
    return 1;
  }
  const { estimates } = found;
  if (json) out.write(`${JSON.stringify(documentOf(estimates, seconds), null, 2)}\n`);
  else {
    out.write(table([HEADER, ...rowsOf(estimates), rowOf('total', '', estimates)]));
    out.write(wrap(`${sentencesOf(estimates, seconds, now).join('\n')}\n`, out));
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

function sentencesOf(estimates: readonly JobEstimate[], seconds: number | undefined, now: Date): string[] {
  const jobs = count(estimates.length, 'job');
  const expected =
    seconds === undefined
      ? `${jobs}: at most ${dollars(sum(estimates, 'total'))}, if every first attempt lasts its timeout_s`
      : `${jobs} whose commands run ${seconds} s: ${dollars(sum(estimates, 'total'))}; at most ${dollars(sum(estimates, 'atTimeout'))}, if every first attempt lasts its timeout_s`;
  const unknown = [...new Set(estimates.filter(({ spotUnknown }) => spotUnknown).map(({ type }) => type))];
  const regions = [...new Set(estimates.map(({ region }) => region))];
  return [
    expected,
    ...(unknown.length > 0
      ? [
          `The spot price of ${unknown.join(', ')} is not known, so on-demand is assumed: run 'datastream cost prices update --region ${regions[0]}'.`,
        ]
      : []),
    ...regions.map((region) => priceSentence(region, now)),
  ];
}

function priceSentence(region: string, now: Date): string {
  const prices = own(knownPrices(), region);
  if (!prices) return '';
  const days = oldDays(prices, now);
  const old =
    days === undefined ? '' : `, which is ${days} days ago: run 'datastream cost prices update --region ${region}'`;
  return `List prices of ${region} of ${prices.as_of}${old}.`;
}

function documentOf(estimates: readonly JobEstimate[], seconds: number | undefined) {
  const regions = [...new Set(estimates.map(({ region }) => region))];
  return {
    jobs: estimates.length,
    seconds: seconds ?? null,
    dollars: Object.fromEntries(PARTS.map((part) => [part, rounded(sum(estimates, part))])),
    dollars_at_timeout: rounded(sum(estimates, 'atTimeout')),
    prices_of: Object.fromEntries(regions.map((region) => [region, own(knownPrices(), region)?.as_of])),
    estimates: estimates.map(({ name, region, type, market, spotUnknown, total }) => ({
      name,
      region,
      type,
      market,
      spot_price_known: !spotUnknown,
      dollars: rounded(total),
    })),
  };
}

const rounded = (value: number) => Number(value.toFixed(6));
