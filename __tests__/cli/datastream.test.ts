import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Each test starts programs; on a busy machine that takes its time. */
jest.setTimeout(30_000);

const COMMAND = resolve(__dirname, '../../cli/datastream.cjs');
const EXAMPLES = resolve(__dirname, '../../executions/examples');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { AWS_REGION: _region, AWS_DEFAULT_REGION: _default, ...env } = process.env;

function datastream(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function file(name: string, content: unknown): string {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return name;
}

const job = (commands: string[], rest: object = {}) => ({
  commands,
  run_options: { ii_terminate_instance: true, ii_check_s3: false },
  instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.micro' },
  ...rest,
});

const scratchFolders = () =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('datastream-') && existsSync(join(tmpdir(), name, 'i-')));

describe('datastream validate', () => {
  it('finds nothing in the examples', () => {
    const examples = readdirSync(EXAMPLES).map((name) => join(EXAMPLES, name));

    const { status, stdout } = datastream('validate', ...examples);

    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(': ')[1]),
    ).toEqual(examples.map(() => 'valid'));
    expect(status).toBe(0);
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  it('prints every fault of every file with its path, what was found and what to write', () => {
    const seed = file('seed.json', {
      ...job(['true']),
      run_options: undefined,
      region: 'us-east-2',
      bucket: '',
      obj_key: '',
      instance_parameters: {
        ImageId: 'ami-###',
        InstanceType: 't2g.xlarge',
        KeyName: 'your_key.pem',
        SecurityGroupIds: ['sg-###'],
      },
    });

    const { status, stdout } = datastream(
      'validate',
      '--region',
      'us-east-1',
      seed,
      file('typo.json', job(['true'], { comands: [] })),
    );

    for (const path of ['ImageId', 'InstanceType', 'KeyName', 'SecurityGroupIds[0]']) {
      expect(stdout).toContain(`error    $.instance_parameters.${path}`);
    }
    for (const path of ['$.region', '$.bucket', '$.obj_key', '$.comands']) expect(stdout).toContain(`error    ${path}`);
    expect(stdout).toContain('found: "t2g.xlarge"');
    expect(status).toBe(1);
  });

  it('exits 2 with line and column for what is not JSON, and goes on with the other files', () => {
    const { status, stdout, stderr } = datastream(
      'validate',
      file('broken.json', '{\n  "commands": [,]\n}'),
      'missing.json',
      '.',
      file('good.json', job(['true'])),
    );

    expect(stdout).toMatch(/^broken\.json:2:\d+: not JSON: /m);
    expect(stdout).toMatch(/^missing\.json: there is no such file/m);
    expect(stdout).toMatch(/^\.: this is a folder/m);
    expect(stdout).toMatch(/^good\.json: valid$/m);
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
  });

  it('warns of a key that stands twice, of which JSON takes the last', () => {
    const text = JSON.stringify(job(['true'])).replace('{', '{\n"commands": ["lost"],\n');

    const { status, stdout } = datastream('validate', file('twice.json', text));

    expect(status).toBe(0);
    expect(stdout).toMatch(/^twice\.json:3:\d+: warning: The key "commands" stands here again/m);
  });

  it.each([
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le')],
    ['ISO-8859-1', Buffer.from('{"a": "H\u00e9llo"}', 'latin1')],
    ['a binary file', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1])],
  ])('exits 2 for %s', (_what, bytes) => {
    writeFileSync(join(folder, 'x.json'), bytes);

    const { status, stdout } = datastream('validate', 'x.json');

    expect(status).toBe(2);
    expect(stdout).toContain('x.json: this is not UTF-8 text');
  });

  it.each([[], ['bogus'], ['run'], ['run', '--locl', 'x'], ['validate']])(
    'exits 2 and helps when it is called as %j',
    (...args: string[]) => {
      const { status, stdout, stderr } = datastream(...args);

      expect(args.length === 0 ? 0 : 2).toBe(status);
      expect(stdout + stderr).toContain('Usage: datastream');
    },
  );

  it("compares the instance type with the AMI's architecture where that is said", () => {
    const name = file('arm.json', job(['true']));

    expect(datastream('validate', '--image-architecture', 'arm64', name).status).toBe(0);
    const { status, stdout } = datastream('validate', '--image-architecture', 'x86_64', name);
    expect(status).toBe(1);
    expect(stdout).toContain('error    $.instance_parameters.InstanceType');
  });

  it('refuses a region that is none', () => {
    const { status, stderr } = datastream('validate', '--region', 'narnia', 'x.json');

    expect(status).toBe(2);
    expect(stderr).toContain("'narnia' is not a region's name");
  });
});

