import { longestSilenceHours } from '../../executions/matrix/silence';
import { rivers } from '../support/rounds';

const matrix = rivers();
const only = (line: string) => ({ ...matrix, lines: matrix.lines.filter((each) => each.line === line) });

test('is from a round until the first job of a later one must have ended', () => {
  // gauges once a day, 30 minutes; forecast/medium_range and forcing/medium_range every six hours, at other minutes.
  expect(longestSilenceHours(only('daily')) - 24).toBeGreaterThan(0.5);
  expect(longestSilenceHours(only('daily'))).toBeLessThan(27);
  expect(longestSilenceHours(matrix)).toBeLessThan(2);
  expect(longestSilenceHours(matrix)).toBeGreaterThan(0.5);
});

test('is that of the rounds that are left when others end', () => {
  const forecast = {
    ...matrix,
    lines: matrix.lines.filter(({ stream, line }) => stream === 'forecast' && line === 'medium_range'),
  };

  // Every six hours; each job has 7,200 s, and begins a minute after its round.
  expect(longestSilenceHours(forecast)).toBeCloseTo(6 + 2 + 1 / 60);
});
