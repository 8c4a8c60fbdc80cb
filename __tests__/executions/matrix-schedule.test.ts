import type { Line } from '../../executions/matrix/expand';
import { pinnedInput } from '../../executions/matrix/pinned';
import { cronOf, cycleAt, earlierTimes, type Start, startsAt, startsOfDay } from '../../executions/matrix/schedule';
import { expanded, line, onlyLine, withLine, withStream } from '../support/matrices';

const at = (time: string) => new Date(`${time}Z`);

describe('the schedule of a line', () => {
  it.each([
    ['six cycles a day', '00..18/6', '7:00', 'cron(0 1,7,13,19 * * ? *)'],
    ['every hour', '00..23', '5:00', 'cron(0 * * * ? *)'],
    ['every half hour past', '00..23', '4:30', 'cron(30 * * * ? *)'],
    ['one cycle', ['16'], '4:05', 'cron(5 20 * * ? *)'],
    ['a start on the next day', ['23', '02'], '1:59', 'cron(59 0,3 * * ? *)'],
    ['no lag', ['09'], '0:00', 'cron(0 9 * * ? *)'],
  ])('is the hours of %s in UTC', (_, cycles, lag, cron) => {
    expect(cronOf(onlyLine(withLine({ cycles, lag })))).toBe(cron);
  });
});

describe('the cycle of a scheduled time', () => {
  const late = onlyLine(withLine({ cycles: ['00', '18'], lag: '7:00' }));

  it.each([
    ['2026-08-18T07:00:00', { cycle: '00', day: '20260818' }],
    ['2026-08-18T01:00:00', { cycle: '18', day: '20260817' }],
    ['2026-01-01T01:00:00', { cycle: '18', day: '20251231' }],
    ['2024-03-01T01:00:00', { cycle: '18', day: '20240229' }],
    ['2026-08-18T08:00:00', undefined],
    ['2026-08-18T07:01:00', undefined],
  ])('%s is %p', (time, cycle) => {
    expect(cycleAt(late, at(time))).toEqual(cycle);
  });

  it('is one in each hour of a year, the days of the clock change among them', () => {
    const hourly = onlyLine(withLine({ cycles: '00..23', lag: '5:00' }));
    const start = at('2026-01-01T05:00:00').getTime();

    const cycles = Array.from({ length: 8760 }, (_, hour) => cycleAt(hourly, new Date(start + hour * 3_600_000)));

    expect(new Set(cycles.map((each) => `${each?.day}${each?.cycle}`)).size).toBe(8760);
    expect([cycles[0], cycles.at(-1)]).toEqual([
      { cycle: '00', day: '20260101' },
      { cycle: '23', day: '20261231' },
    ]);
  });
});

describe('the starts of a scheduled time', () => {
  const matrix = expanded(
    withStream(
      {
        name: '${run_type_l}_${place}_${init}',
        lines: { late: line({ cycles: ['18'], lag: '7:00' }), early: line({ cycles: ['00', '12'], lag: '1:00' }) },
      },
      { starts_per_second: 2 },
    ),
  );

  it('are the jobs of all lines, one after the other, from a minute after it', () => {
    const starts = startsAt(matrix, at('2026-08-18T01:00:00'));

    expect(starts.map(({ name, day, slot, at }) => [name, day, slot, at.toISOString()])).toEqual([
      ['late_a_18_20260817', '20260817', 0, '2026-08-18T01:01:00.000Z'],
      ['late_b_18_20260817', '20260817', 1, '2026-08-18T01:01:00.500Z'],
      ['early_a_00_20260818', '20260818', 2, '2026-08-18T01:01:01.000Z'],
      ['early_b_00_20260818', '20260818', 3, '2026-08-18T01:01:01.500Z'],
    ]);
    expect(starts.map(({ line, job }) => [line.line, job.cycle])).toEqual([
      ['late', '18'],
      ['late', '18'],
      ['early', '00'],
      ['early', '00'],
    ]);
  });

  it('are none at another time', () => {
    expect(startsAt(matrix, at('2026-08-18T02:00:00'))).toEqual([]);
  });

  it('of a day’s cycles keep the slots that they have among the jobs of other days', () => {
    const starts = startsOfDay(matrix, '20260818').map(({ name, slot, scheduled }) => [
      name,
      slot,
      scheduled.toISOString(),
    ]);

    expect(starts).toEqual([
      ['early_a_00_20260818', 2, '2026-08-18T01:00:00.000Z'],
      ['early_b_00_20260818', 3, '2026-08-18T01:00:00.000Z'],
      ['early_a_12_20260818', 0, '2026-08-18T13:00:00.000Z'],
      ['early_b_12_20260818', 1, '2026-08-18T13:00:00.000Z'],
      ['late_a_18_20260818', 0, '2026-08-19T01:00:00.000Z'],
      ['late_b_18_20260818', 1, '2026-08-19T01:00:00.000Z'],
    ]);
  });
});

