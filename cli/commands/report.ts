import { existsSync } from 'node:fs';
import { SFNClient } from '@aws-sdk/client-sfn';
import { startsOfDay } from '../../executions/matrix/schedule';
import { readJsonFile } from '../../files/json-file';
import { record } from '../../files/values';
import { writeFileAtomically } from '../../files/write-file';
import { CLIENT } from '../../lambdas/runtime/clients';
import { awsSentence } from '../../packer/aws-errors';
import { deployed } from '../aws/deployment';
import { reportRows } from '../aws/report-rows';
import { type MatrixOptions, usableMatrix } from '../matrix-file';
import type { ReportRow } from '../output/report/figures';
import { makeReport } from '../output/report/page';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';
import { knownPrices } from '../price-list';

export interface ReportOptions extends Omit<MatrixOptions, 'region'> {
  /** The state machine; default: DATASTREAM_ARN, then Terraform's state in this folder. */
  readonly arn?: string;
  /** How many days of cycles, the last of which is today in UTC. */
  readonly days: number;
  /** The page to write, `.html`; its twin, `.json`, is written beside it. */
  readonly out: string;
}

const DAY_MS = 86_400_000;
/** What was scheduled less than this ago is its planner's. */
const PLANNER_MS = 900_000;

/**
 * Writes the report of the last days of a deployed matrix.
 *
 * @returns the exit code: 0, 1 with any error in the matrix, 2 when a file cannot be read or written, 5 when AWS cannot be
 * asked
 */
export async function report(
  file: string,
  options: ReportOptions,
  now: Date,
  out: Output,
  err: Output,
  clientOf: (region: string) => Pick<SFNClient, 'send'> = clientOfRegion,
): Promise<number> {
  const machine = deployed(options.arn);
  if ('error' in machine) {
    err.write(wrap(`${machine.error}\n`, err));
    return 2;
  }
  const { arn, region } = machine;
  const matrix = await usableMatrix(file, { ...options, region }, err);
  if (typeof matrix === 'number') return matrix;
  const starts = daysUntil(now, options.days)
    .flatMap((day) => startsOfDay(matrix, day))
    .filter(({ scheduled }) => scheduled.getTime() + PLANNER_MS < now.getTime());
  const title = arn.split(':').at(-1) ?? arn;
  const twin = options.out.replace(/\.html$/, '.json');
  let rows: readonly ReportRow[];
  try {
    rows = await reportRows(
      starts,
      { sfn: clientOf(region), stateMachineArn: arn, prices: knownPrices() },
      rowsIn(twin, title),
    );
  } catch (error) {
    err.write(wrap(`${awsSentence(error, region)}\n`, err));
    return 5;
  }
  const { html, document } = makeReport(rows, title, now);
  writeFileAtomically(options.out, html);
  writeFileAtomically(twin, `${JSON.stringify(document)}\n`);
  const { jobs, ok, retried, running, failed, missing } = document.totals;
  const parts = [`${count(jobs, 'job')} expected`, `${ok + retried} ok`, `${failed} failed`, `${missing} missing`];
  if (running > 0) parts.push(`${running} running`);
  const size = `${Math.ceil(Buffer.byteLength(html) / 1024)} KB`;
  out.write(wrap(`${options.out}  ${size}  ${parts.join(', ')}\n`, out));
  return 0;
}

/** Thousands of jobs are asked for: `adaptive` keeps to the rate that Step Functions grants. */
const clientOfRegion = (region: string) => new SFNClient({ ...CLIENT, region, retryMode: 'adaptive', maxAttempts: 10 });

/** The rows of an earlier report of the same machine; none where there is none. */
function rowsIn(twin: string, title: string): readonly ReportRow[] {
  if (!existsSync(twin)) return [];
  const read = readJsonFile(twin);
  const document = 'value' in read ? record(read.value) : {};
  return document.title === title && Array.isArray(document.rows) ? (document.rows as readonly ReportRow[]) : [];
}

/** The last days, ascending, YYYYMMDD in UTC. */
function daysUntil(now: Date, days: number): string[] {
  return Array.from({ length: days }, (_, index) =>
    new Date(now.getTime() - (days - 1 - index) * DAY_MS).toISOString().slice(0, 10).replaceAll('-', ''),
  );
}
