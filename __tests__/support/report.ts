import type { ReportRow } from '../../cli/output/report/figures';

const PLACES = [
  ...['01', '02', '03N', '03S', '03W', '04', '05', '06', '07', '08', '09', '10L', '10U', '11', '12', '13', '14'],
  ...['15', '16', '18'],
];
const HOURLY = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0'));
const SIX = ['00', '06', '12', '18'];

/** The lines of ngen-datastream's schedule: 1,238 jobs a day. */
const LINES: readonly (readonly [
  stream: string,
  line: string,
  cycles: readonly string[],
  places: readonly string[],
])[] = [
  ['cfe_nom', 'short_range', HOURLY, PLACES],
  ['cfe_nom', 'medium_range', SIX, PLACES],
  ['cfe_nom', 'analysis_assim_extend', ['16'], PLACES],
  ['lstm_0', 'short_range', HOURLY, PLACES],
  ['lstm_0', 'medium_range', SIX, PLACES],
  ['lstm_0', 'analysis_assim_extend', ['16'], PLACES],
  ['forcing', 'short_range', HOURLY, ['']],
  ['forcing', 'medium_range', SIX, ['']],
  ['forcing', 'analysis_assim_extend', ['16'], ['']],
  ['restart', 'hourly', HOURLY, ['']],
  ['routing_only', 'short_range', HOURLY, ['03W']],
  ['qkrig', 'daily', ['00'], ['']],
];

/** The jobs of five days of them, of which some fail, are retried, are missing or run. The same at every call. */
export function fiveDays(): ReportRow[] {
  return Array.from({ length: 5 }, (_, day) => `202608${18 + day}`).flatMap((day, dayIndex) =>
    LINES.flatMap(([stream, line, cycles, places]) =>
      cycles.flatMap((cycle) =>
        places.map((place, index): ReportRow => {
          const dice =
            (dayIndex * 7919 + Number(cycle) * 104_729 + index * 1299 + line.length * 31 + stream.length) % 1000;
          const name = `${stream}_${line}_vpu${place}_init${cycle}_${day}`;
          const base = {
            name,
            execution: name,
            executions: 1,
            day,
            stream,
            line,
            cycle,
            place,
            lead_s: null,
            object: null,
          };
          const seconds = (line === 'medium_range' ? 1500 : 400) + (dice % 300);
          const dollars = Number((seconds * 0.00006).toFixed(6));
          if (dice < 6) {
            return {
              ...base,
              execution: null,
              executions: 0,
              status: 'NOT_STARTED',
              error: null,
              attempts: null,
              seconds: null,
              dollars: 0,
            };
          }
          if (dice < 20) {
            const cause = `Command 1 ended with exit code 1: "./run -s ${day} <forcing> & more"\nlast lines`;
            return { ...base, status: 'FAILED', error: 'CommandFailed', cause, attempts: 3, seconds, dollars };
          }
          if (dayIndex === 4 && cycle === '23') {
            return { ...base, status: 'RUNNING', error: null, attempts: null, seconds: null, dollars: null };
          }
          const lead_s = 18_000 + seconds;
          return { ...base, status: 'SUCCEEDED', error: null, attempts: dice < 60 ? 2 : 1, seconds, lead_s, dollars };
        }),
      ),
    ),
  );
}
