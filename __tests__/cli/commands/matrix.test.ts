import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES, inNewFolders } from '../../support/cli';
import { matrixFile, TEMPLATE, withLine, withStream } from '../../support/matrices';

const { datastream, file, path } = inNewFolders();

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');

/** A matrix on the disk, with its template. */
function onDisk(name: string, content: unknown): string {
  file('job.tpl', TEMPLATE);
  return file(name, content);
}

describe('datastream matrix check', () => {
  it('tells of a matrix without a problem what it starts in a day', () => {
    const { status, stdout, stderr } = datastream('matrix', 'check', RIVERS);

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(
      `${RIVERS}: valid\n125 jobs a day in 5 lines of 3 streams; most at 06:00 UTC: 9 jobs, started within 6 s\n`,
    );
  });

  it('prints every problem with its path, what was found and what to write, and exits 1', () => {
    const matrix = onDisk('bad.json', withLine({ lag: '24:00', colour: 1 }));

    expect(datastream('matrix', 'check', matrix)).toEqual({
      status: 1,
      stdout:
        'bad.json: 2 errors, 0 warnings\n' +
        '  error    $.streams.flow.lines.short.lag\n' +
        '           Write hours and minutes after the cycle, from "0:00" to "23:59".\n' +
        '           found: "24:00"\n' +
        '  error    $.streams.flow.lines.short.colour\n' +
        '           This key is unknown: leave it out. Known here: cycles, lag, each, name, vars, gate, catch_up_h, pin.\n' +
        '           found: 1\n',
      stderr: '',
    });
  });

  it('exits 0 with warnings alone, such as a key that stands twice', () => {
    const matrix = onDisk('twice.json', JSON.stringify(matrixFile()).replace('{', '{ "matrix": "old",'));

    const { status, stdout } = datastream('matrix', 'check', matrix);

    expect(stdout).toMatch(
      /^twice\.json:1:\d+: warning: The key "matrix" is repeated here;.*\ntwice\.json: valid, 1 warning\n/,
    );
    expect(status).toBe(0);
  });

  it.each([
    ['that is not there', 'no.json', /^no\.json: there is no such file: check the path\.\n$/],
    ['that is no JSON', 'broken.json', /^broken\.json:1:\d+: not JSON: .*\n$/],
  ])('exits 2 for a file %s', (_, name, message) => {
    file('broken.json', '{');

    const { status, stdout } = datastream('matrix', 'check', name);

    expect(stdout).toMatch(message);
    expect(status).toBe(2);
  });

  it('finds the templates from the folder of the matrix, and says why one cannot be read', () => {
    mkdirSync(path('rivers/templates'), { recursive: true });
    writeFileSync(path('rivers/templates/job.tpl'), TEMPLATE);
    writeFileSync(path('rivers/good.json'), JSON.stringify(withStream({ template: 'templates/job.tpl' })));
    writeFileSync(path('rivers/bad.json'), JSON.stringify(withStream({ template: 'templates' })));

    expect(datastream('matrix', 'check', 'rivers/good.json')).toMatchObject({ status: 0 });
    const { status, stdout } = datastream('matrix', 'check', 'rivers/bad.json');
    expect(stdout).toContain(
      'error    $.streams.flow.template\n           templates: this is a folder; name the files in it.\n',
    );
    expect(status).toBe(1);
  });

  it('warns of tfvars that no variable takes; exits 2 where the tfvars cannot be read', () => {
    const matrix = onDisk('good.json', matrixFile());
    file('some.tfvars', 'zork_ami_id = "ami-1"\nflow_ami_id = "ami-0fedcba9876543210"\nregion = "us-east-1"\n');
    file('bad.tfvars', 'zork_ami_id = \n');

    const { status, stdout } = datastream('matrix', 'check', '--tfvars', 'some.tfvars', matrix);
    expect(stdout).toContain('good.json: valid, 1 warning\n  warning  $.vars.zork_ami_id\n');
    expect(status).toBe(0);
    expect(datastream('matrix', 'check', '--tfvars', 'bad.tfvars', matrix)).toMatchObject({
      status: 2,
      stdout: expect.stringMatching(/^bad\.tfvars:1,?.*\n$/s),
    });
  });
});

