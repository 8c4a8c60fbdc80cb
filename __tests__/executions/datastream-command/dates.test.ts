import { resolveDates } from '../../../executions/datastream-command/dates';
import type { Execution } from '../../../executions/model';
import { executionOf, file2026, optionsFile, seedFile, withCommands, withRunOptions } from '../../support/executions';

const utc = (text: string) => new Date(`${text}Z`);

/** An execution of one datastream command with this source and -F file, whose prefix holds DAILY. */
function daily(source: string, file = 's3://job-bucket/ngen.DAILY/x/06/ngen.t06z.nc'): Execution {
  return executionOf(
    withRunOptions(
      { ii_terminate_instance: true, ii_check_s3: true },
      {
        commands: [
          `/home/u/scripts/datastream -s DAILY -F ${file} --FORCING_SOURCE ${source} --S3_BUCKET job-bucket --S3_PREFIX out/ngen.DAILY/x`,
        ],
      },
    ),
  );
}

describe('DATE', () => {
  test.each(['DATE', '$DATE', '${DATE}'])('written as %s in obj_key is the day of the start', (word) => {
    const execution = executionOf(seedFile({ commands: ['./process'], obj_key: `forcings/${word}/VPU_01.tar.gz` }));

    const resolved = resolveDates(execution, utc('2024-06-10T23:59:59'));

    expect(resolved.check_object?.key).toBe('forcings/20240610/VPU_01.tar.gz');
    expect(resolved.output?.prefix).toBe('forcings/20240610');
    expect(resolved.dates).toEqual({ DATE: '20240610' });
  });

  test('is a word of its own: UPDATE and DATES stay', () => {
    const execution = executionOf(seedFile({ obj_key: 'UPDATE/DATES/MYDATE/run_DATE.gz' }));

    expect(resolveDates(execution, utc('2024-06-10T00:00:00')).check_object?.key).toBe(
      'UPDATE/DATES/MYDATE/run_20240610.gz',
    );
  });

  test('is replaced in commands as a variable alone', () => {
    const execution = executionOf(
      withCommands(
        'mkdir /x/$DATE/${DATE}_y && echo DATE $DATES',
        'su - u -c "ls \\$DATE/$INSTANCE_TYPE.${INSTANCE_TYPE}"',
      ),
    );

    const resolved = resolveDates(execution, utc('2024-02-29T12:00:00'));

    expect(resolved.commands).toEqual([
      'mkdir /x/20240229/20240229_y && echo DATE $DATES',
      'su - u -c "ls 20240229/t4g.large.t4g.large"',
    ]);
    expect(resolved.dates).toEqual({ DATE: '20240229' });
  });

  test.each([
    ['DATE=$(date +%F); mkdir $DATE'],
    ["runuser -l u -c 'export DATE=x && mkdir $DATE'"],
    ['read -r DATE < f; mkdir $DATE'],
    ['for DATE in 1 2; do mkdir $DATE; done'],
  ])('stays where the commands set the variable themselves: %s', (command) => {
    const resolved = resolveDates(executionOf(withCommands(command)), utc('2024-06-10T00:00:00'));

    expect(resolved.commands).toEqual([command]);
    expect(resolved).not.toHaveProperty('dates');
  });

  test('is replaced where a container gets it as an environment variable', () => {
    const resolved = resolveDates(
      executionOf(withCommands('docker run -e DATE=$DATE image')),
      utc('2024-06-10T00:00:00'),
    );

    expect(resolved.commands).toEqual(['docker run -e DATE=20240610 image']);
  });

  test('and the instance type are replaced in the values of tags, even beside commands that set the variable', () => {
    const Tags = [
      { Key: 'Name', Value: 'run_$DATE' },
      { Key: '$DATE', Value: '${DATE} on $INSTANCE_TYPE, $DATES' },
    ];
    const file = withCommands('DATE=x; echo $DATE');
    const tagged = {
      ...file,
      instance_parameters: {
        ...(file.instance_parameters as object),
        TagSpecifications: [{ ResourceType: 'instance', Tags }],
      },
    };

    const resolved = resolveDates(executionOf(tagged), utc('2024-06-10T00:00:00'));

    expect(resolved.instance_parameters.TagSpecifications?.[0]?.Tags).toEqual([
      { Key: 'Name', Value: 'run_20240610' },
      { Key: '$DATE', Value: '20240610 on t4g.large, $DATES' },
    ]);
    expect(resolved.commands).toEqual(['DATE=x; echo $DATE']);
    expect(resolved.dates).toEqual({ DATE: '20240610' });
  });

  test('is not what an instance type alone changes', () => {
    const resolved = resolveDates(executionOf(withCommands('echo $INSTANCE_TYPE')), utc('2024-06-10T00:00:00'));

    expect(resolved.commands).toEqual(['echo t4g.large']);
    expect(resolved).not.toHaveProperty('dates');
  });
});

