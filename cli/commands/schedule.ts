import { awsSentence } from '../../packer/aws-errors';
import { deployed } from '../aws/deployment';
import { findSchedules, type LineSchedule, setState } from '../aws/schedules';
import { count } from '../output/summary';
import { table } from '../output/table';
import { unknownName } from '../output/unknown-name';
import { type Output, wrap } from '../output/wrap';

export interface ScheduleOptions {
  /** The state machine; default: DATASTREAM_ARN, then Terraform's state in this folder. */
  readonly arn?: string;
  /** The stream whose schedules are meant; default: all. */
  readonly stream?: string;
  /** The line of that stream; default: all. */
  readonly line?: string;
  /** Start, after the pause, what was not started in it. */
  readonly catchUp?: boolean;
  readonly json?: boolean;
}

/**
 * Lists, pauses or resumes the schedules of a deployed matrix.
 *
 * @returns the exit code: 0, 2 where there is no such stream or line or it is not known which machine is meant, 5 when AWS
 * cannot be asked
 */
export async function schedule(
  action: 'list' | 'pause' | 'resume',
  options: ScheduleOptions,
  out: Output,
  err: Output,
): Promise<number> {
  const machine = deployed(options.arn);
  if ('error' in machine) {
    err.write(wrap(`${machine.error}\n`, err));
    return 2;
  }
  const { arn, region, scheduler } = machine;
  try {
    const all = await findSchedules(scheduler, arn);
    const wanted = all.filter(
      ({ stream, line }) => (options.stream ?? stream) === stream && (options.line ?? line) === line,
    );
    if (wanted.length === 0) {
      err.write(wrap(`${nothing(all, options, arn)}\n`, err));
      return 2;
    }
    if (action !== 'list') {
      const notBefore = options.catchUp ? undefined : new Date();
      for (const each of wanted) {
        if (action === 'pause') await setState(scheduler, each, 'DISABLED');
        else await setState(scheduler, each, 'ENABLED', notBefore);
      }
    }
    // As they are now: of what was changed, AWS is asked again.
    const now = action === 'list' ? wanted : (await findSchedules(scheduler, arn)).filter(isOneOf(wanted));
    show(now, options.json === true, out);
    if (action !== 'list' && !options.json) out.write(`${count(wanted.length, 'schedule')} ${action}d\n`);
    return 0;
  } catch (error) {
    err.write(wrap(`${awsSentence(error, region)}\n`, err));
    return 5;
  }
}

const isOneOf =
  (wanted: readonly LineSchedule[]) =>
  ({ stream, line }: LineSchedule) =>
    wanted.some((each) => each.stream === stream && each.line === line);

function show(schedules: readonly LineSchedule[], asJson: boolean, out: Output): void {
  const rows = schedules.map(({ stream, line, state, cron, notBefore }) => ({
    stream,
    line,
    state,
    cron,
    not_before: notBefore ?? null,
  }));
  if (asJson) {
    out.write(`${JSON.stringify({ schedules: rows }, null, 2)}\n`);
    return;
  }
  const cells = rows.map((row) => [`${row.stream}/${row.line}`, row.state, `${row.cron} UTC`, row.not_before ?? '']);
  out.write(table([['LINE', 'STATE', 'SCHEDULE', 'NOT BEFORE'], ...cells]));
}

function nothing(all: readonly LineSchedule[], { stream, line }: ScheduleOptions, arn: string): string {
  if (all.length === 0) {
    return `${arn} has no schedules of a matrix: name one in cdktf.json and deploy, or write the ARN of another state machine.`;
  }
  const streams = [...new Set(all.map((each) => each.stream))];
  if (stream !== undefined && !streams.includes(stream)) return `${arn}: ${unknownName('stream', stream, streams)}`;
  const lines = all.filter((each) => (stream ?? each.stream) === each.stream).map((each) => each.line);
  return `${arn}: ${unknownName('line', line ?? '', [...new Set(lines)])}`;
}