describe('datastream matrix expand', () => {
  const lines = (text: string): Record<string, unknown>[] =>
    text
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each));

  it('prints one JSON object a line and job of a day, in the order of their starts', () => {
    const { status, stdout, stderr } = datastream('matrix', 'expand', RIVERS, '--date', '20260818');

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const jobs = lines(stdout);
    expect(jobs).toHaveLength(125);
    expect(Object.keys(jobs[0] ?? {})).toEqual(['name', 'stream', 'line', 'cycle', 'starts_at', 'input']);
    expect(jobs[0]).toMatchObject({
      name: 'forcing_short_range_00_20260818',
      stream: 'forcing',
      line: 'short_range',
      cycle: '20260818T00',
      starts_at: '2026-08-18T01:31:00.000Z',
      input: { instance_parameters: { InstanceType: 'm8g.2xlarge' } },
    });
    const starts = jobs.map(({ starts_at }) => String(starts_at));
    expect(starts).toEqual([...starts].sort());
  });

  it('prints one stream alone, of today without a date', () => {
    const { status, stdout } = datastream('matrix', 'expand', RIVERS, '--stream', 'gauges');

    expect(lines(stdout)).toEqual([
      expect.objectContaining({ stream: 'gauges', name: expect.stringMatching(/^gauges_00_20\d{6}$/) }),
    ]);
    expect(status).toBe(0);
  });

  it('takes the values of tfvars', () => {
    file('some.tfvars', 'gauges_ami_id = "ami-0fedcba9876543210"\nenvironment_suffix = "prod"\n');

    const { stdout } = datastream('matrix', 'expand', RIVERS, '--stream', 'gauges', '--tfvars', 'some.tfvars');

    expect(lines(stdout)[0]?.input).toMatchObject({
      instance_parameters: {
        ImageId: 'ami-0fedcba9876543210',
        TagSpecifications: [{ Tags: [{ Key: 'Name', Value: 'prod_gauges_00' }] }],
      },
    });
  });

  it('prints no job of a matrix with an error, and says which', () => {
    const { status, stdout, stderr } = datastream('matrix', 'expand', onDisk('bad.json', withLine({ lag: 'x' })));

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^bad\.json: this matrix has errors:\n {2}error {4}\$\.streams\.flow\.lines\.short\.lag\n/);
  });

  it.each([
    [['--date', '20260231'], "'20260231' is no day; write one such as 20260818."],
    [['--date', 'yesterday'], "'yesterday' is no day; write one such as 20260818."],
    [['--stream', 'gauge'], "no stream is called 'gauge': write gauges if that is meant."],
    [['--stream', 'zork'], "no stream is called 'zork': write one of forcing, forecast, gauges."],
  ])('exits 2 for %j', (options, message) => {
    const { status, stdout, stderr } = datastream('matrix', 'expand', RIVERS, ...options);

    expect(stderr).toContain(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

describe('datastream matrix diff', () => {
  it('tells what a change means in a line for each difference', () => {
    const before = onDisk('old.json', matrixFile());
    const after = file('new.json', withLine({ lag: '2:00', cycles: ['00'] }));

    expect(datastream('matrix', 'diff', before, after)).toEqual({
      status: 0,
      stdout:
        '4 jobs a day become 2 jobs\n' +
        '- flow/short: cron(30 1,13 * * ? *) becomes cron(0 2 * * ? *) UTC\n' +
        '- flow/short: 2 jobs are removed: job_short_a_12, ...\n',
      stderr: '',
    });
  });

  it('says so where nothing differs', () => {
    expect(datastream('matrix', 'diff', RIVERS, RIVERS)).toEqual({
      status: 0,
      stdout: '125 jobs a day: nothing differs\n',
      stderr: '',
    });
  });

  it('exits 1 where a matrix has an error, 2 where one cannot be read', () => {
    const bad = onDisk('bad.json', withLine({ lag: 'x' }));

    expect(datastream('matrix', 'diff', RIVERS, bad)).toMatchObject({ status: 1, stdout: '' });
    expect(datastream('matrix', 'diff', bad, 'no.json')).toMatchObject({ status: 2, stdout: '' });
  });
});
