import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runJob } from '../../../cli/commands/run';
import { COMMAND, EXAMPLES, inNewFolders, job } from '../../support/cli';

const { datastream, env, file, inBackground, path, scratchFolders } = inNewFolders();

describe('datastream run --local', () => {
  it('runs the example: states, outcome, output, object, time and cost', () => {
    const { status, stdout, stderr } = datastream('run', '--local', join(EXAMPLES, 'hello.json'));

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const state of ['EC2StarterFromAMI', 'Commander', 'EC2Poller', 'RunChecker', 'EC2Stopper', 'Succeeded']) {
      expect(stdout).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d {2}${state}$`, 'm'));
    }
    expect(stdout).toMatch(/^SUCCEEDED after [\d.]+ s$/m);
    expect(stdout).toContain('| Hello from');
    expect(stdout).not.toContain('standard error');
    expect(stdout).toMatch(/object +s3:\/\/datastream-example\/hello\/greeting\.txt \(\d+ bytes\)/);
    expect(stdout).toMatch(/instance +i-[0-9a-f]{17} terminated/);
    expect(stdout).toMatch(/cost +\$0\.000\d+ /);
    expect(readFileSync(path('.datastream/buckets/datastream-example/hello/greeting.txt'), 'utf8')).toContain(
      'Hello from',
    );
  });

  it('keeps the whole log of the job beside its stored execution, and says where', () => {
    const commands = ['seq 9000', 'echo said >&2', 'echo x | aws s3 cp - s3://a-bucket/out/x.txt'];
    const run_options = { ii_terminate_instance: true, ii_check_s3: { bucket: 'a-bucket', prefix: 'out/x.txt' } };

    const { status, stdout } = datastream('run', '--local', file('x.json', job(commands, { run_options })));

    const folder = '.datastream/buckets/a-bucket/out/datastream-metadata';
    expect(status).toBe(0);
    expect(stdout).toMatch(/log +s3:\/\/a-bucket\/out\/datastream-metadata\/attempt-1\/, here: /);
    expect(readFileSync(path(`${folder}/attempt-1/stdout.log`), 'utf8').split('\n').length).toBeGreaterThan(9000);
    expect(readFileSync(path(`${folder}/attempt-1/stderr.log`), 'utf8')).toContain('said\n');
    const stored = datastream('validate', `${folder}/execution.json`);
    expect(stored).toMatchObject({ status: 0, stdout: `${folder}/execution.json: valid\n` });
    expect(datastream('run', '--local', `${folder}/execution.json`).status).toBe(0);
  });

  it("leaves the instances' folders where they are to be kept, and says how to delete them", () => {
    const kept = datastream('run', '--local', '--keep', '--name', 'kept', file('x.json', job(['echo x > left'])));

    const folder = path('.datastream/executions/kept/instances');
    expect(kept.status).toBe(0);
    expect(kept.stdout).toMatch(
      /\n {2}kept +\/.*kept\/instances, a folder for each instance; delete them by:\n +rm -r /,
    );
    const [instance = ''] = readdirSync(folder);
    expect(readFileSync(join(folder, instance, 'root/left'), 'utf8')).toBe('x\n');
    expect(scratchFolders()).toEqual([]);
    expect(datastream('start', '--keep', 'x.json')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^--keep is for --local/),
    });
  });

  it('says that the log of a job without a bucket is not kept', () => {
    const { stdout } = datastream('run', '--local', file('x.json', job(['true'])));

    expect(stdout).toMatch(/log +not kept: the file names no bucket, and the deployment has no s3_bucket/);
  });

  it('says so when a job has ended itself before its last command', () => {
    const { status, stdout } = datastream(
      'run',
      '--local',
      file('x.json', job(['echo first', 'exit 0', 'echo never'])),
    );

    expect(status).toBe(0);
    expect(stdout).toContain('The job ended itself at command 2 of 3 commands, with exit code 0; those after it did');
  });

  it('starts nothing where the shell cannot read the commands, and warns where one runs on into the next', () => {
    const unread = datastream('run', '--local', file('x.json', job(['cat > f <<EOF\nhello', 'echo second'])));
    const joined = datastream('run', '--local', file('y.json', job(["echo 'first", "echo second'"])));

    expect(unread.status).toBe(1);
    expect(unread.stderr).toMatch(/error {4}\$\.commands\[0\]\n.*here-document/);
    expect(unread.stderr).toContain('nothing was started');
    expect(joined.status).toBe(0);
    expect(joined.stderr).toMatch(/warning {2}\$\.commands\[0\]\n.*runs on into commands\[1\]/);
    expect(joined.stdout).toContain('To the shell commands 1 to 2 run as one.');
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

  it('runs the example with a gate when its inputs, of the day before, are there', () => {
    const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    const folder = path(`.datastream/buckets/datastream-example/observations/${day}`);
    mkdirSync(folder, { recursive: true });
    for (const part of [1, 2, 3]) writeFileSync(join(folder, `part-${part}.csv`), `station ${4 - part}\n`);

    const { status, stdout } = datastream('run', '--local', join(EXAMPLES, 'input-gate.json'));

    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('SUCCEEDED') });
    expect(readFileSync(join(folder, 'day.csv'), 'utf8')).toBe('station 1\nstation 2\nstation 3\n');
  });

  it('shows that it waits, and for which input, and leaves nothing when it is stopped', async () => {
    const run_options = { ii_terminate_instance: true, ii_wait_inputs: { uris: ['s3://a-bucket/in/{1..2}.nc'] } };
    const args = [COMMAND, 'run', '--local', file('x.json', job(['true'], { run_options }))];
    const child = spawn(process.execPath, args, { cwd: path(), env: env() });
    let stdout = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    while (!stdout.includes('InputsNotReady')) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGINT');
    await ended;

    expect(stdout).toMatch(/EC2StarterFromAMI {2}InputsNotReady, again in 60 s: s3:\/\/a-bucket\/in\/2\.nc: 404\n/);
    expect(stdout).toContain('reaper: no instance was left');
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
    expect(stderr).toContain('  datastream start x.json\n');
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
    ['a file', 'in-the-way', /in-the-way: this is not a folder: name another --folder\.\n$/],
    ['a place below a file', 'in-the-way/below', /in-the-way: this is not a folder: name another --folder\.\n$/],
    ['a place where no folder can be made', '/proc/datastream', /^\/proc\/datastream: .*: name another --folder\.\n$/],
  ])('refuses %s as its folder before anything starts', (_what, folder, message) => {
    file('in-the-way', '');

    const { status, stdout, stderr } = datastream('run', '--local', '--folder', folder, file('x.json', job(['true'])));

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('names the temporary folder where none can be made in it', () => {
    const options = { cwd: path(), env: { ...env(), TMPDIR: path(file('in-the-way', '')) }, encoding: 'utf8' } as const;

    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [COMMAND, 'run', '--local', file('x.json', job(['true']))],
      options,
    );

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(`${path('in-the-way')}: a part of this path is not a folder: set TMPDIR to another folder.\n`);
  });

  it('does not blame the job for what this computer cannot write', () => {
    // A limit of no bytes in any file is a disk that is full for root as well.
    const limited = `trap '' XFSZ; ulimit -f 0; exec ${process.execPath} ${COMMAND} run --local ${file('x.json', job(['true']))}`;

    const { status, stdout, stderr } = spawnSync('bash', ['-c', limited], {
      cwd: path(),
      env: env(),
      encoding: 'utf8',
    });

    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^\/.*: the file would be larger than is allowed here: the job is stopped, and .* here\.\n$/,
    );
    expect(stdout).not.toMatch(/FAILED|CommandFailed|reaper/);
    expect(scratchFolders()).toEqual([]);
  });

  it('runs twice at once in one folder', async () => {
    const commands = ['sleep 1; date | aws s3 cp - s3://a-bucket/out/x.txt'];
    const run_options = { ii_terminate_instance: true, ii_check_s3: { bucket: 'a-bucket', prefix: 'out/x.txt' } };
    const args = [COMMAND, 'run', '--local', file('x.json', job(commands, { run_options }))];

    const runs = [1, 2].map(() => {
      const child = spawn(process.execPath, args, { cwd: path(), env: env(), stdio: 'ignore' });
      return new Promise((done) => child.on('exit', done));
    });

    expect(await Promise.all(runs)).toEqual([0, 0]);
    expect(datastream('validate', '.datastream/buckets/a-bucket/out/datastream-metadata/execution.json').status).toBe(
      0,
    );
  });

  it('ends what runs, quietly, when nobody reads its output any more', async () => {
    const shell = `${process.execPath} ${COMMAND} run --local ${file('x.json', job(['sleep 20']))} | head -1`;

    const { stdout, stderr } = spawnSync('bash', ['-c', shell], { cwd: path(), env: env(), encoding: 'utf8' });

    expect(stdout).toMatch(/EC2StarterFromAMI\n$/);
    expect(stderr).toBe('');
    expect(scratchFolders()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'on %s stops the execution, and the reaper ends the instance and all that ran on it',
    async (signal) => {
      const [go, survived] = [path('go'), path('survived')];
      const child = spawn(
        process.execPath,
        [
          COMMAND,
          'run',
          '--local',
          file('x.json', job([`while [ ! -e ${go} ]; do sleep 0.1; done; touch ${survived}`])),
        ],
        { cwd: path(), env: env() },
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
      writeFileSync(go, '');
      await new Promise((done) => setTimeout(done, 500));
      expect(existsSync(survived)).toBe(false);
      expect(scratchFolders()).toEqual([]);
    },
  );

  it('shows on a terminal the last line of the job before the next state, also one without its end', async () => {
    let screen = '';
    const terminal = { isTTY: true, columns: 200, write: (text: string) => (screen += text) };
    const out = terminal as unknown as NodeJS.WriteStream;
    const { TERM } = process.env;
    process.env.TERM = 'xterm';
    try {
      const input = job(['echo first; printf last', "printf 'the error' >&2"]);
      expect(await runJob({ name: 'a', input, label: 'a' }, { folder: path('.datastream') }, out, out)).toBe(0);
    } finally {
      process.env.TERM = TERM;
      if (TERM === undefined) delete process.env.TERM;
    }

    const shown = screen.replaceAll('\r\x1b[2K', '\n').split('\n');
    const polled = shown.findIndex((line) => line.startsWith('✔ EC2Poller'));
    for (const line of ['  | first', '  | last', '  ! the error']) {
      expect(shown).toContain(line);
      expect(shown.indexOf(line)).toBeLessThan(polled);
    }
  });

  it('takes all processes of the job with it when it is killed', async () => {
    const [go, survived, left] = [path('go'), path('survived'), path('pids')];
    const later = `while [ ! -e ${go} ]; do sleep 0.1; done; touch ${survived}`;
    const { child, ended } = inBackground([
      ...['run', '--local'],
      file('x.json', job([`(echo $BASHPID >> ${left}; ${later}) & echo $$ >> ${left}; ${later}`])),
    ]);
    const pids = () => (existsSync(left) ? readFileSync(left, 'utf8').trim().split('\n').map(Number) : []);
    while (pids().length < 2) await new Promise((done) => setTimeout(done, 20));

    child.kill('SIGKILL');
    await ended;

    // Jest's time-out ends a test whose job does not end.
    while (pids().some(isRunning)) await new Promise((done) => setTimeout(done, 20));
    writeFileSync(go, '');
    await new Promise((done) => setTimeout(done, 500));
    expect(existsSync(survived)).toBe(false);
  });
});

/** A process that has ended and that nobody waits for, as in a container without init, does not run. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}
