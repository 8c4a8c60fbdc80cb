import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inNewFolders, job } from '../support/cli';
import { documentIn } from '../support/output-schema';

const { datastream, file, inBackground, path, scratchFolders } = inNewFolders();

const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';
const local = (command: string, ...args: string[]) => datastream(command, '--local', ...args);
const json = (text: string) => JSON.parse(text);

/** The keys of a row of `--json`; docs/operations.md has what they mean. */
const ROW = [
  ...['attempts', 'dollars', 'ended_at', 'error', 'cause', 'market', 'name', 'object'],
  ...['seconds', 'started_at', 'status', 'type'],
].sort();

describe('A job that has run here', () => {
  const failing = () => file('job.json', job(['seq 100', 'echo oops >&2; [ -n "$MENDED" ]']));

  it('is listed, shown and read by later commands', () => {
    expect(local('start', failing(), '--name', 'first').status).toBe(1);

    const list = local('list');
    expect(list).toMatchObject({ status: 0, stderr: '' });
    expect(list.stdout).toMatch(
      /^STATUS +NAME +STARTED UTC +TIME +ERROR\nFAILED +first +\d\d-\d\d \d\d:\d\d +\d+s +CommandFailed\n$/,
    );
    const status = local('status', 'first');
    expect(status.status).toBe(1);
    expect(status.stdout).toMatch(/^FAILED {2}CommandFailed {2}after \d+s, \$0\.\d+\n/);
    expect(status.stdout).toMatch(
      /\n {2}instance +i-[0-9a-f]{17} terminated\n {2}next +datastream retry first --local\n$/,
    );
    const logs = local('logs', 'first');
    expect(logs.stdout).toBe(`${Array.from({ length: 40 }, (_, n) => n + 61).join('\n')}\n`);
    expect(logs.stderr).toMatch(
      /^first: attempt 1 of 1, i-[0-9a-f]{17}, exit 1, last 40 lines of 100 of standard output\n$/,
    );
    expect(local('logs', 'first', '--stderr').stdout).toMatch(/^oops\n/);
    expect(local('logs', 'first', '--all').stdout.split('\n')).toHaveLength(101);
  });

  it('has no attempt that it never had, and no --timeout', () => {
    const start = local('start', file('a.json', job(['true'])), '--name', 'a', '--timeout', '2');
    expect(start).toMatchObject({ status: 2, stdout: '' });
    expect(start.stderr).toMatch(/^--timeout is for a deployed state machine: .* Nothing was\s+started\.\n$/s);
    expect(local('status', 'a').stderr.replace(/\s+/g, ' ')).toBe(
      "No execution is called 'a': see 'datastream list --local'. ",
    );

    local('start', file('a.json', job(['true'])), '--name', 'a');
    expect(local('logs', 'a', '--attempt', '7')).toMatchObject({
      status: 1,
      stderr: 'a has no attempt 7: its last one is 1.\n',
    });
  });

  it('is the youngest where no name is written', () => {
    local('run', file('a.json', job(['echo from a'])), '--name', 'a');
    local('run', file('b.json', job(['echo from b'])), '--name', 'b');

    expect(local('logs').stdout).toBe('from b\n');
    expect(json(local('status', '--json').stdout).name).toBe('b');
  });

  it('is the same in JSON, key by key', () => {
    local('start', failing(), '--name', 'first');

    const { executions } = documentIn('list', local('list', '--json').stdout) as { executions: object[] };
    expect(executions).toHaveLength(1);
    expect(Object.keys(executions[0] ?? {}).sort()).toEqual(ROW);
    const status = documentIn('status', local('status', 'first', '--json').stdout) as object;
    expect(Object.keys(status).sort()).toEqual(
      [...ROW, 'attempts_allowed', 'earlier_attempts', 'instances', 'state'].sort(),
    );
    expect(status).toMatchObject({
      ...executions[0],
      state: 'Failed',
      instances: [{ attempt: 1, state: 'terminated' }],
    });
    const logs = documentIn('logs', local('logs', 'first', '--json').stdout) as { stdout: string };
    for (const line of local('watch', 'first', '--json').stdout.trim().split('\n')) documentIn('watch', line);
    expect(logs).toMatchObject({ name: 'first', attempt: 1, exit_code: 1, log: null, partial: null });
    expect(logs.stdout.split('\n')).toHaveLength(101);
  });

  it('leaves both streams, whole, where --save says', () => {
    local('start', failing(), '--name', 'first');

    expect(local('logs', 'first', '--save', 'out')).toMatchObject({
      status: 0,
      stdout: 'out/stdout.log\nout/stderr.log\n',
    });
    expect(readFileSync(path('out/stdout.log'), 'utf8').split('\n')).toHaveLength(101);
    expect(readFileSync(path('out/stderr.log'), 'utf8')).toMatch(/^oops\n/);
  });

  it('is started again with a change of its file, under the next name; then nothing is left to start again', () => {
    local('start', failing(), '--name', 'first');

    expect(local('retry', '--failed', '--dry-run').stdout).toBe('1 failed, 1 to start again\nwould start first_r2\n');
    expect(local('retry', 'first', '--set', 'commands[1]=true').status).toBe(0);
    expect(json(local('status', 'first_r2', '--json').stdout).status).toBe('SUCCEEDED');
    expect(local('retry', '--failed')).toMatchObject({
      status: 0,
      stdout: '1 failed, 1 since succeeded, 0 to start again\n',
    });
    // The next free name, not the one that has run.
    expect(local('retry', 'first', '--dry-run').stdout).toBe('would start first_r3\n');
  });

  it('has a name that starts once', () => {
    local('run', file('a.json', job(['true'])), '--name', 'a');

    const { status, stderr } = local('start', 'a.json', '--name', 'a');
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "There is an execution 'a' already, and a name starts once: write another --name.\n",
    });
  });
});