describe('datastream run --local', () => {
  it('runs the example: states, outcome, output, object, time and cost', () => {
    const { status, stdout, stderr } = datastream('run', '--local', join(EXAMPLES, 'hello.json'));

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const state of ['EC2StarterFromAMI', 'Commander', 'EC2Poller', 'RunChecker', 'EC2Stopper', 'Succeeded']) {
      expect(stdout).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d {2}${state}$`, 'm'));
    }
    expect(stdout).toMatch(/^SUCCEEDED after [\d.]+ s$/m);
    expect(stdout).toContain('| Hello from');
    expect(stdout).toMatch(/object +s3:\/\/datastream-example\/hello\/greeting\.txt \(\d+ bytes\)/);
    expect(stdout).toMatch(/instance +i-[0-9a-f]{17} terminated/);
    expect(stdout).toMatch(/cost +\$0\.000\d+ /);
    expect(readFileSync(join(folder, '.datastream/buckets/datastream-example/hello/greeting.txt'), 'utf8')).toContain(
      'Hello from',
    );
  });

  it('exits 1 and says which command failed, with the end of its standard error', () => {
    const { status, stdout } = datastream(
      'run',
      '--local',
      file('x.json', job(['true', 'seq 9999 >&2; echo the last words >&2; exit 4', 'true'])),
    );

    expect(status).toBe(1);
    expect(stdout).toContain('FAILED after');
    expect(stdout).toContain('CommandFailed');
    expect(stdout).toContain('the last words');
  });

  it('names the command that failed', () => {
    const { stdout } = datastream('run', '--local', file('x.json', job(['true', 'ls /nowhere-at-all'])));

    expect(stdout).toContain('Command 2 of 2 exited with code 2: ls /nowhere-at-all\n');
  });

  it('starts nothing for a file with errors', () => {
    const { status, stdout, stderr } = datastream(
      'run',
      '--local',
      file('x.json', job(['touch ran'], { run_options: { timeout_s: 'soon' } })),
    );

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('$.run_options.timeout_s');
    expect(stderr).toContain('nothing was started');
  });

  it('says how to run on AWS without --local', () => {
    const { status, stderr } = datastream('run', 'x.json');

    expect(status).toBe(2);
    expect(stderr).toContain('datastream run --local FILE');
    expect(stderr).toContain('aws stepfunctions start-execution');
  });

  it('shows the warnings of a job that succeeded, and no control characters', () => {
    const { status, stdout } = datastream(
      'run',
      '--local',
      file('x.json', job(["printf 'a\\033[2Jb\\n'; echo careful >&2"])),
    );

    expect(status).toBe(0);
    expect(stdout).toContain('| a\u241b[2Jb');
    expect(stdout).toMatch(/standard error of the job\n {2}\| careful/);
  });

  it('says how much of a long output it leaves out, and begins with a whole line', () => {
    const { stdout } = datastream('run', '--local', file('x.json', job(['seq 100000 120000'])));

    expect(stdout).toMatch(/\| \.\.\. \d+ characters before this\n {2}\| \d{6}\n/);
  });

  it.each([
    ['a file', 'in-the-way', /in-the-way is not a folder/],
    ['a place below a file', 'in-the-way/below', /is not a folder/],
    ['a place where no folder can be made', '/proc/datastream', /cannot be made/],
  ])('refuses %s as its folder before anything starts', (_what, folder, message) => {
    file('in-the-way', '');

    const { status, stdout, stderr } = datastream('run', '--local', '--folder', folder, file('x.json', job(['true'])));

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('ends what runs, quietly, when nobody reads its output any more', async () => {
    const shell = `${process.execPath} ${COMMAND} run --local ${file('x.json', job(['sleep 20']))} | head -1`;

    const { stdout, stderr } = spawnSync('bash', ['-c', shell], { cwd: folder, env, encoding: 'utf8' });

    expect(stdout).toMatch(/EC2StarterFromAMI\n$/);
    expect(stderr).toBe('');
    expect(scratchFolders()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'on %s stops the execution, and the reaper ends the instance and all that ran on it',
    async (signal) => {
      const survived = join(folder, 'survived');
      const child = spawn(
        process.execPath,
        [COMMAND, 'run', '--local', file('x.json', job([`sleep 2; touch ${survived}`]))],
        { cwd: folder, env },
      );
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        if (text.includes('EC2Poller')) setTimeout(() => child.kill(signal), 300);
      });

      const code = await new Promise((done) => child.on('exit', done));

      expect(code).toBe(130);
      expect(stdout).toContain('ABORTED after');
      expect(stdout).toMatch(/reaper: instance i-[0-9a-f]{17} is shutting-down/);
      await new Promise((done) => setTimeout(done, 2500));
      expect(existsSync(survived)).toBe(false);
      expect(scratchFolders()).toEqual([]);
    },
  );
});
