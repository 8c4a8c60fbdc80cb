import { differences } from '../../executions/matrix/compare';
import { expanded, line, matrixFile, stream, withLine, withStream } from '../support/matrices';

const compared = (before: unknown, after: unknown) => differences(expanded(before), expanded(after));
const vars = { ami_id: 'ami-0123456789abcdef0', instance_type: 'm8g.xlarge', timeout_s: 600 };

describe('the differences of two matrices', () => {
  it('are none where the jobs are the same, however the matrix is written', () => {
    const lists = { two: ['00', '12'], places: ['a', 'b'] };

    expect(
      compared(matrixFile(), {
        ...withStream({ each: { place: 'places' }, lines: { short: line({ cycles: 'two' }) } }),
        lists,
      }),
    ).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    [
      'another AMI',
      matrixFile({ vars: { ...vars, ami_id: 'ami-0fedcba9876543210' } }),
      ['flow/short: 4 jobs: $.instance_parameters.ImageId: "ami-0123456789abcdef0" becomes "ami-0fedcba9876543210"'],
    ],
    [
      'a time-out of one job',
      withLine({ vars: { timeout_s: { by: 'place', b: 900, else: 600 } } }),
      ['flow/short: 2 jobs: $.run_options.timeout_s: 600 becomes 900'],
    ],
    [
      'another schedule',
      withLine({ lag: '2:00' }),
      ['flow/short: cron(30 1,13 * * ? *) becomes cron(0 2,14 * * ? *) UTC'],
    ],
    [
      'a cycle more',
      withLine({ cycles: '00..12/6' }),
      [
        'flow/short: cron(30 1,13 * * ? *) becomes cron(30 1,7,13 * * ? *) UTC',
        'flow/short: 2 jobs are new: job_short_a_06, ...',
      ],
    ],
    ['a place less', withStream({ each: { place: ['a'] } }), ['flow/short: 2 jobs are removed: job_short_b_00, ...']],
    [
      'a new line',
      withStream({ lines: { short: line(), long: line({ cycles: ['00'] }) } }),
      ['flow/long: is new, 2 jobs, cron(30 1 * * ? *) UTC'],
    ],
    [
      'another stream',
      matrixFile({ streams: { other: stream() } }),
      ['flow/short: is removed, 4 jobs', 'other/short: is new, 4 jobs, cron(30 1,13 * * ? *) UTC'],
    ],
    [
      'another catch-up, pace and pin',
      withLine({ catch_up_h: 0, pin: ['run'] }, {}),
      ['flow/short: catch_up_h: 6 becomes 0', 'flow/short: pin differs'],
    ],
    ['another pace', matrixFile({ starts_per_second: 3 }), ['starts_per_second: 1.5 becomes 3']],
    [
      'a new key of the input',
      withLine({ gate: true }),
      ['flow/short: 4 jobs: $.run_options.ii_wait_inputs: nothing becomes true'],
    ],
  ])('of %s are told in a line each', (_, after, texts) => {
    expect(compared(matrixFile(), after)).toEqual(texts);
  });

  it('show of a long text what differs, and a job where it is not the same in all', () => {
    const template = (end: string) => `{ "commands": ["${'x'.repeat(80)} ${end} ${'y'.repeat(80)}"] }`;
    const of = (end: string) => expanded(matrixFile(), { templates: { 'job.tpl': template(end) } });

    expect(differences(of('1'), of('2'))).toEqual([
      'flow/short: 4 jobs: $.commands[0]: "…xxxxxxxxxxx 1 yyyyyyyyyyy…" becomes "…xxxxxxxxxxx 2 yyyyyyyyyyy…"',
    ]);
    expect(differences(of('1'), of('${place}'))).toEqual([
      'flow/short: 4 jobs: $.commands[0]: "…xxxxxxxxxxx 1 yyyyyyyyyyy…" becomes "…xxxxxxxxxxx a yyyyyyyyyyy…" in job_short_a_00',
    ]);
  });

  it('of many places are counted', () => {
    const of = (value: number) =>
      expanded(matrixFile(), {
        templates: {
          'job.tpl': JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, key) => [`k${key}`, value]))),
        },
      });

    const texts = differences(of(1), of(2));

    expect(texts).toHaveLength(9);
    expect(texts.at(-1)).toBe('flow/short: 12 further places differ');
  });
});
