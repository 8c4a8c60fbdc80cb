import { join } from 'node:path';
import { checkMatrix } from '../../executions/matrix/check';
import { loadMatrix } from '../../executions/matrix/load';
import { overridesOf } from '../../executions/matrix/overrides';
import { cronOf } from '../../executions/matrix/schedule';
import { expanded, matrixFile, onlyLine, stream, withLine, withStream } from '../support/matrices';

const EXAMPLE = join(__dirname, '../../executions/examples/schedules/rivers.matrix.json');

const names = (file: unknown) => onlyLine(file).jobs.map(({ name }) => name);
const value = (name: string, file: unknown, sources = {}) =>
  onlyLine(file, {
    templates: { 'job.tpl': `{ "value": "\${${name}}", "place": "\${place}" }` },
    ...sources,
  }).jobs.map(({ input }) => input.value);

describe('a matrix', () => {
  it('makes one job for each cycle and each value, in this order, with the names of both', () => {
    const { jobs, ...line } = onlyLine(matrixFile());

    expect(line).toEqual({
      stream: 'flow',
      line: 'short',
      cycles: ['00', '12'],
      lagMinutes: 90,
      catchUpHours: 6,
      pin: [],
    });
    expect(jobs.map(({ name, cycle }) => [name, cycle])).toEqual([
      ['job_short_a_00', '00'],
      ['job_short_b_00', '00'],
      ['job_short_a_12', '12'],
      ['job_short_b_12', '12'],
    ]);
  });

  it('fills the template: texts, numbers, and $${ for the shell', () => {
    expect(onlyLine(matrixFile()).jobs[1]?.input).toEqual({
      commands: ['run --place b --hour 00 --processes 3 ${HOME}'],
      run_options: { ii_terminate_instance: true, ii_check_s3: false, timeout_s: 600 },
      instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 'm8g.xlarge' },
    });
  });

  it('starts 1.5 executions in a second, or what it says', () => {
    expect(expanded(matrixFile()).startsPerSecond).toBe(1.5);
    expect(expanded(matrixFile({ starts_per_second: 4 })).startsPerSecond).toBe(4);
  });

  it('makes each combination where each has two variables; the line’s list replaces the stream’s', () => {
    expect(names(withLine({ cycles: ['06'], each: { member: '1..2' }, name: '+_m${member}' }))).toEqual([
      'job_short_a_06_m1',
      'job_short_a_06_m2',
      'job_short_b_06_m1',
      'job_short_b_06_m2',
    ]);
    expect(names(withLine({ cycles: ['06'], each: { place: ['c'] } }))).toEqual(['job_short_c_06']);
  });

  it('makes one job of a cycle without each', () => {
    const file = withStream({ each: undefined, template: 'all.tpl', name: 'all_${init}' });

    expect(onlyLine(file, { templates: { 'all.tpl': '{}' } }).jobs.map(({ name }) => name)).toEqual([
      'all_00',
      'all_12',
    ]);
  });

  it.each([
    ['the stream’s', {}, 'job_short_a_06'],
    ['the line’s', { name: 'own_${place}' }, 'own_a'],
    ['the stream’s and what follows +', { name: '+_x' }, 'job_short_a_06_x'],
  ])('calls jobs by %s name', (_, line, name) => {
    expect(names(withLine({ cycles: ['06'], ...line }))[0]).toBe(name);
  });

  it.each([
    ['a range', '00..23', 24, '23'],
    ['a range in steps', '00..18/6', 4, '18'],
    ['a list by its name', 'six', 4, '18'],
    ['texts', ['16', '04'], 2, '16'],
  ])('takes cycles as %s', (_, cycles, length, last) => {
    const line = onlyLine({ ...withLine({ cycles }), lists: { six: '00..18/6' } });

    expect(line.cycles).toHaveLength(length);
    expect(line.cycles.at(-1)).toBe(last);
    expect(line.jobs).toHaveLength(2 * length);
  });

  it('writes the numbers of a range as wide as the first', () => {
    expect(names(withLine({ cycles: ['00'], each: { place: '8..10' } }))).toEqual([
      'job_short_8_00',
      'job_short_9_00',
      'job_short_10_00',
    ]);
    expect(names(withLine({ cycles: ['00'], each: { place: '008..010/2' } }))).toEqual([
      'job_short_008_00',
      'job_short_010_00',
    ]);
  });
});

