import { cyclesBetween } from '../../executions/matrix/names';
import type { Executions } from '../executions';
import { type Following, lookUntil } from '../following';
import { type CycleStanding, type LinesOptions, linesOf, standingsOf } from '../lines';
import { changingLine, duration } from '../output/standing';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';
import { again, type WhereOptions, withExecutions } from '../where';
import { executionsSince, lineRow } from './list-lines';

export interface WatchLineOptions extends WhereOptions, Following, Pick<LinesOptions, 'matrix' | 'tfvars'> {
  /** `YYYYMMDDTHH`; default: the one that was due last. */
  readonly cycle?: string;
}

const DAY_MS = 86_400_000;
/** Step Functions knows executions for so long. */
const KNOWN_MS = 90 * DAY_MS;

/**
 * Prints how many jobs of a line's cycle stand how, at each change, until all have ended.
 *
 * @param name `STREAM/LINE`
 * @returns the exit code: 0 all succeeded, 1 some did not or are missing, 2 where there is no such line or cycle, 3 some
 * still run at the time-out, 5 where AWS cannot be asked, 130 after Ctrl-C
 */
export function watchLine(name: string, options: WatchLineOptions, out: Output, err: Output): Promise<number> {
  const [stream = '', line = ''] = name.split('/');
  return withExecutions(options, err, async (executions) => {
    const read = await linesOf({ ...options, stream, line }, executions.region, err);
    if (typeof read === 'number') return read;
    const now = new Date();
    const since = new Date(now.getTime() - (options.cycle === undefined ? 2 * DAY_MS : KNOWN_MS));
    const cycles = cyclesBetween(read.matrix, since, now);
    const cycle = cycles.find((each) => (options.cycle ?? each.cycle) === each.cycle);
    if (!cycle) {
      const last = cycles[0]?.cycle;
      const sentence = `${name} had no cycle ${options.cycle} that was due in the last 90 days: write one such as ${last}.`;
      err.write(wrap(`${sentence}\n`, err));
      return 2;
    }
    const shown = changingLine(out);
    let row = '';
    let standing: CycleStanding | undefined;
    const look = async () => {
      standing = await standingOf(cycle, executions);
      if (!standing) return 2;
      const { p50_seconds, ...counts } = lineRow(standing);
      if (!options.json) shown.show(standingLine(standing, new Date()), JSON.stringify(counts));
      else if (JSON.stringify(counts) !== row) out.write(`${JSON.stringify(counts)}\n`);
      row = JSON.stringify(counts);
      if (standing.running.length + standing.starting.length > 0) return undefined;
      return standing.ok.length === cycle.starts.length ? 0 : 1;
    };
    const matrix = options.matrix === undefined ? '' : ` --matrix ${options.matrix}`;
    const left = () => {
      shown.end();
      return `${count((standing?.running.length ?? 0) + (standing?.starting.length ?? 0), 'job')} of ${name}. Stop them with 'datastream cancel --stream ${stream} --line ${line} --cycle ${cycle.cycle}${matrix}${again(options)}'.`;
    };
    const code = await lookUntil(options, look, left, err);
    shown.end();
    return code;
  });
}

async function standingOf(cycle: Parameters<typeof standingsOf>[0][number], executions: Executions) {
  return standingsOf([cycle], await executionsSince([cycle], executions), new Date())[0];
}

/** `20260818T22  20 jobs: 14 ok, 5 running, 1 starting; the oldest 6m12s` */
function standingLine({ cycle, ok, failed, running, starting, missing }: CycleStanding, now: Date): string {
  const kinds = { ok, failed, running, starting, missing };
  const parts = Object.entries(kinds).flatMap(([kind, those]) => (those.length > 0 ? [`${those.length} ${kind}`] : []));
  const oldest = Math.min(...running.map(({ startedAt }) => startedAt.getTime()));
  const age = running.length === 0 ? '' : `; the oldest ${duration((now.getTime() - oldest) / 1000)}`;
  return `${cycle.cycle}  ${count(cycle.starts.length, 'job')}: ${parts.join(', ')}${age}`;
}
