import { asFile } from '../../executions/as-file';
import { dailyChangesAt, resolveDates } from '../../executions/datastream-command/dates';
import { expandRanges } from '../../executions/input-uris';
import { executionOf, file2026, november2024File, optionsFile, problemsOf, seedFile } from '../support/executions';

const AT = new Date('2026-08-18T04:00:00Z');

/** A file with a gate. */
const gated = (ii_wait_inputs: unknown, commands = ["runuser -l ec2-user -c 'ls -la'"]) =>
  november2024File({ commands, run_options: { ii_terminate_instance: true, ii_wait_inputs } });
const inputsOf = (ii_wait_inputs: unknown, commands?: string[]) =>
  executionOf(gated(ii_wait_inputs, commands)).ii_wait_inputs;
const errorsOf = (ii_wait_inputs: unknown, commands?: string[]) =>
  problemsOf(gated(ii_wait_inputs, commands)).map(({ severity, path, message }) => [severity, path, message]);

describe('The ranges of a URI', () => {
  it('are written with as many digits as the longer end has, where one begins with 0', () => {
    expect(expandRanges('f{001..003}.nc')).toEqual(['f001.nc', 'f002.nc', 'f003.nc']);
    expect(expandRanges('f{08..100}.nc')[0]).toBe('f008.nc');
    expect(expandRanges('f{8..10}.nc')).toEqual(['f8.nc', 'f9.nc', 'f10.nc']);
    expect(expandRanges('f{0..2}')).toEqual(['f0', 'f1', 'f2']);
  });

  it('give every combination where there are several', () => {
    expect(expandRanges('a{1..2}b{01..02}c')).toEqual(['a1b01c', 'a1b02c', 'a2b01c', 'a2b02c']);
  });

  it('are kept in the model, so that the state stays small', () => {
    expect(inputsOf({ uris: ['s3://b-1/f{001..240}.nc'] })?.uris).toEqual(['s3://b-1/f{001..240}.nc']);
  });
});

