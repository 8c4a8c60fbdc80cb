import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogTarget, script, told, withCommandText, withoutLines } from '../../../lambdas/datastream/script';

/** Plays the instance's disk. */
let TMPDIR: string;
/** Where the agent writes its scripts. */
let agent: string;
beforeEach(() => {
  TMPDIR = mkdtempSync(join(tmpdir(), 'datastream-test-'));
  agent = mkdtempSync(join(tmpdir(), 'datastream-test-agent-'));
});
afterEach(() => {
  for (const folder of [TMPDIR, agent]) rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({ ...process.env, TMPDIR });

/** Each call is another attempt, where none is given. */
let attempts = 0;
interface Options {
  readonly attempt?: string;
  readonly seconds?: number;
  readonly log?: LogTarget;
  readonly live?: boolean;
  /** First on the PATH. */
  readonly bin?: string;
}
function run(
  commands: readonly string[],
  shell = 'bash',
  { attempt = `a${++attempts}`, bin, ...options }: Options = {},
) {
  const { status, stdout, stderr } = spawnSync(shell, ['-c', written(commands, attempt, options), ''], {
    encoding: 'utf8',
    env: { ...environment(), ...(bin && { PATH: `${bin}:${process.env.PATH}` }) },
  });
  return { status, stdout, stderr };
}

/** What the commands wrote themselves. */
function ran(commands: readonly string[], shell = 'bash', options: Options = {}) {
  const { status, stdout, stderr } = run(commands, shell, options);
  return { status, stdout, stderr: withoutLines(stderr) };
}

/** As SSM's agent does it (amazon-ssm-agent, runscript): an executable file, which it has `sh -c` run by its path. */
function written(commands: readonly string[], attempt: string, options: Omit<Options, 'attempt' | 'bin'> = {}): string {
  const file = join(mkdtempSync(join(agent, 'command-')), '_script.sh');
  writeFileSync(file, script(commands, { attempt, seconds: 600, ...options }).join('\n'), { mode: 0o700 });
  return file;
}

/** @returns its exit code, when it has ended */
function started(commands: readonly string[], shell: string, attempt: string): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(shell, ['-c', written(commands, attempt), ''], { env: environment(), stdio: 'ignore' });
    child.on('exit', resolve);
  });
}

const SHELLS = ['bash', ...(existsSync('/bin/dash') ? ['/bin/dash'] : [])];

describe.each(SHELLS)('The script of a job under %s', (shell) => {
  it('runs every command and exits 0 when all succeed', () => {
    expect(ran(['echo one', 'echo two'], shell)).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
  });

  it('stops at the first command that fails, with its exit code', () => {
    const { status, stdout } = run(['echo one', '(exit 7)', 'echo three'], shell);

    expect({ status, stdout }).toEqual({ status: 7, stdout: 'one\n' });
  });

  it('runs once when it is sent twice, and ends alike, however it ends', async () => {
    const endings: Readonly<Record<string, readonly [last: readonly string[], code: number]>> = {
      success: [['true'], 0],
      rebooting: [['exit 194'], 1],
      trap: [['trap : EXIT', 'exit 7'], 7],
      exec: [["exec sh -c 'exit 7'"], 7],
      killed: [['kill -9 $$'], 1],
    };

    const both = Object.entries(endings).map(async ([name, [last]]) => {
      const commands = [`echo ran >> "$TMPDIR/ran-${name}"`, 'sleep 1', ...last];
      const codes = await Promise.all([1, 2].map(() => started(commands, shell, name)));
      return [...codes, run(commands, shell, { attempt: name }).status];
    });

    const expected = Object.values(endings).map(([, code]) => [code, code, code]);
    expect(await Promise.all(both)).toEqual(expected);
    for (const name of Object.keys(endings)) expect(readFileSync(join(TMPDIR, `ran-${name}`), 'utf8')).toBe('ran\n');
  });

  it.each([
    ['rebooted', 'another-boot:1'],
    ['killed', (boot: string) => `${boot}:99999999`],
  ])('does not run again when it was %s before its end', (_, first) => {
    run(['true'], shell, { attempt: 'probe' });
    const [boot = ''] = readlinkSync(join(TMPDIR, 'datastream-probe')).split(':');
    symlinkSync(typeof first === 'string' ? first : first(boot), join(TMPDIR, 'datastream-one'));

    const { status, stdout, stderr } = run(['echo again'], shell, { attempt: 'one' });

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('restarted');
  });

  it('lets a here-document span several elements', () => {
    expect(ran(['cat <<END', 'set -e', 'END'], shell)).toEqual({ status: 0, stdout: 'set -e\n', stderr: '' });
  });
});

