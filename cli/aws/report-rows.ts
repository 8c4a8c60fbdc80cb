import type { Start } from '../../executions/matrix/schedule';
import { notStarted } from '../../lambdas/datastream/planner';
import { type JobClients, rowOf } from '../../lambdas/datastream/results';
import type { ReportRow } from '../output/report/figures';

/** How many jobs Step Functions is asked for at once. */
const ASKED_AT_ONCE = 8;

/**
 * Asks Step Functions what became of jobs of a matrix.
 *
 * @param known rows of an earlier report: a job that had ended is not asked for again
 * @returns a row for each start, in their order
 * @throws Error of the SDK
 */
export async function reportRows(
  starts: readonly Start[],
  clients: JobClients,
  known: readonly ReportRow[] = [],
): Promise<ReportRow[]> {
  const ended = known.filter(({ status }) => status !== 'RUNNING' && status !== 'NOT_STARTED');
  const rows = new Map(ended.map((row) => [row.name, row]));
  const others = starts.filter(({ name }) => !rows.has(name));
  const missing = new Set((await notStarted(others, clients)).map(({ name }) => name));
  const region = clients.stateMachineArn.split(':')[3] ?? '';
  const asking = others.values();
  const ask = async () => {
    for (const start of asking) {
      const { name, day, line, job } = start;
      const told = { name, day, stream: line.stream, line: line.line, cycle: job.cycle };
      if (missing.has(name)) {
        rows.set(name, { ...told, status: 'NOT_STARTED', error: null, attempts: null, seconds: null, dollars: 0 });
      } else {
        const { status, error, cause, attempts, seconds, dollars } = await rowOf(name, new Date(0), region, clients);
        const first = cause?.split('\n')[0];
        rows.set(name, { ...told, status, error, ...(first && { cause: first }), attempts, seconds, dollars });
      }
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return starts.flatMap(({ name }) => rows.get(name) ?? []);
}