describe('ii_wait_inputs', () => {
  it('waits for twelve hours where the file does not say how long', () => {
    expect(inputsOf({ uris: ['s3://bucket/key'] })).toEqual({ wait_s: 43_200, uris: ['s3://bucket/key'] });
    expect(inputsOf({ wait_s: 60, uris: ['s3://bucket/key'] })?.wait_s).toBe(60);
  });

  it('is off where it is false or absent', () => {
    expect(inputsOf(false)).toBeUndefined();
    expect(executionOf(november2024File()).ii_wait_inputs).toBeUndefined();
  });

  it('can stand beside every dialect that has run_options, and beside the key of the first', () => {
    const ii_wait_inputs = { uris: ['https://example.org/a.nc'] };

    expect(executionOf(optionsFile({ run_options: { ii_wait_inputs } })).ii_wait_inputs?.uris).toEqual(
      ii_wait_inputs.uris,
    );
    expect(executionOf(seedFile({ run_options: { ii_wait_inputs } })).ii_wait_inputs?.uris).toEqual(
      ii_wait_inputs.uris,
    );
  });

  it.each([
    ['yes', '$.run_options.ii_wait_inputs', 'Write true, false, or the inputs as {"uris": ["s3://BUCKET/KEY"]}.'],
    [{ wait_s: 600 }, '$.run_options.ii_wait_inputs.uris', /^Write the inputs as a list/],
    [{ uris: 's3://b/k' }, '$.run_options.ii_wait_inputs.uris', /^Write the inputs as a list/],
    [{ uris: [] }, '$.run_options.ii_wait_inputs.uris', /empty/],
    [{ uris: [3] }, '$.run_options.ii_wait_inputs.uris[0]', /string in quotes/],
    [{ wait_s: 59, uris: ['s3://bucket/k'] }, '$.run_options.ii_wait_inputs.wait_s', /from 60 to 86400/],
    [{ wait_s: 86_401, uris: ['s3://bucket/k'] }, '$.run_options.ii_wait_inputs.wait_s', /from 60 to 86400/],
    [{ wait: 600, uris: ['s3://bucket/k'] }, '$.run_options.ii_wait_inputs.wait', /"wait_s"/],
    [{ uris: ['http://example.org/a'] }, '$.run_options.ii_wait_inputs.uris[0]', /https:\/\//],
    [{ uris: ['ftp://example.org/a'] }, '$.run_options.ii_wait_inputs.uris[0]', /^Write s3:\/\/BUCKET\/KEY or/],
    [{ uris: ['https://me:secret@example.org/a'] }, '$.run_options.ii_wait_inputs.uris[0]', /password/],
    [{ uris: ['https://example.org/a#b'] }, '$.run_options.ii_wait_inputs.uris[0]', /#/],
    [{ uris: ['s3://Bucket/key'] }, '$.run_options.ii_wait_inputs.uris[0]', /Capital letters/],
    [{ uris: ['s3://bucket/folder/'] }, '$.run_options.ii_wait_inputs.uris[0]', /folder/],
    [{ uris: ['s3://bucket'] }, '$.run_options.ii_wait_inputs.uris[0]', /whole key/],
    [{ uris: ['s3://<your-bucket>/key'] }, '$.run_options.ii_wait_inputs.uris[0]', /placeholder/],
    [{ uris: ['s3://bucket/f{018..001}'] }, '$.run_options.ii_wait_inputs.uris[0]', /smaller number first/],
    [{ uris: ['s3://bucket/f{a,b}'] }, '$.run_options.ii_wait_inputs.uris[0]', /\{001\.\.018\}/],
    [{ uris: ['s3://bucket/f{1..100}/{1..11}'] }, '$.run_options.ii_wait_inputs.uris', /1100 objects: at most 1000/],
    [{ uris: ['s3://bucket/f{0..999999999}'] }, '$.run_options.ii_wait_inputs.uris', /1000000000 objects/],
  ])('%j is refused at %s', (value, path, message) => {
    expect(errorsOf(value)).toEqual([
      ['error', path, typeof message === 'string' ? message : expect.stringMatching(message)],
    ]);
  });

  it('has every problem told at once', () => {
    expect(errorsOf({ wait_s: 5, uris: ['x', 's3://bucket/ok', 's3://bucket/'] }).map(([, path]) => path)).toEqual([
      '$.run_options.ii_wait_inputs.wait_s',
      '$.run_options.ii_wait_inputs.uris[0]',
      '$.run_options.ii_wait_inputs.uris[2]',
    ]);
  });
});

describe('The dates of a gate', () => {
  it('are resolved as in the rest of the file', () => {
    const commands = ['./run --FORCING_SOURCE NWM_V3_SHORT_RANGE_23 --S3_BUCKET b-1 --S3_PREFIX out/ngen.DAILY/23'];
    const uris = ['s3://b-1/nwm.DAILY/a', 'https://example.org/DATE/$DATE/${DATE}/b', 's3://b-1/$INSTANCE_TYPE'];
    const resolved = resolveDates(executionOf(gated({ uris }, commands)), AT);

    expect(resolved.ii_wait_inputs?.uris).toEqual([
      's3://b-1/nwm.20260817/a',
      'https://example.org/20260818/20260818/20260818/b',
      's3://b-1/t4g.large',
    ]);
    expect(resolved.output?.prefix).toBe('out/ngen.20260817/23');
    expect(resolved.dates).toEqual({ DATE: '20260818', DAILY: '20260817' });
    // Once: a retry on another day keeps them.
    expect(resolveDates(resolved, new Date('2026-08-20T00:00:00Z'))).toBe(resolved);
  });

  it('are told even where nothing else has one', () => {
    expect(resolveDates(executionOf(gated({ uris: ['s3://b-1/DAILY'] })), AT).dates).toEqual({ DAILY: '20260817' });
  });

  it("shift the forcing file of a medium range member as the command's", () => {
    const forcing = 's3://b-1/ngen.DAILY/00/ngen.t00z.nc';
    const commands = [`./scripts/datastream -s DAILY -F ${forcing} --FORCING_SOURCE NWM_V3_MEDIUM_RANGE_00_2`];
    const resolved = resolveDates(executionOf(gated({ uris: [forcing] }, commands)), AT);

    expect(resolved.ii_wait_inputs?.uris).toEqual(['s3://b-1/ngen.20260817/18/ngen.t18z.nc']);
    expect(resolved.commands[0]).toContain(`-F ${resolved.ii_wait_inputs?.uris[0]} `);
  });

  it('stand in the stored execution, which can be started again', () => {
    const file = gated({ wait_s: 600, uris: ['s3://b-1/nwm.DAILY/f{001..018}.nc'] });
    const stored = asFile(resolveDates(executionOf(file), AT));

    expect(stored.run_options).toMatchObject({
      ii_wait_inputs: { wait_s: 600, uris: ['s3://b-1/nwm.20260817/f{001..018}.nc'] },
    });
    expect(executionOf(stored).ii_wait_inputs?.uris).toEqual(['s3://b-1/nwm.20260817/f{001..018}.nc']);
  });
});

describe('A gate beside a DAILY that only the instance reads', () => {
  const daily = ['./scripts/datastream -s DAILY --FORCING_SOURCE NWM_V3_SHORT_RANGE_05'];

  it('may not wait past the 24 hours that such a day has', () => {
    expect(errorsOf({ wait_s: 85_801, uris: ['s3://b-1/k'] }, daily)).toEqual([
      ['error', '$.run_options.ii_wait_inputs.wait_s', expect.stringContaining('write at most 85800')],
    ]);
    expect(errorsOf({ wait_s: 85_800, uris: ['s3://b-1/k'] }, daily)).toEqual([]);
    expect(errorsOf({ wait_s: 86_400, uris: ['s3://b-1/k'] }, ['./configure --start_date DAILY'])).toHaveLength(1);
  });

  it('may wait for a day where DAILY is replaced in the whole command', () => {
    expect(errorsOf({ wait_s: 86_400, uris: ['s3://b-1/k'] }, ['./scripts/datastream -s DAILY'])).toEqual([]);
  });

  it('may wait for a day where an end beside DAILY fixes the day', () => {
    const fixed = [
      './scripts/datastream -s DAILY -e 202608180100 --FORCING_SOURCE NWM_V3_SHORT_RANGE_05',
      "./configure --start_date 'DAILY' --end_date 202608180100",
    ];

    for (const command of fixed) {
      expect([command, errorsOf({ wait_s: 86_400, uris: ['s3://b-1/k'] }, [command])]).toEqual([command, []]);
    }
  });

  it.each([
    ['SHORT_RANGE_05', '2026-08-18T10:00:00Z', '2026-08-19T05:00:00.000Z'],
    ['SHORT_RANGE_23', '2026-08-18T04:00:00Z', '2026-08-18T23:00:00.000Z'],
    ['SHORT_RANGE_00', '2026-08-18T00:00:00Z', '2026-08-19T00:00:00.000Z'],
    ['ANALYSIS_ASSIM_EXTEND_16', '2026-08-18T20:00:00Z', '2026-08-19T16:00:00.000Z'],
  ])('knows when the day of %s changes after %s', (source, at, change) => {
    const execution = executionOf(gated(false, [`./scripts/datastream -s DAILY --FORCING_SOURCE NWM_V3_${source}`]));
    const changed = dailyChangesAt(execution, new Date(at));

    expect(changed.toISOString()).toBe(change);
    const withPrefix = executionOf(
      gated(false, [`./run --S3_BUCKET b-1 --S3_PREFIX DAILY/x --FORCING_SOURCE NWM_V3_${source}`]),
    );
    const dayAt = (moment: number) => resolveDates(withPrefix, new Date(moment)).dates?.DAILY;
    expect(dayAt(changed.getTime() - 1)).toBe(dayAt(Date.parse(at)));
    expect(dayAt(changed.getTime())).not.toBe(dayAt(Date.parse(at)));
  });
});

describe('ii_wait_inputs: true', () => {
  const uris = (...commands: string[]) => inputsOf(true, commands)?.uris;
  const script = '/home/ec2-user/datastreamcli/scripts/datastream';

  it("takes the file's forcing file, and nothing that the job writes", () => {
    const file = file2026();
    const run_options = { ...(file.run_options as object), ii_wait_inputs: true };

    expect(executionOf({ ...file, run_options }).ii_wait_inputs?.uris).toEqual([
      's3://job-bucket/ngen.DAILY/forcing_short_range/15/ngen.t15z.short_range.nc',
    ]);
  });

  it('takes what -t names, and S3 URIs with DAILY of other programs', () => {
    expect(
      uris(
        `runuser -l ec2-user -c '${script} -s DAILY -F s3://b-1/f.DAILY.nc -t s3://b-1/restart.nc --FORCING_SOURCE NWM_V3_SHORT_RANGE_15'`,
        './fetch s3://b-1/usgs/DAILY.csv && ./other s3://b-1/static.csv',
      ),
    ).toEqual(['s3://b-1/f.DAILY.nc', 's3://b-1/restart.nc', 's3://b-1/usgs/DAILY.csv']);
  });

  it("takes datastream_command_options' forcings", () => {
    const file = optionsFile({ run_options: { ii_wait_inputs: true } }, { 'ngen-forcings': 's3://b-1/f.DAILY.nc' });

    expect(executionOf(file).ii_wait_inputs?.uris).toEqual(['s3://b-1/f.DAILY.nc']);
  });

  it('takes of aws s3 only the object that cp or mv reads', () => {
    expect(
      uris(
        'aws s3 cp --no-sign-request s3://b-1/in.DAILY.nc . --region us-east-1',
        'aws --region us-east-1 s3 cp out.nc s3://b-1/out.DAILY.nc',
        'aws s3 cp --no-progress out.nc s3://b-1/out2.DAILY.nc',
        'aws s3 sync s3://b-1/folder.DAILY . ; aws s3 ls s3://b-1/list.DAILY; aws s3 cp --recursive s3://b-1/r.DAILY .',
      ),
    ).toEqual(['s3://b-1/in.DAILY.nc']);
  });

  it('leaves out folders, patterns, what only the shell knows, and what the job writes', () => {
    expect(
      problemsOf(
        gated(true, [
          './a s3://b-1/DAILY/ s3://b-1/DAILY/*.nc s3://b-1/$CYCLE/DAILY s3://b-1/out.DAILY/x --S3_BUCKET b-1 --S3_PREFIX out.DAILY',
          'CYCLE=1',
        ]),
      ).map(({ path }) => path),
    ).toEqual(['$.run_options.ii_wait_inputs']);
  });

  it('is refused where the commands name no input', () => {
    expect(errorsOf(true)).toEqual([
      ['error', '$.run_options.ii_wait_inputs', expect.stringMatching(/^No command says which objects it reads/)],
    ]);
  });
});