describe('A job that runs here', () => {
  const waiting = () =>
    file('job.json', job([`echo begun; while [ ! -e ${path('go')} ]; do sleep 0.1; done; echo over`]));

  it('is stopped from another terminal, with all that runs for it', async () => {
    const survived = path('survived');
    const loop = `while [ ! -e ${path('go')} ]; do sleep 0.1; done; touch ${survived}`;
    const run = inBackground(['run', '--local', file('job.json', job([loop])), '--name', 'one']);
    await run.until('EC2Poller');

    expect(local('cancel', 'one')).toMatchObject({ status: 0, stdout: 'one: stopped; its instance ends\n' });
    expect(await run.ended).toMatchObject({ status: 130, stderr: '' });
    expect(json(local('status', 'one', '--json').stdout)).toMatchObject({
      status: 'ABORTED',
      instances: [{ state: 'terminated' }],
    });
    file('go', '');
    await new Promise((done) => setTimeout(done, 500));
    expect(existsSync(survived)).toBe(false);
    expect(scratchFolders()).toEqual([]);
    expect(local('cancel', 'one')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('it has ended (ABORTED)'),
    });
  });

  it('is followed by logs and watch until it ends', async () => {
    const run = inBackground(['run', '--local', waiting(), '--name', 'one']);
    await run.until('EC2Poller');
    const [logs, watch] = [
      inBackground(['logs', 'one', '--local', '--follow']),
      inBackground(['watch', 'one', '--local', '--every', '1']),
    ];
    await Promise.all([logs.until('begun'), watch.until('EC2Poller')]);
    expect(local('retry', 'one')).toMatchObject({ status: 2, stderr: expect.stringContaining('one still runs') });
    file('go', '');

    expect(await run.ended).toMatchObject({ status: 0 });
    expect(await logs.ended).toMatchObject({ status: 0, stdout: 'begun\nover\n' });
    const watched = await watch.ended;
    expect(watched).toMatchObject({ status: 0, stderr: '' });
    expect(watched.stdout).toMatch(
      /^\d\d:\d\d:\d\d {2}EC2Poller {2}\d+s\n(.*\n)*\d\d:\d\d:\d\d {2}SUCCEEDED {2}\d+s\n$/,
    );
  });

  it('makes watch exit 3 at the end of --timeout, and 130 after Ctrl-C, and goes on', async () => {
    const run = inBackground(['run', '--local', waiting(), '--name', 'one']);
    await run.until('EC2Poller');

    const timeout = local('watch', 'one', '--timeout', '1');
    expect(timeout.status).toBe(3);
    expect(timeout.stderr.replace(/\s+/g, ' ')).toBe(
      "Still running: one. See 'datastream status one --local', or stop with 'datastream cancel one --local'. ",
    );
    const watch = inBackground(['watch', 'one', '--local']);
    await watch.until('EC2Poller');
    watch.child.kill('SIGINT');
    expect((await watch.ended).status).toBe(130);
    file('go', '');
    expect((await run.ended).status).toBe(0);
  });

  it('is FAILED where its process was killed', async () => {
    const run = inBackground(['run', '--local', waiting(), '--name', 'one']);
    await run.until('EC2Poller');
    run.child.kill('SIGKILL');
    file('go', '');
    await new Promise((done) => run.child.on('exit', done));

    expect(json(local('status', 'one', '--json').stdout)).toMatchObject({ status: 'FAILED', error: 'ProcessEnded' });
    expect(local('retry', '--failed', '--dry-run').stdout).toContain('would start one_r2\n');
  });
});

