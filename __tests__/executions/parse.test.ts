import { parseExecution } from '../../executions/parse';
import {
  august2024File,
  august2025File,
  DIALECTS,
  executionOf,
  file2026,
  november2024File,
  optionsFile,
  problemsOf,
  seedFile,
  september2025File,
  withCommands,
  withParameters,
  withRunOptions,
} from '../support/executions';

describe('every dialect', () => {
  test.each(Object.entries(DIALECTS))('of %s has no problem', (_, file) => {
    expect(problemsOf(file())).toEqual([]);
  });

  test('loses $schema and gains nothing that the file does not say', () => {
    const execution = executionOf(november2024File({ $schema: '../execution.schema.json' }));

    expect(execution).toEqual({
      commands: ["runuser -l ec2-user -c 'ls -la'"],
      instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.large' },
      timeout_s: 1800,
      n_retries_allowed: 0,
      ii_cheapo: false,
      instance_end: 'terminate',
    });
  });

  test('is not changed by parsing it', () => {
    const file = august2025File();
    const before = JSON.stringify(file);

    parseExecution(file);

    expect(JSON.stringify(file)).toBe(before);
  });
});

describe('the first dialect', () => {
  test('stops its instance and checks its object', () => {
    const execution = executionOf(seedFile());

    expect(execution.instance_end).toBe('stop');
    expect(execution.check_object).toEqual({ bucket: 'job-bucket', key: 'demo/ngen-run.tar.gz' });
    expect(execution.timeout_s).toBe(3600);
  });

  test('writes to the mounted bucket, below its -o', () => {
    expect(executionOf(seedFile()).output).toEqual({ bucket: 'job-bucket', prefix: 'demo' });
  });

  test.each([
    ['results/x/ngen-run.tar.gz', 'results/x'],
    ['ngen-run.tar.gz', ''],
  ])('writes to the folder of its object %s where its commands name no bucket', (obj_key, prefix) => {
    expect(executionOf(seedFile({ commands: ['./process'], obj_key })).output).toEqual({
      bucket: 'job-bucket',
      prefix,
    });
  });

  test('loses MinCount and MaxCount of 1', () => {
    expect(Object.keys(executionOf(seedFile()).instance_parameters)).not.toContain('MinCount');
    expect(Object.keys(executionOf(seedFile()).instance_parameters)).not.toContain('MaxCount');
  });

  test('leaves nothing behind where neither run_options nor an object are named', () => {
    const execution = executionOf(seedFile({ bucket: undefined, obj_key: undefined }));

    expect(execution.instance_end).toBe('terminate');
    expect(execution.check_object).toBeUndefined();
  });
});

describe('run_options', () => {
  test.each([
    [{}, 'stop'],
    [{ ii_delete_volume: true }, 'stop-delete-volumes'],
    [{ ii_detach_volume: true }, 'stop-delete-volumes'],
    [{ ii_terminate_instance: false, ii_delete_volume: false }, 'stop'],
    [{ ii_terminate_instance: false, ii_delete_volume: true }, 'stop-delete-volumes'],
    [{ ii_terminate_instance: true, ii_delete_volume: true }, 'terminate'],
    [{ ii_terminate_instance: true }, 'terminate'],
  ])('%j end the instance by: %s', (options, end) => {
    expect(executionOf(withRunOptions(options)).instance_end).toBe(end);
  });

  test('take a number in quotes with a warning', () => {
    const file = withRunOptions({ ii_terminate_instance: true, timeout_s: '3600', n_retries_allowed: '2' });

    const { execution, problems } = parseExecution(file);

    expect(execution).toMatchObject({ timeout_s: 3600, n_retries_allowed: 2 });
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual([
      ['warning', '$.run_options.timeout_s'],
      ['warning', '$.run_options.n_retries_allowed'],
    ]);
  });

  test('may say the same in both spellings', () => {
    const file = withRunOptions({
      ii_check_s3: false,
      check_s3: false,
      ii_delete_volume: true,
      ii_detach_volume: true,
    });

    expect(problemsOf(file)).toEqual([]);
  });

  test.each([
    [
      { retry_backoff_base_s: 30, retry_backoff_max_s: 600, retry_backoff_rate: 1.5 },
      { base_s: 30, max_s: 600, rate: 1.5 },
    ],
    [{ retry_backoff_base_s: 30 }, { base_s: 30, max_s: 7200, rate: 2 }],
    [{ retry_backoff_rate: 3 }, { base_s: 1800, max_s: 7200, rate: 3 }],
    [{}, undefined],
  ])('%j ask for a wait between attempts: %j', (options, backoff) => {
    const { execution, problems } = parseExecution(withRunOptions({ ii_terminate_instance: true, ...options }));

    expect(execution?.retry_backoff).toEqual(backoff);
    expect(problems).toEqual([]);
  });

  test('may name further instance types', () => {
    const file = withRunOptions({ ii_terminate_instance: true, ii_instance_types: ['m8g.large', 'c8g.large'] });

    expect(executionOf(file).ii_instance_types).toEqual(['m8g.large', 'c8g.large']);
  });
});

