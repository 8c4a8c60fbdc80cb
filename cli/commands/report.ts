import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { startsOfDay } from '../../executions/matrix/schedule';
import { readJsonFile } from '../../files/json-file';
import { record } from '../../files/values';
import { writeFileAtomically } from '../../files/write-file';
import { awsSentence } from '../../packer/aws-errors';
import type { LineSchedule } from '../aws/schedules';
import { type MatrixOptions, usableMatrix } from '../matrix-file';
import { REPORT_VERSION, type ReportRow } from '../output/report/figures';
import { makeReport } from '../output/report/page';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';
import { fromFolder, fromS3, withSteps } from '../profiles';
import { reportRows } from '../report-rows';
import { again, type WhereOptions, withExecutions } from '../where';

export interface ReportOptions extends Omit<MatrixOptions, 'region'>, WhereOptions {
  /** How many days of cycles, the last of which is today in UTC. */
  readonly days: number;
  /** The page to write, `.html`; its twin, `.json`, is written beside it. */
  readonly out: string;
  /** Ask each job that succeeded for its steps: a GetObject for each. */
  readonly steps?: boolean;
  /** Where both files are put too, as `s3://bucket/prefix`. */
  readonly upload?: string;
}

/** What the report asks. */
export interface ReportSources {
  readonly s3: (region: string) => Pick<S3Client, 'send'>;
  readonly executions: typeof withExecutions;
  /** The schedules of a deployed matrix. */
  readonly schedules: (
    arn: string | undefined,
  ) => Promise<readonly Pick<LineSchedule, 'stream' | 'line' | 'state' | 'notBefore'>[]>;
}

const SOURCES: ReportSources = {
  s3: (region) => (require('../aws/executions') as typeof import('../aws/executions')).clientsOf(region).s3,
  executions: withExecutions,
  async schedules(arn) {
    const { deployed } = require('../aws/deployment') as typeof import('../aws/deployment');
    const { findSchedules } = require('../aws/schedules') as typeof import('../aws/schedules');
    const machine = deployed(arn);
    return 'error' in machine ? [] : findSchedules(machine.scheduler, machine.arn);
  },
};

const DAY_MS = 86_400_000;
/** What was scheduled less than this ago is its planner's. */
const PLANNER_MS = 900_000;

/**
 * Writes the report of the last days of a deployed matrix, or of what was run on the embedded cloud.
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
  sources: ReportSources = SOURCES,
): Promise<number> {
  return sources.executions(options, err, async (executions) => {
    const matrix = await usableMatrix(file, { ...options, region: executions.region }, err);
    if (typeof matrix === 'number') return matrix;
    const starts = daysUntil(now, options.days)
      .flatMap((day) => startsOfDay(matrix, day))
      .filter(({ scheduled }) => scheduled.getTime() + PLANNER_MS < now.getTime());
    const title = titleOf(options);
    const twin = options.out.replace(/\.html$/, '.json');
    const told = await reportRows(starts, executions, rowsIn(twin, title));
    const read = () => (options.local ? fromFolder(options.folder) : fromS3(sources.s3(executions.region)));
    const found = options.steps ? await withSteps(told, read()) : told;
    const schedules = options.local ? [] : await sources.schedules(options.arn).catch(() => undefined);
    if (!schedules) {
      err.write(wrap('The schedules cannot be read (scheduler:ListSchedules): paused jobs count as missing.\n', err));
    }
    const rows = found.map((row, index): ReportRow => {
      if (row.status !== 'NOT_STARTED') return row;
      const schedule = schedules?.find(({ stream, line }) => stream === row.stream && line === row.line);
      const scheduled = starts[index]?.scheduled ?? now;
      const notBefore = schedule?.notBefore === undefined ? undefined : new Date(schedule.notBefore);
      // A line that was resumed without a catch-up leaves out what was scheduled before.
      const paused = schedule?.state === 'DISABLED' || (notBefore !== undefined && scheduled < notBefore);
      return paused ? { ...row, paused } : row;
    });
    const { html, document } = makeReport(rows, title, now, { twin: basename(twin), where: again(options) });
    writeFileAtomically(options.out, html);
    const json = `${JSON.stringify(document)}\n`;
    writeFileAtomically(twin, json);
    const { jobs, ok, retried, running, failed, missing, paused } = document.totals;
    const parts = [`${count(jobs, 'job')} expected`, `${ok + retried} ok`, `${failed} failed`, `${missing} missing`];
    if (running > 0) parts.push(`${running} running`);
    if (paused > 0) parts.push(`${paused} paused`);
    const size = `${Math.ceil(Buffer.byteLength(html) / 1024)} KB`;
    out.write(wrap(`${options.out}  ${size}  ${parts.join(', ')}\n`, out));
    return options.upload === undefined
      ? 0
      : put(
          { [basename(options.out)]: html, [basename(twin)]: json },
          options.upload,
          executions.region,
          sources,
          out,
          err,
        );
  });
}

/** Puts the files into S3. @returns the exit code */
async function put(
  files: Readonly<Record<string, string>>,
  to: string,
  region: string,
  sources: ReportSources,
  out: Output,
  err: Output,
): Promise<0 | 5> {
  const { s3Place, upload } = require('../aws/upload') as typeof import('../aws/upload');
  const place = s3Place(to);
  if (!place) throw new Error(`'${to}' is no place in S3.`);
  try {
    for (const uri of await upload(files, place, sources.s3(region))) out.write(`${uri}\n`);
    return 0;
  } catch (error) {
    // The report is written: only the copy is not.
    err.write(wrap(`The report is not in ${to}: ${awsSentence(error, region)}\n`, err));
    return 5;
  }
}

/** The name of the state machine, or the folder of the embedded cloud. */
function titleOf({ arn, local, folder }: ReportOptions): string {
  if (local) return folder;
  const { deployed } = require('../aws/deployment') as typeof import('../aws/deployment');
  const machine = deployed(arn);
  return 'arn' in machine ? (machine.arn.split(':').at(-1) ?? machine.arn) : '';
}

/** The rows of an earlier report of the same machine; none where there is none. */
function rowsIn(twin: string, title: string): readonly ReportRow[] {
  if (!existsSync(twin)) return [];
  const read = readJsonFile(twin);
  const document = 'value' in read ? record(read.value) : {};
  return document.title === title && document.version === REPORT_VERSION && Array.isArray(document.rows)
    ? (document.rows as readonly ReportRow[])
    : [];
}

/** The last days, ascending, YYYYMMDD in UTC. */
function daysUntil(now: Date, days: number): string[] {
  return Array.from({ length: days }, (_, index) =>
    new Date(now.getTime() - (days - 1 - index) * DAY_MS).toISOString().slice(0, 10).replaceAll('-', ''),
  );
}