describe('start', () => {
  it('gives DATE and DAILY the day that is asked for, and leaves other files as they are', () => {
    const dated = file('dated.json', job(['echo $DATE']));
    local('start', dated, '--name', 'dated', '--date', '2026-08-18');
    local('start', file('plain.json', job(['echo plain'])), '--name', 'plain', '--date', '2026-08-18');

    expect(local('logs', 'dated').stdout).toBe('20260818\n');
    const record = json(readFileSync(path('.datastream/executions/plain/execution.json'), 'utf8'));
    expect(record.input).toEqual(json(readFileSync(path('plain.json'), 'utf8')));
  });

  it('starts none of several files where one has an error', () => {
    const { status, stderr } = local('start', file('a.json', job(['touch ran'])), file('b.json', { commands: 3 }));

    expect(status).toBe(1);
    expect(stderr).toMatch(/^b\.json:\n {2}error/);
    expect(stderr).toMatch(/Nothing was started\.\n$/);
    expect(local('list').stdout).toBe('No executions.\n');
  });

  it.each([
    ['two files with one name', ['a.json', 'a.json', '--name', 'x'], /--name is for one file, and these are 2/],
    [
      'a name that is not possible',
      ['a.json', '--name', '../x'],
      /^'\.\.\/x' cannot be the name of an execution: write/,
    ],
    ['a file that is not there', ['none.json'], /^none\.json: .*\nNothing was started\.\n$/],
  ])('exits 2 for %s', (_, args, message) => {
    file('a.json', job(['true']));

    const { status, stderr } = local('start', ...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe('A wrong name or option', () => {
  it('is told with what may be meant', () => {
    local('run', file('a.json', job(['true'])), '--name', 'rivers');

    for (const command of ['status', 'logs', 'watch', 'cancel', 'retry']) {
      const { status, stderr } = local(command, 'river');
      expect([command, status, stderr.split('\n')[0]]).toEqual([
        command,
        2,
        "No execution is called 'river': write rivers if that is meant.",
      ]);
    }
  });

  it.each([
    ['list', '--since', 'yesterday'],
    ['list', '--status', 'lost'],
    ['list', '--limit', '0'],
    ['logs', '--attempt', 'x'],
    ['retry', '--failed', 'a'],
    ['retry', 'a', '--since', '1h'],
    ['retry', 'a', '--set', 'x'],
  ])('%s %s %s exits 2', (...args) => {
    expect(datastream(...args, '--local').status).toBe(2);
  });
});

describe('On AWS', () => {
  const COMMANDS = [['list'], ['status', 'a'], ['logs', 'a'], ['watch', 'a'], ['cancel', 'a'], ['retry', 'a']];

  it.each(COMMANDS)('%s says that it does not know which state machine is meant, and exits 2', (...args) => {
    const { status, stderr } = datastream(...args);

    expect(status).toBe(2);
    expect(stderr).toMatch(/^Which state machine is meant is not known: .* say '--local'\.\n$/);
  });

  /** Runs a command against a service that answers every call with one error of AWS's JSON protocols. */
  async function answered(error: string, message: string, ...args: string[]) {
    const server = createServer((_, response) => {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: error, message }));
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const keys = { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    try {
      return await inBackground([...args, '--arn', ARN], keys).ended;
    } finally {
      server.close();
    }
  }

  it.each(COMMANDS)('%s says in one sentence that the session has expired, and exits 5', async (...args) => {
    expect(await answered('ExpiredTokenException', 'The security token is expired', ...args)).toEqual({
      status: 5,
      stdout: '',
      stderr: 'The AWS credentials have expired: sign in again.\n',
    });
  });

  it.each([
    ['AccessDeniedException', /^These credentials have no permission for this: not authorized\.\n$/],
    [
      'StateMachineDoesNotExist',
      /^There is no state machine arn:.*:datastream in us-east-1 for these credentials: write/,
    ],
  ])('tells %s in one sentence, and exits 5', async (error, sentence) => {
    const { status, stderr } = await answered(error, 'not authorized', 'list');

    expect(status).toBe(5);
    expect(stderr).toMatch(sentence);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('starts nothing for a file with errors, without asking AWS', () => {
    const { status, stderr } = datastream('start', file('a.json', { commands: 3 }), '--arn', ARN);

    expect(status).toBe(1);
    expect(stderr).toMatch(/Nothing was started\.\n$/);
  });
});