describe('the state of an earlier run', () => {
  test('is dropped without a word', () => {
    const { execution, problems } = parseExecution(august2025File());

    expect(problems).toEqual([]);
    expect(execution).toEqual({
      commands: ["runuser -l ec2-user -c 'ls -la'"],
      instance_parameters: {
        ImageId: 'ami-0123456789abcdef0',
        InstanceType: 'm8g.xlarge',
        InstanceMarketOptions: {
          MarketType: 'spot',
          SpotOptions: { MaxPrice: '0.1795', SpotInstanceType: 'one-time' },
        },
      },
      timeout_s: 3600,
      n_retries_allowed: 2,
      ii_cheapo: true,
      instance_end: 'terminate',
    });
  });
});

describe('the object to check', () => {
  test('is the one that the file names by its whole key', () => {
    expect(executionOf(september2025File()).check_object).toEqual({ bucket: 'job-bucket', key: 'out/table.csv' });
  });

  test('is merkdir.file below the options’ prefix', () => {
    const execution = executionOf(optionsFile({}, { object_prefix: 'cloud_test//' }));

    expect(execution.output).toEqual({ bucket: 'job-bucket', prefix: 'cloud_test' });
    expect(execution.check_object).toEqual({ bucket: 'job-bucket', key: 'cloud_test/merkdir.file' });
  });

  test.each([
    ['./scripts/datastream -s x --S3_BUCKET a-bucket --S3_PREFIX p/q/', 'p/q/merkdir.file'],
    ["runuser -l u -c '/home/u/cli/scripts/datastream -n 3 --s3_bucket=a-bucket --s3_prefix=p/q'", 'p/q/merkdir.file'],
    ['scripts/routing_only_datastream --S3_BUCKET a-bucket --S3_PREFIX "p"', 'p/merkdir.file'],
    ['./stream.sh -S a-bucket -o p', 'p/merkdir.file'],
    ['scripts/datastream --S3_BUCKET a-bucket -o p', 'p/merkdir.file'],
    ['python configure.py --s3_bucket a-bucket --s3_prefix f/x', 'f/x/metadata/forcings_metadata/metadata.csv'],
    ['su - u -c "python c.py --s3_bucket a-bucket --s3_prefix f/x\\""', 'f/x/metadata/forcings_metadata/metadata.csv'],
  ])('is derived from %s', (command, key) => {
    const file = withRunOptions({ ii_check_s3: true }, { commands: [command] });

    expect(executionOf(file).check_object).toEqual({ bucket: 'a-bucket', key });
  });

  test.each([
    ['mount-s3 a-bucket /home/u/ngen/data/mount', '-S /home/u/ngen/data/mount -o /demo', 'demo'],
    ['mount-s3 a-bucket /home/u/ngen/data/mount', '-S ./data/mount -o /test/x', 'test/x'],
    ['mount-s3 --region us-east-1 --allow-delete s3://a-bucket ~/mount', '-S ~/mount/ -o y', 'y'],
    ['mount-s3 --prefix team/ a-bucket /mnt/b', '-S /mnt/b -o ./y', 'team/y'],
    ['mount-s3 other-one /mnt/a && mount-s3 a-bucket /mnt/b', '-S /mnt/b -o /y', 'y'],
    ['mount-s3 first-one /mnt/b; umount /mnt/b; mount-s3 a-bucket /mnt/b', '-S /mnt/b -o /y', 'y'],
  ])('is derived from a mounted bucket: %s, %s', (mount, options, prefix) => {
    const commands = [
      `runuser -l u -c '${mount}'`,
      `runuser -l u -c 'cd ngen && ./scripts/stream.sh -s x ${options} -n 8'`,
    ];
    const execution = executionOf(withRunOptions({ ii_check_s3: true }, { commands }));

    expect(execution.check_object).toEqual({ bucket: 'a-bucket', key: `${prefix}/merkdir.file` });
    expect(execution.output).toEqual({ bucket: 'a-bucket', prefix });
  });

  test.each([
    ['a folder that no bucket is mounted at', 'mount-s3 a-bucket /mnt/b', '-S /mnt/c -o /y'],
    ['a prefix of the shell', 'mount-s3 a-bucket /mnt/b', '-S /mnt/b -o /y/$VPU'],
    ['a bucket of the shell', 'mount-s3 $BUCKET /mnt/b', '-S /mnt/b -o /y'],
  ])('is not derived from %s', (_, mount, options) => {
    const commands = [mount, `./scripts/stream.sh ${options}`];

    expect(parseExecution(withRunOptions({ ii_check_s3: true }, { commands })).execution).toBeUndefined();
  });

  test('is derived from the last command that names a bucket and a prefix', () => {
    const commands = ['x --S3_BUCKET first-one --S3_PREFIX a', 'x --S3_BUCKET last-one --S3_PREFIX b', 'ls'];

    expect(executionOf(withCommands(...commands)).output).toEqual({ bucket: 'last-one', prefix: 'b' });
  });

  test('is not checked where check_s3 is false, and the output location is known all the same', () => {
    const file = august2024File({ commands: ['x --S3_BUCKET a-bucket --S3_PREFIX p'] });

    const execution = executionOf(file);

    expect(execution.check_object).toBeUndefined();
    expect(execution.output).toEqual({ bucket: 'a-bucket', prefix: 'p' });
  });

  test('is the one of the top level beside run_options that do not speak of a check', () => {
    const file = november2024File({
      run_options: { ii_terminate_instance: true },
      bucket: 'a-bucket',
      obj_key: 'x/DATE.gz',
    });
    const { execution, problems } = parseExecution(file);

    expect(execution?.check_object).toEqual({ bucket: 'a-bucket', key: 'x/${DATE}.gz' });
    expect(execution?.instance_end).toBe('terminate');
    expect(problems).toEqual([]);
  });

  test.each([
    [{ bucket: 'a-bucket', prefix: 'x/y' }, 'x/y'],
    [true, 'p/merkdir.file'],
  ])('may be named twice: ii_check_s3 %j beside the same at the top level', (ii_check_s3, obj_key) => {
    const commands = ['scripts/datastream --S3_BUCKET a-bucket --S3_PREFIX p'];
    const file = withRunOptions(
      { ii_check_s3, ii_terminate_instance: true },
      { commands, bucket: 'a-bucket', obj_key },
    );
    const { execution, problems } = parseExecution(file);

    expect(execution?.check_object).toEqual({ bucket: 'a-bucket', key: obj_key });
    expect(problems).toEqual([]);
  });

  test('is the one of the top level where ii_check_s3 is true and nothing else says which', () => {
    const file = withRunOptions({ ii_check_s3: true }, { bucket: 'a-bucket', obj_key: 'k' });

    expect(executionOf(file).check_object).toEqual({ bucket: 'a-bucket', key: 'k' });
  });

  test.each([
    ['run_options say no', { ii_check_s3: false }, { bucket: 'a-bucket', obj_key: 'k' }],
    ['it is empty beside run_options', { ii_terminate_instance: true }, { bucket: '', obj_key: '' }],
    ['it has a bucket alone beside run_options', { ii_terminate_instance: true }, { bucket: 'a-bucket' }],
  ])('is none of the top level, with a warning, where %s', (_, options, object) => {
    const { execution, problems } = parseExecution(withRunOptions(options, object));

    expect(execution).toBeDefined();
    expect(execution?.check_object).toBeUndefined();
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual(
      Object.keys(object).map((key) => ['warning', `$.${key}`]),
    );
  });

  test('says where the job writes, when its commands do not', () => {
    const file = withRunOptions({ ii_check_s3: { bucket: 'a-bucket', prefix: 'x/y/z.csv' } });

    expect(executionOf(file).output).toEqual({ bucket: 'a-bucket', prefix: 'x/y' });
  });

  test('keeps DAILY until the dates are resolved', () => {
    expect(executionOf(file2026()).check_object?.key).toBe('out/ngen.DAILY/15/merkdir.file');
  });
});