describe('a variable', () => {
  const levels = (file: object, stream: object, line: object) => ({
    ...withStream({ vars: stream, lines: { short: { cycles: ['00'], lag: '1:00', vars: line } } }),
    vars: file,
  });

  it.each([
    ['the file’s', levels({ x: 'file' }, {}, {}), 'file'],
    ['the stream’s before the file’s', levels({ x: 'file' }, { x: 'stream' }, {}), 'stream'],
    ['the line’s before the stream’s', levels({ x: 'file' }, { x: 'stream' }, { x: 'line' }), 'line'],
    ['each’s before the line’s', levels({}, {}, { place: 'line', x: '${place}' }), 'a'],
    ['a number', levels({ x: 64 }, {}, {}), '64'],
    ['true', levels({ x: true }, {}, {}), 'true'],
    ['an empty text', levels({ x: '' }, {}, {}), ''],
    ['one of other variables', levels({ x: '${y}/$${z}' }, { y: '${init}' }, {}), '00/${z}'],
    [
      'one of another variable that a later level sets',
      levels({ x: '<${y}>', y: 'file' }, {}, { y: 'line' }),
      '<line>',
    ],
  ])('has %s value', (_, file, expected) => {
    expect(value('x', file)[0]).toBe(expected);
  });

  it.each([
    ['init', '00'],
    ['run_type_l', 'short'],
    ['run_type_h', 'SHORT'],
  ])('%s is given', (name, expected) => {
    expect(value(name, matrixFile())[0]).toBe(expected);
  });

  it.each([
    ['m8g.xlarge', '3'],
    ['m8g.4xlarge', '15'],
    ['m8g.medium', '1'],
  ])('nprocs is what %s has of vCPUs, less the system’s one: %s', (instance_type, expected) => {
    expect(value('nprocs', matrixFile({ vars: { instance_type } }))[0]).toBe(expected);
  });

  it('nprocs is what the matrix says, where it says something', () => {
    expect(value('nprocs', matrixFile({ vars: { instance_type: 'm8g.xlarge', nprocs: 2 } }))[0]).toBe('2');
  });

  it('has the value of the case that another variable’s value is in, else the value of else', () => {
    const x = { by: 'place', 'a, b': 'first', else: 'rest of ${place}' };
    const file = withLine({ cycles: ['00'] }, { vars: { x }, each: { place: ['a', 'b', 'c'] } });

    expect(value('x', file)).toEqual(['first', 'first', 'rest of c']);
  });

  it.each([
    ['a list by its name', 'some', 'p,q'],
    ['a range', '1..3', '1,2,3'],
    ['texts', ['x'], 'x'],
  ])('joins %s with commas', (_, join, expected) => {
    const file = matrixFile({ vars: { x: { join } }, lists: { some: ['p', 'q'] } });

    expect(value('x', file)[0]).toBe(expected);
  });
});

describe('an override', () => {
  const ami = (overrides: Record<string, string>, file = matrixFile()) => value('ami_id', file, { overrides })[0];

  it('replaces the variable of its name, wherever the matrix sets it', () => {
    expect(ami({ ami_id: 'ami-1' })).toBe('ami-1');
    expect(ami({ ami_id: 'ami-1' }, withLine({ vars: { ami_id: 'ami-0' } }))).toBe('ami-1');
    expect(ami({ blue_ami_id: 'ami-2' }, matrixFile({ vars: { ami_id: '${blue_ami_id}', blue_ami_id: '' } }))).toBe(
      'ami-2',
    );
  });

  it('called STREAM_ami_id is the ami_id of that stream alone', () => {
    const file = matrixFile({
      streams: { flow: stream(), other: stream({ name: 'other_${place}_${init}' }) },
    });

    const inputs = expanded(file, { overrides: { flow_ami_id: 'ami-1' } }).lines.map(({ jobs }) => jobs[0]?.input);

    expect(inputs).toMatchObject([
      { instance_parameters: { ImageId: 'ami-1' } },
      { instance_parameters: { ImageId: 'ami-0123456789abcdef0' } },
    ]);
  });

  it('gives way to each', () => {
    expect(value('place', matrixFile({ vars: { place: 'x' } }), { overrides: { place: 'y' } })[0]).toBe('a');
  });

  it('is taken from tfvars: each *_ami_id and environment_suffix that is a text and not empty', () => {
    const tfvars = { flow_ami_id: 'ami-1', old_ami_id: '', other_ami_id: 3, environment_suffix: 'test', region: 'x' };

    expect(overridesOf(tfvars)).toEqual({ flow_ami_id: 'ami-1', environment_suffix: 'test' });
  });
});

describe('a gate', () => {
  it('is written into run_options, with its variables filled', () => {
    const gate = { wait_s: 3600, uris: ['s3://bucket/DAILY/${init}/f{001..018}.nc'] };

    expect(onlyLine(withLine({ gate })).jobs[2]?.input.run_options).toEqual({
      ii_terminate_instance: true,
      ii_check_s3: false,
      timeout_s: 600,
      ii_wait_inputs: { wait_s: 3600, uris: ['s3://bucket/DAILY/12/f{001..018}.nc'] },
    });
    expect(onlyLine(withLine({ gate: true })).jobs[0]?.input.run_options).toMatchObject({ ii_wait_inputs: true });
  });
});

