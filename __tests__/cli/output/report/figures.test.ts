import { figuresOf, outcomeOf, type ReportRow } from '../../../../cli/output/report/figures';

const NOW = new Date('2026-08-23T02:00:00Z');

const row = (changes: Partial<ReportRow> = {}): ReportRow => ({
  name: 'job',
  execution: changes.name ?? 'job',
  executions: 1,
  place: '',
  lead_s: 18_480,
  object: null,
  day: '20260818',
  stream: 'flow',
  line: 'short',
  cycle: '00',
  status: 'SUCCEEDED',
  error: null,
  attempts: 1,
  seconds: 480,
  dollars: 0.05,
  ...changes,
});

const figures = (rows: readonly ReportRow[]) => figuresOf(rows, 'sm', NOW);

it.each([
  [{ status: 'SUCCEEDED', attempts: 1 }, 'ok'],
  [{ status: 'SUCCEEDED', attempts: null }, 'ok'],
  [{ status: 'SUCCEEDED', attempts: 2 }, 'retried'],
  [{ status: 'RUNNING', attempts: null }, 'running'],
  [{ status: 'FAILED', attempts: 3 }, 'failed'],
  [{ status: 'TIMED_OUT', attempts: null }, 'failed'],
  [{ status: 'ABORTED', attempts: 1 }, 'failed'],
  [{ status: 'NOT_STARTED', attempts: null }, 'missing'],
  [{ status: 'NOT_STARTED', attempts: null, paused: true }, 'paused'],
] as const)('the outcome of %j is %s', (job, outcome) => {
  expect(outcomeOf(job)).toBe(outcome);
});

describe('The figures', () => {
  it('count each job once in the whole, its stream, its day, its line and its cycle', () => {
    const report = figures([
      row({ day: '20260819', cycle: '12' }),
      row({ cycle: '06', status: 'FAILED', error: 'CommandFailed', attempts: 3 }),
      row({ line: 'long', status: 'NOT_STARTED', attempts: null, seconds: null, dollars: 0 }),
      row({ stream: 'other', status: 'RUNNING', attempts: null, seconds: null, dollars: null }),
    ]);

    expect([report.from, report.to]).toEqual(['20260818', '20260819']);
    expect(report.totals).toMatchObject({ jobs: 4, ok: 1, retried: 0, running: 1, failed: 1, missing: 1 });
    expect(report.totals).toMatchObject({ dollars: 0.1, dollars_unknown: 1 });
    expect(report.streams.map(({ stream, jobs }) => [stream, jobs])).toEqual([
      ['flow', 3],
      ['other', 1],
    ]);
    expect(report.days.map(({ stream, day, jobs }) => [stream, day, jobs])).toEqual([
      ['flow', '20260818', 2],
      ['other', '20260818', 1],
      ['flow', '20260819', 1],
    ]);
    expect(report.lines.map(({ stream, line, jobs }) => [stream, line, jobs])).toEqual([
      ['flow', 'short', 2],
      ['flow', 'long', 1],
      ['other', 'short', 1],
    ]);
    expect(report.cycles.find(({ cycle }) => cycle === '06')).toEqual({
      stream: 'flow',
      line: 'short',
      day: '20260818',
      cycle: '06',
      ok: 0,
      retried: 0,
      running: 0,
      failed: 1,
      missing: 0,
      paused: 0,
    });
  });

  it('take durations of the jobs that succeeded alone, by nearest rank', () => {
    const seconds = Array.from({ length: 100 }, (_, index) => row({ seconds: 100 - index }));

    const { totals } = figures([...seconds, row({ status: 'FAILED', error: 'JobTimedOut', seconds: 9999 })]);

    expect(totals).toMatchObject({ p50_s: 50, p95_s: 95, longest_s: 100 });
    expect(figures([row({ status: 'FAILED' })]).totals).toMatchObject({ p50_s: null, p95_s: null, longest_s: null });
  });

  it('name the most frequent error first, with a job that has it', () => {
    const failed = (error: string, name: string) => row({ status: 'FAILED', error, name });

    expect(figures([failed('A', 'a'), failed('B', 'b1'), failed('B', 'b2'), row()]).errors).toEqual([
      { error: 'B', jobs: 2, example: 'b1' },
      { error: 'A', jobs: 1, example: 'a' },
    ]);
  });

  it('are those of nothing where there are no rows', () => {
    expect(figures([])).toMatchObject({ from: '', to: '', totals: { jobs: 0, p50_s: null }, lines: [], anomalies: [] });
  });
});

describe('What is unusual', () => {
  const anomalies = (rows: readonly ReportRow[]) => figures(rows).anomalies.map(({ kind, text }) => `${kind}: ${text}`);
  const many = (count: number, changes: Partial<ReportRow> = {}) => Array.from({ length: count }, () => row(changes));

  it('is a job of more than 120 minutes', () => {
    expect(anomalies([row({ seconds: 7200 })])).toEqual([]);
    expect(anomalies([row({ seconds: 7201 }), row()])).toEqual(['long: 1 of 2 jobs took more than 120 minutes']);
  });

  it('is a line of which more than a tenth needed a second attempt', () => {
    expect(anomalies([...many(9), row({ attempts: 2 })])).toEqual([]);
    expect(anomalies([...many(8), row({ attempts: 2 })])).toEqual(['retries: 1 of 9 jobs needed a second attempt']);
  });

  it('is looked for in the jobs that have an execution', () => {
    const missing = many(50, { status: 'NOT_STARTED', attempts: null, seconds: null, dollars: 0 });

    expect(anomalies([...many(2), ...many(2, { attempts: 2 }), ...missing])).toEqual([
      'retries: 2 of 4 jobs needed a second attempt',
    ]);
  });

  it('is a day on which a job cost more than 1.5 times the median of the days', () => {
    const days = (last: number) => [
      ...many(2),
      ...many(2, { day: '20260819' }),
      ...many(2, { day: '20260820', dollars: last }),
    ];

    expect(anomalies(days(0.075))).toEqual([]);
    expect(anomalies(days(0.08))).toEqual(['dearer: a job cost $0.080 on 2026-08-20, and $0.050 on most days']);
  });
});