describe('The script of a job', () => {
  it('fails when any part of a pipe fails, where the shell can tell', () => {
    expect(run(['false | cat']).status).toBe(1);
  });

  it.each([
    [['ls /nowhere-at-all', 'true'], 'command 1 of 2 exited with code 2'],
    [['true', "bash -c 'exit 5'"], 'command 2 of 2 exited with code 5'],
    [['true', 'exit 3', 'true'], 'command 2 of 3 exited with code 3'],
    [['set -u', 'echo $NOT_SET_ANYWHERE', 'true'], 'command 2 of 3 exited with code 1'],
    [['true', 'false | true', 'true'], 'command 2 of 3 exited with code 1'],
    [['f() { return 6; }', 'true', 'f', 'true'], 'command 3 of 4 exited with code 6'],
    [['true\ntrue\ntrue', 'for i in 1 2\ndo\n  test "$i" = 1\ndone', 'true'], 'command 2 of 3 exited with code 1'],
    [['cat <<END >/dev/null', 'text', 'END', 'false'], 'command 4 of 4 exited with code 1'],
    [['#!/bin/bash\ntrue\n(exit 4)', 'true'], 'command 1 of 2 exited with code 4'],
    [['#!/bin/bash', 'false'], 'command 2 of 2 exited with code 1'],
    [['#!', 'false', 'true'], 'command 2 of 3 exited with code 1'],
    [['echo a', '(cd / && false)', 'echo never'], 'command 2 of 3 exited with code 1'],
    [['(exit 9)', 'echo never'], 'command 1 of 2 exited with code 9'],
    [
      ['for i in 1 2', 'do', 'echo $i', 'done', 'if [ 1 = 1 ]; then', '(exit 9)', 'fi'],
      'command 6 of 7 exited with code 9',
    ],
    [['false || true', 'if false; then true; fi', 'test -d /', 'exit 4'], 'command 4 of 4 exited with code 4'],
  ])('says of %j which command failed', (commands, sentence) => {
    expect(told(run(commands).stderr).failed).toBe(sentence);
  });

  it('is told with the text of the command, as it stands in the execution', () => {
    const cause = 'Command 2 of 2 exited with code 1.\nEnd of standard error:\noh';

    expect(withCommandText(cause, "./model --name '$x.'")).toBe(
      "Command 2 of 2 exited with code 1: ./model --name '$x.'\nEnd of standard error:\noh",
    );
  });

  it('keeps what the commands themselves wrote on standard error', () => {
    expect(withoutLines(run(['echo no forcings >&2', 'false']).stderr)).toBe('no forcings');
  });

  it("never exits with 194, by which SSM's agent would reboot and run the script again", () => {
    expect(run(['exit 194']).status).toBe(1);
    expect(run(['(exit 194)', 'true']).status).toBe(1);
    expect(run(['exit 193']).status).toBe(193);
  });

  it('runs a script of another language as it is, by its interpreter and with its argument, and once', () => {
    const commands = ['#! /usr/bin/awk -f\nBEGIN { print "one"', '  print "two"; exit 7 }'];

    expect(run(commands, 'bash', { attempt: 'awk' })).toEqual({ status: 7, stdout: 'one\ntwo\n', stderr: '' });
    const again = run(commands, 'bash', { attempt: 'awk' });
    expect(again).toMatchObject({ status: 7, stdout: 'one\ntwo\n' });
    expect(again.stderr).toContain('sent twice and ran once');
  });

  it('passes what follows the interpreter as one argument, as the kernel does', () => {
    const { stdout } = run(["#!/usr/bin/printf <%s>\tit's one $HOME"]);

    expect(stdout).toMatch(/^<[^>]+>\tit's one \$HOME$/);
  });

  it('leaves its lock behind, and what the commands wrote', () => {
    run(['echo out', 'echo err >&2'], 'bash', { attempt: 'one' });

    expect(readdirSync(TMPDIR).sort()).toEqual(['datastream-one', 'datastream-one.code', 'datastream-one.d']);
    const log = (name: string) => readFileSync(join(TMPDIR, 'datastream-one.d', 'logs', `${name}.log`), 'utf8');
    expect([log('stdout'), log('stderr')]).toEqual(['out\n', 'err\ndatastream: 2 of 2 commands were reached\n']);
  });

  it("says that it was killed, which SSM's agent would tell as a time-out", () => {
    const { status, stderr } = run(['kill -9 $$']);

    expect(status).toBe(1);
    expect(stderr).toContain('Killed (exit code 137), perhaps for want of memory.');
    expect(run(['#!/usr/bin/awk -f\nBEGIN { exit 137 }']).status).toBe(1);
  });

  it('fails when there is no room for it', () => {
    TMPDIR = join(TMPDIR, 'not-there');

    expect(run(['echo ran'])).toMatchObject({ status: 1, stdout: '' });
  });

  it('has its lock where it outlives a reboot, as /tmp does not', () => {
    expect(script(['true'], { attempt: 'one', seconds: 1 })[0]).toMatch(
      /^lock="\$\{TMPDIR:-\/var\/tmp\}\/datastream-one";/,
    );
  });

  it('runs in the very shell that SSM has chosen', () => {
    const sh = join(TMPDIR, 'sh');
    symlinkSync(spawnSync('bash', ['-c', 'echo "$BASH"'], { encoding: 'utf8' }).stdout.trim(), sh);

    // bash that is called sh is in its POSIX mode.
    expect(run(['set -o'], sh).stdout).toMatch(/^posix\s+on$/m);
    expect(run(['set -o']).stdout).toMatch(/^posix\s+off$/m);
    // Where a command in $() that fails ends the whole.
    expect(run(['x=$(false; echo fetched)', 'echo "$x"'], sh)).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('Before the first command runs, the script of a job', () => {
  it.each([
    [['cat > f <<EOF\nhello', 'echo second'], /^line 3: warning: here-document at line 1 delimited by end-of-file/],
    [['echo ran', "echo 'open"], /^line \d: unexpected EOF while looking for matching/],
    [['echo ran', 'if true; then'], /unexpected end of file/],
    [['echo ran', 'echo )'], /^line 2: syntax error near unexpected token/],
    [['#!/bin/bash -u\necho ran', 'fi'], /syntax error/],
  ])('refuses commands that the shell cannot read to their end: %j', (commands, why) => {
    const { status, stdout, stderr } = run(commands);

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(told(stderr).unreadable).toMatch(why);
  });

  it('takes patterns that the script turns on itself, and a negated list that only bash without them can read', () => {
    expect(ran(['shopt -s extglob', 'echo @(x)', 'if ! (false); then echo y; fi'])).toEqual({
      status: 0,
      stdout: '@(x)\ny\n',
      stderr: '',
    });
  });

  it.each([
    [["echo 'first", "echo second'", 'true'], ['commands 1 to 2 run as one']],
    [['echo first \\', 'echo second'], ['commands 1 to 2 run as one']],
    [['true', 'for i in 1 2; do', 'echo $i', 'done', 'true'], ['commands 2 to 4 run as one']],
    [['echo "\\\\"', 'echo a\\\\', 'true'], []],
  ])('says which of %j are one command to the shell', (commands, joined) => {
    const { status, stderr } = run(commands);

    expect({ status, joined: told(stderr).joined }).toEqual({ status: 0, joined });
  });
});

describe('When the commands have exited with 0, the script of a job', () => {
  it.each([
    [['true', 'true'], { commands: 2, of: 2 }],
    [['echo first', 'exit 0', 'echo never'], { commands: 2, of: 3 }],
    [['exec true', 'echo never'], { commands: 1, of: 2 }],
    [['true\ntrue', 'f() { exit 0; }', 'f', 'echo never'], { commands: 3, of: 4 }],
    [['true', 'exit 0'], { commands: 2, of: 2 }],
    [['exec 3>&1', 'true'], { commands: 2, of: 2 }],
    [['trap : EXIT', 'exit 0', 'true'], { of: 3 }],
  ])('says how many of %j were reached', (commands, reached) => {
    const { status, stderr } = run(commands);

    expect({ status, reached: told(stderr).reached }).toEqual({ status: 0, reached });
  });

  it('says that some were not, under a shell that cannot tell where it ended', () => {
    if (SHELLS.length === 1) return;
    expect(told(run(['exit 0', 'true'], SHELLS[1]).stderr).reached).toEqual({ of: 2 });
  });

  it.each([
    [['set +e', 'false'], 1],
    [['true', 'false && true'], 1],
  ])('has the exit code of the last command: %j', (commands, code) => {
    expect(run(commands).status).toBe(code);
  });
});

describe('What a job writes', () => {
  it('is printed from its end, where SSM keeps the beginning', () => {
    const { stdout, stderr } = run([
      'for i in $(seq 30000); do echo "out $i"; echo "err $i" >&2; done',
      'echo the reason >&2; exit 3',
    ]);

    expect(stderr.length).toBeLessThan(8000);
    expect(stdout.length).toBeLessThan(24_000);
    expect(stderr).toContain('the reason\ndatastream: command 2 of 2 exited with code 3\n');
    expect(stderr).toMatch(/^\.\.\. \d+ bytes before this\n/);
    expect(stdout.endsWith('out 30000\n')).toBe(true);
  });

  it('is told a line of its own where it ends without one', () => {
    for (const end of ['reason', 'reason\\0', 'reason\\n']) {
      const { stderr } = run([`printf '${end}' >&2; exit 3`]);

      expect(told(stderr).failed).toBe('command 1 of 1 exited with code 3');
      expect(stderr).not.toContain('null byte');
    }
  });

  /** A stand-in for the AWS CLI that writes down how it was called. */
  function awsCli(body: string): string {
    const bin = mkdtempSync(join(agent, 'bin-'));
    writeFileSync(join(bin, 'aws'), `#!/bin/sh\necho "$@" >>'${bin}/calls'\n${body}\n`, { mode: 0o755 });
    return bin;
  }

  it('is kept whole where the deployment keeps logs, before the script ends', () => {
    const bin = awsCli('cp -R "$5" "$(dirname "$0")/kept"');
    const log = { bucket: 'a-bucket', folder: "it's/datastream-metadata/attempt-1" };

    const { stderr } = run(['seq 10000', 'echo err >&2', 'exit 4'], 'bash', { log, bin });

    const url = "s3://a-bucket/it's/datastream-metadata/attempt-1/";
    expect(readFileSync(join(bin, 'calls'), 'utf8')).toMatch(/^s3 cp --recursive --only-show-errors \S+ s3:.*\n$/);
    expect(readFileSync(join(bin, 'calls'), 'utf8').trim().endsWith(url)).toBe(true);
    expect(readdirSync(join(bin, 'kept')).sort()).toEqual(['stderr.log', 'stdout.log']);
    expect(readFileSync(join(bin, 'kept', 'stdout.log'), 'utf8').split('\n')).toHaveLength(10_001);
    expect(readFileSync(join(bin, 'kept', 'stderr.log'), 'utf8')).toBe(
      'err\ndatastream: command 3 of 3 exited with code 4\n',
    );
    expect(told(stderr)).toMatchObject({ log: url, failed: 'command 3 of 3 exited with code 4' });
  });

  it('changes nothing of the outcome where the bucket refuses it', () => {
    const bin = awsCli('echo AccessDenied >&2; exit 1');

    const { status, stdout, stderr } = run(['echo fine'], 'bash', { log: { bucket: 'b', folder: 'f' }, bin });

    expect({ status, stdout }).toEqual({ status: 0, stdout: 'fine\n' });
    expect(told(stderr)).toMatchObject({ logNotKept: 'AccessDenied' });
    expect(told(stderr)).not.toHaveProperty('log');
  });

  it('changes nothing of the outcome where the image has no AWS CLI', () => {
    const PATH = mkdtempSync(join(agent, 'bin-'));
    const tools = 'bash cat cut date grep head ln mkdir mv readlink sed sleep tail timeout wc'.split(' ');
    for (const tool of tools) {
      const { stdout } = spawnSync('bash', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
      if (stdout.trim()) symlinkSync(stdout.trim(), join(PATH, tool));
    }
    const file = written(['echo fine'], 'no-cli', { log: { bucket: 'b', folder: 'f' } });

    const { status, stdout, stderr } = spawnSync('bash', [file], { encoding: 'utf8', env: { TMPDIR, PATH } });

    expect({ status, stdout }).toEqual({ status: 0, stdout: 'fine\n' });
    expect(told(stderr).logNotKept).toMatch(/No such file|not found/);
  });

  it('is told not to be kept where there is no bucket', () => {
    expect(told(run(['true'], 'bash', { log: { reason: "the file's own" } }).stderr).logNotKept).toBe("the file's own");
  });

  it('is printed and kept when its time is over', () => {
    const bin = awsCli('true');
    const { status, stdout, stderr } = run(['echo begun; echo slow >&2', 'sleep 600', 'echo never'], 'bash', {
      log: { bucket: 'b', folder: 'f' },
      // Time for the first command to begin, on a busy machine too.
      seconds: 5,
      bin,
    });

    expect(status).not.toBe(0);
    expect(stdout).toBe('begun\n');
    expect(withoutLines(stderr)).toContain('slow');
    expect(told(stderr)).toMatchObject({ late: true, log: 's3://b/f/' });
    expect(told(run(['exit 124']).stderr).late).toBe(false);
  });
});

describe.each(SHELLS)('What a job writes, where it is wanted at once, under %s', (shell) => {
  const live = true;

  it('is printed while the job runs', async () => {
    const commands = [`echo begun; echo warned >&2; while [ ! -e ${TMPDIR}/go ]; do sleep 0.1; done; echo over`];
    const child = spawn(shell, [written(commands, `a${++attempts}`, { live })], { env: environment() });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      // Without what comes while it runs, nothing would let it end.
      if (printed.includes('begun\n') && printed.includes('warned\n')) writeFileSync(join(TMPDIR, 'go'), '');
    });

    expect(await new Promise((ended) => child.on('close', ended))).toBe(0);
    // What comes within a second on both streams is in no order.
    expect(printed).toMatch(/^(begun\nwarned|warned\nbegun)\n(.*\n)*over\n/);
  });

  it('is printed whole: both streams on standard output, and on standard error its end as ever', () => {
    const commands = ['seq 9000', 'seq 90001 99000 >&2', 'echo last; exit 7'];

    const { status, stdout, stderr } = run(commands, shell, { live });

    expect(status).toBe(7);
    const lines = stdout.split('\n');
    expect(lines.filter((line) => /^\d{1,4}$/.test(line))).toEqual(Array.from({ length: 9000 }, (_, n) => `${n + 1}`));
    expect(lines.filter((line) => /^9\d{4}$/.test(line))).toHaveLength(9000);
    expect(stdout).toContain('last\n');
    expect(stderr.length).toBeLessThan(8000);
    expect(stderr).toContain('99000\n');
    expect(told(stderr).command ?? 3).toBe(3);
  });

  it('is printed to its end where its time is over, or the shell cannot read the commands', () => {
    const late = run(['echo begun', 'sleep 600'], shell, { live, seconds: 3 });
    const unread = run(["echo 'x"], shell, { live });

    expect(late.stdout).toMatch(/^begun\n/);
    expect(told(late.stderr).late).toBe(true);
    expect(told(unread.stderr).unreadable).toBeDefined();
  });
});