describe('the example of the project', () => {
  const loaded = loadMatrix(EXAMPLE);
  if ('error' in loaded) throw new Error(loaded.error);
  const { matrix, problems } = checkMatrix(loaded.value, loaded);
  const lines = matrix?.lines ?? [];
  const job = (name: string) => lines.flatMap(({ jobs }) => jobs).find((each) => each.name === name)?.input;

  it('has no problem', () => {
    expect(problems).toEqual([]);
  });

  it('has these lines, with these schedules and numbers of jobs', () => {
    expect(lines.map((line) => [line.stream, line.line, line.jobs.length, cronOf(line)])).toEqual([
      ['forcing', 'short_range', 24, 'cron(30 * * * ? *)'],
      ['forcing', 'medium_range', 4, 'cron(30 5,11,17,23 * * ? *)'],
      ['forecast', 'short_range', 72, 'cron(0 * * * ? *)'],
      ['forecast', 'medium_range', 24, 'cron(0 0,6,12,18 * * ? *)'],
      ['gauges', 'daily', 1, 'cron(45 4 * * ? *)'],
    ]);
  });

  it('has these names', () => {
    const hours = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0'));
    const six = ['00', '06', '12', '18'];
    const basins = ['north', 'south', 'delta'];
    expect(lines.flatMap(({ jobs }) => jobs.map(({ name }) => name))).toEqual([
      ...hours.map((hour) => `forcing_short_range_${hour}`),
      ...six.map((hour) => `forcing_medium_range_${hour}`),
      ...hours.flatMap((hour) => basins.map((basin) => `forecast_short_range_${basin}_${hour}`)),
      ...six.flatMap((hour) =>
        basins.flatMap((basin) => ['1', '2'].map((member) => `forecast_medium_range_${basin}_${hour}_m${member}`)),
      ),
      'gauges_00',
    ]);
  });

  const parameters = (type: string, name: string, size: number) => ({
    ImageId: 'ami-0123456789abcdef0',
    InstanceType: type,
    IamInstanceProfile: { Name: 'datastream-example-profile' },
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: name }] }],
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: size, VolumeType: 'gp3' } }],
  });
  const run = (timeout_s: number) => ({
    ii_terminate_instance: true,
    ii_delete_volume: true,
    ii_check_s3: true,
    ii_cheapo: true,
    timeout_s,
    n_retries_allowed: 2,
  });
  const forcing = (runType: string, hour: string, timeout: number) => ({
    commands: [
      `runuser -l ec2-user -c 'docker run --rm -v /home/ec2-user/run:/run datastream-forcing --start_date DAILY --forcing_source NWM_V3_${runType.toUpperCase()}_${hour} --basins north,south,delta --s3_bucket datastream-example --s3_prefix forcing/DAILY/${runType}/${hour}'`,
    ],
    run_options: run(timeout),
    instance_parameters: parameters('m8g.2xlarge', `test_forcing_${runType}_${hour}`, 32),
  });
  const forecast = (basin: string, runType: string, hour: string, timeout: number, member?: string) => {
    const [source, folder] = member ? [`_${member}`, `/${member}`] : ['', ''];
    return {
      commands: [
        `runuser -l ec2-user -c 'cd /home/ec2-user/datastream && ./scripts/datastream -s DAILY -n ${basin === 'delta' ? 7 : 3} -C NWM_V3_${runType.toUpperCase()}_${hour}${source} -g s3://datastream-example/basins/${basin}.gpkg -R s3://datastream-example/realizations/cfe.json -S datastream-example -o forecast/DAILY/${runType}/${hour}${folder}/${basin} && du -sh \${PWD}/data'`,
      ],
      run_options: run(timeout),
      instance_parameters: parameters(
        basin === 'delta' ? 'm8g.2xlarge' : 'm8g.xlarge',
        `test_forecast_${basin}_${hour}`,
        32,
      ),
    };
  };

  it.each([
    ['forcing_short_range_07', forcing('short_range', '07', 1800)],
    ['forcing_medium_range_18', forcing('medium_range', '18', 5400)],
    ['forecast_short_range_north_23', forecast('north', 'short_range', '23', 1800)],
    ['forecast_short_range_delta_00', forecast('delta', 'short_range', '00', 1800)],
    ['forecast_medium_range_delta_06_m2', forecast('delta', 'medium_range', '06', 7200, '2')],
    [
      'gauges_00',
      {
        commands: [
          'DAY=$(date -u +%Y%m%d) && python3 /opt/gauges/observations.py --day $DAY --out /tmp/gauges.csv',
          'DAY=$(date -u +%Y%m%d) && aws s3 cp /tmp/gauges.csv s3://datastream-example/gauges/$DAY.csv',
        ],
        run_options: {
          ii_terminate_instance: true,
          ii_delete_volume: true,
          ii_check_s3: { bucket: 'datastream-example', prefix: 'gauges/$DATE.csv' },
          timeout_s: 1800,
        },
        instance_parameters: parameters('t4g.medium', 'test_gauges_00', 16),
      },
    ],
  ])('has this input of %s', (name, input) => {
    expect(job(name)).toEqual(input);
  });
});
