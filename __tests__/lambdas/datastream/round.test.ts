import type { Matrix } from '../../../executions/matrix/expand';
import { inputOf, planRound } from '../../../lambdas/datastream/round';
import { expanded, line, matrixFile, stream } from '../../support/matrices';

const at = (text: string) => new Date(`2026-08-18T${text}Z`);
const FIVE = ['a', 'b', 'c', 'd', 'e'];

/** Three lines of one minute, 01:30, with 5, 3 and 1 jobs; one start in a second. */
const matrix: Matrix = expanded(
  matrixFile({
    starts_per_second: 1,
    streams: {
      flow: stream({ each: { place: FIVE }, lines: { short: line({ cycles: '00..23' }) } }),
      wells: stream({ name: 'wells_${place}_${init}', each: { place: FIVE.slice(0, 3) } }),
      rain: stream({ name: 'rain_${place}_${init}', each: { place: ['a'] } }),
    },
  }),
);
const roundOf = (index: number, now: Date, scheduled = at('01:30:00'), notBefore?: Date) => {
  const each = matrix.lines[index];
  if (!each) throw new Error(`There is no line ${index}.`);
  return planRound(matrix, each, scheduled, now, notBefore);
};
const seconds = (times: readonly { readonly at: Date }[], since = at('01:30:00')) =>
  times.map((each) => (each.at.getTime() - since.getTime()) / 1000);

test('the planners of one minute share its slots without a gap and without a double', () => {
  const slots = [0, 1, 2].map((index) => seconds(roundOf(index, at('01:30:20')).due));

  expect(slots).toEqual([[60, 61, 62, 63, 64], [65, 66, 67], [68]]);
});

test('a planner that is called late keeps the pace and the order', () => {
  expect(seconds(roundOf(1, at('01:41:00')).due)).toEqual([665, 666, 667]);
});

test('after the last slot of the minute the lines take turns with what they have missed', () => {
  const slots = [0, 1, 2].map((index) => {
    const round = roundOf(index, at('01:30:00'));
    const [first] = round.earlier.length > 0 ? round.earlier : round.due.map(({ start }) => start);
    return first ? seconds(round.catchUp([first, first, first])) : [];
  });

  expect(slots).toEqual([
    [69, 72, 75],
    [70, 73, 76],
    [71, 74, 77],
  ]);
});

test('what may be caught up are the jobs of the last hours, the newest first, and nothing of other lines', () => {
  const { earlier } = roundOf(0, at('01:30:00'));

  expect(earlier).toHaveLength(6 * 5);
  expect([...new Set(earlier.map(({ scheduled }) => scheduled.toISOString()))]).toEqual(
    ['18T00', '17T23', '17T22', '17T21', '17T20', '17T19'].map((hour) => `2026-08-${hour}:30:00.000Z`),
  );
  expect(earlier[0]?.name).toBe('job_short_a_23_20260817');
  expect([...new Set(earlier.map(({ line: { stream: name } }) => name))]).toEqual(['flow']);
});

test('nothing is caught up from before the time that it is told', () => {
  const { earlier } = roundOf(0, at('01:30:00'), at('01:30:00'), at('00:30:00'));

  expect(earlier.map(({ name }) => name)).toEqual(FIVE.map((place) => `job_short_${place}_23_20260817`));
});

test('at a time without a cycle of the line nothing is due, and earlier jobs are still found', () => {
  const round = roundOf(1, at('04:30:00'), at('04:30:00'));

  expect(round.due).toEqual([]);
  expect(round.earlier.map(({ name }) => name)).toEqual([
    'wells_a_00_20260818',
    'wells_b_00_20260818',
    'wells_c_00_20260818',
  ]);
});

describe('the input of a start', () => {
  const file = matrixFile();
  const dated = expanded(file, {
    templates: {
      'job.tpl': JSON.stringify({
        commands: ['run ${place} $DATE'],
        run_options: { ii_terminate_instance: true, ii_check_s3: false, timeout_s: 600 },
        instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.micro' },
      }),
    },
  });
  const [flow] = dated.lines;
  if (!flow) throw new Error('There is no line.');
  const scheduled = at('01:30:00');
  const [start] = planRound(dated, flow, scheduled, scheduled).due.map((each) => each.start);
  if (!start) throw new Error('There is no start.');
  const commands = (now: Date) => inputOf(start, now).commands;

  test('is the execution file as it is, for a start in its slot or a minute later', () => {
    expect(inputOf(start, at('01:31:00'))).toBe(start.job.input);
    expect(inputOf(start, at('01:32:00'))).toBe(start.job.input);
  });

  test('has the dates of its cycle, for a later start', () => {
    expect(commands(at('01:32:01'))).toEqual(['run a 20260818']);
    expect(commands(new Date('2026-08-20T01:31:00Z'))).toEqual(['run a 20260818']);
  });

  test.each([
    ['day', '23:59:00', '2026-08-19T00:00:00Z'],
    ['hour', '05:59:00', '2026-08-18T06:00:00Z'],
  ])('has them for a start in the next %s, however soon', (_, scheduled, slot) => {
    const next = { ...start, scheduled: at(scheduled), at: new Date(slot) };

    expect(inputOf(next, next.at).commands).toEqual(['run a 20260818']);
  });
});