describe('the commands of datastream_command_options', () => {
  test('are one command, without -R where no realization is named', () => {
    expect(executionOf(optionsFile()).commands).toEqual([
      "runuser -l ec2-user -c 'cd /home/ec2-user/datastream && ./scripts/datastream -s 202006200100 -e 202006210000 " +
        '-C NWM_RETRO_V3 -I Gages-09106150 -i hl -v 2.1.1 -d $(pwd)/data/datastream -n 4 -S job-bucket -o cloud_test' +
        "'",
    ]);
  });

  test('pass the geopackage, the forcings and the realization', () => {
    const file = optionsFile(
      {},
      {
        subset_id: undefined,
        subset_id_type: undefined,
        realization: '$(pwd)/configs/realization.json',
        geopackage: 's3://maps/vpu.gpkg',
        'ngen-forcings': 'https://example.org/f.nc',
        nprocs: 3,
      },
    );

    const [command] = executionOf(file).commands;

    expect(command).toContain(
      '-R /home/ec2-user/datastream/configs/realization.json -g s3://maps/vpu.gpkg -F https://example.org/f.nc -n 3 ',
    );
    expect(command).not.toContain(' -I ');
  });

  test('need no end beside DAILY', () => {
    const [command] = executionOf(optionsFile({}, { start_time: 'DAILY', end_time: undefined })).commands;

    expect(command).toContain('./scripts/datastream -s DAILY -C ');
  });
});

