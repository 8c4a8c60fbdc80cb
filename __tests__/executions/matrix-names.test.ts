import { cyclesBetween, readNames } from '../../executions/matrix/names';
import { expanded, matrixFile } from '../support/matrices';

const matrix = expanded(matrixFile());

describe("An execution's name", () => {
  const read = readNames(matrix);

  it.each([
    ['job_short_a_12_20260818', 'flow/short 20260818 12'],
    ['job_short_a_12_20260818_r2', 'flow/short 20260818 12'],
  ])('%s says which job of which cycle it is', (name, what) => {
    const found = read(name);

    expect(found && `${found.line.stream}/${found.line.line} ${found.day} ${found.job.cycle}`).toBe(what);
  });

  it.each(['job_short_a_12', 'job_short_c_12_20260818', 'first-job_20260818-091501', 'job_short_a_12_20260818_r2_r3'])(
    '%s is of no job',
    (name) => {
      expect(read(name)).toBeUndefined();
    },
  );
});

describe('The cycles of a time', () => {
  // The lag is 1:30.
  const between = (after: string, until: string) =>
    cyclesBetween(matrix, new Date(after), new Date(until)).map(({ cycle, starts }) => `${cycle} ${starts.length}`);

  it('are those whose schedule was due in it, the newest first, each with its jobs', () => {
    expect(between('2026-08-17T13:00:00Z', '2026-08-18T13:30:00Z')).toEqual([
      '20260818T12 2',
      '20260818T00 2',
      '20260817T12 2',
    ]);
    expect(between('2026-08-18T01:30:00Z', '2026-08-18T13:29:59Z')).toEqual([]);
  });

  it('may be due on the day after theirs', () => {
    const late = expanded(
      matrixFile({
        streams: {
          flow: {
            template: 'job.tpl',
            name: 'j_${place}_${init}',
            each: { place: ['a'] },
            lines: { short: { cycles: ['23'], lag: '3:00' } },
          },
        },
      }),
    );

    expect(
      cyclesBetween(late, new Date('2026-08-18T01:00:00Z'), new Date('2026-08-18T03:00:00Z')).map((each) => each.cycle),
    ).toEqual(['20260817T23']);
  });
});