describe('DAILY', () => {
  test.each([
    ['NWM_V3_SHORT_RANGE_15', '2026-02-09T14:59:59', '20260208'],
    ['NWM_V3_SHORT_RANGE_15', '2026-02-09T15:00:00', '20260209'],
    ['NWM_V3_SHORT_RANGE_00', '2026-02-09T00:00:00', '20260209'],
    ['NWM_V3_CHRTOUT_SHORT_RANGE_06', '2026-02-09T05:00:00', '20260208'],
    ['NWM_V3_ANALYSIS_ASSIM_RESTART_CHRT_08', '2026-02-09T07:59:00', '20260208'],
    ['NWM_V3_ANALYSIS_ASSIM_RESTART_CHRT_08', '2026-02-09T08:00:00', '20260209'],
    ['NWM_V3_MEDIUM_RANGE_12_1', '2026-02-09T11:00:00', '20260208'],
    ['NWM_V3_MEDIUM_RANGE_12_1', '2026-02-09T12:00:00', '20260209'],
    ['NWM_V3_ANALYSIS_ASSIM_EXTEND', '2026-02-09T15:59:00', '20260208'],
    ['NWM_V3_ANALYSIS_ASSIM_EXTEND', '2026-02-09T16:00:00', '20260209'],
    ['NWM_RETRO_V3', '2026-02-09T16:00:00', '20260209'],
    ['NWM_V3_SHORT_RANGE_23', '2026-03-01T00:00:00', '20260228'],
    ['NWM_V3_SHORT_RANGE_23', '2028-03-01T00:00:00', '20280229'],
    ['NWM_V3_SHORT_RANGE_23', '2026-01-01T00:00:00', '20251231'],
    // Without its hour: the day of the start.
    ['NWM_V3_SHORT_RANGE', '2025-03-01T00:00:00', '20250301'],
    ['NWM_V3_SHORT_RANGE', '2025-03-01T23:59:59', '20250301'],
    ['NWM_V3_MEDIUM_RANGE', '2025-03-01T05:00:00', '20250301'],
    ['NWM_V3_ANALYSIS_ASSIM_RESTART_CHRT', '2025-03-01T05:00:00', '20250301'],
    // Member 0 has its cycle as any other.
    ['NWM_V3_MEDIUM_RANGE_12_0', '2026-02-09T11:59:59', '20260208'],
    ['NWM_V3_MEDIUM_RANGE_12_0', '2026-02-09T12:00:00', '20260209'],
  ])('of %s at %s is %s', (source, at, day) => {
    const resolved = resolveDates(daily(source), utc(at));

    expect(resolved.output?.prefix).toBe(`out/ngen.${day}/x`);
    expect(resolved.check_object?.key).toBe(`out/ngen.${day}/x/merkdir.file`);
    expect(resolved.commands).toEqual([
      `/home/u/scripts/datastream -s DAILY -F s3://job-bucket/ngen.${day}/x/06/ngen.t06z.nc --FORCING_SOURCE ${source} --S3_BUCKET job-bucket --S3_PREFIX out/ngen.${day}/x`,
    ]);
    expect(resolved.dates).toEqual({ DAILY: day });
  });

  test.each([
    ['NWM_V3_MEDIUM_RANGE_00_0', '00', '2026-02-09T06:00:00', 'ngen.20260209/medium/00/ngen.t00z.nc'],
    ['NWM_V3_MEDIUM_RANGE_00_1', '00', '2026-02-09T06:00:00', 'ngen.20260209/medium/00/ngen.t00z.nc'],
    ['NWM_V3_MEDIUM_RANGE', '00', '2026-02-09T06:00:00', 'ngen.20260209/medium/00/ngen.t00z.nc'],
    ['NWM_V3_MEDIUM_RANGE_00_2', '00', '2026-02-09T06:00:00', 'ngen.20260208/medium/18/ngen.t18z.nc'],
    ['NWM_V3_MEDIUM_RANGE_00_3', '00', '2026-02-09T06:00:00', 'ngen.20260208/medium/12/ngen.t12z.nc'],
    ['NWM_V3_MEDIUM_RANGE_12_3', '12', '2026-02-09T12:00:00', 'ngen.20260209/medium/00/ngen.t00z.nc'],
    ['NWM_V3_MEDIUM_RANGE_12_3', '12', '2026-02-09T11:00:00', 'ngen.20260208/medium/00/ngen.t00z.nc'],
    ['NWM_V3_MEDIUM_RANGE_00_7', '00', '2026-02-09T06:00:00', 'ngen.20260207/medium/12/ngen.t12z.nc'],
    ['NWM_V3_MEDIUM_RANGE_00_2', '00', '2026-03-01T06:00:00', 'ngen.20260228/medium/18/ngen.t18z.nc'],
    ['NWM_V3_MEDIUM_RANGE_00_2', '00', '2028-03-01T06:00:00', 'ngen.20280229/medium/18/ngen.t18z.nc'],
    ['NWM_V3_MEDIUM_RANGE_00_2', '00', '2027-01-01T06:00:00', 'ngen.20261231/medium/18/ngen.t18z.nc'],
  ])('shifts the forcing file of %s with cycle folder %s at %s to %s', (source, hour, at, file) => {
    const execution = daily(source, `s3://job-bucket/ngen.DAILY/medium/${hour}/ngen.t${hour}z.nc`);

    const resolved = resolveDates(execution, utc(at));

    expect(resolved.commands[0]).toContain(`-F s3://job-bucket/${file} --FORCING_SOURCE`);
  });

  test('of a shifted member leaves the prefix on the cycle’s day', () => {
    const execution = daily('NWM_V3_MEDIUM_RANGE_00_3', 's3://job-bucket/ngen.DAILY/m/00/ngen.t00z.nc');

    const resolved = resolveDates(execution, utc('2026-02-09T06:00:00'));

    expect(resolved.output?.prefix).toBe('out/ngen.20260209/x');
    expect(resolved.dates).toEqual({ DAILY: '20260209' });
  });

  test('without a source is yesterday, in every stand-alone word', () => {
    const execution = executionOf(withCommands('run -s DAILY --out ngen.DAILY/x', 'echo DAILYX XDAILY DAILY_2'));

    const resolved = resolveDates(execution, utc('2026-02-09T23:59:59'));

    expect(resolved.commands).toEqual(['run -s 20260208 --out ngen.20260208/x', 'echo DAILYX XDAILY 20260208_2']);
    expect(resolved.dates).toEqual({ DAILY: '20260208' });
  });

  test('stays for the configuration script of 2024, which takes the word itself', () => {
    const execution = executionOf(withCommands('python configure-datastream.py --start_date DAILY --x 1'));

    expect(resolveDates(execution, utc('2026-02-09T23:00:00'))).toEqual(execution);
  });

  test('beside a source stays for the script where nothing else holds it', () => {
    const execution = executionOf(withCommands('scripts/datastream -s DAILY --FORCING_SOURCE NWM_V3_SHORT_RANGE_00'));

    expect(resolveDates(execution, utc('2026-02-09T23:00:00'))).toEqual(execution);
  });

  test('is replaced wherever another command repeats the prefix', () => {
    const execution = executionOf(
      withCommands(
        'scripts/datastream -s DAILY --forcing_source=NWM_V3_SHORT_RANGE_00 --s3_bucket=job-bucket --s3_prefix=out/ngen.DAILY',
        'aws s3 cp log s3://job-bucket/out/ngen.DAILY/log',
      ),
    );

    const resolved = resolveDates(execution, utc('2026-02-09T23:00:00'));

    expect(resolved.commands[1]).toBe('aws s3 cp log s3://job-bucket/out/ngen.20260209/log');
  });

  test('as the whole prefix leaves the start to the script', () => {
    const execution = executionOf(
      withCommands('scripts/datastream -s DAILY -C NWM_V3_SHORT_RANGE_00 -S job-bucket -o DAILY --x DAILY'),
    );

    const resolved = resolveDates(execution, utc('2026-02-09T23:00:00'));

    expect(resolved.commands).toEqual([
      'scripts/datastream -s DAILY -C NWM_V3_SHORT_RANGE_00 -S job-bucket -o 20260209 --x DAILY',
    ]);
  });

  test('is replaced in an object that the file names itself', () => {
    const file = file2026({
      run_options: { ii_terminate_instance: true, ii_check_s3: { bucket: 'job-bucket', prefix: 'x/DAILY.csv' } },
    });

    expect(resolveDates(executionOf(file), utc('2026-02-09T14:00:00')).check_object?.key).toBe('x/20260208.csv');
  });

  test('of datastream_command_options follows their forcing source', () => {
    const file = optionsFile(
      {},
      { start_time: 'DAILY', end_time: undefined, forcing_source: 'NWM_V3_SHORT_RANGE_06', object_prefix: 'out/DAILY' },
    );

    const resolved = resolveDates(executionOf(file), utc('2026-02-09T05:00:00'));

    expect(resolved.commands[0]).toContain('-s DAILY -C NWM_V3_SHORT_RANGE_06');
    expect(resolved.commands[0]).toContain('-o out/20260208');
    expect(resolved.check_object?.key).toBe('out/20260208/merkdir.file');
  });
});

describe('resolving', () => {
  test.each([
    ['DAILY', () => daily('NWM_V3_MEDIUM_RANGE_00_3', 's3://job-bucket/ngen.DAILY/m/00/ngen.t00z.nc')],
    ['DATE', () => executionOf(seedFile({ obj_key: 'a/DATE/b' }))],
    ['nothing', () => executionOf(withCommands('scripts/datastream -s DAILY -C NWM_RETRO_V3'))],
  ])('twice changes no more than once: %s', (_, execution) => {
    const once = resolveDates(execution(), utc('2026-02-09T06:00:00'));

    expect(resolveDates(once, utc('2027-07-07T07:00:00'))).toEqual(once);
  });

  test('leaves the execution that it gets as it was', () => {
    const execution = daily('NWM_V3_SHORT_RANGE_00');
    const before = JSON.stringify(execution);

    resolveDates(execution, utc('2026-02-09T06:00:00'));

    expect(JSON.stringify(execution)).toBe(before);
  });
});