describe('the earlier times of a line', () => {
  const hours = (line: Line) =>
    earlierTimes(line, at('2026-08-18T01:30:00')).map((time) => time.toISOString().slice(0, 13));

  it('are those of the last six hours, newest first', () => {
    expect(hours(onlyLine(withLine({ cycles: '00..23' })))).toEqual([
      '2026-08-18T00',
      '2026-08-17T23',
      '2026-08-17T22',
      '2026-08-17T21',
      '2026-08-17T20',
      '2026-08-17T19',
    ]);
  });

  it('are those of as many hours as the line says, and of its own cycles', () => {
    expect(hours(onlyLine(withLine({ cycles: ['00', '12'], catch_up_h: 24 })))).toEqual([
      '2026-08-17T13',
      '2026-08-17T01',
    ]);
    expect(hours(onlyLine(withLine({ cycles: '00..23', catch_up_h: 0 })))).toEqual([]);
  });
});

describe('a pinned input', () => {
  const input = (commands: string[], rest: object = {}) =>
    JSON.stringify({
      commands,
      run_options: { ii_terminate_instance: true, ii_check_s3: false, timeout_s: 600 },
      instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 'm8g.xlarge' },
      ...rest,
    }).replaceAll('${', '$${');

  /** The only job of cycle 18, started at 01:00 of the next day. */
  function pinned(template: string, changes: object = {}): Record<string, unknown> {
    const file = withStream({
      name: 'job_${init}',
      each: undefined,
      lines: { short: { cycles: ['18'], lag: '7:00', ...changes } },
    });
    const [start] = startsOfDay(expanded(file, { templates: { 'job.tpl': template } }), '20260818');
    return pinnedInput(start as Start);
  }
  const command = (text: string, changes: object = {}) => (pinned(input([text]), changes).commands as string[])[0];

  it.each([
    [
      '-s DAILY of the script has an end, and other DAILY the day',
      './scripts/datastream -s DAILY -C NWM_V3_SHORT_RANGE_18 -F s3://b/DAILY/f.nc -g s3://b/x.DAILY.gpkg -S bucket -o out/DAILY/18',
      './scripts/datastream -s DAILY -e 202608180100 -C NWM_V3_SHORT_RANGE_18 -F s3://b/20260818/f.nc -g s3://b/x.20260818.gpkg -S bucket -o out/20260818/18',
    ],
    [
      'an end that is there stays',
      './scripts/datastream -s DAILY -e 202608190000 -C NWM_V3_SHORT_RANGE_18',
      './scripts/datastream -s DAILY -e 202608190000 -C NWM_V3_SHORT_RANGE_18',
    ],
    [
      'quotes stay',
      './scripts/datastream -s "DAILY" -C NWM_V3_SHORT_RANGE_18',
      './scripts/datastream -s "DAILY" -e 202608180100 -C NWM_V3_SHORT_RANGE_18',
    ],
    [
      '--start_date DAILY has an end',
      'configure.py --start_date DAILY --forcing_source NWM_V3_SHORT_RANGE_18 --s3_bucket bucket --s3_prefix x/DAILY',
      'configure.py --start_date DAILY --end_date 202608180100 --forcing_source NWM_V3_SHORT_RANGE_18 --s3_bucket bucket --s3_prefix x/20260818',
    ],
    [
      'the forcing file of member 2 is six hours earlier',
      './scripts/datastream -s DAILY -C NWM_V3_MEDIUM_RANGE_18_2 -F s3://b/nwm.DAILY/18/nwm.t18z.nc',
      './scripts/datastream -s DAILY -e 202608180100 -C NWM_V3_MEDIUM_RANGE_18_2 -F s3://b/nwm.20260818/12/nwm.t12z.nc',
    ],
    ['DATE is the day of the start', 'run $DATE', 'run 20260819'],
    ['DAILY without a forcing source is the day before the start', 'run DAILY', 'run 20260818'],
    ['a command without a day stays', 'run --DAILYS x', 'run --DAILYS x'],
  ])('%s', (_, before, after) => {
    expect(command(before)).toBe(after);
  });

  it('has the cycle’s day in place of each text of pin', () => {
    const before = 'D=$(date -u +%Y%m%d); E=$(date -d yesterday +%Y%m%d); echo $(date -u +%Y%m%d)';

    expect(command(before, { pin: ['$(date -u +%Y%m%d)', '$(date -d yesterday +%Y%m%d)'] })).toBe(
      'D=20260818; E=20260818; echo 20260818',
    );
  });

  it('has the day in the object to check and in tags, and no DATE or DAILY left', () => {
    const file = pinned(
      input(['run --forcing_source NWM_V3_SHORT_RANGE_18'], {
        run_options: { ii_terminate_instance: true, ii_check_s3: { bucket: 'bucket', prefix: 'DAILY/$DATE.csv' } },
      }),
    );

    expect(file.run_options).toMatchObject({ ii_check_s3: { bucket: 'bucket', prefix: '20260818/20260819.csv' } });
  });

  it('keeps its gate, with the inputs of the day', () => {
    const gate = { wait_s: 60, uris: ['s3://bucket/DAILY/${init}.nc'] };
    const command = 'run --forcing_source NWM_V3_SHORT_RANGE_18 -F s3://bucket/DAILY/forcing.nc';

    expect(pinned(input([command]), { gate }).run_options).toMatchObject({
      ii_wait_inputs: { wait_s: 60, uris: ['s3://bucket/20260818/18.nc'] },
    });
    expect(pinned(input([command]), { gate: true }).run_options).toMatchObject({
      ii_wait_inputs: { uris: ['s3://bucket/20260818/forcing.nc'] },
    });
  });

  it('is not made of an execution file with errors', () => {
    expect(() => pinned(input([], {}))).toThrow(/^job_18_20260818: /);
  });
});