describe('whatever comes', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  let deep: unknown = 1;
  for (let level = 0; level < 200_000; level += 1) deep = [deep];

  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a number', 3],
    ['a string', 'x'],
    ['an array', [1, [2]]],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a BigInt within', { commands: [1n] }],
    ['a cycle', cycle],
    ['200,000 levels', deep],
    ['an empty object', {}],
    [
      'an object that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
    [
      'wrong types everywhere',
      {
        commands: {},
        run_options: [],
        instance_parameters: 'x',
        datastream_command_options: 3,
        region: {},
        bucket: [],
        obj_key: 7,
      },
    ],
    [
      'a prototype',
      JSON.parse('{"__proto__": {"commands": ["ls"]}, "instance_parameters": {"__proto__": {"ImageId": "x"}}}'),
    ],
    ['inherited names', { run_options: { constructor: 1, toString: 2 }, instance_parameters: { hasOwnProperty: 1 } }],
    [
      'nulls',
      {
        commands: [null],
        run_options: { ii_check_s3: null, timeout_s: null },
        instance_parameters: { TagSpecifications: [null, { Tags: [null] }], BlockDeviceMappings: [null] },
      },
    ],
  ])('%s gives problems and throws nothing', (_, input) => {
    const { execution, problems } = parseExecution(input);

    expect(execution).toBeUndefined();
    expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
    for (const { path, message, found } of problems) {
      expect(path.startsWith('$')).toBe(true);
      expect(message.endsWith('.') || message.endsWith('?')).toBe(true);
      expect(message).not.toMatch(/undefined|\[object|Invalid input/);
      expect(found?.length ?? 0).toBeLessThanOrEqual(80);
    }
  });

  test('a prototype in the file never reaches the execution', () => {
    const parameters = JSON.parse(
      '{"ImageId": "ami-0123456789abcdef0", "InstanceType": "t4g.micro", "__proto__": {"x": 1}}',
    );

    expect(problemsOf(november2024File({ instance_parameters: parameters }))).toMatchObject([
      { severity: 'error', path: '$.instance_parameters.__proto__' },
    ]);
  });
});

describe('the order of problems', () => {
  test('is that of the file', () => {
    const file = {
      region: 'mars',
      instance_parameters: { KeyName: 'k.pem', InstanceType: 't2g.xlarge' },
      run_options: { timeout_s: 5 },
      commands: ['', 'ls', ''],
    };

    expect(problemsOf(file).map(({ path }) => path)).toEqual([
      '$.region',
      '$.instance_parameters.KeyName',
      '$.instance_parameters.InstanceType',
      '$.instance_parameters.ImageId',
      '$.run_options.timeout_s',
      '$.commands[0]',
      '$.commands[2]',
    ]);
  });

  test('and all of them come at once', () => {
    const file = withParameters({
      ImageId: 'ami-###',
      InstanceType: '',
      KeyName: 'your_key.pem',
      SecurityGroupIds: ['sg-###', ''],
    });

    expect(problemsOf(file)).toHaveLength(5);
  });
});
